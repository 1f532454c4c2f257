"""Training tricks of the two-player game, each off unless it is named, each with its numbers in `hyper`."""

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
    """Two uniform draws an example, for its real and its fake image."""
    drawn = jax.vmap(lambda key: jax.random.uniform(key, (2,), float))(keys)
    return drawn[:, 0], drawn[:, 1]


def label_smoothing(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """The target of real images alone is below 1 (Salimans et al. 2016, section 3.4)."""
    del keys
    real, fake = targets
    return real - hyper["label_smoothing"], fake


def label_noise(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """Uniform noise is taken from the targets of real and of fake images (Chollet 2017, section 8.5)."""
    (real, fake), (real_noise, fake_noise) = targets, _uniform(keys)
    return real - hyper["label_noise"] * real_noise, fake - hyper["label_noise"] * fake_noise


def label_flipping(targets: Targets, keys: Array, hyper: Hyper) -> Targets:
    """Now and then an image gets the target of the other kind (Chintala et al. 2016, trick 6)."""
    (real, fake), (real_draw, fake_draw) = targets, _uniform(keys)
    flip = hyper["label_flipping"]
    return jnp.where(real_draw < flip, fake, real), jnp.where(fake_draw < flip, real, fake)


def instance_noise(images: Array, keys: Array, hyper: Hyper) -> Array:
    """Normal noise on every image that the critic sees, falling to none (Soenderby et al. 2017, section 3.3)."""
    return images + hyper["instance_noise"] * jax.vmap(
        lambda key: jax.random.normal(key, images.shape[1:], images.dtype))(keys)


def fade_instance_noise(hyper: Hyper, kimg: Array) -> Array:
    """Computes the instance noise at `kimg`: a ramp on a line from its start to 0 at its end."""
    left = jnp.maximum(1.0 - kimg / hyper["instance_noise_end_kimg"], 0.0)
    return hyper["instance_noise"] * left


def top_k(losses: Array, fake_logits: Array, hyper: Hyper, axis_name: str | None) -> Array:
    """The generator learns from its fakes of highest logits alone (Sinha et al. 2020, section 3).

    Keeps the losses [b] of the share `top_k` of the global batch with the highest logits,
    at least one, scaled so that the mean over the batch is the mean over those kept.
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
    """Squared distance of the mean features [b, d] of real and fake images (Salimans et al. 2016, section 3.1).

    A scalar; the means are over the global batch. As the trick of that name, its share of the
    generator's loss is `feature_matching`: at 1 it is all of it, as in the paper.
    """
    difference = jnp.mean(real_features, axis=0) - jnp.mean(fake_features, axis=0)
    if axis_name is not None:
        difference = jax.lax.pmean(difference, axis_name)
    return jnp.sum(difference**2)


def empty_history(networks: Mapping[str, Network]) -> dict[str, Any]:
    """The memory of `historical_averaging` before the first update: no params seen yet, for each network."""
    shapes = {name: jax.eval_shape(network.init, jax.random.key(0))[0] for name, network in networks.items()}
    # In the precision of JAX, as all that rounds change.
    return {HISTORY_TRICK: {name: {"mean": jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, float), tree),
                                   "count": jnp.zeros((), jnp.int32)} for name, tree in shapes.items()}}


def follow(params: Tree, history: Mapping[str, Any]) -> tuple[Array, dict[str, Any]]:
    """Historical averaging: a player stays near the mean of its past params (Salimans et al. 2016, section 3.3).

    Returns the squared distance of the params to the mean of all those before them (0 when there
    are none), and the history with these params in it.
    """
    mean, count = history["mean"], history["count"]
    square = sum(jnp.sum((new - old) ** 2) for new, old in zip(
        jax.tree.leaves(params), jax.tree.leaves(mean), strict=True))
    after = jax.tree.map(lambda new, old: old + (jax.lax.stop_gradient(new) - old) / (count + 1), params, mean)
    return jnp.where(count > 0, square, 0.0), {"mean": after, "count": count + 1}


LABEL_TRICKS: dict[str, Callable[[Targets, Array, Hyper], Targets]] = {
    "label_smoothing": label_smoothing, "label_noise": label_noise, "label_flipping": label_flipping}
ACROSS_TRICKS = ("top_k", "feature_matching")
"""Those that look across the batch: no mean over slices of it is that over the whole."""
TRICKS: dict[str, Callable] = {**LABEL_TRICKS, "instance_noise": instance_noise, "top_k": top_k,
                               "feature_matching": match_features, HISTORY_TRICK: follow}
