"""A GAN without tricks: R3GAN (Huang et al. 2024), with the settings of its official code by their names.

    ganlab train --config=experiments/r3gan.py --workdir=runs/letters
    ganlab train --config=experiments/r3gan.py:base=stacked_digits --workdir=runs/stacked
    ganlab train --config=experiments/r3gan.py:base=cifar10 --workdir=runs/cifar
    ganlab train --config=experiments/r3gan.py:base=ffhq64,data=faces --workdir=runs/faces
    ganlab train --config=experiments/r3gan.py:base=imagenet64,data=imagenet --workdir=runs/imagenet

The first two are made for two cores: letters and digits of 32x32 pixels by their class, and three digits of 8x8 pixels
stacked as colours, whose 1,000 modes can be counted. The others are the official settings; `data=faces` stands for
any name of TFDS, and `data=./faces` for a folder of `ganlab data import`. In all of them the learning rates, the decay
of the second moment, gamma, the chance of augmentations and the average of the generator follow one cosine over the
first `burn_in` kimg.
"""

from ganlab.config import ConfigError, both_players, experiment, parse_choices, picture_data, unknown

# As the official code has them, from its presets and the commands beside them: side, channels and groups of each
# stage from 4x4 on, batch size, kimg over which all numbers change, and their last values beside the first ones. It
# does not say how long a training is: `kimg` is chosen here.
BASES = {
    "cifar10": dict(side=32, widths=(768,) * 4, groups=(96,) * 4, batch=512, conditional=True, burn_in=20_000,
                    ema=5_000, augment=0.55, gamma=(0.05, 0.005), data="cifar10", kimg=100_000),
    "ffhq64": dict(side=64, widths=(768,) * 4 + (384,), groups=(96,) * 4 + (48,), batch=256, burn_in=20_000, ema=500,
                   augment=0.3, gamma=(2.0, 0.2), kimg=100_000),
    "ffhq256": dict(side=256, widths=(768,) * 4 + (384, 192, 96), groups=(96,) * 4 + (48, 24, 12), batch=256,
                    burn_in=20_000, ema=500, augment=0.3, gamma=(150.0, 15.0), kimg=100_000),
    "imagenet32": dict(side=32, widths=(1536,) * 4, groups=(96,) * 4, batch=4096, conditional=True, burn_in=200_000,
                       ema=50_000, augment=0.5, gamma=(0.5, 0.05), kimg=500_000),
    "imagenet64": dict(side=64, widths=(1536,) * 5, groups=(96,) * 5, batch=4096, conditional=True, burn_in=200_000,
                       ema=50_000, augment=0.4, gamma=(1.0, 0.1), kimg=500_000),
}
# The official code has no preset of Stacked-MNIST: that of CIFAR-10, which is as large, without labels, mirroring and
# augmentation, for imported pictures of 32x32 pixels, with gamma and the average chosen here.
BASES["stacked_mnist"] = BASES["cifar10"] | dict(conditional=False, augment=0.0, gamma=(1.0, 0.1), ema=500, data="",
                                                 mirror=False)
# For two cores.
SMALL = {
    "small": dict(side=32, widths=(128, 96, 48, 16), groups=(16, 12, 6, 2), blocks=1, batch=32, latents=64, burn_in=120,
                  ema=20, augment=0.0, gamma=(0.5, 0.05), kimg=160, conditional=True, mirror=False, lr=(5e-4, 1e-4)),
    "stacked_digits": dict(side=8, widths=(128, 64), groups=(16, 8), blocks=1, batch=64, latents=64, burn_in=500,
                           ema=20, augment=0.0, gamma=(1.5, 0.3), kimg=800, mirror=False, lr=(1e-3, 1e-4)),
}


def get_config(argument=None):
    """Choices: base (small, stacked_digits, cifar10, ffhq64, ffhq256, imagenet32, imagenet64 or stacked_mnist), data
    (glyphs, stacked_digits, a name of TFDS, or a folder of `ganlab data import`, written with a /; empty for that of
    the base, if it has one), conditional (auto for that of the base, true or false), gamma, batch, kimg, burn_in (0
    for those of the base), augment (whether the official augmentations are used)."""
    choice = parse_choices(argument, base="small", data="", conditional="auto", gamma=0.0, batch=0, kimg=0, burn_in=0,
                           augment=True)
    bases = SMALL | BASES
    if choice.base not in bases:
        raise unknown("choice base", choice.base, bases)
    if choice.conditional not in ("auto", "true", "false"):
        raise unknown("choice conditional", choice.conditional, ("auto", "true", "false"))
    base = bases[choice.base]
    conditional = (base.get("conditional", False) if choice.conditional == "auto" else choice.conditional == "true")
    batch, kimg = choice.batch or base["batch"], choice.kimg or base["kimg"]
    latents, blocks = base.get("latents", 64), base.get("blocks", 2)
    networks = dict(network="r3gan", kwargs=dict(
        widths=base["widths"], groups=base["groups"], blocks=(blocks,) * len(base["widths"])))
    augment = choice.augment and base["augment"] > 0
    rounds, every = 1000 * kimg // batch, max(1000 * kimg // batch // 50, 1)
    schedules = _schedules(base, choice, augment)
    return experiment(
        name=f"r3gan {choice.base}", data=_data(choice, base), batch_size=batch,
        system=dict(name="r3gan", latent_size=latents, conditional=conditional,
                    augment="ada:r3gan" if augment else "none"),
        # A class has as many numbers as latents in the generator, and as the last features in the critic.
        networks={player: dict(networks, kwargs=dict(networks["kwargs"], embedding=embedding))
                  for player, embedding in (("generator", latents), ("critic", base["widths"][0]))},
        ramps="+".join(f"{name}:cosine" for name in schedules),
        hyper=both_players(beta1=0.0) | dict(ema_warmup=0.0, **dict(augment_target=0.0) if augment else {})
        | {key: value for name, (first, last) in schedules.items() for key, value in (
            (name, first), (f"{name}_ramp_final", last),
            (f"{name}_ramp_end_kimg", choice.burn_in or base["burn_in"]))},
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every))


def _data(choice, base):
    if choice.base == "stacked_digits" and choice.data in ("", "stacked_digits"):
        return dict(source="stacked_digits")
    if choice.base == "small" and choice.data in ("", "glyphs"):
        return dict(source="glyphs", kwargs=dict(size=20_000, side=base["side"]))
    if not (data := choice.data or base.get("data", "")):
        raise ConfigError(f"base={choice.base} needs data: write data=./folder of `ganlab data import`, or data=NAME "
                          "of TFDS")
    return picture_data(data, side=base["side"]) | dict(flip=base.get("mirror", True))


def _schedules(base, choice, augment):
    """The first and last value of every number that changes."""
    gamma = (choice.gamma, choice.gamma / 10) if choice.gamma else base["gamma"]
    lr = base.get("lr", (2e-4, 5e-5))
    chance = {"augment_p": (0.0, base["augment"])} if augment else {}
    return {**both_players(lr=lr), **both_players(beta2=(0.9, 0.99)), "gamma": gamma,
            "ema_half_life_kimg": (0.0, float(base["ema"])), **chance}
