"""A tiny experiment on eight Gaussians, and ablations of it."""

from ganlab.ablation import Ablation, numbers

EXPERIMENT = '''
from ganlab.config import experiment, parse_choices


def get_config(argument=None):
    choice = parse_choices(argument, loss="non_saturating", critic_updates=1)
    network = dict(network="mlp", optimizer="sgd")
    return experiment(
        name="tiny", data=dict(source="ring8"),
        system=dict(name="gan", loss=choice.loss, critic_updates=choice.critic_updates, latent_size=2,
                    tricks="label_noise"),
        networks={"generator": dict(network, kwargs=dict(width=8, depth=1, output_activation="identity")),
                  "critic": dict(network, kwargs=dict(width=8, depth=1))},
        hyper=dict(generator_lr=0.01, critic_lr=0.01), batch_size=8,
        train=dict(rounds_per_call=2, log_every_rounds=2, sample_every_rounds=2, checkpoint_every_rounds=2))
'''


def write_experiment(folder):
    """The experiment as a file."""
    path = folder / "tiny_experiment.py"
    path.write_text(EXPERIMENT)
    return str(path)


def ablation(file, **changes):
    """Two losses by three learning rates from two seeds, eight rounds each."""
    usual = dict(
        title="tiny", question="Does it train?", experiment=file,
        axes={"loss": {"plain": {"loss": "non_saturating"}, "squares": {"loss": "least_squares"}},
              "rate": numbers("config.hyper.critic_lr", 0.01, 0.02, 1e38)},
        kimg=0.064, metrics="modes", seeds=2, evaluations=2, number=40)
    return Ablation(**{**usual, **changes})
