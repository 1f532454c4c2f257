"""How should the label enter?

    ganlab ablate --ablation=experiments/ablations/conditioning.py --workdir=runs/conditioning
    ganlab report runs/conditioning

Letters and digits of 62 classes, by the networks of SNGAN at 32x32 with at most 32 channels. Labels are appended to the
latents and to the critic's images (concatenation); enter the generator through its batch normalizations instead
(normalization); and then the critic, too, by projection, as an auxiliary classifier's (AC-GAN), or as the proxies of an
embedding (ContraGAN, ReACGAN). All else is the same. docs/class_conditional.md has what is measured.
"""

from ganlab.ablation import Ablation
from ganlab.config import parse_choices, unknown

# By what the report calls it, the choice of the experiment.
WAYS = {"concatenation": "concatenation", "normalization": "normalization", "projection": "projection",
        "AC-GAN": "auxiliary", "ContraGAN": "contrastive", "ReACGAN": "data_to_data"}


def get_ablation(argument=None):
    """Choices: ways (joined by +), seeds, kimg, number (samples that are measured)."""
    choice = parse_choices(argument, ways="+".join(WAYS), seeds=5, kimg=128, number=10_000)
    ways = {name: chosen for name, chosen in WAYS.items() if {name, chosen} & set(choice.ways.split("+"))}
    for name in choice.ways.split("+"):
        if name not in (*WAYS, *WAYS.values()):
            raise unknown("choice ways", name, WAYS)
    return Ablation(
        title="How the label enters",
        question="How do FID, FID within classes and the share of samples that are read as asked depend on how the "
                 "label enters generator and critic?",
        experiment="experiments/sngan.py:width=8",
        axes={"label": {name: {"conditioning": chosen} for name, chosen in ways.items()}},
        base={"label": "projection"} if "projection" in ways else {},
        kimg=choice.kimg,
        metrics="fid+intra_fid+label_agreement",
        features="glyphs",
        seeds=choice.seeds,
        evaluations=4,
        number=choice.number,
    )
