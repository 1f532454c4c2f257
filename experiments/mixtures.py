"""Points from 25 Gaussians on a grid or 8 on a circle, where lost modes can be counted.

    ganlab train --config=experiments/mixtures.py --workdir=runs/grid25
    ganlab train --config=experiments/mixtures.py:data=ring8 --workdir=runs/ring8
    ganlab train --config=experiments/mixtures.py:method=pacgan2 --workdir=runs/grid25_pacgan2
    ganlab train --config=experiments/mixtures.py:method=wgan --workdir=runs/grid25_wgan

Measured over seeds 100 to 109, 2,500 samples each: ring8 8.0 ± 0.0 of 8 modes, and 97.4 ± 0.3% of samples within three
deviations of one by r3gan, 98.6 ± 0.1% by pacgan2; grid25 by r3gan at `length=2,width=128` 25.0 ± 0.0 of 25 and
97.0 ± 0.4% (docs/mode_coverage.md, which has other methods and settings too;
experiments/ablations/mode_coverage.py trains them all).
"""

from ganlab.config import experiment, method, parse_choices

BATCH = 256
UPDATES = 20_000
"""Updates of the critic at length 1, so that every method sees the same number of real images."""
LEARNING_RATES = {"gan": 1e-3, "wgan": 5e-4, "wgan_gp": 1e-3, "pacgan2": 1e-3}
# Of R3GAN, whose rates differ from data set to data set in the paper too. Its weights are small: modes are narrow.
R3GAN = {"grid25": dict(generator_lr=4e-3, critic_lr=2e-3, r1_weight=0.1, r2_weight=0.1),
         "ring8": dict(generator_lr=2e-3, critic_lr=2e-3, r1_weight=0.01, r2_weight=0.01)}
# As in the settings of R3GAN that kept every mode in ten seeds; the effect of the depth alone was not measured.
GENERATOR_DEPTH = {"grid25": 4, "ring8": 6}


def get_config(argument=None):
    """Choices: data (grid25 or ring8), method (gan, wgan, wgan_gp, pacgan2 or r3gan), length (of training, in units
    of 5,120 kimg), width (of the generator's layers).

    The methods differ in their loss, penalty, packing, optimizer and numbers alone: the networks, the
    latents, the schedule, the average of the generator and the real images shown are the same.
    """
    choice = parse_choices(argument, data="grid25", method="r3gan", length=1, width=64)
    chosen = method(choice.method)
    updates = UPDATES * choice.length
    rounds = updates // chosen.critic_updates
    if choice.method == "r3gan":
        hyper = chosen.numbers() | R3GAN.get(choice.data, R3GAN["ring8"])
    else:
        hyper = chosen.numbers(lr=LEARNING_RATES.get(choice.method, 1e-3))
    player = dict(network="mlp", optimizer=chosen.optimizer)
    generator = dict(width=choice.width, depth=GENERATOR_DEPTH.get(choice.data, 6))
    return experiment(
        name=f"{choice.data} {choice.method}",
        data=dict(source=choice.data),
        system=dict(name="gan", latent_size=2, latent_distribution="uniform", **chosen.system),
        networks={"generator": dict(player, kwargs=dict(generator, output_activation="identity")),
                  "critic": dict(player, kwargs=dict(width=64, depth=4, activation="relu"), **chosen.critic)},
        learning_rate_schedule="cosine",
        hyper=dict(hyper, decay_end_kimg=updates * BATCH / 1000),
        batch_size=BATCH,
        train=dict(total_rounds=rounds, rounds_per_call=50, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=rounds),
        sample=dict(number=2500),
    )
