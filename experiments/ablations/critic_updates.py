"""How many critic updates a round, and how fast a critic, for the WGAN-GP of digits?

    ganlab ablate --ablation=experiments/ablations/critic_updates.py --workdir=runs/critic_updates
    ganlab report runs/critic_updates
"""

from ganlab.ablation import Ablation

GENERATOR_RATE = 5e-4


def get_ablation():
    """Critic updates of a round by the critic's learning rate, in units of the generator's, 120 trials.

    Every trial sees the same number of real images, so that fewer critic updates mean more updates of the generator.
    """
    return Ablation(
        title="Critic updates by learning-rate ratio on digits",
        question="At equal real images, do five critic updates pay, or does a faster critic do their work?",
        experiment="experiments/digits.py",
        axes={
            "critic updates": {number: {"critic_updates": number} for number in (1, 2, 5)},
            "learning-rate ratio": {ratio: {"config.hyper.critic_lr": ratio * GENERATOR_RATE,
                                            "config.hyper.generator_lr": GENERATOR_RATE}
                                    for ratio in (0.5, 1.0, 2.0, 4.0)},
        },
        base={"critic updates": 5, "learning-rate ratio": 1.0},
        kimg=320,
        metrics="fid+prdc",
    )
