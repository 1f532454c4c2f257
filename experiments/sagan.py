"""Images by attention to all of their places (Zhang et al. 2019, "SAGAN"): both networks spectrally normalized.

    ganlab train --config=experiments/sagan.py --workdir=runs/sagan
    ganlab train --config=experiments/sagan.py:base=imagenet128,data=imagenet2012 --workdir=runs/imagenet

The first is made for two cores: letters and digits of 32x32 pixels by their class, with at most 64 channels. The
second has the settings of PyTorch-StudioGAN for its size, of which there are `cifar10` and `imagenet64`, too.
`data=imagenet2012` stands for any name of TFDS, and `data=./pictures` for a folder of `ganlab data import`. Labels
enter by projection.
"""

from ganlab.config import experiment, parse_choices, picture_data, unknown

# As PyTorch-StudioGAN has them: batch size, critic updates of a round, learning rates, decay of the first moment,
# rounds, sides of the images that attend in generator and critic, side of the images, and the data of which they are.
BASES = {
    "cifar10": dict(batch=64, critic_updates=5, lr=(2e-4, 2e-4), beta1=0.5, rounds=100_000, attention=(16, 16), side=32,
                    data="cifar10"),
    "imagenet64": dict(batch=256, critic_updates=1, lr=(1e-4, 4e-4), beta1=0.0, rounds=100_000, attention=(32, 32),
                       side=64, data="downsampled_imagenet/64x64"),
    "imagenet128": dict(batch=256, critic_updates=1, lr=(1e-4, 4e-4), beta1=0.0, rounds=1_000_000, attention=(64, 64),
                        side=128, data="imagenet2012"),
    # As at 64x64, with an average of weights; in a small image the smaller places attend.
    "small": dict(batch=32, critic_updates=1, lr=(1e-4, 4e-4), beta1=0.0, rounds=8_000, attention=(16, 16), side=32,
                  data="glyphs", width=16, average=10.0),
}


def get_config(argument=None):
    """Choices: base (small, cifar10, imagenet64 or imagenet128), data (glyphs, a name of TFDS, or a folder of `ganlab
    data import`, written with a /), regularizations (joined by +, or none), batch, kimg (0 for those of the base),
    augment (none, ada:bgc, ...)."""
    choice = parse_choices(argument, base="small", data="", regularizations="none", batch=0, kimg=0, augment="none")
    if choice.base not in BASES:
        raise unknown("choice base", choice.base, BASES)
    base = BASES[choice.base]
    batch = choice.batch or base["batch"]
    rounds = 1000 * choice.kimg // (batch * base["critic_updates"]) or base["rounds"]
    every = max(rounds // 50, 1)
    data, width = choice.data or base["data"], base.get("width", 64)
    return experiment(
        name=f"sagan {choice.base}", batch_size=batch,
        # Letters have a right side, and are not mirrored.
        data=dict(source="glyphs", kwargs=dict(size=20_000, side=base["side"])) if data == "glyphs" else dict(
            picture_data(data, side=base["side"]), flip=True),
        system=dict(name="class_conditional", loss="hinge", critic_updates=base["critic_updates"],
                    regularizations=choice.regularizations, augment=choice.augment,
                    consistency_change="shift" if data == "glyphs" else "flip+shift", latent_size=128),
        networks={
            "generator": dict(network="sngan", kwargs=dict(
                width=width, attention=base["attention"][:1], spectral_normalization="studiogan")),
            "critic": dict(network="sngan", kwargs=dict(
                width=2 * width if choice.base == "small" else width, attention=base["attention"][1:],
                sliced="sliced" in choice.regularizations.split("+")))},
        hyper=dict(generator_lr=base["lr"][0], critic_lr=base["lr"][1], ema_half_life_kimg=base.get("average", 0.0),
                   **{f"{player}_{name}": value for player in ("generator", "critic") for name, value in (
                       ("beta1", base["beta1"]), ("beta2", 0.999), ("eps", 1e-6))}),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every))
