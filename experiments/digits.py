"""Class-conditional WGAN-GP on the 1,797 handwritten digits that ship with scikit-learn.

    ganlab train --config=experiments/digits.py --workdir=runs/digits
"""

from ganlab.config import experiment, parse_choices


ROUNDS = 4000
BATCH = 64


def get_config(argument=None):
    """Choices: loss, penalty, tricks, network (mlp or dcgan), optimizer, clip_gradients, projection,
    schedule, critic_updates, conditional.

    Adam with beta1 0 and beta2 0.9, weight 10 and five critic updates are those of
    Gulrajani et al. 2017; the learning rate is higher, because the networks are small.
    """
    choice = parse_choices(argument, loss="wasserstein", penalty="gradient_penalty", tricks="none", network="mlp",
                           optimizer="adam", clip_gradients="none", projection="none", schedule="constant",
                           critic_updates=5, conditional=True)
    kwargs = {
        "mlp": {"generator": dict(width=256), "critic": dict(width=256)},
        "dcgan": {"generator": dict(width=16, base=2, refine=True, initializer="he"),
                  "critic": dict(width=32, base=2, initializer="he")},
    }.get(choice.network, {"generator": {}, "critic": {}})
    hyper = {}
    if choice.optimizer.startswith("adam"):
        hyper |= dict(generator_lr=5e-4, generator_beta1=0.0, generator_beta2=0.9,
                      critic_lr=5e-4, critic_beta1=0.0, critic_beta2=0.9)
    if choice.schedule != "constant":
        hyper |= dict(decay_end_kimg=ROUNDS * BATCH * choice.critic_updates / 1000)
    player = dict(network=choice.network, optimizer=choice.optimizer, clip_gradients=choice.clip_gradients)
    return experiment(
        name="digits",
        data=dict(source="digits"),
        system=dict(name="gan", loss=choice.loss, penalty=choice.penalty, tricks=choice.tricks,
                    critic_updates=choice.critic_updates, conditional=choice.conditional, latent_size=32),
        networks={"generator": dict(player, kwargs=kwargs["generator"]),
                  "critic": dict(player, kwargs=kwargs["critic"], projection=choice.projection)},
        learning_rate_schedule=choice.schedule,
        hyper=hyper,
        batch_size=BATCH,
        train=dict(total_rounds=ROUNDS, log_every_rounds=100, sample_every_rounds=250, checkpoint_every_rounds=500),
    )
