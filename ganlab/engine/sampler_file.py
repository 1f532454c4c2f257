"""A sampler as one portable file, by `jax.export`: it samples where JAX is installed and ganlab is not.

The file is a zip of two programs, `latents.jax_export` and `images.jax_export`, with README.txt, the
lines of Python that call them, and meta.json. The weights are constants of the second program; the
format, a FlatBuffer, ends at 2 GiB. The batch size is free, and each program is lowered for every
platform of PLATFORMS.
"""

import importlib.util
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ganlab.config import ConfigError
from ganlab.game import Sampler
from ganlab.types import Array, Tree

PLATFORMS = ("cpu", "cuda", "tpu")
PROGRAM = "{}.jax_export"

README = '''A trained sampler: {name}, round {round:,}, exported by ganlab {ganlab} under JAX {jax}.
It needs JAX and the package flatbuffers (pip install jax flatbuffers), on {platforms}. That version of JAX
reads it, and those of half a year from then; later ones may.

import zipfile, numpy as np
from jax import export

with zipfile.ZipFile("{file}") as file:
    latents, images = (export.deserialize(bytearray(file.read(f"{{part}}.jax_export")))
                       for part in ("latents", "images"))
z = latents.call(np.uint32(0), np.arange(16, dtype=np.int32))  # samples 0 to 15 of seed 0: float32 {latent_shape}
samples = images.call(z{labels})  # float32 {image_shape}

{meaning} Sample i depends on the seed and i alone, and is
that of `ganlab sample --seed=0`; any other latents of the shape do as well.{classes} Batches may have any size.
'''


def check_sampler_export() -> None:
    """Raises ConfigError where JAX cannot write the file, before anything is compiled."""
    if importlib.util.find_spec("flatbuffers") is None:
        raise ConfigError("--export_sampler: JAX writes programs by the package flatbuffers, which is not installed; "
                          "pip install flatbuffers")


def sample_keys(seed: int | Array, index: Array) -> Array:
    """The keys [b] of samples by their numbers [b]: each depends on the seed and its own number alone."""
    return jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(index)


def export_sampler(sampler: Sampler, params: Tree, variables: Tree, conditional: bool) -> dict[str, export.Exported]:
    """The programs `latents(seed, index [b]) -> [b, z]` and `images(latents [b, z], labels [b]) -> [b, ...]`.

    `seed` is uint32, `index` and `labels` are int32; an unconditional sampler's `images` takes no labels.
    """
    # NumPy's arrays become constants of the program; JAX's would bind it to their devices.
    params, variables = jax.tree.map(np.asarray, (params, variables))
    number, = export.symbolic_shape("b")
    seed, index = jax.ShapeDtypeStruct((), jnp.uint32), jax.ShapeDtypeStruct((number,), jnp.int32)

    def latents(seed: Array, index: Array) -> Array:
        return sampler.latents(sample_keys(seed, index))

    def images(latents: Array, labels: Array | None = None) -> Array:
        # What needs labels by its signature alone sees zeros.
        return sampler.images(params, variables, latents,
                              jnp.zeros(latents.shape[:1], jnp.int32) if labels is None else labels)

    drawn = export.export(jax.jit(latents), platforms=PLATFORMS)(seed, index)
    inputs = [jax.ShapeDtypeStruct((number, *drawn.out_avals[0].shape[1:]), drawn.out_avals[0].dtype)]
    return {"latents": drawn,
            "images": export.export(jax.jit(images), platforms=PLATFORMS)(*inputs, *([index] if conditional else []))}


def write_sampler(path: Path, programs: Mapping[str, export.Exported], about: Mapping[str, Any],
                  classes: tuple[str, ...]) -> None:
    """Writes programs of `export_sampler` as a file; a crash leaves the old file or the new one.

    Args:
      path: the file.
      programs: by name.
      about: for meta.json; of it, `name`, `round` and `ganlab` are also told by README.txt.
      classes: names of the classes by label; empty for an unconditional sampler.
    """
    shapes = {name: [16, *program.out_avals[0].shape[1:]] for name, program in programs.items()}
    pictures = len(shapes["images"]) == 4
    meta = {**about, "jax": jax.__version__, "platforms": PLATFORMS, "classes": classes,
            "latents": shapes["latents"][1:], "images": shapes["images"][1:]}
    text = README.format(
        file=path.name, platforms=", ".join(PLATFORMS), latent_shape=shapes["latents"], image_shape=shapes["images"],
        labels=f", np.arange(16, dtype=np.int32) % {len(classes)}" if classes else "",
        meaning="Images have values from -1 to 1." if pictures else "Samples are points.",
        classes=f"\nLabels are 0 to {len(classes) - 1}; meta.json names the classes." if classes else "",
        **{key: meta[key] for key in ("name", "round", "ganlab", "jax")})
    parts = {"README.txt": text, "meta.json": json.dumps(meta, indent=1) + "\n"} | {
        PROGRAM.format(name): bytes(program.serialize()) for name, program in programs.items()}
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w") as file:
        for name, content in parts.items():
            # A time of its own would make the same sampler another file.
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    os.replace(partial, path)
