"""Networks that grow while they train: PGGAN (Karras et al. 2018), with the settings of its official code by their names.

    ganlab train --config=experiments/pggan.py --workdir=runs/letters
    ganlab train --config=experiments/pggan.py:base=v2_1gpu,data=faces,resolution=128 --workdir=runs/faces
    ganlab train --config=experiments/pggan.py:base=v2_8gpus,data=faces --workdir=runs/faces

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

# As the official code has them, by the number of GPUs that they are for: images of a batch and learning rates by a
# level's side, with the batch of all other sides; their rate is `RATE`. Each level fades in for 600 kimg and then
# trains for 600. The first one is that of the paper: neighbours of the minibatch deviation are the whole batch.
BASES = {
    "v1_1gpu": dict(batches={256: 14, 512: 6, 1024: 3}, batch=16, rates={}, training=(800.0,), transition=(800.0,),
                    critic=dict(group=16), kimg=19_000),
    "v2_1gpu": dict(batches={4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4}, batch=4,
                    rates={1024: 1.5e-3}),
    "v2_2gpus": dict(batches={4: 256, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}, batch=8,
                     rates={512: 1.5e-3, 1024: 2e-3}),
    "v2_4gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16}, batch=16,
                     rates={256: 1.5e-3, 512: 2e-3, 1024: 3e-3}),
    "v2_8gpus": dict(batches={4: 512, 8: 256, 16: 128, 32: 64, 64: 32}, batch=32,
                     rates={128: 1.5e-3, 256: 2e-3, 512: 3e-3, 1024: 3e-3}),
}
RATE, KIMG = 1e-3, 12_000
# For two cores; chosen here.
SMALL = dict(batches={4: 64, 8: 32}, batch=16, rates={}, training=(30.0, 40.0, 50.0, 50.0),
             transition=(20.0, 25.0, 25.0), networks=dict(channel_base=1024, channel_max=64))


def get_config(argument=None):
    """Choices: base (small, v1_1gpu, v2_1gpu, v2_2gpus, v2_4gpus or v2_8gpus), data (glyphs, a name of TFDS, or a
    folder of `ganlab data import`, written with a /), resolution (4 times a power of two; 0 for that of the base),
    conditional (auto: with labels for glyphs; true or false), growing (false trains the last level alone), training and
    transition (kimg of each level; 0 for those of the base), kimg (of the whole training; 0 for that of the base)."""
    choice = parse_choices(argument, base="small", data="", resolution=0, conditional="auto", growing=True,
                           training=0.0, transition=0.0, kimg=0.0)
    if choice.base not in (*BASES, "small"):
        raise unknown("choice base", choice.base, (*BASES, "small"))
    if choice.conditional not in ("auto", "true", "false"):
        raise unknown("choice conditional", choice.conditional, ("auto", "true", "false"))
    small = choice.base == "small"
    base, side = (SMALL, choice.resolution or 32) if small else (BASES[choice.base], choice.resolution or 1024)
    glyphs = choice.data in ("", "glyphs")
    # The stages, and the rounds of all of them.
    sizes = square_sizes(side)
    system = dict(name="pggan", latent_size=64 if small else 512,
                  conditional=glyphs if choice.conditional == "auto" else choice.conditional == "true",
                  **growth_keys(sizes, base["batches"], base["batch"], base["rates"], RATE, choice.growing,
                                training_kimg=(choice.training,) if choice.training else base.get("training", ()),
                                transition_kimg=(choice.transition,) if choice.transition
                                else base.get("transition", ())))
    batch = base["batches"].get(side, base["batch"])
    rounds = rounds_of(planned_stages(system, sizes, batch), choice.kimg or (0.0 if small else base.get("kimg", KIMG)))
    every = 10.0 if small else 100.0
    # Fewer large glyphs: all are in memory.
    size = max(min(20_000, 20_000 * 128**2 // side**2), 512)
    return experiment(
        name=f"pggan {choice.base}", batch_size=batch, system=system,
        data=(dict(source="glyphs", kwargs=dict(size=size, side=side)) if glyphs else
              picture_data(choice.data, side=side) | dict(flip=not small)),
        networks={player: dict(network="pggan", kwargs=base.get("networks", {}) | base.get(player, {}))
                  for player in ("generator", "critic")},
        hyper=both_players(lr=RATE, beta1=0.0, beta2=0.99) | (
            dict(ema_half_life_kimg=10.0, ema_warmup=0.0) if small else dict(average_decay=0.999)),
        sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_kimg=every, checkpoint_every_kimg=every))
