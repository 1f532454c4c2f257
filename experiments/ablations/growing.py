"""What does each part of PGGAN give?

    ganlab ablate --ablation=experiments/ablations/growing.py --workdir=runs/growing
    ganlab report runs/growing

Letters and digits of 16x16 pixels without labels, by networks of at most 16 channels that grow from 4x4. Of each
variant one part is left out, as the official code can: growing, so that the last level trains from the start; the
pixelwise normalization; equalized learning rates; the slope below 0 of the generator's rectifiers; the averaged
generator; repeats of four rounds with one share of the level that fades in; optimizers that start again with each
level. All else is the same, at equal real images.

Its 40 trainings of 32 kimg take about 33 minutes of one core of an AMD EPYC, their programs 15 more and FID 3: numbers
that follow from a few rounds of one part, and no run of it all. `size=full` trains four times as long, and measures the
sliced Wasserstein distances of PGGAN's paper, too, each of which takes 2.6 minutes: ten hours in all.
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
# How much is trained and measured.
SIZES = {"small": dict(kimg=32.0, metrics="fid"), "full": dict(kimg=128.0, metrics="fid+swd_pyramid")}


def get_ablation(argument=None):
    """Choices: size (small or full), parts (joined by +), seeds, kimg (0 for that of the size), number (samples that
    are measured)."""
    choice = parse_choices(argument, size="small", parts="+".join(PARTS), seeds=5, kimg=0.0, number=5_000)
    if choice.size not in SIZES:
        raise unknown("choice size", choice.size, SIZES)
    size = SIZES[choice.size]
    kimg = choice.kimg or size["kimg"]
    parts = choice.parts.split("+")
    for name in parts:
        if name not in PARTS:
            raise unknown("choice parts", name, PARTS)
    return Ablation(
        title="Parts of PGGAN",
        question="How do the distances to real images change if one part of PGGAN is left out?",
        # Each level fades in for an eighth of the images and trains for another; the last one trains to the end.
        experiment=f"experiments/pggan.py:resolution=16,conditional=false,training={kimg / 8},"
                   f"transition={kimg / 8}",
        axes={"left out": {name: PARTS[name] for name in parts}},
        base={"left out": "nothing"} if "nothing" in parts else {},
        changes={f"config.networks.{player}.kwargs.channel_max": 16 for player in BOTH},
        kimg=kimg,
        metrics=size["metrics"],
        features="glyphs",
        seeds=choice.seeds,
        evaluations=4,
        number=choice.number,
    )
