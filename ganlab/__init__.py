"""ganlab: a functional GAN laboratory on JAX and Flax.

From Python:

    run = ganlab.load("runs/digits")           a trained run: its config, metrics, samples
    game, data = ganlab.build(config)          the pure parts, for loops of one's own
    run = ganlab.train(config, "runs/new")     the same run as `ganlab train`

docs/python.md has all of it. Importing ganlab does nothing; what is called imports JAX.
"""

import importlib
from typing import Any

__version__ = "0.3.0"
PUBLIC = {
    "Run": "ganlab.python.runs", "load": "ganlab.python.runs", "train": "ganlab.python.runs",
    "read_config": "ganlab.python.configs", "experiment": "ganlab.config",
    "ConfigError": "ganlab.config", "build": "ganlab.systems", "init_state": "ganlab.game",
    "play_round": "ganlab.game", "ablate": "ganlab.python.ablations",
    "trials": "ganlab.python.ablations",
}
"""Where each public name comes from when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'ganlab' has no attribute {name!r}; it has "
                             f"{', '.join(PUBLIC)}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
