"""A sampler as one portable file, by `jax.export`: it needs JAX, but not ganlab, to draw samples.

The file is a zip of two programs, `latents.jax_export` and `images.jax_export`, with README.txt,
the lines of Python that call them. The weights are constants of the second program; the format, a
FlatBuffer, ends at 2 GiB. The batch size is free. Each program is lowered for every platform of
PLATFORMS, with the convolutions that are quick there.

JAX promises to read programs for half a year. What outlives them is in the file too:
`weights.safetensors`, `config.json` and `meta.json`. `sampler_records.read_sampler` reads these as
a record, from which `write_sampler` makes a new file.
"""

import calendar
import dataclasses
import datetime
import importlib.util
import json
import shlex
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import ml_collections
import numpy as np
from jax import export, lax

import ganlab
from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.game import Game, Options, Sampler, Weights
from ganlab.machine.made_for import made_for
from ganlab.output import whole_file
from ganlab.pretrained import safetensors_parts
from ganlab.storage.run_directory import plain
from ganlab.storage.stored_arrays import array_text
from ganlab.storage.stored_weights import network_arrays
from ganlab.types import Array

PLATFORMS = ("cpu", "cuda", "tpu")
PROGRAM = "{}.jax_export"
META, CONFIG, WEIGHTS = "meta.json", "config.json", "weights.safetensors"
KINDS = ("averaged", "trained")
"""Kinds of weights."""
MONTHS = 6
"""Months for which JAX promises to read what `jax.export` wrote."""
OF_LATENTS = ("temperature", "truncation")
"""Options of the draw of latents, which programs leave out: any latents can be given."""
OF_WEIGHTS = ("standing",)
"""Options by which weights are prepared: programs have them as they were at the export."""
WORDS = {"noise": "constant"}
"""Options that are words, as programs have them: nothing is drawn beside the latents."""

README = '''A trained sampler: {name}, round {round:,}, exported by ganlab {ganlab} on {made}
under JAX {jax} (jaxlib {jaxlib}). It needs JAX and the package flatbuffers
(pip install jax flatbuffers), on {platforms}.

import zipfile, numpy as np
from jax import export

with zipfile.ZipFile({name_in_python}) as file:
    latents, images = (export.deserialize(bytearray(file.read(f"{{part}}.jax_export")))
                       for part in ("latents", "images"))
z = latents.call(np.uint32(0), np.arange(16, dtype=np.int32))  # samples 0 to 15 of seed 0: float32 {latent_shape}
samples = images.call(z{labels}{options})  # float32 {image_shape}

{meaning} Sample i depends on the seed and i alone, and is
that of `{command}`; any other latents of the shape do as well.{classes} Batches may have any size.{meanings}

The programs expire. JAX promises that versions read them which are up to six months newer
than the one above, so at the latest one that is released on {expires}; later ones may.
The weights (weights.safetensors) and the config (config.json) do not expire: with the
ganlab of the time, and without the data set, this makes a new file of them:

$ ganlab checkpoints {renew} --export_sampler=renewed.zip
'''


@dataclasses.dataclass(frozen=True)
class SamplerRecord:
    """What a sampler's programs are made of, so that they can be made again at any time.

    Attributes:
      config: of the run that trained it.
      step: rounds that it was trained for.
      kind: of the weights, one of KINDS.
      shape: of an example of the data, without the batch.
      class_names: of the data, by label.
      arrays: the params and variables of its networks by name, `generator.params.dense.kernel`.
      standing: batches of samples of which these are standing statistics; 0 for stored ones.
    """

    config: ml_collections.ConfigDict
    step: int
    kind: str
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    arrays: Mapping[str, np.ndarray]
    standing: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes that samples can be drawn of; empty for an unconditional sampler."""
        return self.class_names if self.config.system.get("conditional") else ()


def check_sampler_export() -> None:
    """Raises ConfigError if JAX cannot write the file, before anything is compiled."""
    if importlib.util.find_spec("flatbuffers") is None:
        raise ConfigError("--export_sampler: JAX writes programs by the package flatbuffers, which "
                          "is not installed; pip install flatbuffers")


def sample_keys(seed: int | Array, index: Array) -> Array:
    """Derives the keys [b] of samples from the seed and each sample's own number, `index` [b]."""
    return jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(index)


def sampler_arrays(weights: Weights) -> dict[str, np.ndarray]:
    """Returns the arrays of a sampler's weights by name, as a record has them."""
    return {f"{network}.{name}": np.asarray(array) for network, own in weights.items()
            for name, array in network_arrays(*own).items()}


def sampler_weights(game: Game, record: SamplerRecord) -> Weights:
    """Returns the arrays of a record as the weights of a game's sampler.

    Raises:
      ConfigError: if the names, types or shapes are not those of its networks.
    """
    like = {network: game.networks[network].shapes for network in game.sampler.networks}
    wanted = {f"{network}.{name}": array_text(leaf) for network, own in like.items()
              for name, leaf in network_arrays(*own).items()}
    found = {name: array_text(array) for name, array in record.arrays.items()}
    if wrong := [name for name in sorted(wanted.keys() | found.keys())
                 if wanted.get(name) != found.get(name)]:
        more = f", and {len(wrong) - 1:,} more" if wrong[1:] else ""
        raise ConfigError(f"the weights are not of the {' and '.join(like)} that the config "
                          f"describes: {wrong[0]} is {found.get(wrong[0], 'absent')} there and "
                          f"{wanted.get(wrong[0], 'absent')} here{more}")
    # Each network's tree lists its leaves in the order of their names here.
    return {network: jax.tree.unflatten(jax.tree.structure(own), [
        record.arrays[f"{network}.{name}"] for name in network_arrays(*own)])
        for network, own in like.items()}


def export_sampler(sampler: Sampler, weights: Weights,
                   conditional: bool) -> dict[str, export.Exported]:
    """Exports a sampler as two programs, `latents` and `images`, with its weights.

    They are `latents(seed, index [b]) -> [b, z]` and `images(latents [b, z], labels [b],
    **numbers) -> [b, ...]`. `seed` is uint32, `index` and `labels` are int32; an unconditional
    sampler's `images` takes no labels. `numbers` are those of `number_options`, all of them, in
    float32 or int32. Options of the latents do nothing, and nothing is drawn beside the latents.
    """
    # Weights as constants, and a batch size that is free.
    options = sampler.with_options(WORDS)
    weights = sampler.prepare(weights, jax.random.key(0), options) if sampler.prepare else weights
    # NumPy's arrays become constants of the program; JAX's would bind it to their devices.
    weights = jax.tree.map(np.asarray, dict(weights))
    number, = export.symbolic_shape("b")
    seed, index = jax.ShapeDtypeStruct((), jnp.uint32), jax.ShapeDtypeStruct((number,), jnp.int32)

    def latents(seed: Array, index: Array) -> Array:
        return sampler.latents(sample_keys(seed, index), options)

    def images_on(platform: str) -> Callable[[Weights, Array, Array, Options], Array]:
        def images_there(weights: Weights, latents: Array, labels: Array,
                         numbers: Options) -> Array:
            with made_for(platform):
                return sampler.images(weights, latents, labels, None, {**options, **numbers})

        return images_there

    def images(latents: Array, labels: Array | None = None, **numbers: Array) -> Array:
        # An unconditional sampler has labels in its signature alone: it gets zeros.
        labels = jnp.zeros(latents.shape[:1], jnp.int32) if labels is None else labels
        # One program has both kinds of convolutions, and the weights once; platforms other than the
        # CPU do not differ here.
        return lax.platform_dependent(weights, latents, labels, numbers,
                                      cpu=images_on("cpu"), default=images_on("cuda"))

    # The second program takes what the first one gives.
    drawn = export.export(jax.jit(latents), platforms=PLATFORMS)(seed, index)
    inputs = [jax.ShapeDtypeStruct(
        (number, *drawn.out_avals[0].shape[1:]), drawn.out_avals[0].dtype)]
    return {"latents": drawn,
            "images": export.export(jax.jit(images), platforms=PLATFORMS)(
                *inputs, *([index] if conditional else []), **number_options(sampler))}


def number_options(sampler: Sampler) -> dict[str, np.ndarray]:
    """Returns the options that a sampler's `images` program takes, with values that do nothing."""
    return {name: np.asarray(neutral, jnp.int32 if isinstance(neutral, int) else jnp.float32)
            for name, neutral in sampler.options.items()
            if name not in OF_LATENTS + OF_WEIGHTS and type(neutral) in (int, float)}


def write_sampler(path: Path, sampler: Sampler, weights: Weights, record: SamplerRecord,
                  made: datetime.date) -> None:
    """Writes a sampler as a file; a crash or a full disk leaves the old file or the new one.

    The same record gives the same bytes again, on the same day and by the same versions.

    Args:
      path: the file.
      sampler: of the game of the record's config.
      weights: of its networks, which are the record's arrays.
      record: what the sampler is made of.
      made: the day.
    """
    # The programs, and what README.txt and meta.json say about them.
    programs = export_sampler(sampler, weights, conditional=bool(record.labels))
    shapes = {name: [16, *program.out_avals[0].shape[1:]] for name, program in programs.items()}
    meta = {"name": record.config.name, "round": record.step, "ganlab": ganlab.__version__,
            "weights": record.kind, "made": str(made),
            "expires": str(after_months(made, MONTHS)), "jax": jax.__version__,
            "jaxlib": jaxlib.__version__, "platforms": PLATFORMS, "classes": record.labels,
            "latents": shapes["latents"][1:], "images": shapes["images"][1:],
            "options": {**{name: value.item() for name, value in number_options(sampler).items()},
                        **{name: word for name, word in WORDS.items() if name in sampler.options}},
            "data": {"shape": record.shape, "class_names": record.class_names}}
    if record.standing:
        meta["standing"] = record.standing
    texts = {"experiment": record.config.name, "round": str(record.step),
             "ganlab": ganlab.__version__,
             "weights": json.dumps(dict.fromkeys(sampler.networks, record.kind))}
    # All files, those to make the programs again included.
    parts = {
        "README.txt": _readme(path.name, meta, shapes), META: json.dumps(meta, indent=1) + "\n",
        CONFIG: json.dumps(plain(record.config), indent=2) + "\n",
        WEIGHTS: b"".join(safetensors_parts(f"{path}: {WEIGHTS}", record.arrays, texts)),
        **{PROGRAM.format(name): bytes(program.serialize()) for name, program in programs.items()}}
    # The whole file, or nothing.
    with whole_file(path, lasting=True) as whole, zipfile.ZipFile(whole, "w") as file:
        for name, content in parts.items():
            # The time of writing would make another file of the same sampler.
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def after_months(day: datetime.date, months: int) -> datetime.date:
    """Returns the same day `months` months later, or the last of that month if it has fewer
    days."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return day.replace(year=year, month=month,
                       day=min(day.day, calendar.monthrange(year, month)[1]))


def _readme(file: str, meta: Mapping[str, Any], shapes: Mapping[str, list[int]]) -> str:
    number, pictures = len(meta["classes"]), len(shapes["images"]) == 4
    # Numbers are arguments, with the values that do nothing and what they mean; words are fixed.
    words = [f"--{name}={value}" for name, value in meta["options"].items() if name in WORDS]
    words += [f"--{name}={meta[name]}" for name in OF_WEIGHTS if name in meta]
    numbers = {name: value for name, value in meta["options"].items() if name not in WORDS}
    options = [f", {name}=np.{'int32' if isinstance(value, int) else 'float32'}({value})"
               for name, value in numbers.items()]
    meanings = [f"\n{name}: {SAMPLING_OPTIONS[name].meaning}." for name in numbers
                if name in SAMPLING_OPTIONS]
    return README.format(**meta | {
        "name_in_python": json.dumps(file, ensure_ascii=False),
        "renew": shlex.join([f"--renew={file}"]), "platforms": ", ".join(PLATFORMS),
        "latent_shape": shapes["latents"], "image_shape": shapes["images"],
        "labels": f", np.arange(16, dtype=np.int32) % {number}" if number else "",
        "options": "".join(options), "meanings": "".join(meanings),
        "command": shlex.join(["ganlab", "sample", "--seed=0", *words]),
        "meaning": "Images have values from -1 to 1." if pictures else "Samples are points.",
        "classes": (f"\nLabels are 0 to {number - 1}; meta.json names the classes." if number
                    else "")})
