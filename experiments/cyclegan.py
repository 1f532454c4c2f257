"""Two kinds of pictures translated into each other without pairs: CycleGAN (Zhu et al. 2017).

    ganlab train --config=experiments/cyclegan.py --workdir=runs/fonts
    ganlab train --config=experiments/cyclegan.py:data=textures --workdir=runs/textures
    ganlab train --config=experiments/cyclegan.py:data=cycle_gan/horse2zebra --workdir=runs/horse2zebra
    ganlab train --config=experiments/cyclegan.py:data=folders,a=trainA,b=trainB --workdir=runs/own

The first two are small and need no download; `scripts/translation_quality.py` prints how well unseen pictures come
back, and for fonts how many letters are still read as what they were. The others are the paper's settings.

Measured on 500 held-out pictures of each kind (3,000 of bricks): two_fonts after its 6,000 rounds comes back with a
mean absolute error of 0.013 and 0.018 in [-1, 1], 29 and 27 times nearer than the mean picture; 88.0% of translated
letters are read as what they were, 98.6% of real ones of that font and 78.8% of letters that were not translated. After
the 3,000 rounds of textures bricks come back from gravel with 0.074 (the mean picture: 0.130), gravel from bricks with
0.120 (0.237).
"""

from ganlab.config import ConfigError, experiment, parse_choices, unknown

GENERATORS, CRITICS = ("generator_ab", "generator_ba"), ("critic_a", "critic_b")
SMALL = {"two_fonts": 6000, "textures": 3000}  # With their rounds.
PUBLISHED = ("horse2zebra", "apple2orange", "summer2winter_yosemite", "monet2photo", "maps", "facades")
EPOCH, EPOCHS = 1334, 200  # Pictures in an epoch, those of the larger kind of horse2zebra.


def get_config(argument=None):
    """Choices: data (two_fonts, textures, a set of TFDS such as cycle_gan/horse2zebra, or folders), a and b (folders or
    zip files of both kinds), loss, penalty, identity, width."""
    choice = parse_choices(argument, data="two_fonts", a="", b="", loss="least_squares", penalty="none",
                           identity=True, width=0)
    if choice.data in SMALL:
        return _small(choice)
    if choice.data == "folders":
        if not (choice.a and choice.b):
            raise ConfigError("choice data=folders needs a= and b=, the folders of both kinds, such as "
                              "a=data/horse2zebra/trainA,b=data/horse2zebra/trainB")
        return _published(choice, dict(source="two_folders", kwargs=dict(
            path=choice.b, source_path=choice.a, resolution=286, paired=False)))
    if not choice.data.startswith("cycle_gan/"):
        raise unknown("choice data", choice.data, (*SMALL, "folders", *(f"cycle_gan/{name}" for name in PUBLISHED)))
    return _published(choice, dict(source="two_splits", kwargs=dict(name=choice.data, resolution=286)))


def _small(choice):
    rounds, batch = SMALL[choice.data], 4
    return _experiment(
        choice, dict(source=choice.data, kwargs=dict(side=64)), width=choice.width or 16, blocks=3, layers=2,
        identity=False, batch_size=batch, half=rounds * batch / 2000, number=8,
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=500, checkpoint_every_rounds=500))


def _published(choice, data):
    """The settings of the paper, section 7.2 and its appendix, as the authors' later code has them: training sees
    random crops of 256 pixels out of 286, samples and metrics their centres."""
    return _experiment(
        choice, dict(data, crop=256, flip=True), width=choice.width or 64, blocks=9, layers=3, identity=choice.identity,
        batch_size=1, half=EPOCHS * EPOCH / 2000, number=8,
        train=dict(total_rounds=EPOCHS * EPOCH, log_every_rounds=100, sample_every_rounds=EPOCH,
                   checkpoint_every_rounds=EPOCH))


def _experiment(choice, data, width, blocks, layers, identity, batch_size, half, number, train):
    players = {name: dict(network="resnet", kwargs=dict(width=width, blocks=blocks)) for name in GENERATORS}
    players |= {name: dict(network="patch", kwargs=dict(width=width, layers=layers, normalization="instance"))
                for name in CRITICS}
    numbers = dict(lr=2e-4, beta1=0.5, beta2=0.999)
    return experiment(
        name=f"cyclegan {choice.data}", data=data, batch_size=batch_size,
        system=dict(name="cyclegan", loss=choice.loss, penalty=choice.penalty, identity=identity),
        networks=players, learning_rate_schedule="linear",
        hyper={f"{player}_{name}": value for player in players for name, value in numbers.items()} | dict(
            cycle_weight=10.0, identity_weight=0.5, decay_start_kimg=half, decay_end_kimg=2 * half,
            ema_half_life_kimg=0.0),
        sample=dict(number=number), train=train)
