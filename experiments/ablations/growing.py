"""What does each part of PGGAN give?

    ganlab ablate --ablation=experiments/ablations/growing.py --workdir=runs/growing
    ganlab report runs/growing

Letters and digits of 16x16 pixels without labels, by networks of at most 16 channels that grow from 4x4. Of each
variant one part is left out, as the official code can: growing, so that the last level trains from the start; the
pixelwise normalization; equalized learning rates; the slope below 0 of the generator's rectifiers; the averaged generator; repeats of
four rounds with one share of the level that fades in; optimizers that start again with each level. All else is the
same, at equal real images.
"""

from ganlab.ablation import Ablation
from ganlab.config import parse_choices, unknown

BOTH = ("generator", "critic")
# By what is left out, the changes.
PARTS = {
    "nothing": {},
    "growing": {"growing": False},
    "pixel normalization": {"config.networks.generator.kwargs.pixel_norm": False},
    "equalized rates": {f"config.networks.{player}.kwargs.equalized": False for player in BOTH},
    "leaky units": {"config.networks.generator.kwargs.leaky": False},
    "averaging": {"config.hyper.ema_half_life_kimg": 0.0},
    "repeats": {"config.system.fade_every_rounds": 1},
    "fresh optimizers": {"config.system.fresh_optimizers": False},
}


def get_ablation(argument=None):
    """Choices: parts (joined by +), seeds, kimg, number (samples that are measured)."""
    choice = parse_choices(argument, parts="+".join(PARTS), seeds=5, kimg=128, number=5_000)
    parts = choice.parts.split("+")
    for name in parts:
        if name not in PARTS:
            raise unknown("choice parts", name, PARTS)
    return Ablation(
        title="Parts of PGGAN",
        question="How do FID and the sliced Wasserstein distances by level change if one part of PGGAN is left out?",
        # Each level fades in for an eighth of the images and trains for another; the last one trains to the end.
        experiment=f"experiments/pggan.py:resolution=16,conditional=false,training={choice.kimg / 8},"
                   f"transition={choice.kimg / 8}",
        axes={"left out": {name: PARTS[name] for name in parts}},
        base={"left out": "nothing"} if "nothing" in parts else {},
        changes={f"config.networks.{player}.kwargs.channel_max": 16 for player in BOTH},
        kimg=choice.kimg,
        metrics="fid+swd_pyramid",
        features="glyphs",
        seeds=choice.seeds,
        evaluations=4,
        number=choice.number,
    )
