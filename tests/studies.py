"""Synthetic studies: what an ablation would have found, without training anything."""

import numpy as np

from ganlab.evaluation import DIVERGED, FAILED, FINISHED, MISSING, Cost, Study, Trial, Value, Variant

VALUES = (Value("fid", "lower", "fid[digits; 1,797 of digits; 1,797 averaged, seed 0] #1a2b3c4d"),
          Value("prdc/coverage", "higher", "prdc[digits; 1,797 of digits; 1,797 averaged, seed 0] #5e6f7a8b"),
          Value("gradient norm", "neither", "the critic's mean slope #99887766"))
RATES, UPDATES = (1e-4, 2e-4, 5e-4, 1e-3), (1, 2, 5)
ROUNDS = 400


def grid_study(seeds=5, samples="images", early=True, rates=RATES, updates=UPDATES, name_of=None):
    """Critic updates by learning rate; one trial diverges, one variant fails, two trials are missing."""
    draw = np.random.default_rng(0)
    variants, trials = [], []
    name_of = name_of or (lambda number, rate: f"critic updates {number}, learning rate {rate:g}")
    for number in updates:
        for rate in rates:
            name = name_of(number, rate)
            failed = early and (number, rate) == (updates[-1], rates[-1])
            cost = None if failed else Cost(18000.0 / number, 12.5 * number, 2 * seeds, 3 * 2**28, 104_321)
            changes = {"system.critic_updates": number, "hyper.critic_lr": rate}
            variants.append(Variant(
                name, {"critic updates": number, "learning rate": rate},
                {} if (number, rate) == (updates[-1], rates[1]) else changes, 64.0, ROUNDS, cost,
                None if failed else _samples(samples, draw, number),
                "XlaRuntimeError: out of memory" if failed else ""))
            level = 8 + 3 * abs(np.log2(rate / 2e-4)) + 4 / number + 2 * np.log2(rate / 2e-4) / number
            for seed in range(seeds):
                trials.append(_trial(name, seed, level, draw, _status(early, failed, seed, seeds, number, rate, rates)))
    base = variants[(len(updates) - 1) * len(rates) + 1].name
    return Study("Critic updates by learning rate", "At equal real images, do five critic updates pay?",
                 f"every combination of the levels, {len(variants)} variants", base,
                 {"critic updates": updates, "learning rate": rates}, variants, trials, VALUES,
                 "ganlab ablate --ablation=experiments/ablations/critic_updates.py --workdir=runs/critic_updates",
                 {"system.name": "gan", "system.critic_updates": updates[-1], "hyper.critic_lr": rates[1],
                  "networks.generator.network": "dcgan", "batch_size": 64, "data.source": "digits"},
                 {"jax": "0.10.2", "flax": "0.12.8", "python": "3.11.9", "git_commit": "0123456789abcdef" * 2,
                  "devices": "1 x cpu (cpu)"})


def one_at_a_time_study(samples="points", seeds=3):
    """Losses and a penalty weight around a base, all finished."""
    draw = np.random.default_rng(1)
    base = {"loss": "wasserstein", "penalty weight": 10.0}
    settings = [base, *({**base, "loss": loss} for loss in ("hinge", "non_saturating")),
                *({**base, "penalty weight": weight} for weight in (0.1, 1.0, 100.0))]
    variants, trials = [], []
    for place, levels in enumerate(settings):
        name = "base" if levels is base else next(f"{axis} {level}" for axis, level in levels.items()
                                                  if level != base[axis])
        changes = {} if levels is base else {"system.loss": levels["loss"]} if levels["loss"] != base["loss"] else {
            "hyper.penalty_weight": levels["penalty weight"]}
        variants.append(Variant(name, levels, changes, 64.0, ROUNDS, Cost(9000.0, 30.0, seeds, None, 17_000),
                                _samples(samples, draw, place + 1)))
        trials += [_trial(name, seed, 6 + place, draw, FINISHED) for seed in range(seeds)]
    return Study("Losses on 25 Gaussians", "Does the loss matter once the critic is smooth?",
                 "the base and every other level alone, 6 variants", "base",
                 {"loss": ("wasserstein", "hinge", "non_saturating"), "penalty weight": (0.1, 1.0, 10.0, 100.0)},
                 variants, trials, VALUES[:2], "ganlab ablate --ablation=losses.py --workdir=runs/losses",
                 {"system.loss": "wasserstein", "hyper.penalty_weight": 10.0}, {"jax": "0.10.2"})


def _status(early, failed, seed, seeds, number, rate, rates):
    if failed:
        return FAILED
    if early and rate == rates[-1] and seed == 0:
        return DIVERGED
    return MISSING if early and number == 1 and rate == rates[0] and seed >= seeds - 2 else FINISHED


def _trial(name, seed, level, draw, status):
    seed_effect = np.random.default_rng(seed).normal()
    kimg = np.linspace(8, 64, 8)
    numbers = [{"fid": float((level + seed_effect + draw.normal(0, 0.5)) * (1 + 240 / at**1.5)),
                "prdc/coverage": float(np.clip(0.95 - level / 40 - 3 / at + draw.normal(0, 0.01), 0, 1)),
                "gradient norm": float(1 + 0.05 * draw.normal())} for at in kimg]
    reached = {FINISHED: 8, DIVERGED: 3, MISSING: 2, FAILED: 0}[status]
    curve = tuple(zip(kimg[:reached].tolist(), numbers[:reached], strict=True))
    return Trial(name, seed, status, numbers[-1] if status == FINISHED else {}, curve)


def _samples(kind, draw, place):
    if kind == "images":
        ramp = np.linspace(0, 255, 8)
        images = np.stack([np.roll(np.add.outer(ramp, ramp) / 2, number, axis=1) for number in range(36)])
        return np.clip(images + draw.normal(0, 10 * place, images.shape), 0, 255).astype(np.uint8)[..., None]
    centres = np.stack(np.meshgrid(range(-2, 3), range(-2, 3)), -1).reshape(-1, 2)
    return centres[np.arange(500) % 25] * 2.0 + draw.normal(0, 0.1 * place, (500, 2))
