"""Points from 25 Gaussians on a grid or 8 on a circle, where lost modes can be counted.

    ganlab train --config=experiments/mixtures.py --workdir=runs/grid25
    ganlab train --config=experiments/mixtures.py:data=ring8 --workdir=runs/ring8
    ganlab train --config=experiments/mixtures.py:method=pacgan2 --workdir=runs/grid25_pacgan2
    ganlab train --config=experiments/mixtures.py:method=wgan --workdir=runs/grid25_wgan
"""

from ganlab.config import experiment, method, parse_choices

BATCH = 64
UPDATES = 40_000
"""Updates of the critic, so that every method sees as many real images."""
LEARNING_RATES = {"gan": 1e-3, "wgan": 5e-4, "wgan_gp": 1e-3, "pacgan2": 1e-3, "r3gan": 4e-3}
# Small, because the modes are narrow, those of the ring in its measure the more.
PENALTY_WEIGHTS = {"grid25": 0.2, "ring8": 0.02}


def get_config(argument=None):
    """Choices: data (grid25 or ring8), method (gan, wgan, wgan_gp, pacgan2 or r3gan).

    The methods differ in their loss, penalty, packing, optimizer and numbers alone: the networks, the
    latents, the schedule, the average of the generator and the real images shown are the same.
    """
    choice = parse_choices(argument, data="grid25", method="r3gan")
    chosen = method(choice.method)
    rounds = UPDATES // chosen.critic_updates
    hyper = chosen.numbers(lr=LEARNING_RATES[choice.method])
    if choice.method == "r3gan":
        weight = PENALTY_WEIGHTS.get(choice.data, 1.0)
        hyper |= dict(generator_lr=8e-3, r1_weight=weight, r2_weight=weight)
    player = dict(network="mlp", optimizer=chosen.optimizer)
    return experiment(
        name=f"{choice.data} {choice.method}",
        data=dict(source=choice.data),
        system=dict(name="gan", latent_size=2, latent_distribution="uniform", **chosen.system),
        networks={"generator": dict(player, kwargs=dict(width=64, depth=4, output_activation="identity")),
                  "critic": dict(player, kwargs=dict(width=64, depth=4, activation="relu"), **chosen.critic)},
        learning_rate_schedule="cosine",
        hyper=dict(hyper, decay_end_kimg=UPDATES * BATCH / 1000),
        batch_size=BATCH,
        train=dict(total_rounds=rounds, rounds_per_call=50, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=rounds),
        sample=dict(number=2500),
    )
