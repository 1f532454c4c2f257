"""An ablation of a toy that trains in two stages."""

from ganlab.ablation import Ablation, numbers

EXPERIMENT = '''
from ganlab.config import experiment, parse_choices


def get_config(argument=None):
    choice = parse_choices(argument, calls=2, numbers="none")
    return experiment(
        name="growing", data=dict(source="digits"),
        system=dict(name="growing:growing", rounds=4, numbers=choice.numbers),
        networks={player: dict(optimizer="adam") for player in ("generator", "critic")}, batch_size=4,
        learning_rate_schedule="linear", hyper=dict(decay_start_kimg=0.008, decay_end_kimg=0.08),
        train=dict(rounds_per_call=choice.calls, log_every_rounds=choice.calls, sample_every_rounds=choice.calls,
                   checkpoint_every_rounds=choice.calls))
'''


def write_growing(folder):
    """The experiment as a file."""
    path = folder / "growing_experiment.py"
    path.write_text(EXPERIMENT)
    return str(path)


def growing_ablation(file, **changes):
    """Two rates from two seeds: four rounds of four images, then six of eight."""
    usual = dict(
        title="growing", question="Does it grow?", experiment=file,
        axes={"rate": numbers("config.hyper.critic_lr", 0.001, 0.01)}, kimg=0.064, metrics="fid", features="pixels",
        seeds=2, evaluations=4, number=40)
    return Ablation(**{**usual, **changes})
