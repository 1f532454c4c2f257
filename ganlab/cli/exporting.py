"""The files that `ganlab checkpoints` makes of a checkpoint: weights in safetensors, the sampler as a program."""

import json
from pathlib import Path

import ml_collections
from absl import flags

import ganlab
from ganlab.cli.runs import open_run
from ganlab.config import ConfigError, unknown
from ganlab.engine import export_sampler, plain, run_weights, write_sampler
from ganlab.pretrained import write_safetensors


def export_weights(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    """Writes weights of `--network` to the file `--export`; prints what is in it."""
    weights = run_weights(values.workdir, values.step)
    names = values.network.split("+") if values.network else list(weights.averaged)
    if not names:
        raise ConfigError(f"{values.workdir} keeps no averages; name what to export by --network: "
                          f"{', '.join(weights.trained)}")
    for name in names:
        if name not in weights.trained:
            raise unknown("--network", name, weights.trained)
        if values.ema and name not in weights.averaged:
            raise ConfigError(f"--ema: no average of {name} is kept, only of {', '.join(weights.averaged) or 'none'}; "
                              "leave --ema out")
    kinds = {name: "averaged" if name in weights.averaged and values.ema is not False else "trained" for name in names}
    weights = weights.read()
    tensors = {f"{name}.{path}": array for name, kind in kinds.items()
               for path, array in getattr(weights, kind)[name].items()}
    texts = {"experiment": config.name, "round": str(weights.step), "ganlab": ganlab.__version__,
             "weights": json.dumps(kinds), "config": json.dumps(plain(config))}
    output = Path(values.export)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(output, tensors, texts)
    described = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    print(f"{len(tensors)} arrays of {described}, round {weights.step:,}, in {output}")


def export_program(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    """Writes the sampler to the file `--export_sampler`; prints where."""
    trained = open_run(values.workdir, values.step, values.ema is not False)
    conditional = bool(config.system.get("conditional"))
    programs = export_sampler(trained.game.sampler, *trained.networks[trained.game.sampler.network], conditional)
    output = Path(values.export_sampler)
    output.parent.mkdir(parents=True, exist_ok=True)
    about = {"name": config.name, "round": trained.step, "ganlab": ganlab.__version__,
             "weights": "trained" if values.ema is False else "averaged", "config": plain(config)}
    write_sampler(output, programs, about, trained.dataset.class_names if conditional else ())
    print(f"sampler of round {trained.step:,} in {output}; its README.txt has the lines that use it")
