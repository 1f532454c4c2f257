"""The losses of the two players, closed over their networks."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from ganlab.game import Aux, Network, example_keys, named_keys
from ganlab.systems.tricks import HISTORY_TRICK, LABEL_TRICKS, follow, instance_noise, match_features, top_k
from ganlab.types import AdversarialLoss, Array, Hyper, Penalty, Tree

TOLD = ("features", "class_logits")
"""What a critic may sow beside its logit, for losses that use it."""
Losses = tuple[Array, Aux]
"""What an update differentiates: a scalar, and what comes with it."""


def pack(images: Array, number: int) -> Array:
    """Joins each run of `number` neighbours along the last axis: [b, ..., c] to [b / number, ..., number * c].

    So a critic sees several independent samples at once, and a lack of variety shows (Lin et al.
    2018, "PacGAN", section 2).
    """
    if number == 1:
        return images
    groups = jnp.moveaxis(images.reshape(-1, number, *images.shape[1:]), 1, -2)
    return groups.reshape(*groups.shape[:-2], -1)


@dataclasses.dataclass(frozen=True)
class _Judgement:
    """What a critic tells of a batch: logits [b], and what it has sown (features, class logits) [b, ...]."""

    logits: Array
    sown: Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Players:
    """The losses of both players; each is a `LossFn` of an update.

    Attributes:
      generator: its network.
      critic: its network; it sees `packing` images at once.
      latents: `keys[b] -> latents[b, z]`.
      conditional: whether both see labels.
      loss: the adversarial loss.
      penalties: penalties of the critic by name.
      tricks: names of `TRICKS`.
      packing: images in one input of the critic.
      joint: whether real and fake images go through the critic as one batch. The same loss, unless
        the critic normalizes over the batch.
      generator_batches: fake images of the generator's update, in batches.
      auxiliary: whether the critic also classifies (Odena et al. 2017, "AC-GAN").
      axis_name: the axis that `pmap` maps, or None.
    """

    generator: Network
    critic: Network
    latents: Callable[..., Array]
    conditional: bool
    loss: AdversarialLoss
    penalties: Mapping[str, Penalty]
    tricks: tuple[str, ...]
    packing: int = 1
    joint: bool = False
    generator_batches: int = 1
    auxiliary: bool = False
    axis_name: str | None = None

    def sample(self, params: Tree, variables: Tree, latents: Array, labels: Array) -> Array:
        """Images [b, ...] for latents [b, z] and labels [b], by stored statistics, in the precision of the params."""
        labels = labels if self.conditional else None
        return self.generator.module.apply({"params": params, **variables}, latents, labels)

    def critic_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                    hyper: Hyper) -> Losses:
        """The critic's update: adversarial loss plus weighted penalties, means over the batch."""
        keys = named_keys(key, "fake", "real_logits", "fake_logits", *self.penalties, *self.tricks)
        index, labels = batch["index"][::self.packing], self._labels(batch)
        real, fake = self._real_and_fake(params, variables, batch, keys, hyper)
        pairs = [(real, example_keys(keys["real_logits"], index)), (fake, example_keys(keys["fake_logits"], index))]
        (real_judged, fake_judged), state = self._judge(params, variables, pairs, labels)

        def logit_fn(images: Array, example: Array) -> Array:
            return self.critic.apply_in_training(params["critic"], variables["critic"], images, labels, example)[0]

        targets = self._targets(real_judged.logits, fake_judged.logits, keys, index, hyper)
        total = jnp.mean(self.loss.critic(real_judged.logits, fake_judged.logits) if targets is None else
                         self.loss.targeted(real_judged.logits, targets[0])
                         + self.loss.targeted(fake_judged.logits, targets[1]))
        metrics = {"real_logits": jnp.mean(real_judged.logits), "fake_logits": jnp.mean(fake_judged.logits)}
        for name, penalty in self.penalties.items():
            metrics[name] = jnp.mean(penalty(logit_fn, real, fake, example_keys(keys[name], index)))
            total += hyper[f"{name}_weight"] * metrics[name]
        if self.auxiliary:
            metrics |= _classification(real_judged, fake_judged, labels)
            total += hyper["auxiliary_weight"] * (metrics["real_class_loss"] + metrics["fake_class_loss"])
        total, memory = self._with_history("critic", total, params, memory, hyper)
        return total, Aux({"critic": state}, memory, metrics)

    def real_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                  hyper: Hyper) -> Losses:
        """The critic's step on real images alone, for losses with targets."""
        return self._one_kind_loss(0, params, variables, memory, batch, key, hyper)

    def fake_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                  hyper: Hyper) -> Losses:
        """The critic's step on fake images alone, for losses with targets."""
        return self._one_kind_loss(1, params, variables, memory, batch, key, hyper)

    def _one_kind_loss(self, kind: int, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping,
                       key: Array, hyper: Hyper) -> Losses:
        """The loss on real (kind 0) or fake (kind 1) images; XLA drops the computation of the other kind."""
        keys = named_keys(key, "fake", "logits", *self.tricks)
        index, labels = batch["index"][::self.packing], self._labels(batch)
        images = self._real_and_fake(params, variables, batch, keys, hyper)[kind]
        (judged,), state = self._judge(params, variables, [(images, example_keys(keys["logits"], index))], labels)
        logits = judged.logits
        targets = self._targets(logits, logits, keys, index, hyper) or (jnp.ones_like(logits), jnp.zeros_like(logits))
        total = jnp.mean(self.loss.targeted(logits, targets[kind]))
        metrics = {"logits": jnp.mean(logits)}
        if self.auxiliary:
            metrics["class_loss"] = _cross_entropy(judged, labels)
            total += hyper["auxiliary_weight"] * metrics["class_loss"]
        total, memory = self._with_history("critic", total, params, memory, hyper)
        return total, Aux({"critic": state}, memory, metrics)

    def generator_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                       hyper: Hyper) -> Losses:
        """The generator's update. The real logits are for relativistic losses; XLA drops them elsewhere."""
        keys = named_keys(key, "fake", "real_logits", "fake_logits", *self.tricks)
        # Whole packs are repeated: a pack of one image twice would look like a lack of variety.
        batch = _repeated(batch, self.generator_batches, self.packing)
        index, labels = batch["index"][::self.packing], self._labels(batch)
        fake, state = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
        real, fake = self._seen(batch["image"], fake, keys, batch["index"], hyper)
        pairs = [(real, example_keys(keys["real_logits"], index)), (fake, example_keys(keys["fake_logits"], index))]
        (real_judged, fake_judged), _ = self._judge(params, variables, pairs, labels)
        losses = self.loss.generator(real_judged.logits, fake_judged.logits)
        if "top_k" in self.tricks:
            losses = top_k(losses, fake_judged.logits, hyper, self.axis_name)
        total, metrics = jnp.mean(losses), {}
        if "feature_matching" in self.tricks:
            metrics["feature_distance"] = match_features(real_judged.sown["features"], fake_judged.sown["features"],
                                                         self.axis_name)
            share = hyper["feature_matching"]
            total = (1 - share) * total + share * metrics["feature_distance"]
        if self.auxiliary:
            metrics["class_loss"] = _cross_entropy(fake_judged, labels)
            total += hyper["auxiliary_weight"] * metrics["class_loss"]
        total, memory = self._with_history("generator", total, params, memory, hyper)
        return total, Aux({"generator": state}, memory, metrics)

    def _real_and_fake(self, params: Mapping, variables: Mapping, batch: Mapping, keys: Mapping[str, Array],
                       hyper: Hyper) -> tuple[Array, Array]:
        """Real and fake images as the critic sees them when it learns: no gradient reaches the generator."""
        fake, _ = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
        return self._seen(batch["image"], jax.lax.stop_gradient(fake), keys, batch["index"], hyper)

    def _fake(self, params: Tree, variables: Tree, batch: Mapping[str, Array], key: Array) -> tuple[Array, Tree]:
        """Fake images with the labels of the real batch, and the generator's new variables."""
        keys = named_keys(key, "latents", "network")
        latents = self.latents(example_keys(keys["latents"], batch["index"]))
        return self.generator.apply_in_training(params, variables, latents, self._labels(batch),
                                                example_keys(keys["network"], batch["index"]))

    def _labels(self, batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if self.conditional else None

    def _seen(self, real: Array, fake: Array, keys: Mapping[str, Array], index: Array,
              hyper: Hyper) -> tuple[Array, Array]:
        """Real and fake images as the critic sees them: noisy and packed, where that is asked for."""
        if "instance_noise" in self.tricks:
            pairs = jax.vmap(jax.random.split)(example_keys(keys["instance_noise"], index))
            real, fake = instance_noise(real, pairs[:, 0], hyper), instance_noise(fake, pairs[:, 1], hyper)
        return pack(real, self.packing), pack(fake, self.packing)

    def _judge(self, params: Mapping, variables: Mapping, pairs: list[tuple[Array, Array]],
               labels: Array | None) -> tuple[list[_Judgement], Tree]:
        """The critic's judgement of each batch of images with its keys, and its variables after them.

        Batches are passed one after the other, or as one where the players are `joint`.
        """
        number, state, found = len(pairs), variables["critic"], []
        if self.joint:
            pairs = [(jnp.concatenate([images for images, _ in pairs]), jnp.concatenate([keys for _, keys in pairs]))]
            labels = None if labels is None else jnp.tile(labels, number)
        for images, keys in pairs:
            # What a module sows goes into a collection that is there and may change.
            logits, state = self.critic.apply_in_training(params["critic"], {**state, "intermediates": {}}, images,
                                                          labels, keys)
            sown = state.pop("intermediates", {})
            found.append(_Judgement(logits, {name: sown[name][0] for name in TOLD if name in sown}))
        if self.joint:
            parts = [jax.tree.map(lambda x, i=i: jnp.split(x, number)[i], (found[0].logits, found[0].sown))
                     for i in range(number)]
            found = [_Judgement(*part) for part in parts]
        return found, state

    def _targets(self, real_logits: Array, fake_logits: Array, keys: Mapping[str, Array], index: Array,
                 hyper: Hyper) -> tuple[Array, Array] | None:
        """Targets [b] of real and of fake logits where a trick moves them, else None."""
        chosen = [name for name in LABEL_TRICKS if name in self.tricks]
        if not chosen:
            return None
        targets = jnp.ones_like(real_logits), jnp.zeros_like(fake_logits)
        for name in chosen:
            targets = LABEL_TRICKS[name](targets, example_keys(keys[name], index), hyper)
        return targets

    def _with_history(self, player: str, total: Array, params: Mapping, memory: Mapping,
                      hyper: Hyper) -> tuple[Array, Mapping]:
        """The loss plus the weighted distance of the player's params to their past, and the memory of that past."""
        if HISTORY_TRICK not in self.tricks:
            return total, memory
        history = memory[HISTORY_TRICK]
        distance, after = follow(params[player], history[player])
        return total + hyper[HISTORY_TRICK] * distance, {**memory, HISTORY_TRICK: {**history, player: after}}


def _repeated(batch: Mapping[str, Array], times: int, group: int) -> Mapping[str, Array]:
    """A batch of which each run of `group` examples stands `times` in a row, each example with an index of its own."""
    if times == 1:
        return batch

    def repeat(array: Array) -> Array:
        groups = array.reshape(-1, group, *array.shape[1:])
        return jnp.repeat(groups, times, axis=0).reshape(-1, *array.shape[1:])

    repeated = {name: repeat(array) for name, array in batch.items()}
    # From the index, not from the place in this batch, which is a part of the whole under pmap.
    number, place = repeated["index"] // group, repeated["index"] % group
    run = jnp.tile(jnp.repeat(jnp.arange(times), group), len(batch["index"]) // group)
    return {**repeated, "index": (number * times + run) * group + place}


def _cross_entropy(judged: _Judgement, labels: Array) -> Array:
    """Mean cross-entropy in nats of the auxiliary classifier against the labels [b]."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(judged.sown["class_logits"], labels))


def _classification(real: _Judgement, fake: _Judgement, labels: Array) -> dict[str, Array]:
    return {"real_class_loss": _cross_entropy(real, labels), "fake_class_loss": _cross_entropy(fake, labels)}
