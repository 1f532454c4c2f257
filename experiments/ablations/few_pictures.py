"""Does augmentation keep a critic from learning few pictures by heart, fixed or adaptive?

    ganlab ablate --ablation=experiments/ablations/few_pictures.py --workdir=runs/few
    ganlab ablate --ablation=experiments/ablations/few_pictures.py:size=small --workdir=runs/few_small
    ganlab report runs/few

The first is for an accelerator: StyleGAN2 of 32x32 pixels. The second is for two cores: a small DCGAN of 16x16 pixels.
Both are conditional. docs/few_pictures.md has what is measured.
"""

from ganlab.ablation import Ablation
from ganlab.config import parse_choices, unknown

# Experiment, thousands of images, those in which the chance of ADA can move by 1, evaluations, samples of each. The
# published speed is 500 kimg (Karras et al. 2020a, section 3), which a short training would not leave time for.
SIZES = {
    "full": dict(experiment="experiments/stylegan2.py:batch=32", side=32, kimg=2000, speed=500.0, evaluations=10,
                 number=10_000),
    "small": dict(experiment="experiments/cgan.py:data=glyphs,width=16", side=16, kimg=128, speed=50.0, evaluations=4,
                  number=2000),
}


def get_ablation(argument=None):
    """Choices: size (full or small), seeds, pictures and augmentations (joined by +), share (of the training that is
    played, for a quick look)."""
    choice = parse_choices(argument, size="full", seeds=5, pictures="500+2000+8000", augmentations="none+DiffAugment+ADA",
                           share=1.0)
    if choice.size not in SIZES:
        raise unknown("choice size", choice.size, SIZES)
    size = SIZES[choice.size]
    levels = {"none": {"config.system.augment": "none"},
              # All three policies, as Zhao et al. 2020 have them for the fewest pictures.
              "DiffAugment": {"config.system.augment": "diffaugment:color+translation+cutout"},
              "ADA": {"config.system.augment": "ada:bgc", "config.hyper.augment_speed_kimg": size["speed"]}}
    names = choice.augmentations.split("+")
    for name in names:
        if name not in levels:
            raise unknown("choice augmentations", name, levels)
    return Ablation(
        title=f"Few pictures, {choice.size}",
        question="How do FID and the critic's gap on held-out glyphs depend on the number of training glyphs, without "
                 "augmentation, with DiffAugment and with ADA?",
        experiment=size["experiment"],
        axes={
            "training glyphs": {int(number): {"config.data.kwargs.size": int(number)}
                                for number in choice.pictures.split("+")},
            "augmentation": {name: levels[name] for name in names},
        },
        changes={"config.evaluate.split": "test", "config.data.kwargs.side": size["side"]},
        kimg=choice.share * size["kimg"],
        metrics="fid+critic_gap",
        features="glyphs",
        seeds=choice.seeds,
        evaluations=size["evaluations"],
        number=size["number"],
    )
