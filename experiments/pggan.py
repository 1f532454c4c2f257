"""Networks that grow while they train: PGGAN (Karras et al. 2018), with the settings of its official code by their names.

    ganlab train --config=experiments/pggan.py --workdir=runs/letters
    ganlab train --config=experiments/pggan.py:data=./emoji32 --workdir=runs/emoji
    ganlab train --config=experiments/pggan.py:base=v2_1gpu,data=faces,resolution=128 --workdir=runs/faces
    ganlab train --config=experiments/pggan.py:base=v2_8gpus,data=faces,resolution=1024 --workdir=runs/faces

The first two are made for two cores: they grow from 4x4 to 32x32 pixels. The others are the official settings, whose
batches and rates follow the resolution; `data=faces` stands for any name of TFDS, and `data=./emoji32` for a folder of
`ganlab data import`. `ganlab describe` shows the stages.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data, rounds_of, planned_stages, square_sizes, unknown

RATE = 1e-3
# As the official code has them, by the number of GPUs that they are for: images of a batch and learning rates by the
# level's side, with the batch of larger ones, where the rate is 0.001 elsewhere. Each level fades in over 600 kimg and
# trains for 600.
BASES = {
    "v2_1gpu": dict(batches={4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4}, batch=4,
                    rates={1024: 1.5e-3}),
    "v2_2gpus": dict(batches={4: 256, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}, batch=8,
                     rates={512: 1.5e-3, 1024: 2e-3}),
    "v2_4gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16}, batch=16,
                     rates={256: 1.5e-3, 512: 2e-3, 1024: 3e-3}),
    "v2_8gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32}, batch=32,
                     rates={128: 1.5e-3, 256: 2e-3, 512: 3e-3, 1024: 3e-3}),
}
KIMG = 12_000
# For two cores; chosen here.
SMALL = dict(batches={4: 64, 8: 32, 16: 16}, batch=16, rates={}, training=(30.0, 40.0, 50.0, 90.0),
             transition=(20.0, 30.0, 40.0), networks=dict(channel_base=1024, channel_max=64))


def get_config(argument=None):
    """Choices: base (small, v2_1gpu, v2_2gpus, v2_4gpus or v2_8gpus), data (glyphs, a name of TFDS, or a folder of
    `ganlab data import`, written with a /), resolution (4 times a power of two), conditional (auto: with labels for
    glyphs; true or false), growing (false for the last level alone), training and transition (kimg of each level, 0
    for those of the base), kimg (in all, 0 for that of the base)."""
    choice = parse_choices(argument, base="small", data="", resolution=0, conditional="auto", growing=True,
                           training=0.0, transition=0.0, kimg=0.0)
    if choice.base not in (*BASES, "small"):
        raise unknown("choice base", choice.base, (*BASES, "small"))
    if choice.conditional not in ("auto", "true", "false"):
        raise unknown("choice conditional", choice.conditional, ("auto", "true", "false"))
    small = choice.base == "small"
    base, side = SMALL if small else BASES[choice.base], choice.resolution or (32 if small else 1024)
    glyphs = choice.data in ("", "glyphs") and small
    sizes = square_sizes(side)
    system = dict(name="pggan", latent_size=64 if small else 512, conditional=(
        glyphs if choice.conditional == "auto" else choice.conditional == "true"), **_growth(base, sizes, choice))
    batch = base["batches"].get(side, base["batch"])
    stages = planned_stages(system, sizes, batch)
    rounds = rounds_of(stages, choice.kimg or (0.0 if small else KIMG))
    return experiment(
        name=f"pggan {choice.base}", batch_size=batch, system=system,
        data=(dict(source="glyphs", kwargs=dict(size=20_000, side=side)) if glyphs else
              picture_data(choice.data or "celeb_a_hq/1024", side=side) | dict(flip=True)),
        networks={player: dict(network="pggan", kwargs=dict(base.get("networks", {})))
                  for player in ("generator", "critic")},
        hyper=both_players(lr=RATE, beta1=0.0, beta2=0.99, eps=1e-8) | dict(ema_half_life_kimg=10.0, ema_warmup=0.0),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_kimg=10.0 if small else 100.0,
                   checkpoint_every_kimg=10.0 if small else 100.0))


def _growth(base, sizes, choice):
    """The keys of the schedule, by level."""
    sides = [max(size) for size in sizes]
    training, transition = base.get("training", (600.0,)), base.get("transition", (600.0,))
    if choice.training:
        training = (choice.training,)
    if choice.transition:
        transition = (choice.transition,)
    if not choice.growing:
        return dict(first_level=len(sizes) - 1, training_kimg=training[-1:])
    return dict(training_kimg=training, transition_kimg=transition,
                batch_sizes=tuple(base["batches"].get(side, base["batch"]) for side in sides),
                rate_factors=tuple(base["rates"].get(side, RATE) / RATE for side in sides))
