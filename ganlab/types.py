"""Array aliases and the small contracts that the packages share.

Shapes are written in brackets; `b` is the batch. A `keys` argument is an array of
PRNG keys, one an example: a draw then belongs to its example, whichever device
holds it, and every engine draws the same numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax

Array = jax.Array
Hyper = Mapping[str, Array]
"""The traced numbers of a game by name: learning rates, weights, rates."""
Tree = Any
"""A pytree of arrays."""


class LogitFn(Protocol):
    """A critic closed over its params, labels and augmentation."""

    def __call__(self, images: Array, keys: Array) -> Array:
        """Returns the raw critic output for images [b, ...]: [b], or [b, h, w] of patches."""
        ...


class AdversarialLoss(NamedTuple):
    """The losses of both players, each `(real_logits[b], fake_logits[b]) -> loss[b]`.

    Logits of patches [b, h, w] give losses of their shape. Both players see both kinds of logits,
    because relativistic losses need the real ones on the generator's side too. Values are per
    example: only the update reduces.
    """

    critic: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]
    targeted: Callable[[Array, Array], Array] | None = None
    """For losses that pull each logit to a target: `(logits[b], targets[b]) -> loss[b]`, with
    `critic(real, fake) = targeted(real, 1) + targeted(fake, 0)`. Label tricks move the targets."""
    compares: bool = True
    """Whether the generator's loss looks at the real logits; if not, no real image is read for its
    update, and it is called with None for them."""
    margin: float | None = None
    """For hinge losses: the critic's logits of real images above it, and of fake ones below its
    negative, have no gradient in the critic's loss; None for losses without such a margin."""


class LabelLoss(NamedTuple):
    """A loss of what a critic sows of images, for their labels.

    `loss(*sown, labels[b], *numbers) -> loss[b]`, in nats or in logits. Values are per example:
    only the update reduces.
    """

    loss: Callable[..., Array]
    sown: tuple[str, ...]
    """Names of what the critic sows, in the order of its arguments."""
    numbers: tuple[str, ...] = ()
    """Numbers in `hyper` after the name of the loss, such as `temperature`."""
    across: bool = False
    """Whether its value for an example depends on the others; it then takes `axis_name`, the mapped
    axis over which the batch is split, or None."""

    def of(self, name: str, sown: Mapping[str, Array], labels: Array, hyper: Hyper,
           axis_name: str | None) -> Array:
        """Computes the loss [b] called `name` of what was sown for labels [b]."""
        numbers = [hyper[f"{name}_{number}"] for number in self.numbers]
        batch = {"axis_name": axis_name} if self.across else {}
        return self.loss(*(sown[part] for part in self.sown), labels, *numbers, **batch)


class Penalty(Protocol):
    """A gradient penalty of the critic, unweighted and per example.

    A penalty that looks across the batch also takes `axis_name`, the mapped axis over which the
    batch is split, or None.
    """

    def __call__(self, logit_fn: LogitFn, real: Array, fake: Array, keys: Array) -> Array:
        """Returns the penalty [b] for real and fake images [b, ...]."""
        ...
