"""The losses of the two players of the textbook game, closed over their networks."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from ganlab.game import Aux, Network, Options, Scene, Weights, example_keys, named_keys
from ganlab.systems.critic import Critic, Judgement
from ganlab.systems.latents import Draw
from ganlab.systems.tricks import (
    HISTORY_TRICK,
    LABEL_TRICKS,
    follow,
    instance_noise,
    match_features,
    top_k,
)
from ganlab.types import Array, Hyper, Tree

Losses = tuple[Array, Aux]
"""What a loss returns: the scalar that is differentiated, and its `Aux`."""


def pack(images: Array, number: int) -> Array:
    """Joins each run of `number` neighbours as channels: [b, ..., c] to [b/number, ..., number*c].

    So a critic sees several independent samples at once, and a lack of variety shows (Lin et al.
    2018, "PacGAN", section 2).
    """
    if number == 1:
        return images
    groups = jnp.moveaxis(images.reshape(-1, number, *images.shape[1:]), 1, -2)
    return groups.reshape(*groups.shape[:-2], -1)


@dataclasses.dataclass(frozen=True)
class Players:
    """The losses of both players; each is a `LossFn` of an update.

    This is the laboratory of the textbook tricks, and takes no more of them: a published method is
    a system of its own, in one file.

    Attributes:
      generator: its network.
      critic: its network, loss and penalties; it sees `packing` images at once.
      latents: `keys[b] -> latents[b, z]`.
      conditional: whether both see labels.
      tricks: names of `TRICKS`.
      packing: images in one input of the critic.
      generator_batches: fake images of the generator's update, in batches.
      auxiliary: whether the critic also classifies (Odena et al. 2017, "AC-GAN").
      axis_name: the axis that `pmap` maps, or None.
    """

    generator: Network
    critic: Critic
    latents: Draw
    conditional: bool
    tricks: tuple[str, ...]
    packing: int = 1
    generator_batches: int = 1
    auxiliary: bool = False
    axis_name: str | None = None

    @property
    def generator_compares(self) -> bool:
        """Whether the generator's update looks at real images, or at its critic's view of them."""
        # A critic of one pass sees both kinds, which only matters where images see each other.
        together = self.critic.joint and self.critic.network.group != 1
        return self.critic.loss.compares or together or "feature_matching" in self.tricks

    def sample(self, weights: Weights, latents: Array, labels: Array, keys: Array | None,
               options: Options) -> Array:
        """Computes images [b, ...] of latents [b, z] and labels [b], by stored statistics."""
        return self.generator.evaluate(
            *weights["generator"], latents, self._labels({"label": labels}), keys=keys,
            **self.generator.taken(options))

    def critic_loss(self, scene: Scene) -> Losses:
        """Computes the critic's loss: adversarial plus weighted penalties, means over the batch."""
        params, variables, hyper = scene.params["critic"], scene.variables["critic"], scene.hyper
        # Both kinds of images as the critic sees them, and its judgement.
        keys = named_keys(scene.key, "fake", "real_logits", "fake_logits", *self.critic.penalties,
                          *self.tricks)
        index, labels = scene.batch["index"][::self.packing], self._labels(scene.batch)
        images = self._seen(
            {"real": scene.batch["image"], "fake": self._still(scene, keys["fake"])}, keys,
            scene.batch["index"], hyper)
        drawn = {kind: example_keys(keys[f"{kind}_logits"], index) for kind in images}
        chance = self.critic.chance(scene.memory, hyper)
        judged, state = self.critic.judge(params, variables, images, drawn, labels, chance)
        # The adversarial loss, with the targets that tricks have moved.
        logits = {kind: judgement.logits for kind, judgement in judged.items()}
        targets = self._targets(logits["real"], keys, index, hyper)
        loss = self.critic.loss
        total = jnp.mean(loss.critic(logits["real"], logits["fake"]) if targets is None else
                         loss.targeted(logits["real"], targets[0])
                         + loss.targeted(logits["fake"], targets[1]))
        # Penalties, the classifier's loss and the pull of past params are added to it.
        penalty_keys = {name: example_keys(keys[name], index) for name in self.critic.penalties}
        total, penalties = self.critic.penalize(
            total, params, variables, images["real"], images["fake"], penalty_keys, hyper, labels,
            chance)
        metrics = (self.critic.logit_metrics(judged) | penalties
                   | self.critic.followed(logits["real"], chance))
        if self.auxiliary:
            metrics |= {f"{kind}_class_loss": _cross_entropy(judgement, labels)
                        for kind, judgement in judged.items()}
            total += hyper["auxiliary_weight"] * (
                metrics["real_class_loss"] + metrics["fake_class_loss"])
        total, memory = self._with_history("critic", total, scene)
        return total, Aux({"critic": state}, memory, metrics)

    def real_loss(self, scene: Scene) -> Losses:
        """Computes the critic's loss on real images alone, for losses with targets."""
        return self._one_kind_loss("real", scene)

    def fake_loss(self, scene: Scene) -> Losses:
        """Computes the critic's loss on fake images alone, for losses with targets."""
        return self._one_kind_loss("fake", scene)

    def _one_kind_loss(self, kind: str, scene: Scene) -> Losses:
        """Computes the critic's loss on one kind of images."""
        # One kind of images, and its judgement.
        keys = named_keys(scene.key, "fake", "logits", *self.tricks)
        index, labels, hyper = (scene.batch["index"][::self.packing], self._labels(scene.batch),
                                scene.hyper)
        images = self._still(scene, keys["fake"]) if kind == "fake" else scene.batch["image"]
        seen = self._seen({kind: images}, keys, scene.batch["index"], hyper)
        chance = self.critic.chance(scene.memory, hyper)
        judged, state = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], seen,
            {kind: example_keys(keys["logits"], index)}, labels, chance)
        # The adversarial loss, with the target that tricks may have moved.
        logits = judged[kind].logits
        targets = self._targets(logits, keys, index, hyper) or (
            jnp.ones_like(logits), jnp.zeros_like(logits))
        total = jnp.mean(self.critic.loss.targeted(logits, targets[kind == "fake"]))
        metrics = {"logits": jnp.mean(logits)}
        if kind == "real":
            metrics |= self.critic.followed(logits, chance)
        # The classifier's loss and the pull of past params are added to it.
        if self.auxiliary:
            metrics["class_loss"] = _cross_entropy(judged[kind], labels)
            total += hyper["auxiliary_weight"] * metrics["class_loss"]
        total, memory = self._with_history("critic", total, scene)
        return total, Aux({"critic": state}, memory, metrics)

    def generator_loss(self, scene: Scene) -> Losses:
        """Computes the generator's loss; real images are judged if the loss compares with them."""
        hyper, keys = scene.hyper, named_keys(
            scene.key, "fake", "real_logits", "fake_logits", *self.tricks)
        # Fake images. Whole packs are repeated: one image twice would look like a lack of variety.
        batch = _repeated(scene.batch, self.generator_batches, self.packing)
        index, labels = batch["index"][::self.packing], self._labels(batch)
        fake, state = self._fake(
            scene.params["generator"], scene.variables["generator"], batch, keys["fake"])
        # The critic's judgement, whose variables stay as they are.
        images = ({"real": batch["image"], "fake": fake} if self.generator_compares
                  else {"fake": fake})
        images = self._seen(images, keys, batch["index"], hyper)
        drawn = {kind: example_keys(keys[f"{kind}_logits"], index) for kind in images}
        judged, _ = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], images, drawn, labels,
            self.critic.chance(scene.memory, hyper))
        # The adversarial loss, and tricks that change it.
        real_logits = judged["real"].logits if "real" in judged else None
        losses = self.critic.loss.generator(real_logits, judged["fake"].logits)
        if "top_k" in self.tricks:
            losses = top_k(losses, judged["fake"].logits, hyper, self.axis_name)
        total, metrics = jnp.mean(losses), {}
        if "feature_matching" in self.tricks:
            metrics["feature_distance"] = match_features(
                judged["real"].sown["features"], judged["fake"].sown["features"], self.axis_name)
            share = hyper["feature_matching"]
            total = (1 - share) * total + share * metrics["feature_distance"]
        # The classifier's loss and the pull of past params are added to it.
        if self.auxiliary:
            metrics["class_loss"] = _cross_entropy(judged["fake"], labels)
            total += hyper["auxiliary_weight"] * metrics["class_loss"]
        total, memory = self._with_history("generator", total, scene)
        return total, Aux({"generator": state}, memory, metrics)

    def _still(self, scene: Scene, key: Array) -> Array:
        """Computes fake images for the critic's updates: no gradient reaches the generator."""
        fake, _ = self._fake(
            scene.params["generator"], scene.variables["generator"], scene.batch, key)
        return jax.lax.stop_gradient(fake)

    def _fake(self, params: Tree, variables: Tree, batch: Mapping[str, Array],
              key: Array) -> tuple[Array, Tree]:
        """Computes fake images with the labels of the batch, and the generator's new variables."""
        keys = named_keys(key, "latents", "network")
        latents = self.latents(example_keys(keys["latents"], batch["index"]))
        return self.generator.train(params, variables, latents, self._labels(batch),
                                    keys=example_keys(keys["network"], batch["index"]))

    def _labels(self, batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if self.conditional else None

    def _seen(self, images: Mapping[str, Array], keys: Mapping[str, Array], index: Array,
              hyper: Hyper) -> dict[str, Array]:
        """Returns images of each kind as the critic takes them: with noise and packed, if chosen.

        It augments them itself, after the noise, each image of a pack by its own draws.
        """
        if "instance_noise" in self.tricks:
            pairs = jax.vmap(jax.random.split)(example_keys(keys["instance_noise"], index))
            images = {kind: instance_noise(batch, pairs[:, int(kind == "fake")], hyper)
                      for kind, batch in images.items()}
        return {kind: pack(batch, self.packing) for kind, batch in images.items()}

    def _targets(self, logits: Array, keys: Mapping[str, Array], index: Array,
                 hyper: Hyper) -> tuple[Array, Array] | None:
        """Returns targets [b] of real and of fake logits if a trick moves them, else None."""
        chosen = [name for name in LABEL_TRICKS if name in self.tricks]
        if not chosen:
            return None
        targets = jnp.ones_like(logits), jnp.zeros_like(logits)
        for name in chosen:
            targets = LABEL_TRICKS[name](targets, example_keys(keys[name], index), hyper)
        return targets

    def _with_history(self, player: str, total: Array, scene: Scene) -> tuple[Array, Mapping]:
        """Adds the weighted distance of a player's params to their past; returns the memory too."""
        if HISTORY_TRICK not in self.tricks:
            return total, scene.memory
        history = scene.memory[HISTORY_TRICK]
        distance, after = follow(scene.params[player], history[player])
        return (total + scene.hyper[HISTORY_TRICK] * distance,
                {**scene.memory, HISTORY_TRICK: {**history, player: after}})


def _repeated(batch: Mapping[str, Array], times: int, group: int) -> Mapping[str, Array]:
    """Repeats each run of `group` examples `times` in a row, each example with its own index."""
    if times == 1:
        return batch

    def repeat(array: Array) -> Array:
        groups = array.reshape(-1, group, *array.shape[1:])
        return jnp.repeat(groups, times, axis=0).reshape(-1, *array.shape[1:])

    repeated = {name: repeat(array) for name, array in batch.items()}
    # From the index and not from the place in this batch, which is only a share under `pmap`.
    number, place = repeated["index"] // group, repeated["index"] % group
    run = jnp.tile(jnp.repeat(jnp.arange(times), group), len(batch["index"]) // group)
    return {**repeated, "index": (number * times + run) * group + place}


def _cross_entropy(judged: Judgement, labels: Array) -> Array:
    """Computes the mean cross-entropy in nats of the auxiliary classifier for the labels [b]."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(
        judged.sown["class_logits"], labels))
