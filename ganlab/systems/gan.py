"""The two-player game: a critic and a generator, any loss, any penalties, with or without labels."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError, choose, joined_names
from ganlab.game import Aux, Game, Network, Sampler, Update, example_keys, named_keys
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks import CRITICS, GENERATORS
from ganlab.penalties import PENALTIES
from ganlab.systems.parts import check_networks, game_parts, has_batch_statistics, make_network
from ganlab.systems.tricks import LABEL_TRICKS, fade_instance_noise, instance_noise, top_k
from ganlab.types import AdversarialLoss, Array, Hyper, Penalty, Tree


def gan(config: Mapping[str, Any], image_shape: tuple[int, ...], num_classes: int, axis_name: str | None = None,
        unroll: bool = False) -> Game:
    """Builds the game of a critic (`critic_updates` times a round) and a generator (once).

    Args:
      config: a validated config whose `system.name` is `gan`.
      image_shape: shape of one image or point.
      num_classes: classes of the data; both networks see labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.
      unroll: see `Game`.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    check_networks(config, "generator", "critic")
    system = config["system"]
    classes = num_classes if system["conditional"] else 0
    label_spec = (jax.ShapeDtypeStruct((1,), jnp.int32),) if classes else ()
    given = {"image_shape": tuple(image_shape), "num_classes": classes, "axis_name": axis_name}
    float_type = jnp.zeros(()).dtype
    generator = make_network(config, "generator", GENERATORS,
                             (jax.ShapeDtypeStruct((1, system["latent_size"]), float_type), *label_spec),
                             output=(1, *image_shape), **given)
    critic = make_network(config, "critic", CRITICS,
                          (jax.ShapeDtypeStruct((1, *image_shape), float_type), *label_spec), output=(1,), **given)
    loss = choose(ADVERSARIAL_LOSSES, system["loss"], "system.loss", lambda found: isinstance(found, AdversarialLoss),
                  "AdversarialLoss(critic, generator)")
    players = _Players(
        generator.module, critic.module, draw_latents(system["latent_size"], system["latent_distribution"]),
        conditional=bool(classes), loss=loss, penalties=_choose_penalties(config, critic, axis_name),
        tricks=_choose_tricks(config, loss), axis_name=axis_name)
    parts = game_parts(config)
    if "instance_noise" in players.tricks:
        parts["schedule"] = functools.partial(_fading_noise, parts["schedule"])
    return Game(
        networks={"generator": generator, "critic": critic},
        round=(Update("critic", ("critic",), players.critic_loss, repeats=system["critic_updates"]),
               Update("generator", ("generator",), players.generator_loss)),
        ema=("generator",), axis_name=axis_name, unroll=unroll,
        sampler=Sampler("generator", players.latents, players.sample), **parts)


def _choose_penalties(config: Mapping[str, Any], critic: Network, axis_name: str | None) -> dict[str, Penalty]:
    chosen = {}
    for name in joined_names(config, "penalty"):
        penalty = choose(PENALTIES, name, "system.penalty")
        if has_batch_statistics(critic):
            raise ConfigError(f"config.system.penalty is {name!r}, which needs the gradient of each example's own "
                              "logit, but config.networks.critic normalizes over the batch, where examples see each "
                              "other; use normalization=layer or none in the critic, or penalty=none")
        short = name.rsplit(":", 1)[-1]
        if short in (*chosen, "loss", "fake", "real_logits", "fake_logits"):
            raise ConfigError(f"config.system.penalty has {name!r}, but the name {short!r} is taken; name each penalty "
                              "once, or rename the function")
        if "axis_name" in inspect.signature(penalty).parameters:
            penalty = functools.partial(penalty, axis_name=axis_name)
        chosen[short] = penalty
    return chosen


def _choose_tricks(config: Mapping[str, Any], loss: AdversarialLoss) -> tuple[str, ...]:
    names = joined_names(config, "tricks")
    for name in names:
        if name in LABEL_TRICKS and loss.targeted is None:
            able = [other for other, entry in ADVERSARIAL_LOSSES.items() if entry.targeted]
            raise ConfigError(f"config.system.tricks has {name}, which moves the targets of logits, but the loss "
                              f"{config['system']['loss']!r} has no targets; those that do: {', '.join(able)}")
    return names


def _fading_noise(schedule: Callable[[Hyper, Array], Hyper], hyper: Hyper, kimg: Array) -> Hyper:
    return fade_instance_noise(schedule(hyper, kimg), kimg)


def draw_latents(size: int, distribution: str) -> Callable[[Array], Array]:
    """The draw `keys[b] -> latents [b, size]`, standard normal or uniform in [-1, 1]."""
    if distribution == "uniform":
        return jax.vmap(lambda key: jax.random.uniform(key, (size,), float, -1.0, 1.0))
    return jax.vmap(lambda key: jax.random.normal(key, (size,), float))


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players, closed over their networks; each is a `LossFn` of an update."""

    generator: nn.Module
    critic: nn.Module
    latents: Callable[[Array], Array]
    conditional: bool
    loss: AdversarialLoss
    penalties: Mapping[str, Penalty]
    tricks: tuple[str, ...]
    axis_name: str | None

    def sample(self, params: Tree, variables: Tree, latents: Array, labels: Array) -> Array:
        """Images [b, ...] for latents [b, z] and labels [b], by stored statistics."""
        return self.generator.apply({"params": params, **variables}, latents, labels if self.conditional else None)

    def critic_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                    hyper: Hyper) -> tuple[Array, Aux]:
        """The critic's update: adversarial loss plus weighted penalties, means over the batch."""
        keys = named_keys(key, "fake", "real_logits", "fake_logits", *self.penalties, *self.tricks)
        index, labels = batch["index"], self._labels(batch)
        fake, _ = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
        real, fake = self._seen(batch["image"], jax.lax.stop_gradient(fake), keys, index, hyper)
        own, state = params["critic"], variables["critic"]
        real_logits, state = _apply(self.critic, own, state, real, labels, example_keys(keys["real_logits"], index))
        fake_logits, state = _apply(self.critic, own, state, fake, labels, example_keys(keys["fake_logits"], index))

        def logit_fn(images: Array, example: Array) -> Array:
            return _apply(self.critic, own, variables["critic"], images, labels, example)[0]

        total = jnp.mean(self._adversarial(real_logits, fake_logits, keys, index, hyper))
        metrics = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
        for name, penalty in self.penalties.items():
            metrics[name] = jnp.mean(penalty(logit_fn, real, fake, example_keys(keys[name], index)))
            total += hyper[f"{name}_weight"] * metrics[name]
        return total, Aux({"critic": state}, memory, metrics)

    def generator_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                       hyper: Hyper) -> tuple[Array, Aux]:
        """The generator's update. The real logits are for relativistic losses; XLA drops them elsewhere."""
        keys = named_keys(key, "fake", "real_logits", "fake_logits", *self.tricks)
        index, labels = batch["index"], self._labels(batch)
        fake, state = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
        real, fake = self._seen(batch["image"], fake, keys, index, hyper)
        own, seen = params["critic"], variables["critic"]
        real_logits, _ = _apply(self.critic, own, seen, real, labels, example_keys(keys["real_logits"], index))
        fake_logits, _ = _apply(self.critic, own, seen, fake, labels, example_keys(keys["fake_logits"], index))
        losses = self.loss.generator(real_logits, fake_logits)
        if "top_k" in self.tricks:
            losses = top_k(losses, fake_logits, hyper, self.axis_name)
        return jnp.mean(losses), Aux({"generator": state}, memory, {})

    def _fake(self, params: Tree, variables: Tree, batch: Mapping[str, Array], key: Array) -> tuple[Array, Tree]:
        """Fake images with the labels of the real batch, and the generator's new variables."""
        keys = named_keys(key, "latents", "network")
        latents = self.latents(example_keys(keys["latents"], batch["index"]))
        return _apply(self.generator, params, variables, latents, self._labels(batch),
                      example_keys(keys["network"], batch["index"]))

    def _labels(self, batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if self.conditional else None

    def _seen(self, real: Array, fake: Array, keys: Mapping[str, Array], index: Array,
              hyper: Hyper) -> tuple[Array, Array]:
        """Real and fake images as the critic sees them."""
        if "instance_noise" not in self.tricks:
            return real, fake
        pairs = jax.vmap(jax.random.split)(example_keys(keys["instance_noise"], index))
        return instance_noise(real, pairs[:, 0], hyper), instance_noise(fake, pairs[:, 1], hyper)

    def _adversarial(self, real_logits: Array, fake_logits: Array, keys: Mapping[str, Array], index: Array,
                     hyper: Hyper) -> Array:
        """The critic's adversarial loss [b], with moved targets where a trick moves them."""
        chosen = [name for name in LABEL_TRICKS if name in self.tricks]
        if not chosen:
            return self.loss.critic(real_logits, fake_logits)
        targets = jnp.ones_like(real_logits), jnp.zeros_like(fake_logits)
        for name in chosen:
            targets = LABEL_TRICKS[name](targets, example_keys(keys[name], index), hyper)
        return self.loss.targeted(real_logits, targets[0]) + self.loss.targeted(fake_logits, targets[1])


def _apply(module: Any, params: Tree, variables: Tree, inputs: Array, labels: Array | None,
           keys: Array) -> tuple[Array, Tree]:
    """A forward pass in training mode, and the variables after it."""
    output, state = module.apply({"params": params, **variables}, inputs, labels, keys, train=True,
                                 mutable=list(variables))
    return output, dict(state)
