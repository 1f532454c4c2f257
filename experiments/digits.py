"""Class-conditional WGAN-GP on the 1,797 handwritten digits that ship with scikit-learn.

    ganlab train --config=experiments/digits.py --workdir=runs/digits
"""

from ganlab.config import experiment, parse_choices


def get_config(argument=None):
    """Choices: loss, penalty, tricks, network (mlp or dcgan), projection, critic_updates, conditional.

    Adam with beta1 0 and beta2 0.9, weight 10 and five critic updates are those of
    Gulrajani et al. 2017; the learning rate is higher, because the networks are small.
    """
    choice = parse_choices(argument, loss="wasserstein", penalty="gradient_penalty", tricks="none", network="mlp",
                           projection="none", critic_updates=5, conditional=True)
    kwargs = {
        "mlp": {"generator": dict(width=256), "critic": dict(width=256)},
        "dcgan": {"generator": dict(width=16, base=2, refine=True, initializer="he"),
                  "critic": dict(width=32, base=2, initializer="he")},
    }
    adam = dict(optimizer="adam", network=choice.network)
    return experiment(
        name="digits",
        data=dict(source="digits"),
        system=dict(name="gan", loss=choice.loss, penalty=choice.penalty, tricks=choice.tricks,
                    critic_updates=choice.critic_updates, conditional=choice.conditional, latent_size=32),
        networks={
            "generator": dict(adam, kwargs=kwargs.get(choice.network, {}).get("generator", {})),
            "critic": dict(adam, kwargs=kwargs.get(choice.network, {}).get("critic", {}), projection=choice.projection),
        },
        hyper=dict(generator_lr=5e-4, generator_beta1=0.0, generator_beta2=0.9,
                   critic_lr=5e-4, critic_beta1=0.0, critic_beta2=0.9),
        batch_size=64,
        train=dict(total_rounds=4000, log_every_rounds=100, sample_every_rounds=250, checkpoint_every_rounds=500),
    )
