"""The two-player game: a critic and a generator, any loss, any penalties, with or without labels."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError, choose, penalties
from ganlab.game import Aux, Game, Network, Sampler, Update, example_keys, named_keys
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks import CRITICS, GENERATORS
from ganlab.penalties import PENALTIES
from ganlab.systems.parts import check_networks, game_parts, has_batch_statistics, make_network
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
                             (jax.ShapeDtypeStruct((1, system["latent_size"]), float_type), *label_spec), **given)
    critic = make_network(config, "critic", CRITICS,
                          (jax.ShapeDtypeStruct((1, *image_shape), float_type), *label_spec), **given)
    loss = choose(ADVERSARIAL_LOSSES, system["loss"], "system.loss", lambda found: isinstance(found, AdversarialLoss),
                  "AdversarialLoss(critic, generator)")
    chosen = _choose_penalties(config, critic, axis_name)
    players = _Players(generator, critic, draw_latents(system["latent_size"], system["latent_distribution"]),
                       conditional=bool(classes))
    return Game(
        networks={"generator": generator, "critic": critic},
        round=(Update("critic", ("critic",), players.critic_loss(loss, chosen), repeats=system["critic_updates"]),
               Update("generator", ("generator",), players.generator_loss(loss))),
        ema=("generator",), axis_name=axis_name, unroll=unroll,
        sampler=Sampler("generator", players.latents, players.sample), **game_parts(config))


def _choose_penalties(config: Mapping[str, Any], critic: Network, axis_name: str | None) -> dict[str, Penalty]:
    chosen = {}
    for name in penalties(config):
        penalty = choose(PENALTIES, name, "system.penalty")
        if has_batch_statistics(critic):
            raise ConfigError(f"config.system.penalty is {name!r}, which needs the gradient of each example's own "
                              "logit, but config.networks.critic normalizes over the batch, where examples see each "
                              "other; use normalization=layer or none in the critic, or penalty=none")
        if "axis_name" in inspect.signature(penalty).parameters:
            penalty = functools.partial(penalty, axis_name=axis_name)
        chosen[name.rsplit(":", 1)[-1]] = penalty
    return chosen


def draw_latents(size: int, distribution: str) -> Callable[[Array], Array]:
    """The draw `keys[b] -> latents [b, size]`, standard normal or uniform in [-1, 1]."""
    if distribution == "uniform":
        return jax.vmap(lambda key: jax.random.uniform(key, (size,), float, -1.0, 1.0))
    return jax.vmap(lambda key: jax.random.normal(key, (size,), float))


class _Players:
    """The losses of both players, closed over their networks."""

    def __init__(self, generator: Network, critic: Network, latents: Callable[[Array], Array], conditional: bool):
        self._generator, self._critic = generator.module, critic.module
        self.latents, self._conditional = latents, conditional

    def sample(self, params: Tree, variables: Tree, latents: Array, labels: Array) -> Array:
        """Images [b, ...] for latents [b, z] and labels [b], by stored statistics."""
        return self._generator.apply({"params": params, **variables}, latents, labels if self._conditional else None)

    def _fake(self, params: Tree, variables: Tree, batch: Mapping[str, Array], key: Array) -> tuple[Array, Tree]:
        """Fake images with the labels of the real batch, and the generator's new variables."""
        keys = named_keys(key, "latents", "network")
        latents = self.latents(example_keys(keys["latents"], batch["index"]))
        return _apply(self._generator, params, variables, latents, self._labels(batch),
                      example_keys(keys["network"], batch["index"]))

    def _labels(self, batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if self._conditional else None

    def critic_loss(self, loss: AdversarialLoss, chosen: Mapping[str, Penalty]) -> Callable:
        """The critic's update: adversarial loss plus weighted penalties, means over the batch."""

        def loss_fn(params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                    hyper: Hyper) -> tuple[Array, Aux]:
            keys = named_keys(key, "fake", "real_logits", "fake_logits", *chosen)
            index, labels, real = batch["index"], self._labels(batch), batch["image"]
            fake, _ = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
            fake = jax.lax.stop_gradient(fake)
            own, state = params["critic"], variables["critic"]
            real_logits, state = _apply(self._critic, own, state, real, labels,
                                        example_keys(keys["real_logits"], index))
            fake_logits, state = _apply(self._critic, own, state, fake, labels,
                                        example_keys(keys["fake_logits"], index))

            def logit_fn(images: Array, example: Array) -> Array:
                return _apply(self._critic, own, variables["critic"], images, labels, example)[0]

            total = jnp.mean(loss.critic(real_logits, fake_logits))
            metrics = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
            for name, penalty in chosen.items():
                metrics[name] = jnp.mean(penalty(logit_fn, real, fake, example_keys(keys[name], index)))
                total += hyper[f"{name}_weight"] * metrics[name]
            return total, Aux({"critic": state}, memory, metrics)

        return loss_fn

    def generator_loss(self, loss: AdversarialLoss) -> Callable:
        """The generator's update. The real logits are for relativistic losses; XLA drops them elsewhere."""

        def loss_fn(params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                    hyper: Hyper) -> tuple[Array, Aux]:
            del hyper
            keys = named_keys(key, "fake", "real_logits", "fake_logits")
            index, labels = batch["index"], self._labels(batch)
            fake, state = self._fake(params["generator"], variables["generator"], batch, keys["fake"])
            own, seen = params["critic"], variables["critic"]
            real_logits, _ = _apply(self._critic, own, seen, batch["image"], labels,
                                    example_keys(keys["real_logits"], index))
            fake_logits, _ = _apply(self._critic, own, seen, fake, labels, example_keys(keys["fake_logits"], index))
            return jnp.mean(loss.generator(real_logits, fake_logits)), Aux({"generator": state}, memory, {})

        return loss_fn


def _apply(module: Any, params: Tree, variables: Tree, inputs: Array, labels: Array | None,
           keys: Array) -> tuple[Array, Tree]:
    """A forward pass in training mode, and the variables after it."""
    output, state = module.apply({"params": params, **variables}, inputs, labels, keys, train=True,
                                 mutable=list(variables))
    return output, dict(state)
