"""25 Gaussians on a grid, on which lost modes can be counted: a relativistic GAN with R1 and R2.

    ganlab train --config=experiments/grid25.py --workdir=runs/grid25
"""

from ganlab.config import experiment, parse_choices

ROUNDS = 20_000
BATCH = 256


def get_config(argument=None):
    """Choices: loss, penalty, projection, critic_updates.

    The loss and the two penalties are those of Huang et al. 2024 (R3GAN), with small
    weights, because the modes are narrow. Latents are of the dimension of the data.
    """
    choice = parse_choices(argument, loss="relativistic", penalty="r1+r2", projection="none", critic_updates=1)
    weights = {f"{name}_weight": 0.01 for name in ("r1", "r2") if name in choice.penalty.split("+")}
    return experiment(
        name="grid25",
        data=dict(source="grid25"),
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
