"""The half that all adversarial systems share: what a critic makes of images, its penalties, and
the augmentations of what it sees, with the controller of their chance."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.augment import (
    AUGMENTATIONS,
    Adaptation,
    Augmentation,
    adapt,
    blurred,
    choose_augmentation,
    start_adaptation,
)
from ganlab.config import ConfigError
from ganlab.game import Control, Network, Scorer, Weights
from ganlab.types import AdversarialLoss, Array, Hyper, Penalty, Tree

SOWN = ("features", "class_logits", "embedding", "proxy", "codes", "direction")
"""What a critic may sow beside its logit, for losses that use it."""


AUGMENTS = 1
"""Folded into an example's key for the draws of augmentations."""
ADAPTATION = "augmentation"
"""Entry of the memory, with the critic's suffix: where the controller of augmentations stands."""
NOT_MOVED = -1.0
"""The chance in a memory before the first round: that of the numbers, which a stack's trials may
each have of their own."""


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
      augment: augments all images that it sees, real and fake, and within penalties, whose
        gradients are thus by images before augmentation; None for none.
      pictures: channels of the pictures that one input joins, if it joins several.
      pairs: whether these belong together, as a source and its image, and are augmented by the same
        draws; packed ones have draws of their own.
      suffix: of its entry in the memory and of its metrics, where a system has several critics.
      reduction: its images are of one of how many of the full resolution's side; penalties take
        slopes by pixels of that, where each of its pixels is repeated.
      blur: of all images that it sees, before augmentations, as `blurred` has it; None for none.
    """

    network: Network
    loss: AdversarialLoss
    penalties: Mapping[str, Penalty]
    joint: bool = False
    augment: Augmentation | None = None
    pictures: tuple[int, ...] = ()
    pairs: bool = False
    suffix: str = ""
    reduction: int = 1
    blur: Array | None = None

    def within(self, hyper: Hyper) -> "Critic":
        """Returns this critic as it sees images by the numbers of a round: blurred, if they say."""
        return dataclasses.replace(self, blur=hyper["blur_sigma"]) if "blur_sigma" in hyper else self

    def seen(self, images: Array, keys: Array, chance: Array | None) -> Array:
        """Returns images as the network sees them: blurred, then augmented, by draws of each
        example's own."""
        if self.blur is not None:
            images = blurred(images, self.blur)
        if self.augment is None:
            return images
        drawn = jax.vmap(jax.random.fold_in, (0, None))(keys, AUGMENTS)
        if len(self.pictures) < 2:
            return self.augment(images, drawn, chance)
        # The pictures apart; grey ones beside coloured ones have three equal channels meanwhile.
        parts = jnp.split(images, np.cumsum(self.pictures)[:-1], axis=-1)
        widest = max(self.pictures)
        parts = jnp.stack([jnp.broadcast_to(part, (*part.shape[:-1], widest)) for part in parts])
        # Each is augmented by itself, by the same draws or by its own.
        if not self.pairs:
            drawn = jax.vmap(jax.vmap(jax.random.fold_in, (0, None)), (None, 0))(
                drawn, jnp.arange(len(parts)))
        parts = jax.vmap(self.augment, (0, None if self.pairs else 0, None))(parts, drawn, chance)
        return jnp.concatenate([part[..., :channels] for part, channels in zip(
            parts, self.pictures, strict=True)], axis=-1)

    def chance(self, memory: Mapping[str, Tree], hyper: Hyper) -> Array | None:
        """Returns the chance of augmentations: that of the controller, or the fixed one of the
        numbers; None where nothing is augmented by chance."""
        if "augment_p" not in hyper:
            return None
        adapted = memory[ADAPTATION + self.suffix]["p"]
        moves = (hyper["augment_target"] > 0) & (adapted >= 0)
        return jnp.where(moves, adapted, hyper["augment_p"])

    def followed(self, real_logits: Array, chance: Array | None) -> dict[str, Array]:
        """Computes the metrics by which `controlled` adapts the chance; {} if there is none."""
        if chance is None:
            return {}
        return {"real_signs": jnp.mean(jnp.sign(real_logits)), "augment_p": chance}

    def logit_metrics(self, judged: Mapping[str, Judgement]) -> dict[str, Array]:
        """Computes what is logged of logits: the mean of each kind, and for a hinge loss the share
        beyond its margin, which has no gradient: `<kind>_beyond_hinge`."""
        margin = self.loss.margin
        if margin is None:
            return logit_means(judged)
        sides = {"real": 1.0, "fake": -1.0}
        return logit_means(judged) | {
            f"{kind}_beyond_hinge": jnp.mean(sides[kind] * judgement.logits > margin)
            for kind, judgement in judged.items()}

    def judge(self, params: Tree, variables: Tree, images: Mapping[str, Array],
              keys: Mapping[str, Array],
              labels: Array | Mapping[str, Array] | None = None,
              chance: Array | None = None) -> tuple[dict[str, Judgement], Tree]:
        """Computes the judgement of each kind of images, and the critic's variables after them.

        Args:
          params: the critic's own.
          variables: the critic's own.
          images: batches [b, ...] by kind (`real`, `fake`), which pass in this order.
          keys: one PRNG key an example [b], by kind.
          labels: of every kind [b], or by kind; None for a critic that sees none.
          chance: of augmentations, if there are any.
        """
        # One pass of one batch, if all kinds are judged together, or one a kind.
        kinds = list(images)
        of_kind = labels if isinstance(labels, Mapping) else dict.fromkeys(kinds, labels)
        passes = [(self.seen(images[kind], keys[kind], chance), of_kind[kind], keys[kind])
                  for kind in kinds]
        if self.joint:
            passes = [jax.tree.map(lambda *parts: jnp.concatenate(parts), *passes)]
        # The passes, each from the variables that the one before has left.
        found = []
        for batch, own_labels, drawn in passes:
            # A module sows only into a collection that exists and may change.
            logits, variables = self.network.train(
                params, {**variables, "intermediates": {}}, batch, own_labels, keys=drawn)
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
        # A slope by n^2 repeated pixels, each with an n^2-th of the gradient, is an n-th of that by
        # one: as by images that are n times as bright.
        real, fake = real * self.reduction, fake * self.reduction

        def logit_fn(images: Array, example: Array) -> Array:
            shown = self.seen(images / self.reduction, example, chance)
            return self.network.train(params, variables, shown, labels, keys=example)[0]

        metrics = {}
        for name, penalty in self.penalties.items():
            metrics[name] = jnp.mean(penalty(logit_fn, real, fake, keys[name]))
            total += hyper[f"{name}_weight"] * metrics[name]
        return total, metrics


def logit_means(judged: Mapping[str, Judgement]) -> dict[str, Array]:
    """Computes the mean logit of each kind, `<kind>_logits`, as it is logged."""
    return {f"{kind}_logits": jnp.mean(judgement.logits) for kind, judgement in judged.items()}


def scorer_of(name: str, network: Network, conditional: bool = False,
              seen: Callable[[Array, Array | None], Array] = lambda images, sources: images
              ) -> Scorer:
    """Returns how the critic called `name` scores examples; patches count alike.

    `seen(images, sources)` makes its inputs, if these are not the images alone.
    """
    def logits(weights: Weights, images: Array, labels: Array, sources: Array | None) -> Array:
        found = network.evaluate(*weights[name], seen(images, sources),
                                 labels if conditional else None)
        return jnp.mean(found, axis=tuple(range(1, found.ndim)))

    return Scorer((name,), logits)


def choose_augment(config: Mapping[str, Any],
                   *shapes: tuple[int, ...]) -> Augmentation | None:
    """Returns the augmentation that `system.augment` names, for critics of pictures; None for none.

    Args:
      config: the config.
      *shapes: of the pictures of which a critic's input is made.

    Raises:
      ConfigError: for an unknown name, and for pictures that it does not take.
    """
    # A system from outside may have no such key.
    name = config["system"].get("augment", "none")
    augment = choose_augmentation(name)
    if augment is None:
        return None
    words = " and ".join(map(str, dict.fromkeys(map(tuple, shapes))))
    refused = f"config.system.augment is {name!r}, which does not take images of shape {words}: "
    # Grey pictures are augmented beside coloured ones as these are.
    widest = max(shape[-1] for shape in shapes)
    if name in AUGMENTATIONS and any(len(shape) != 3 for shape in shapes):
        raise ConfigError(f"{refused}points have neither places nor colours; use none")
    if any(shape[-1] not in (1, widest) for shape in shapes):
        raise ConfigError(f"{refused}pictures of a pair need equal channels, or one; use none")
    # A trace shows what cannot work, before anything compiles.
    images = jax.ShapeDtypeStruct((2, *shapes[0][:-1], widest), jnp.float32)
    try:
        found = jax.eval_shape(augment, images, jax.eval_shape(
            lambda: jax.random.split(jax.random.key(0), 2)), jnp.float32(0))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{refused}{error}; use another, such as ada:bg or none") from error
    if (found.shape, found.dtype) != (images.shape, images.dtype):
        raise ConfigError(f"{refused}it makes {found.dtype}{list(found.shape)} of "
                          f"{images.dtype}{list(images.shape)}; it must keep both")
    return augment


def adaptations(critics: Sequence[Critic], hyper: Hyper) -> dict[str, Any]:
    """Returns the entries of the memory of a game's critics, {} where nothing is augmented by
    chance."""
    if "augment_p" not in hyper:
        return {}
    return {ADAPTATION + critic.suffix: start_adaptation(NOT_MOVED)._asdict()
            for critic in critics}


def controlled(critics: Sequence[Critic], hyper: Hyper, images: int) -> Control | None:
    """Makes the control that adapts how likely augmentations are; None if they always happen.

    It belongs to an update that trains critics: after every four of these it adapts the chance of
    each critic to how sure that critic is of real images, by the metrics `real_signs`.

    Args:
      critics: those that the update trains.
      hyper: the numbers of the game.
      images: real images that each of them sees in the update, on all devices together.

    Raises:
      ConfigError: as the update is traced, if it shows a critic no real images.
    """
    if "augment_p" not in hyper:
        return None

    def control(memory: Mapping[str, Tree], metrics: Mapping[str, Array],
                hyper: Hyper) -> Mapping[str, Tree]:
        moved = {}
        for critic in critics:
            # An update that shows a critic no real images has nothing to follow.
            signs = f"real_signs{critic.suffix}"
            if signs not in metrics:
                raise ConfigError(
                    f"config.system.augment adapts its chance to a critic's logits of real "
                    f"images, but an update that is to adapt it has no metric {signs!r}; use an "
                    "update that shows real images, and Critic.followed for its metrics")
            name = ADAPTATION + critic.suffix
            state = Adaptation(**memory[name])._replace(p=critic.chance(memory, hyper))
            moved[name] = adapt(state, metrics[signs], images,
                                hyper["augment_target"], hyper["augment_speed_kimg"])._asdict()
        return {**memory, **moved}

    return control
