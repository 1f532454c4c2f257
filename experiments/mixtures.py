"""Points from 25 Gaussians on a grid or 8 on a circle, where lost modes can be counted.

    ganlab train --config=experiments/mixtures.py --workdir=runs/grid25
    ganlab train --config=experiments/mixtures.py:data=ring8 --workdir=runs/ring8

Measured at seed 0, 2,500 samples, two minutes on two CPU cores each: grid25 25 of 25 modes
and 96.7% of samples within three deviations of one; ring8 8 of 8 modes and 98.0%.
"""

from ganlab.config import experiment, parse_choices

ROUNDS = 20_000
BATCH = 256


def get_config(argument=None):
    """Choices: data (grid25 or ring8), loss, penalty, projection, critic_updates.

    The loss and the two penalties are those of Huang et al. 2024 (R3GAN), with small
    weights, because the modes are narrow. Latents are of the dimension of the data.
    """
    choice = parse_choices(argument, data="grid25", loss="relativistic", penalty="r1+r2", projection="none",
                           critic_updates=1)
    weights = {f"{name}_weight": 0.01 for name in ("r1", "r2") if name in choice.penalty.split("+")}
    return experiment(
        name=choice.data,
        data=dict(source=choice.data),
        system=dict(name="gan", loss=choice.loss, penalty=choice.penalty, critic_updates=choice.critic_updates,
                    latent_size=2),
        networks={"generator": dict(network="mlp", kwargs=dict(width=128, output_activation="identity")),
                  "critic": dict(network="mlp", kwargs=dict(width=128), projection=choice.projection)},
        learning_rate_schedule="cosine",
        hyper=dict(generator_lr=2e-3, generator_beta1=0.0, generator_beta2=0.99,
                   critic_lr=2e-3, critic_beta1=0.0, critic_beta2=0.99,
                   decay_end_kimg=ROUNDS * BATCH * choice.critic_updates / 1000, **weights),
        batch_size=BATCH,
        train=dict(total_rounds=ROUNDS, rounds_per_call=50, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=5000),
        sample=dict(number=2500),
    )
