"""Which critic penalty with which loss keeps the modes of 25 Gaussians?

    ganlab ablate --ablation=experiments/ablations/penalties.py --workdir=runs/penalties
    ganlab report runs/penalties
"""

from ganlab.ablation import Ablation

KIMG = 2560


def get_ablation():
    """Five ways to hold the critic by three losses, 150 trials on the same number of real images.

    The clip and the weight of the gradient penalty are those of their papers (Arjovsky et al. 2017, algorithm 1;
    Gulrajani et al. 2017, algorithm 1); R1 and R2 have the small weights of experiments/mixtures.py, for modes that are
    narrow. Everything else is the same for all: one critic update a round, and one learning rate.
    """
    return Ablation(
        title="Critic penalty by loss on 25 Gaussians",
        question="Which way of holding the critic keeps the modes, and does the answer depend on the loss?",
        experiment="experiments/mixtures.py:data=grid25,method=gan",
        axes={
            "penalty": {
                "none": {"config.system.penalty": "none"},
                "clipping": {"config.networks.critic.projection": "weight_clip",
                             "config.hyper.critic_weight_clip": 0.01},
                "GP": {"config.system.penalty": "gradient_penalty", "config.hyper.gradient_penalty_weight": 10.0},
                "R1": {"config.system.penalty": "r1", "config.hyper.r1_weight": 0.1},
                "R1+R2": {"config.system.penalty": "r1+r2", "config.hyper.r1_weight": 0.1,
                          "config.hyper.r2_weight": 0.1},
            },
            "loss": {
                "non-saturating": {"config.system.loss": "non_saturating"},
                "Wasserstein": {"config.system.loss": "wasserstein"},
                "relativistic": {"config.system.loss": "relativistic"},
            },
        },
        changes={"config.hyper.decay_end_kimg": KIMG},
        kimg=KIMG,
        metrics="modes",
        number=2500,
    )
