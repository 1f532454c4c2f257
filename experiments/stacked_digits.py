"""Three digits stacked as colours, in which a thousand modes can be counted.

    ganlab train --config=experiments/stacked_digits.py --workdir=runs/stacked
    ganlab train --config=experiments/stacked_digits.py:method=gan --workdir=runs/stacked_gan
"""

from ganlab.config import experiment, method, parse_choices

BATCH = 128
UPDATES = 10_000
"""Updates of the critic, so that every method sees as many real images."""
NUMBERS = {"gan": dict(lr=5e-4), "wgan": dict(lr=5e-4), "wgan_gp": dict(lr=5e-4), "pacgan2": dict(lr=5e-4),
           "r3gan": dict(lr=5e-4)}


def get_config(argument=None):
    """Choices: method (gan, wgan, wgan_gp, pacgan2 or r3gan).

    As in `mixtures.py`, the methods differ in their loss, penalty, packing, optimizer and numbers alone.
    """
    choice = parse_choices(argument, method="r3gan")
    chosen = method(choice.method)
    rounds = UPDATES // chosen.critic_updates
    hyper = chosen.numbers(**NUMBERS[choice.method])
    if choice.method == "r3gan":
        hyper |= dict(r1_weight=1.0, r2_weight=1.0)
    player = dict(network="mlp", optimizer=chosen.optimizer)
    return experiment(
        name=f"stacked digits {choice.method}",
        data=dict(source="stacked_digits"),
        system=dict(name="gan", latent_size=64, **chosen.system),
        networks={"generator": dict(player, kwargs=dict(width=256)),
                  "critic": dict(player, kwargs=dict(width=256), **chosen.critic)},
        learning_rate_schedule="cosine",
        hyper=dict(hyper, decay_end_kimg=UPDATES * BATCH / 1000),
        batch_size=BATCH,
        train=dict(total_rounds=rounds, rounds_per_call=20, log_every_rounds=100, sample_every_rounds=1000,
                   checkpoint_every_rounds=rounds),
    )
