"""The half that all adversarial systems share: what a critic makes of images, and its penalties."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ganlab.augment import Augmentation
from ganlab.game import Network
from ganlab.types import AdversarialLoss, Array, Hyper, Penalty, Tree

SOWN = ("features", "class_logits")
"""What a critic may sow beside its logit, for losses that use it."""


AUGMENTS = 1
"""Folded into an example's key for the draws of augmentations."""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A critic's output: logits [b], or [b, h, w] of patches, and what it sows [b, ...]."""

    logits: Array
    sown: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Critic:
    """A critic with the loss and the penalties by which it learns.

    Attributes:
      network: its network.
      loss: the adversarial loss of both players.
      penalties: by name, each weighted by `<name>_weight` in `hyper`.
      joint: whether all images of an update pass as one batch. This gives the same loss unless the
        network normalizes over the batch.
      augment: augments all images that it sees, real and fake, and within penalties; None for none.
    """

    network: Network
    loss: AdversarialLoss
    penalties: Mapping[str, Penalty]
    joint: bool = False
    augment: Augmentation | None = None

    def seen(self, images: Array, keys: Array, chance: Array | None) -> Array:
        """Returns images as the network sees them: augmented, by draws of each example's own."""
        if self.augment is None:
            return images
        drawn = jax.vmap(lambda key: jax.random.fold_in(key, AUGMENTS))(keys)
        return self.augment(images, drawn, chance)

    def judge(self, params: Tree, variables: Tree, images: Mapping[str, Array],
              keys: Mapping[str, Array], labels: Array | None = None,
              chance: Array | None = None) -> tuple[dict[str, Judgement], Tree]:
        """Computes the judgement of each kind of images, and the critic's variables after them.

        Args:
          params: the critic's own.
          variables: the critic's own.
          images: batches [b, ...] by kind (`real`, `fake`), which pass in this order.
          keys: one PRNG key an example [b], by kind.
          labels: of every kind [b]; None for a critic that sees none.
          chance: of augmentations, if there are any.
        """
        # One pass of one batch, if all kinds are judged together, or one a kind.
        kinds = list(images)
        passes = [(self.seen(images[kind], keys[kind], chance), keys[kind]) for kind in kinds]
        if self.joint:
            passes = [tuple(jnp.concatenate(parts) for parts in zip(*passes, strict=True))]
            labels = None if labels is None else jnp.tile(labels, len(kinds))
        # The passes, each from the variables that the one before has left.
        found = []
        for batch, drawn in passes:
            # A module sows only into a collection that exists and may change.
            logits, variables = self.network.train(
                params, {**variables, "intermediates": {}}, batch, labels, keys=drawn)
            sown = variables.pop("intermediates", {})
            found.append((logits, {name: sown[name][0] for name in SOWN if name in sown}))
        # The judgement of each kind, split from the one batch again.
        if self.joint:
            found = [jax.tree.map(lambda x, i=i: jnp.split(x, len(kinds))[i], found[0])
                     for i in range(len(kinds))]
        return {kind: Judgement(*parts)
                for kind, parts in zip(kinds, found, strict=True)}, variables

    def penalize(self, total: Array, params: Tree, variables: Tree, real: Array, fake: Array,
                 keys: Mapping[str, Array], hyper: Hyper, labels: Array | None = None,
                 chance: Array | None = None) -> tuple[Array, dict[str, Array]]:
        """Adds every weighted penalty to a loss; returns the sum, and mean penalties by name.

        Args:
          total: the loss so far.
          params: the critic's own.
          variables: the critic's own, from which each penalty's passes start.
          real: images [b, ...] as the critic sees them.
          fake: likewise; no gradient reaches the generator.
          keys: one PRNG key an example [b], by penalty.
          hyper: the numbers, with `<name>_weight` of each penalty.
          labels: [b]; None for a critic that sees none.
          chance: of augmentations, if there are any; gradients are by images before them.
        """
        def logit_fn(images: Array, example: Array) -> Array:
            shown = self.seen(images, example, chance)
            return self.network.train(params, variables, shown, labels, keys=example)[0]

        metrics = {}
        for name, penalty in self.penalties.items():
            metrics[name] = jnp.mean(penalty(logit_fn, real, fake, keys[name]))
            total += hyper[f"{name}_weight"] * metrics[name]
        return total, metrics


def logit_means(judged: Mapping[str, Judgement]) -> dict[str, Array]:
    """Computes the mean logit of each kind, `<kind>_logits`, as it is logged."""
    return {f"{kind}_logits": jnp.mean(judgement.logits) for kind, judgement in judged.items()}
