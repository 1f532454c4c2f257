"""Images from styles: StyleGAN2 (Karras et al. 2020b), with the settings of its ADA code by their names.

    ganlab train --config=experiments/stylegan2.py --workdir=runs/letters
    ganlab train --config=experiments/stylegan2.py:base=cifar,data=cifar10 --workdir=runs/cifar
    ganlab train --config=experiments/stylegan2.py:base=paper256,data=faces --workdir=runs/faces
    ganlab train --config=experiments/stylegan2.py:base=auto,data=faces,resolution=128 --workdir=runs/faces

The first is made for two cores: letters and digits of 32x32 pixels by their class, with at most 64 channels. The
others are the official settings; `data=faces` stands for any name of TFDS, and `data=./faces` for a folder of
`ganlab data import`. Those of `auto` follow from the resolution and the batch size, as the official code has them for
one GPU. `augment=ada:bgc` shows the critic augmented images, by a chance that adapts.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data, unknown

# As the official code has them: batch size, minibatch group, share of the channels, learning rate, gamma of R1,
# half-life of the average in kimg, limit of the half-life as a share of the images, layers of the mapping.
BASES = {
    "stylegan2": dict(batch=32, group=4, channels=1.0, lr=2e-3, gamma=10.0, ema=10.0, warmup=0.0, mapping=8, side=1024),
    "paper256": dict(batch=64, group=8, channels=0.5, lr=2.5e-3, gamma=1.0, ema=20.0, warmup=0.0, mapping=8, side=256),
    "paper512": dict(batch=64, group=8, channels=1.0, lr=2.5e-3, gamma=0.5, ema=20.0, warmup=0.0, mapping=8, side=512),
    "paper1024": dict(batch=32, group=4, channels=1.0, lr=2e-3, gamma=2.0, ema=10.0, warmup=0.0, mapping=8, side=1024),
    "cifar": dict(batch=64, group=32, channels=1.0, lr=2.5e-3, gamma=0.01, ema=500.0, warmup=0.05, mapping=2, side=32,
                  kimg=100_000, path_interval=0, mixing=0.0, critic="original"),
}
KIMG = 25_000


def get_config(argument=None):
    """Choices: base (small, auto, stylegan2, paper256, paper512, paper1024 or cifar), data (glyphs, a name of
    TFDS, or a folder of `ganlab data import`, written with a /), resolution, conditional, gamma, batch, kimg (0 for
    those of the base), augment (none, ada:bgc, ...)."""
    choice = parse_choices(argument, base="small", data="", resolution=0, conditional=False, gamma=0.0, batch=0, kimg=0,
                           augment="none")
    if choice.base not in (*BASES, "auto", "small"):
        raise unknown("choice base", choice.base, (*BASES, "auto", "small"))
    if choice.base == "small":
        return _small(choice)
    base = BASES.get(choice.base) or _auto(choice.resolution or 256, choice.batch)
    side = choice.resolution or base["side"]
    networks = dict(network="stylegan2", kwargs=dict(channel_base=round(32768 * base["channels"]),
                                                     mapping_layers=base["mapping"]))
    # Labels of the official critic pass eight layers, whatever the generator has.
    critic = dict(networks["kwargs"], mapping_layers=8, group=base["group"],
                  architecture=base.get("critic", "residual"))
    return _experiment(
        choice, base, latent_size=512, conditional=choice.conditional,
        data=picture_data(choice.data or "cifar10", side=side),
        networks={"generator": networks, "critic": dict(network="stylegan2", kwargs=critic)})


def _auto(side, batch):
    """The official rule for one GPU."""
    batch = batch or max(min(4096 // side, 32), 1)
    return dict(batch=batch, group=min(batch, 4), channels=1.0 if side >= 512 else 0.5,
                lr=2e-3 if side >= 1024 else 2.5e-3, gamma=0.0002 * side**2 / batch, ema=batch * 10 / 32, warmup=0.05,
                mapping=2, side=side)


def _small(choice):
    """Letters on two cores: the rules of `auto` with narrower networks, a stronger R1 and a longer average, without
    what `cifar` leaves out.

    At a gamma of 0.1 all classes still looked like one glyph after 16 kimg, and were further from real ones than at 1
    (FID 102 and 72). With twice the channels a kimg teaches more, but less than the time that it takes. The average is
    longer because it reads better: from the same training after 256 kimg 96.7% of samples were read as asked with 20
    kimg of half-life, 94.9% with 5 kimg and learning rates that fell, which brought it to 92.8% in the end.
    """
    side = choice.resolution or 32
    base = _auto(side, choice.batch or 16) | dict(kimg=300, gamma=1.0, ema=20.0, path_interval=0, mixing=0.0)
    kwargs = dict(channel_base=32 * side, channel_max=64, mapping_layers=2)
    if choice.data in ("", "glyphs"):
        data, conditional = dict(source="glyphs", kwargs=dict(size=20_000, side=side)), True
    else:
        data, conditional = picture_data(choice.data, side=side), choice.conditional
    return _experiment(
        choice, base, latent_size=128, conditional=conditional, data=data,
        networks={"generator": dict(network="stylegan2", kwargs=dict(kwargs, styles=128)),
                  "critic": dict(network="stylegan2", kwargs=kwargs)})


def _experiment(choice, base, latent_size, conditional, data, networks):
    batch = choice.batch or base["batch"]
    rounds = 1000 * (choice.kimg or base.get("kimg", KIMG)) // batch
    every = max(rounds // 50, 1)
    return experiment(
        name=f"stylegan2 {choice.base}", data=data, batch_size=batch,
        system=dict(name="stylegan2", latent_size=latent_size, conditional=conditional,
                    augment=choice.augment, path_interval=base.get("path_interval", 4)),
        networks=networks,
        hyper=both_players(lr=base["lr"], beta1=0.0, beta2=0.99) | dict(
            r1_weight=choice.gamma or base["gamma"], style_mixing=base.get("mixing", 0.9),
            ema_half_life_kimg=base["ema"], ema_warmup=base["warmup"]),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every))
