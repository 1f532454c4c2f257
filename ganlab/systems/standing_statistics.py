"""Standing statistics: those of batch normalization over samples of the weights at hand (Brock et
al. 2019, appendix A).

Running statistics follow weights that change, and averaged weights have only averages of other
weights' statistics. So a sampler may compute them again: batches of samples pass as in training,
and the statistics are means of theirs over all batches.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.game import Network, Options, Weights, example_keys, named_keys
from ganlab.types import Array, Tree

STANDING = "standing"
"""The option of a sampler: batches, 0 for the stored statistics."""
STATISTICS = "batch_stats"
"""The collection of means and variances."""
MOST_IMAGES = 256
"""In a batch."""
LARGE = 2.0**20
"""A statistic beside which those of a batch are small, but not lost."""


def has_batch_statistics(network: Network) -> bool:
    """Returns whether a network normalizes over the batch, and by running statistics elsewhere."""
    return (network.group == 0 and bool(network.tracks_batch)
            and STATISTICS in network.shapes[1])


def with_standing_statistics(network: Network, params: Tree, variables: Tree, latents: Array,
                             labels: Array | None, keys: Array | None = None,
                             axis_name: str | None = None) -> Tree:
    """Computes a generator's variables with standing statistics.

    Each batch passes in training mode, in the precision of the params. Statistics are means of the
    batches' own ones, and variances as the network counts them, biased or not; what else moves in
    a pass, such as singular vectors, has moved with each batch.

    Args:
      network: the generator, called with latents and, if there are any, labels.
      params: of the generator.
      variables: of the generator, with a collection `STATISTICS`.
      latents: [batches, b, z].
      labels: [batches, b], or None.
      keys: [batches, b] of what a pass draws, or None.
      axis_name: the axis over which its statistics are means under `pmap`; here it has one place.
    """
    network = dataclasses.replace(network, precision="float32", rematerialize=False)
    others = {name: tree for name, tree in variables.items() if name != STATISTICS}

    def passed(others: Tree, start: Array, latents: Array, *rest: Array | None) -> Tree:
        """Computes all variables after a pass whose statistics begin at a number."""
        statistics = jax.tree.map(lambda leaf: jnp.full_like(leaf, start), variables[STATISTICS])
        labels, keys = rest
        inputs = (latents,) if labels is None else (latents, labels)
        return network.train(params, {**others, STATISTICS: statistics}, *inputs, keys=keys)[1]

    def alone(*arguments: Array) -> Tree:
        """Computes a pass on an axis of one place."""
        if axis_name is None:
            return passed(*arguments)
        mapped = jax.vmap(lambda _: passed(*arguments), axis_name=axis_name)(jnp.zeros(1))
        return jax.tree.map(lambda leaf: leaf[0], mapped)

    def one_batch(others: Tree, given: tuple) -> tuple[Tree, Tree]:
        start, batch = given
        after = alone(others, start, *batch)
        return ({name: jax.tree.map(lambda old, new: jnp.where(start > 0, old, new), tree,
                                    after[name]) for name, tree in others.items()},
                after[STATISTICS])

    # A layer keeps a share m of a statistic and adds 1 - m of the batch's, b: from zero, that is
    # (1 - m) b. The first batch passes from a large number before, which shows m.
    places = np.maximum(np.arange(-1, len(latents)), 0)
    starts = np.zeros(len(places), np.float32)
    starts[0] = LARGE
    moved, found = jax.lax.scan(one_batch, others, (
        starts, jax.tree.map(lambda leaf: leaf[places], (latents, labels, keys))))
    return {**moved, STATISTICS: jax.tree.map(
        lambda leaf: jnp.mean(leaf[1:], axis=0) / (1 - (leaf[0] - leaf[1]) / LARGE), found)}


def standing_statistics(name: str, network: Network, draw: Callable[[Array, Options], Array],
                        classes: int, images: int, axis_name: str | None = None
                        ) -> Callable[[Weights, Array, Options], Weights]:
    """Returns a sampler's `prepare`, which computes standing statistics where they are asked for.

    Args:
      name: the generator's.
      network: the generator.
      draw: `(keys[b], options) -> latents[b, z]`, as for samples: at their truncation.
      classes: of which labels are drawn, all with one probability; 0 for none.
      images: in a batch; at most `MOST_IMAGES` are taken.
      axis_name: the axis that `pmap` maps, or None.
    """
    images = min(images, MOST_IMAGES)

    def prepare(weights: Weights, key: Array, options: Options) -> Weights:
        batches = int(options.get(STANDING, 0))
        if not batches:
            return weights
        drawn = {what: example_keys(key, jnp.arange(batches * images)).reshape(batches, images)
                 for what, key in named_keys(key, "latents", "labels", "network").items()}
        latents = jax.vmap(lambda keys: draw(keys, options))(drawn["latents"])
        labels = jax.vmap(jax.vmap(lambda key: jax.random.randint(key, (), 0, classes)))(
            drawn["labels"]) if classes else None
        params, variables = weights[name]
        return {**weights, name: (params, with_standing_statistics(
            network, params, variables, latents, labels, drawn["network"], axis_name))}

    return prepare
