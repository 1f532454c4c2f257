"""A player's network: a Flax module, how it is called, and what it declares of its batch."""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.types import Array, Tree


@dataclasses.dataclass(frozen=True)
class Network:
    """A Flax module, with the shapes of the arguments (one example a batch) that initialise it.

    It is called `module(*inputs, keys=keys, train=train)`. It declares what sees its batch by two
    attributes, which `group` and `tracks_batch` read.

    Attributes:
      module: the module.
      inputs: the shapes.
      precision: of passes in training: `float32`, which is that of the params, or `bfloat16`.
      rematerialize: whether a pass in training keeps nothing for its gradient, and is computed
        again there (Chen et al. 2016): of several passes in one loss, one at a time takes memory.
    """

    module: nn.Module
    inputs: tuple[jax.ShapeDtypeStruct, ...]
    precision: str = "float32"
    rematerialize: bool = False

    @property
    def group(self) -> int | None:
        """Number of neighbours in a batch that see each other in training, by `batch_group`.

        1 is none, 4 a minibatch deviation of four, 0 the whole batch; None if the module does not
        say.
        """
        return getattr(self.module, "batch_group", None)

    @property
    def tracks_batch(self) -> bool | None:
        """Whether the variables after a pass depend on its examples, by the module's
        `tracks_batch`.

        Batch statistics and averages of styles do, power iterations do not; None if the module does
        not say.
        """
        return getattr(self.module, "tracks_batch", None)

    @property
    def sampling_options(self) -> tuple[str, ...]:
        """Options of samplers that the module takes as arguments, by its `sampling_options`."""
        return getattr(self.module, "sampling_options", ())

    def taken(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Returns those of a sampler's options that the module takes as arguments."""
        return {name: options[name] for name in self.sampling_options if name in options}

    def init(self, key: Array) -> tuple[Tree, Tree]:
        """Draws initial `(params, variables)`; variables are the collections besides `params`."""
        arguments = [jnp.zeros(spec.shape, spec.dtype) for spec in self.inputs]
        collections = dict(self.module.init(key, *arguments))
        return collections.pop("params", {}), collections

    @functools.cached_property
    def shapes(self) -> tuple[Tree, Tree]:
        """Shapes of `(params, variables)`, traced once; compiles nothing."""
        return jax.eval_shape(self.init, jax.random.key(0))

    def train(self, params: Tree, variables: Tree, *inputs: Array | None, keys: Array | None,
              mutable: bool = True, **options: Any) -> tuple[Any, Tree]:
        """Computes a pass in training mode: outputs, and the variables after it.

        In bfloat16, params and inputs are rounded to it on the way in, and all outputs come back in
        float32, so that losses and norms of gradients are computed in it; params, gradients and
        variables stay in float32. Inputs of rank 1 (labels, noise levels) are never rounded.

        Args:
          params: of the module.
          variables: its other collections; with an empty `intermediates` among them, what the
            module sows is returned there.
          *inputs: the module's positional arguments, batches [b, ...]; None for one that is left
            out.
          keys: one PRNG key an example [b], or None for a module that draws nothing.
          mutable: whether variables may change; the averages of a module that asks whether they
            may stay as they are where they may not.
          **options: of this module's call, static, such as for a part of the pass.
        """
        def compute(params: Tree, variables: Tree, *inputs: Array | None) -> tuple[Any, Tree]:
            # Params and inputs are rounded on the way in.
            if self.precision == "bfloat16":
                params = _cast(params, jnp.bfloat16)
                inputs = [given if given is None or given.ndim == 1 else _cast(given, jnp.bfloat16)
                          for given in inputs]
            output, state = self.module.apply(
                {"params": params, **variables}, *inputs, keys=keys, train=True,
                mutable=list(variables) if mutable else [], **options)
            state = {**variables, **state}
            # Outputs of the pass are float32 again.
            if self.precision == "bfloat16":
                output, sown = _cast((output, state.pop("intermediates", None)), jnp.float32)
                state |= {} if sown is None else {"intermediates": sown}
            return output, state

        # With rematerialization the gradient's pass repeats all of it.
        return (jax.checkpoint(compute) if self.rematerialize else compute)(
            params, variables, *inputs)

    def evaluate(self, params: Tree, variables: Tree, *inputs: Array | None,
                 keys: Array | None = None, **options: Any) -> Any:
        """Computes a pass in evaluation mode, by stored statistics, in the precision of the params.

        Args:
          params: of the module.
          variables: its other collections; none of them changes.
          *inputs: the module's positional arguments, batches [b, ...]; None for one that is left
            out.
          keys: one PRNG key an example [b] for what is drawn even then (noise); None for no draws.
          **options: of this module's call, static, such as for a part of the pass.
        """
        return self.module.apply({"params": params, **variables}, *inputs, keys=keys, train=False,
                                 **options)

    @functools.cached_property
    def evaluated(self) -> tuple[Any, dict[str, Tree]]:
        """Shapes of the outputs of `evaluate` for one example, and by name of what the module sows
        there; traced once, compiles nothing."""
        def call(params: Tree, variables: Tree, *inputs: Array) -> tuple[Any, dict[str, Tree]]:
            output, state = self.module.apply({"params": params, **variables}, *inputs, keys=None,
                                              train=False, mutable=["intermediates"])
            return output, dict(state).get("intermediates", {})

        return jax.eval_shape(call, *self.shapes, *self.inputs)

    def sown(self) -> dict[str, Tree]:
        """Returns shapes of what the module sows in evaluation mode, by name."""
        return self.evaluated[1]


def _cast(tree: Tree, dtype: jnp.dtype) -> Tree:
    """Casts the floating-point arrays of a tree to another type."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype)
                        if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)


def common_group(networks: Iterable[Network], packing: int = 1, batch_size: int = 0) -> int:
    """Computes the least common multiple of the networks' groups, of `packing` images an example.

    So many neighbours, from the first one on, have to stay in one slice of a batch and on one
    device. What a network does not declare, and the whole batch, count as one example: they are
    refused where they matter. A group of more than `batch_size` examples, if it is given, is the
    batch.
    """
    groups = [packing * (network.group or 1) for network in networks]
    return math.lcm(1, *(min(group, batch_size or group) for group in groups))
