"""Class-conditional GAN on the 1,797 handwritten digits that ship with scikit-learn."""

from ganlab.config import experiment, parse_choices


def get_config(argument=None):
    """Choices: loss, penalty, network (mlp or dcgan), optimizer, projection, critic_updates, conditional."""
    choice = parse_choices(argument, loss="wasserstein", penalty="gradient_penalty", network="dcgan", optimizer="adam",
                           projection="none", critic_updates=5, conditional=True)
    kwargs = {
        "mlp": {"generator": dict(width=256), "critic": dict(width=256)},
        "dcgan": {"generator": dict(width=32, base=2, refine=True, initializer="he"),
                  "critic": dict(width=64, base=2, initializer="he")},
    }[choice.network]
    numbers = {"adam": dict(generator_lr=5e-4, critic_lr=5e-4, generator_beta1=0.0, generator_beta2=0.9,
                            critic_beta1=0.0, critic_beta2=0.9)}
    return experiment(
        name="digits",
        data=dict(source="digits"),
        system=dict(name="gan", loss=choice.loss, penalty=choice.penalty, critic_updates=choice.critic_updates,
                    conditional=choice.conditional, latent_size=32),
        networks={
            "generator": dict(network=choice.network, kwargs=kwargs["generator"], optimizer=choice.optimizer),
            "critic": dict(network=choice.network, kwargs=kwargs["critic"], optimizer=choice.optimizer,
                           projection=choice.projection)},
        hyper=numbers.get(choice.optimizer, {}),
        batch_size=64,
        train=dict(total_rounds=3000),
    )
