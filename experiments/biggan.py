"""Large networks that are told the class in every layer: BigGAN (Brock et al. 2019), with its code's settings by name.

    ganlab train --config=experiments/biggan.py --workdir=runs/letters
    ganlab train --config=experiments/biggan.py:base=cifar10 --workdir=runs/cifar
    ganlab train --config=experiments/biggan.py:base=imagenet64,data=imagenet2012 --workdir=runs/imagenet

The first is made for two cores: letters and digits of 32x32 pixels by their class, with 64 channels. The others are
the official settings (`imagenet128`, `imagenet128_deep` and `paper128`, too; `imagenet64` has those of 128 with
attention at 32). `data=imagenet2012` stands for any name of TFDS with classes, and `data=./imagenet64` for a folder of
`ganlab data import`. Batches of ImageNet are played in 8 slices, each normalized by itself, as in the official code.
`ganlab sample --standing=16 --truncation=0.5` draws by standing statistics.
"""

import math

from ganlab.config import ConfigError, experiment, parse_choices, picture_data, unknown

# As the scripts of BigGAN-PyTorch have them: side, channels `ch`, latents, images of a batch and its slices, critic
# updates, learning rates, sides with attention, rounds after which the average begins, and the epsilon of Adam; and
# whether layers share a vector of the class, with pieces of the latents beside it, or each has a row for it. Rounds of
# ImageNet are chosen here.
BASES = {
    "cifar10": dict(side=32, width=64, latents=128, shares=False, batch=50, slices=1, critic_updates=4,
                    lr=(2e-4, 2e-4), attention=(), ema_start=1_000, eps=1e-8, rounds=125_000, data="cifar10"),
    "imagenet64": dict(side=64, width=96, latents=120, batch=2048, slices=8, critic_updates=1, lr=(1e-4, 4e-4),
                       attention=(32,), ema_start=20_000, eps=1e-6, rounds=150_000),
    "imagenet128": dict(side=128, width=96, latents=120, batch=2048, slices=8, critic_updates=1, lr=(1e-4, 4e-4),
                        attention=(64,), ema_start=20_000, eps=1e-6, rounds=150_000),
    # The code's defaults, two critic updates at half the rates, with the paper's orthogonal regularization.
    "paper128": dict(side=128, width=96, latents=120, batch=2048, slices=8, critic_updates=2, lr=(5e-5, 2e-4),
                     attention=(64,), ema_start=20_000, eps=1e-8, rounds=150_000, orthogonal=1e-4),
    "imagenet128_deep": dict(side=128, width=128, latents=128, batch=2048, slices=8, critic_updates=1, lr=(1e-4, 4e-4),
                             attention=(64,), ema_start=20_000, eps=1e-6, rounds=150_000, family="biggan_deep"),
    # For two cores.
    "small": dict(side=32, width=16, latents=80, batch=32, slices=1, critic_updates=1, lr=(2e-4, 4e-4), attention=(16,),
                  ema_start=500, eps=1e-6, rounds=6_000, decay=0.998, data="glyphs", shared=64),
}


def get_config(argument=None):
    """Choices: base (small, cifar10, imagenet64, imagenet128, imagenet128_deep or paper128), data (glyphs, a name of
    TFDS, or a folder of `ganlab data import`, written with a /; empty for that of the base, if it has one), batch,
    rounds (0 for those of the base), orthogonal (weight of the generator's orthogonal regularization, 0 for that of
    the base; the paper's is 1e-4), augment (none, ada:bgc, ...)."""
    choice = parse_choices(argument, base="small", data="", batch=0, rounds=0, orthogonal=0.0, augment="none")
    if choice.base not in BASES:
        raise unknown("choice base", choice.base, BASES)
    base = BASES[choice.base]
    batch, rounds, updates = choice.batch or base["batch"], choice.rounds or base["rounds"], base["critic_updates"]
    orthogonal, every = choice.orthogonal or base.get("orthogonal", 0.0), max(rounds // 50, 1)
    family, kimg_of_round = base.get("family", "biggan"), batch * updates / 1000
    shares = base.get("shares", True)
    own = {} if family == "biggan_deep" else dict(hierarchical=shares, shares=shares)
    networks = dict(width=base["width"], attention=base["attention"])
    return experiment(
        name=f"biggan {choice.base}", data=_data(choice, base), batch_size=batch,
        system=dict(name="class_conditional", loss="hinge", critic_updates=updates, latent_size=base["latents"],
                    statistics="average", augment=choice.augment),
        networks={"generator": dict(network=family, regularizers="orthogonal" if orthogonal else "none",
                                    kwargs=dict(networks, shared=base.get("shared", 128), **own)),
                  "critic": dict(network=family, kwargs=networks)},
        hyper=dict(generator_lr=base["lr"][0], critic_lr=base["lr"][1], ema_warmup=0.0,
                   # The code's averages keep a share of each round, and begin after some.
                   ema_half_life_kimg=kimg_of_round * math.log(0.5) / math.log(base.get("decay", 0.9999)),
                   ema_start_kimg=base["ema_start"] * kimg_of_round,
                   **({"generator_orthogonal_weight": orthogonal} if orthogonal else {}),
                   **{f"{player}_{name}": value for player in ("generator", "critic")
                      for name, value in (("beta1", 0.0), ("beta2", 0.999), ("eps", base["eps"]))}),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every,
                   accumulate=base["slices"], slice_statistics=base["slices"] > 1))


def _data(choice, base):
    data = choice.data or base.get("data")
    if not data:
        raise ConfigError(f"base={choice.base} needs data with classes: write data=./folder of `ganlab data import`, "
                          "or data=NAME of TFDS")
    if data == "glyphs":
        return dict(source="glyphs", kwargs=dict(size=20_000, side=base["side"]))
    return picture_data(data, side=base["side"])
