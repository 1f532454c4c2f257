"""How many modes of the data does a generator keep, with five published methods?

    ganlab ablate --ablation=experiments/ablations/mode_coverage.py:data=ring8 --workdir=runs/modes_ring8
    ganlab ablate --ablation=experiments/ablations/mode_coverage.py:data=grid25,methods=r3gan,length=2,width=128 \
--workdir=runs/modes_grid25
    ganlab ablate --ablation=experiments/ablations/mode_coverage.py:data=stacked_digits --workdir=runs/modes_stacked
    ganlab report runs/modes_ring8

What it found, and how it compares with the figures of PacGAN's paper, is in docs/mode_coverage.md.
"""

from ganlab.ablation import Ablation, experiment_config
from ganlab.config import METHODS, ConfigError, parse_choices

# Lin et al. 2018, section 4.
MIXTURE_SAMPLES, STACKED_SAMPLES = 2500, 26_000


def get_ablation(argument=None):
    """Choices: data (ring8, grid25 or stacked_digits), methods (joined by +), of mixtures their length and width
    (`experiments/mixtures.py`), share (of the training that is played, for a quick look).

    The methods differ in their own structure and numbers alone (`ganlab/config/methods.py`). Seeds 0 to 9 chose the
    settings, so that others are trained.
    """
    choice = parse_choices(argument, data="ring8", methods="+".join(METHODS), length=1, width=64, share=1.0)
    if choice.data == "stacked_digits":
        if (choice.length, choice.width) != (1, 64):
            raise ConfigError("length and width are choices of mixtures; leave them out for data=stacked_digits")
        experiment, number = "experiments/stacked_digits.py", STACKED_SAMPLES
    else:
        experiment = f"experiments/mixtures.py:data={choice.data},length={choice.length},width={choice.width}"
        number = MIXTURE_SAMPLES
    return Ablation(
        title=f"Modes kept of {choice.data}",
        question="How many modes does a generator keep, and how good are its samples, by published methods?",
        experiment=experiment,
        axes={"method": {name: {"method": name} for name in choice.methods.split("+")}},
        kimg=choice.share * experiment_config(experiment).hyper.decay_end_kimg,
        metrics="modes",
        first_seed=100,
        evaluations=4,
        number=number,
    )
