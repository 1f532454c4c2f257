"""Does label noise help a DCGAN?

    ganlab ablate --ablation=experiments/ablations/label_noise.py --workdir=runs/label_noise
    ganlab report runs/label_noise
"""

from ganlab.ablation import Ablation, numbers


def get_ablation():
    """Five widths of the noise on the critic's targets, for a DCGAN of digits: 50 trials."""
    return Ablation(
        title="Label noise in a DCGAN of digits",
        question="Does noise on the critic's targets help a DCGAN?",
        experiment="experiments/digits.py:network=dcgan,loss=non_saturating,penalty=none,critic_updates=1,"
                   "tricks=label_noise",
        axes={"label noise": numbers("config.hyper.label_noise", 0.0, 0.05, 0.1, 0.2, 0.4)},
        changes={"config.hyper.generator_lr": 2e-4, "config.hyper.generator_beta1": 0.5,
                 "config.hyper.generator_beta2": 0.999, "config.hyper.critic_lr": 2e-4,
                 "config.hyper.critic_beta1": 0.5, "config.hyper.critic_beta2": 0.999},
        kimg=128,
        metrics="fid+prdc",
    )
