"""R3GAN (Huang et al. 2024, "The GAN is dead; long live the GAN! A modern GAN baseline").

The critic compares real images with generated ones in pairs, and is held flat around both kinds
(ibid., section 2). That suffices for a game without tricks: a round has one update of the critic
and one of the generator, on real images of their own. What changes over training, all along one
cosine, are numbers: learning rates, the decay of the second moment, gamma, the chance of
augmentations and the average of the generator (ibid., appendix); they are `config.ramps`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.data import DataFacts
from ganlab.game import (
    Aux,
    Game,
    Network,
    Options,
    Scene,
    Update,
    Weights,
    averages,
    common_group,
    example_keys,
    named_keys,
)
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks import CRITICS, GENERATORS
from ganlab.systems.critic import Critic, adaptations, choose_augment, controlled, scorer_of
from ganlab.systems.latents import Draw, latent_sampler, latents_of, with_standing
from ganlab.systems.parts import (
    check_own_logits,
    check_slices,
    game_parts,
    make_latent_pair,
    slice_size,
)
from ganlab.types import Array, Tree


def r3gan(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of R3GAN's generator and critic.

    Args:
      config: a validated config whose `system.name` is `r3gan`.
      data: what is known of the data; both networks see its labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Both networks.
    system = config["system"]
    generator, critic, classes = make_latent_pair(config, data, GENERATORS, CRITICS, axis_name)
    check_own_logits(critic, "config.system.name is 'r3gan'", instead="system.name=gan")
    networks = {"generator": generator, "critic": critic}
    check_slices(config, networks, ())
    players = _Players(
        generator, Critic(critic, ADVERSARIAL_LOSSES["relativistic"], {},
                          augment=choose_augment(config, data.image_shape)),
        latents_of(generator, system["latent_size"], "normal"), bool(classes))
    # The round, in the official order.
    parts = game_parts(config)
    updates = (
        Update("critic", ("critic",), players.critic_loss,
               control=controlled([players.critic], parts["hyper"], config["batch_size"])),
        Update("generator", ("generator",), players.generator_loss))
    return Game(
        networks=networks, round=updates, ema=averages("generator"), axis_name=axis_name,
        group=common_group(networks.values()), memory=adaptations([players.critic], parts["hyper"]),
        scorer=scorer_of("critic", critic, bool(classes)),
        sampler=with_standing(latent_sampler("generator", players.latents, players.sample),
                              generator, classes, slice_size(config), axis_name), **parts)


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players, and what the sampler makes.

    Attributes:
      generator: its network.
      critic: its network, the relativistic loss and augmentations.
      latents: `keys[b] -> latents[b, z]`.
      conditional: whether both see labels.
    """

    generator: Network
    critic: Critic
    latents: Draw
    conditional: bool

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's loss, mean over the batch: f(D(fake) - D(real)) + gamma (R1 + R2),
        with f the softplus (ibid., eq. 2) and both penalties half the squared slope by images
        before augmentation (eq. 3 and 4)."""
        batch, chance = scene.batch, self.critic.chance(scene.memory, scene.hyper)
        keys = named_keys(scene.key, "fake", "real_logits", "fake_logits")
        fake, _ = self._fake(scene, keys["fake"])
        images = {"real": batch["image"], "fake": jax.lax.stop_gradient(fake)}
        # One pass of each kind gives the logits and, drawn back to the images, their slopes.
        logits, penalties, state = {}, {}, scene.variables["critic"]
        for kind, penalty in (("real", "r1"), ("fake", "r2")):
            drawn = example_keys(keys[f"{kind}_logits"], batch["index"])
            logits[kind], pull, state = jax.vjp(
                lambda shown, drawn=drawn, state=state: self._logits(
                    scene, state, shown, drawn, chance), images[kind], has_aux=True)
            slopes, = pull(jnp.ones_like(logits[kind]))
            penalties[penalty] = 0.5 * jnp.sum(
                jnp.square(slopes), axis=tuple(range(1, slopes.ndim)))
        # Each real image is compared with the generated one at its place.
        losses = self.critic.loss.critic(logits["real"], logits["fake"])
        losses += scene.hyper["gamma"] * (penalties["r1"] + penalties["r2"])
        means = {f"{kind}_logits": jnp.mean(found) for kind, found in logits.items()}
        means |= {name: jnp.mean(penalty) for name, penalty in penalties.items()}
        return jnp.mean(losses), Aux({"critic": state}, scene.memory,
                                     means | self.critic.followed(logits["real"], chance))

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's loss, mean over the batch: f(D(real) - D(fake)) (eq. 2)."""
        batch, chance = scene.batch, self.critic.chance(scene.memory, scene.hyper)
        keys = named_keys(scene.key, "fake", "real_logits", "fake_logits")
        fake, state = self._fake(scene, keys["fake"])
        real_logits, fake_logits = (
            self._logits(scene, scene.variables["critic"], images,
                         example_keys(keys[f"{kind}_logits"], batch["index"]), chance)[0]
            for kind, images in (("real", batch["image"]), ("fake", fake)))
        loss = jnp.mean(self.critic.loss.generator(real_logits, fake_logits))
        return loss, Aux({"generator": state}, scene.memory,
                         {"fake_logits": jnp.mean(fake_logits)})

    def _fake(self, scene: Scene, key: Array) -> tuple[Array, Tree]:
        """Computes generated images with the batch's labels, and the generator's new variables."""
        keys = {name: example_keys(own, scene.batch["index"])
                for name, own in named_keys(key, "latents", "network").items()}
        return self.generator.train(
            scene.params["generator"], scene.variables["generator"], self.latents(keys["latents"]),
            self._labels(scene.batch["label"]), keys=keys["network"])

    def _logits(self, scene: Scene, variables: Tree, images: Array, keys: Array,
                chance: Array | None) -> tuple[Array, Tree]:
        """Computes the critic's logits [b] of images [b, ...], which it sees augmented, and its
        variables after them."""
        return self.critic.network.train(
            scene.params["critic"], variables, self.critic.seen(images, keys, chance),
            self._labels(scene.batch["label"]), keys=keys)

    def _labels(self, labels: Array) -> Array | None:
        return labels if self.conditional else None

    def sample(self, weights: Weights, latents: Array, labels: Array, keys: Array | None,
               options: Options) -> Array:
        """Computes images [b, ...] of latents [b, z] and labels [b]."""
        return self.generator.evaluate(*weights["generator"], latents, self._labels(labels),
                                       keys=keys, **self.generator.taken(options))
