"""Training tricks of the two-player game: off unless they are named, with numbers in `hyper`."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.game import Network
from ganlab.types import Array, Hyper, Tree

HISTORY_TRICK = "historical_averaging"
"""Name of the trick that has a memory, of its memory and of its number."""

Targets = tuple[Array, Array]
"""Targets [b] of real and of fake logits; without tricks all 1 and all 0."""


def _uniform(keys: Array) -> Targets:
    """Draws two uniform numbers an example, for its real and its fake image."""
    drawn = jax.vmap(lambda key: jax.random.uniform(key, (2,), float))(keys)
    return drawn[:, 0], drawn[:, 1]


def label_smoothing(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """Lowers the target of real images alone (Salimans et al. 2016, section 3.4)."""
    del keys
    real, fake = targets
    return real - hyper["label_smoothing"], fake


def label_noise(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """Subtracts uniform noise from the targets of both kinds (Chollet 2017, section 8.5)."""
    (real, fake), (real_noise, fake_noise) = targets, _uniform(keys)
    return real - hyper["label_noise"] * real_noise, fake - hyper["label_noise"] * fake_noise


def label_flipping(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """Gives some images the target of the other kind, by chance (Chintala et al. 2016, trick 6)."""
    (real, fake), (real_draw, fake_draw) = targets, _uniform(keys)
    flip = hyper["label_flipping"]
    return jnp.where(real_draw < flip, fake, real), jnp.where(fake_draw < flip, real, fake)


def instance_noise(images: Array, keys: Array, hyper: Hyper) -> Array:
    """Adds normal noise to images that the critic sees (Soenderby et al. 2017, section 3.3)."""
    return images + hyper["instance_noise"] * jax.vmap(
        lambda key: jax.random.normal(key, images.shape[1:], images.dtype))(keys)


def fade_instance_noise(hyper: Hyper, kimg: Array) -> Array:
    """Computes the instance noise at `kimg`: a ramp on a line from its start to 0 at its end."""
    left = jnp.maximum(1.0 - kimg / hyper["instance_noise_end_kimg"], 0.0)
    return hyper["instance_noise"] * left


def top_k(losses: Array, fake_logits: Array, hyper: Hyper, axis_name: str | None) -> Array:
    """Keeps the losses [b] of the fakes of highest logits (Sinha et al. 2020, section 3).

    They are the share `top_k` of the global batch, at least one, and are scaled so that the mean
    over the batch is the mean over those kept.
    """
    batch = jax.lax.stop_gradient(fake_logits)
    if axis_name is not None:
        batch = jax.lax.all_gather(batch, axis_name, tiled=True)
    count = jnp.clip(jnp.ceil(hyper["top_k"] * len(batch)).astype(int), 1, len(batch))
    least = jnp.sort(batch)[len(batch) - count]
    # Ties at the least logit are all kept, so the scale counts what is kept.
    scale = len(batch) / jnp.sum(batch >= least)
    return jnp.where(fake_logits >= least, losses * scale, 0.0)


def match_features(real_features: Array, fake_features: Array, axis_name: str | None) -> Array:
    """Computes the squared distance of the mean features of real and of fake images, each [b, d].

    The means are over the global batch (Salimans et al. 2016, section 3.1). `feature_matching` is
    its share of the generator's loss: at 1 it is the whole loss, as in the paper.
    """
    difference = jnp.mean(real_features, axis=0) - jnp.mean(fake_features, axis=0)
    if axis_name is not None:
        difference = jax.lax.pmean(difference, axis_name)
    return jnp.sum(difference**2)


def empty_history(networks: Mapping[str, Network]) -> dict[str, Any]:
    """Makes the memory of `historical_averaging` before the first update, for each network."""
    shapes = {name: network.shapes[0]
              for name, network in networks.items()}
    # In JAX's default precision, as everything that rounds change.
    return {HISTORY_TRICK: {name: {
        "mean": jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, float), tree),
        "count": jnp.zeros((), jnp.int32)} for name, tree in shapes.items()}}


def follow(params: Tree, history: Mapping[str, Any]) -> tuple[Array, dict[str, Any]]:
    """Computes the squared distance of params to the mean of all earlier ones, 0 for the first.

    It keeps a player near its past params (Salimans et al. 2016, section 3.3). Returns the history
    with these params in it, too.
    """
    mean, count = history["mean"], history["count"]
    square = sum(jnp.sum((new - old) ** 2) for new, old in zip(
        jax.tree.leaves(params), jax.tree.leaves(mean), strict=True))
    after = jax.tree.map(
        lambda new, old: old + (jax.lax.stop_gradient(new) - old) / (count + 1), params, mean)
    return jnp.where(count > 0, square, 0.0), {"mean": after, "count": count + 1}


LABEL_TRICKS: dict[str, Callable[[Targets, Array, Hyper], Targets]] = {
    "label_smoothing": label_smoothing, "label_noise": label_noise,
    "label_flipping": label_flipping}
ACROSS_TRICKS = ("top_k", "feature_matching")
"""Those that look across the batch: the mean over its slices is not that over the whole."""
TRICKS: dict[str, Callable] = {**LABEL_TRICKS, "instance_noise": instance_noise, "top_k": top_k,
                               "feature_matching": match_features, HISTORY_TRICK: follow}
