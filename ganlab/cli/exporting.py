"""The files that `ganlab checkpoints` makes of a checkpoint: weights in safetensors, the sampler
as a program."""

import datetime
import json
from pathlib import Path

import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import flags
from flax.errors import FlaxError

import ganlab
from ganlab.cli.runs import open_run
from ganlab.config import ConfigError, unknown
from ganlab.data import Dataset
from ganlab.game import Sampler, Weights, stage_before
from ganlab.output import counted
from ganlab.pretrained import check_finite, shown, write_safetensors
from ganlab.storage import (
    SamplerRecord,
    outside_names,
    plain,
    read_sampler,
    run_weights,
    sampler_arrays,
    sampler_weights,
    write_sampler,
)
from ganlab.systems import build_game

DTYPES = ("float32", "bfloat16", "float16")
"""Formats of floats that weights are exported in."""
BUILDING = (ConfigError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
            FlaxError)
"""What building a game of a config may raise that nobody trained with."""


def export_weights(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    """Writes weights of `--network` to the file `--export`; prints what is in it."""
    weights = run_weights(values.workdir, values.step)
    names = values.network.split("+") if values.network else list(weights.averaged)
    # Names are checked before any weights are read.
    if not names:
        raise ConfigError(f"{values.workdir} keeps no averages; name what to export by --network: "
                          f"{', '.join(weights.trained)}")
    for name in names:
        if name not in weights.trained:
            raise unknown("--network", name, weights.trained)
        if values.ema and name not in weights.averaged:
            raise ConfigError(f"--ema: no average of {name} is kept, only of "
                              f"{', '.join(weights.averaged) or 'none'}; leave --ema out")
    # Averages where there are any, unless --noema asks for the others.
    kinds = {name: "averaged" if name in weights.averaged and values.ema is not False else "trained"
             for name in names}
    weights = weights.read()
    tensors = {f"{name}.{path}": array for name, kind in kinds.items()
               for path, array in getattr(weights, kind)[name].items()}
    if values.dtype:
        tensors = {name: _cast(name, array, jnp.dtype(values.dtype))
                   for name, array in tensors.items()}
    # The file says where it comes from, and which config its arrays belong to.
    texts = {"experiment": config.name, "round": str(weights.step), "ganlab": ganlab.__version__,
             "weights": json.dumps(kinds), "config": json.dumps(plain(config))}
    output = Path(values.export)
    write_safetensors(output, tensors, texts)
    described = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    form = f", in {values.dtype}" if values.dtype else ""
    print(f"{counted(len(tensors), 'array')} of {described}, round "
          f"{weights.step:,}{form}, in {output}")


def _cast(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns floats in another format, rounded to the nearest; whole numbers stay as they are.

    Raises:
      WeightsError: where a number is not finite in that format.
    """
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return array
    with np.errstate(over="ignore"):  # Answered below.
        made = array.astype(dtype)
    check_finite(name, made, f"--dtype={dtype.name}: the checkpoint")
    return made


def export_program(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    """Writes the sampler to the file `--export_sampler`; prints where."""
    trained = open_run(values.workdir, values.step, values.ema is not False)
    sampler = trained.game.sampler
    # Statistics are computed here, so that a renewed file has the same.
    options = trained.options({"standing": values.standing} if values.standing else {}, "--")
    weights = trained.prepared(options)
    record = SamplerRecord(config, trained.step, "trained" if values.ema is False else "averaged",
                           trained.dataset.image_shape, trained.dataset.class_names,
                           sampler_arrays(weights), values.standing)
    _write_program(values, sampler, weights, record)


def renew_program(values: flags.FlagValues) -> None:
    """Writes the sampler of the file `--renew`, as this ganlab and this JAX make it, to
    the file `--export_sampler`.

    Raises:
      ConfigError: where `--renew` is not a file of a sampler that this ganlab has.
    """
    record = read_sampler(Path(values.renew))
    # The file may be anyone's, and its config could name any function of Python's to be called.
    if (outside := outside_names(record.config)) and not values.trust:
        key, text = next(iter(outside.items()))
        raise ConfigError(f"{values.renew} names code outside ganlab, {key}={shown(text)}, "
                          "which would be imported and run; if you know the file and that "
                          "code, add --trust")
    # The data set is not read: a game takes its shape and its classes alone.
    like = Dataset(record.config.name, np.broadcast_to(np.uint8(0), (1, *record.shape)),
                   np.zeros(1, np.int32), record.class_names)
    try:
        game = build_game(record.config, like)
        if game.sampler is None:
            raise ConfigError(f"system {record.config.system.name} draws no samples")
        weights = sampler_weights(game, record)
    except BUILDING as error:
        kind = "" if isinstance(error, ConfigError) else f"{type(error).__name__}: "
        raise ConfigError(f"{values.renew} cannot be renewed by ganlab "
                          f"{ganlab.__version__}: {kind}{error}") from error
    # An early stage draws by a part of all weights.
    _write_program(values, stage_before(game, record.step).game.sampler, weights, record)


def _write_program(values: flags.FlagValues, sampler: Sampler, weights: Weights,
                   record: SamplerRecord) -> None:
    output = Path(values.export_sampler)
    write_sampler(output, sampler, weights, record, today())
    print(f"sampler of round {record.step:,} in {output}; its README.txt has the lines that use it")


def today() -> datetime.date:
    """Returns the day, which is the same everywhere."""
    return datetime.datetime.now(datetime.UTC).date()
