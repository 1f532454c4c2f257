"""8 Gaussians on a circle, on which lost modes can be seen: a relativistic GAN with R1 and R2.

    ganlab train --config=experiments/ring8.py --workdir=runs/ring8
"""

from ganlab.config import experiment, parse_choices


def get_config(argument=None):
    """Choices: loss, penalty, optimizer, projection, critic_updates.

    The loss and the two penalties are those of Huang et al. 2024 (R3GAN).
    """
    choice = parse_choices(argument, loss="relativistic", penalty="r1+r2", optimizer="adam", projection="none",
                           critic_updates=1)
    mlp = dict(network="mlp", optimizer=choice.optimizer)
    return experiment(
        name="ring8",
        data=dict(source="ring8"),
        system=dict(name="gan", loss=choice.loss, penalty=choice.penalty, critic_updates=choice.critic_updates,
                    latent_size=16),
        networks={"generator": dict(mlp, kwargs=dict(width=128, output_activation="identity")),
                  "critic": dict(mlp, kwargs=dict(width=128), projection=choice.projection)},
        batch_size=256,
        train=dict(total_rounds=20_000, rounds_per_call=50, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=5000),
        sample=dict(number=2500),
    )
