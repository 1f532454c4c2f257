"""Spectrally normalized networks (Miyato et al. 2018, "SNGAN"), and the ways in which labels enter them.

    ganlab train --config=experiments/sngan.py --workdir=runs/sngan
    ganlab train --config=experiments/sngan.py:conditioning=contrastive --workdir=runs/contragan
    ganlab train --config=experiments/sngan.py:base=cifar10 --workdir=runs/cifar
    ganlab train --config=experiments/sngan.py:base=imagenet128,data=imagenet2012 --workdir=runs/imagenet
    ganlab train --config=experiments/sngan.py:base=dcgan --workdir=runs/dcgan

The first is made for two cores: letters and digits of 32x32 pixels by their class, with at most 64 channels. The
others are the settings of PyTorch-StudioGAN for these sizes, of which there is `imagenet64`, too, and for its DCGAN on
CIFAR-10, without labels. `data=imagenet2012` stands for any name of TFDS, and `data=./pictures` for a folder of
`ganlab data import`.

conditioning: `projection` on a row of the class (Miyato & Koyama 2018); `concatenation` of labels to the latents and to
the images (Mirza & Osindero 2014); `normalization`, the generator's alone, with labels appended to the critic's images;
an `auxiliary` classifier (AC-GAN, Odena et al. 2017); `multi_hinge` (Kavalerov et al. 2021); `contrastive` (ContraGAN,
Kang & Park 2020); `data_to_data` (ReACGAN, Kang et al. 2021); or `none`, without labels. docs/class_conditional.md has
what can be joined to these as `regularizations`.
"""

from ganlab.config import experiment, parse_choices, picture_data, unknown

# As PyTorch-StudioGAN has them: batch size, critic updates of a round, learning rates, decay of the first moment,
# rounds, side of the images, and the data of which they are.
BASES = {
    "cifar10": dict(batch=64, critic_updates=5, lr=(2e-4, 2e-4), beta1=0.5, rounds=100_000, side=32, data="cifar10"),
    "imagenet64": dict(batch=256, critic_updates=1, lr=(1e-4, 4e-4), beta1=0.0, rounds=100_000, side=64,
                       data="downsampled_imagenet/64x64"),
    "imagenet128": dict(batch=256, critic_updates=2, lr=(5e-5, 2e-4), beta1=0.0, rounds=500_000, side=128,
                        data="imagenet2012"),
    "dcgan": dict(batch=64, critic_updates=2, lr=(2e-4, 2e-4), beta1=0.5, rounds=200_000, side=32, data="cifar10",
                  loss="non_saturating", conditioning="none"),
    # Two learning rates as at 64x64, and an average of weights.
    "small": dict(batch=32, critic_updates=1, lr=(1e-4, 4e-4), beta1=0.0, rounds=8_000, side=32, data="glyphs",
                  width=16, average=10.0),
}
# By conditioning: how the generator and the critic's head see labels, and the loss by which they are learned.
CONDITIONINGS = {
    "projection": ("normalization", "projection", "none"),
    "concatenation": ("concatenation", "concatenation", "none"),
    "normalization": ("normalization", "concatenation", "none"),
    "auxiliary": ("normalization", "auxiliary", "auxiliary"),
    "multi_hinge": ("normalization", "multi_hinge", "multi_hinge"),
    "contrastive": ("normalization", "embedding", "contrastive"),
    "data_to_data": ("normalization", "embedding", "data_to_data"),
    "none": ("normalization", "none", "none"),
}


def get_config(argument=None):
    """Choices: base (small, cifar10, imagenet64, imagenet128 or dcgan), data (glyphs, a name of TFDS, or a folder of
    `ganlab data import`, written with a /), conditioning, regularizations (joined by +, or none), width (a
    quarter of the small generator's channels), batch, kimg (0 for those of the base), augment (none, ada:bgc, ...)."""
    choice = parse_choices(argument, base="small", data="", conditioning="", regularizations="none", width=0, batch=0,
                           kimg=0, augment="none")
    if choice.base not in BASES:
        raise unknown("choice base", choice.base, BASES)
    base = BASES[choice.base]
    conditioning = choice.conditioning or base.get("conditioning", "projection")
    if conditioning not in CONDITIONINGS:
        raise unknown("choice conditioning", conditioning, CONDITIONINGS)
    generator, critic = _networks(choice, base, *CONDITIONINGS[conditioning][:2])
    batch = choice.batch or base["batch"]
    rounds = 1000 * choice.kimg // (batch * base["critic_updates"]) or base["rounds"]
    every = max(rounds // 50, 1)
    data = choice.data or base["data"]
    return experiment(
        name=f"sngan {choice.base} {conditioning}", batch_size=batch,
        # Letters have a right side, and are not mirrored.
        data=dict(source="glyphs", kwargs=dict(size=20_000, side=base["side"])) if data == "glyphs" else dict(
            picture_data(data, side=base["side"]), flip=True),
        system=dict(name="class_conditional", loss=base.get("loss", "hinge"), critic_updates=base["critic_updates"],
                    conditional=conditioning != "none", conditioning=CONDITIONINGS[conditioning][2],
                    regularizations=choice.regularizations, augment=choice.augment,
                    consistency_change="shift" if data == "glyphs" else "flip+shift", latent_size=128),
        networks={"generator": generator, "critic": critic},
        hyper=dict(generator_lr=base["lr"][0], critic_lr=base["lr"][1], ema_half_life_kimg=base.get("average", 0.0),
                   **{f"{player}_{name}": value for player in ("generator", "critic") for name, value in (
                       ("beta1", base["beta1"]), ("beta2", 0.999), ("eps", 1e-6))}),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every))


def _networks(choice, base, conditioning, head):
    """Sections of both networks."""
    critic = dict(head=head, sliced="sliced" in choice.regularizations.split("+"))
    if choice.base == "dcgan":
        return (dict(network="deep_conv"),
                dict(network="deep_conv",
                     kwargs=dict(critic, spectral_normalization="none")))
    small, width = choice.base == "small", choice.width or base.get("width", 64)
    # A small critic has as many channels as its generator.
    return (dict(network="sngan", kwargs=dict(width=width, conditioning=conditioning)),
            dict(network="sngan", kwargs=dict(
                critic, width=2 * width if small else width, embedding=128 if small else 512)))
