"""Images from styles, by networks that grow: the first StyleGAN (Karras et al. 2019), with the settings of its official code.

    ganlab train --config=experiments/stylegan1.py --workdir=runs/letters
    ganlab train --config=experiments/stylegan1.py:base=1gpu,data=faces,resolution=256 --workdir=runs/faces
    ganlab train --config=experiments/stylegan1.py:base=8gpus,data=faces --workdir=runs/faces

The first is made for two cores: letters and digits by their class, from 4x4 to 32x32 pixels. The others are the
official settings, whose batches and learning rates follow each level's size; `data=faces` stands for any name of TFDS,
and `data=./faces` for a folder of `ganlab data import`. `ganlab describe` shows the stages.
"""

from ganlab.config import (
    both_players,
    experiment,
    growth_keys,
    parse_choices,
    picture_data,
    planned_stages,
    rounds_of,
    square_sizes,
    unknown,
)

RATES = {128: 1.5e-3, 256: 2e-3, 512: 3e-3, 1024: 3e-3}
# As the official code has them, by the number of GPUs that they are for: images of a batch by a level's side, and of
# all other sides. Learning rates are `RATES`, and `RATE` at other sides. The first level is 8x8; each of the others
# fades in for 600 kimg and then trains for 600.
BASES = {
    "1gpu": dict(batches={4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4}, batch=4),
    "2gpus": dict(batches={4: 256, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}, batch=8),
    "4gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16}, batch=16),
    "8gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32}, batch=32),
}
RATE, KIMG = 1e-3, 25_000
# For two cores; chosen here.
SMALL = dict(batches={4: 64, 8: 32}, batch=16, training=(30.0, 40.0, 50.0, 50.0), transition=(20.0, 25.0, 25.0),
             networks=dict(channel_base=1024, channel_max=64))


def get_config(argument=None):
    """Choices: base (small, 1gpu, 2gpus, 4gpus or 8gpus), data (glyphs, a name of TFDS, or a folder of `ganlab data
    import`, written with a /), resolution (4 times a power of two; 0 for that of the base), conditional (auto: with
    labels for glyphs; true or false), growing (false trains the last level alone), training and transition (kimg of
    each level; 0 for those of the base), kimg (of the whole training; 0 for that of the base), loss (logistic, with R1,
    or wgan_gp)."""
    choice = parse_choices(argument, base="small", data="", resolution=0, conditional="auto", growing=True,
                           training=0.0, transition=0.0, kimg=0.0, loss="logistic")
    if choice.base not in (*BASES, "small"):
        raise unknown("choice base", choice.base, (*BASES, "small"))
    if choice.conditional not in ("auto", "true", "false"):
        raise unknown("choice conditional", choice.conditional, ("auto", "true", "false"))
    if choice.loss not in ("logistic", "wgan_gp"):
        raise unknown("choice loss", choice.loss, ("logistic", "wgan_gp"))
    small, wasserstein = choice.base == "small", choice.loss == "wgan_gp"
    base, side = (SMALL, choice.resolution or 32) if small else (BASES[choice.base], choice.resolution or 1024)
    glyphs = choice.data in ("", "glyphs")
    # The stages, and the rounds of all of them. With WGAN-GP rates are at most 0.002.
    sizes = square_sizes(side)
    rates = {} if small else {side: min(rate, 2e-3) if wasserstein else rate for side, rate in RATES.items()}
    first = 0 if small else 1
    growth = growth_keys(sizes[first:], base["batches"], base["batch"], rates, RATE, choice.growing,
                         training_kimg=(choice.training,) if choice.training else base.get("training", ()),
                         transition_kimg=(choice.transition,) if choice.transition else base.get("transition", ()))
    system = dict(name="stylegan1", latent_size=64 if small else 512,
                  conditional=glyphs if choice.conditional == "auto" else choice.conditional == "true",
                  loss="wasserstein" if wasserstein else "non_saturating",
                  penalty="gradient_penalty" if wasserstein else "r1",
                  **dict(first_level=first) | growth)
    batch = base["batches"].get(side, base["batch"])
    rounds = rounds_of(planned_stages(system, sizes, batch), choice.kimg or (0.0 if small else KIMG))
    every = 10.0 if small else 100.0
    # Fewer large glyphs: all are in memory.
    size = max(min(20_000, 20_000 * 128**2 // side**2), 512)
    styles = dict(styles=64, mapping_layers=2) if small else {}
    return experiment(
        name=f"stylegan1 {choice.base}", batch_size=batch, system=system,
        data=(dict(source="glyphs", kwargs=dict(size=size, side=side)) if glyphs else
              picture_data(choice.data, side=side) | dict(flip=not small)),
        networks={"generator": dict(network="stylegan1", kwargs=base.get("networks", {}) | styles),
                  "critic": dict(network="stylegan1", kwargs=dict(base.get("networks", {})))},
        hyper=both_players(lr=RATE, beta1=0.0, beta2=0.99) | dict(
            ema_half_life_kimg=10.0, ema_warmup=0.0, **dict(drift_weight=0.001) if wasserstein else {}),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_kimg=every, checkpoint_every_kimg=every))
