"""A class-conditional critic and generator, with what PyTorch-StudioGAN compares (Kang et al.
2023).

SNGAN (Miyato et al. 2018), SAGAN (Zhang et al. 2019), BigGAN (Brock et al. 2019) and DCGAN are
networks and numbers of this game; AC-GAN, MHGAN, ContraGAN and ReACGAN are ways to learn labels;
LeCam, LOGAN, InfoGAN, CR, bCR, zCR, feature matching and SAN are terms beside the adversarial loss.

A round has `critic_updates` updates of the critic, each on real images of its own, and then one of
the generator. Generated images have labels of their own draw.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ganlab.config import joined_names
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
from ganlab.losses import LABEL_LOSSES, direction_loss, mean_feature_distance, squared_difference
from ganlab.networks import CRITICS, GENERATORS
from ganlab.systems.infogan_codes import Codes, codes_of
from ganlab.systems.critic import (
    Critic,
    Judgement,
    adaptations,
    choose_augment,
    controlled,
    logit_means,
    scorer_of,
)
from ganlab.systems.conditioning import across_batch, check_conditioning
from ganlab.systems.latents import Draw, latent_sampler, latents_of, with_standing
from ganlab.systems.parts import (
    check_slices,
    choose_loss,
    choose_penalties,
    game_parts,
    make_latent_pair,
    slice_size,
)
from ganlab.systems.regularizations import (
    CHANGES,
    LECAM,
    averages_of_logits,
    check_regularizations,
    held_to_averages,
    optimised,
)
from ganlab.types import Array, Hyper, Tree

Metrics = dict[str, Array]


def class_conditional(config: Mapping[str, Any], data: DataFacts,
                      axis_name: str | None = None) -> Game:
    """Builds the game of a class-conditional critic and generator.

    Args:
      config: a validated config whose `system.name` is `class_conditional`.
      data: what is known of the data; both networks see its labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Both networks, and what is asked of them.
    system, chosen = config["system"], joined_names(config, "regularizations")
    generator, critic, classes = make_latent_pair(config, data, GENERATORS, CRITICS, axis_name)
    codes = codes_of(config, critic)
    check_conditioning(config, classes, critic)
    check_regularizations(config, data.image_shape, critic)
    # The losses of both.
    players = _Players(
        generator, Critic(critic, choose_loss(config), choose_penalties(config, critic, axis_name),
                          augment=choose_augment(config, data.image_shape)),
        latents_of(generator, system["latent_size"] - codes.size, system["latent_distribution"]),
        codes,
        classes, system["fake_labels"] == "data", system["conditioning"], chosen,
        system["critic_updates"], system["latent_steps"],
        system["latent_distribution"] == "uniform", system["consistency_change"], axis_name)
    # The round: the critic's updates come first.
    parts = game_parts(config)
    reads = players.critic.loss.compares or "feature_matching" in chosen
    updates = (
        Update("critic", ("critic",), players.critic_loss, repeats=system["critic_updates"],
               control=controlled([players.critic], parts["hyper"], config["batch_size"])),
        Update("generator", ("generator",), players.generator_loss,
               images="fresh" if reads else "same" if players.of_data else "none"))
    networks = {"generator": generator, "critic": critic}
    check_slices(config, networks, across_batch(config, chosen))
    return Game(
        networks=networks, round=updates, ema=averages("generator", variables=system["statistics"]),
        axis_name=axis_name, group=common_group(networks.values()),
        memory=averages_of_logits(chosen) | adaptations([players.critic], parts["hyper"]),
        sampler=with_standing(dataclasses.replace(
            latent_sampler("generator", players.latents, players.sample), latents=players.drawn),
            generator, classes, slice_size(config), axis_name),
        scorer=scorer_of("critic", critic, bool(classes)), **parts)


class _Fakes(NamedTuple):
    """Generated images [b, ...], with their labels [b] if there are any, latents [b, z], the
    generator's variables after them, and the mean squared length [] of optimisation's steps."""

    images: Array
    labels: Array | None
    latents: Array
    state: Tree
    cost: Array


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players, and what the sampler makes.

    Attributes:
      generator: its network.
      critic: its network, loss and penalties.
      latents: `keys[b] -> latents[b, z]`, without codes.
      codes: the last numbers of the latents.
      classes: that both see; 0 for none.
      of_data: whether generated images have the labels of real ones.
      conditioning: a name of `LABEL_LOSSES`, or `none`.
      chosen: names of regularizations.
      critic_updates: of a round.
      steps: of latent optimisation.
      bounded: whether latents stay in [-1, 1].
      change: a name of `CHANGES`.
      axis_name: the axis that `pmap` maps, or None.
    """

    generator: Network
    critic: Critic
    latents: Draw
    codes: Codes
    classes: int
    of_data: bool
    conditioning: str
    chosen: tuple[str, ...]
    critic_updates: int
    steps: int
    bounded: bool
    change: str
    axis_name: str | None

    def drawn(self, keys: Array, options: Options = {}) -> Array:
        """Draws latents [b, z] with codes, as the sampler's options have them."""
        found = self.latents(keys, options.get("truncation", 0.0))
        return self.codes.appended(found * options.get("temperature", 1.0), keys)

    def sample(self, weights: Weights, latents: Array, labels: Array, keys: Array | None,
               options: Options) -> Array:
        """Computes images [b, ...] of latents [b, z] and labels [b], by stored statistics."""
        return self.generator.evaluate(*weights["generator"], latents,
                                       labels if self.classes else None, keys=keys,
                                       **self.generator.taken(options))

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's loss: adversarial, of labels, penalties, regularizations."""
        hyper, batch, critic = scene.hyper, scene.batch, self.critic
        keys = named_keys(scene.key, "fake", "real_logits", "fake_logits", "changes",
                          *critic.penalties)
        index, chance = batch["index"], critic.chance(scene.memory, hyper)
        # Both kinds of images with their labels, and the critic's judgement.
        fakes = self._fakes(scene, keys["fake"])
        images = {"real": batch["image"], "fake": fakes.images}
        labels = {"real": batch["label"] if self.classes else None, "fake": fakes.labels}
        drawn = {kind: example_keys(keys[f"{kind}_logits"], index) for kind in images}
        judged, state = critic.judge(scene.params["critic"], scene.variables["critic"], images,
                                     drawn, labels, chance)
        real, fake = judged["real"], judged["fake"]
        metrics = critic.logit_metrics(judged) | critic.followed(real.logits, chance)
        # The adversarial loss, or the multi-hinge in its place; labels are learned of real images.
        if self.conditioning == "multi_hinge":
            # Its margin is that of classes.
            metrics = {name: value for name, value in metrics.items() if "beyond_hinge" not in name}
            generated = jnp.full_like(labels["real"], self.classes)
            total = jnp.mean(self._label_loss(real, labels["real"], hyper)
                             + self._label_loss(fake, generated, hyper))
        else:
            total = jnp.mean(critic.loss.critic(real.logits, fake.logits))
            if self.conditioning != "none":
                metrics["label_loss"] = jnp.mean(self._label_loss(real, labels["real"], hyper))
                total += hyper[f"{self.conditioning}_weight"] * metrics["label_loss"]
        # Penalties, at the labels of real images.
        total, penalties = critic.penalize(
            total, scene.params["critic"], scene.variables["critic"], batch["image"],
            jax.lax.stop_gradient(fakes.images),
            {name: example_keys(keys[name], index) for name in critic.penalties}, hyper,
            labels["real"], chance)
        # Regularizations, each by its weight.
        terms, memory = {}, scene.memory
        if LECAM in self.chosen:
            terms[LECAM], memory = held_to_averages(
                real.logits, fake.logits, scene.memory, hyper, self.critic_updates, self.axis_name)
        if "sliced" in self.chosen:
            terms["direction"] = jnp.mean(direction_loss(
                critic.loss, real.sown["direction"], fake.sown["direction"]))
        if "latent_optimisation" in self.chosen:
            terms["latent_optimisation"] = fakes.cost
        terms |= self._consistencies(scene, judged, images, labels, keys["changes"], fakes)
        terms |= self._read_codes(fake, fakes)
        total += sum(hyper[f"{name}_weight"] * value for name, value in terms.items())
        return total, Aux({"critic": state}, memory, metrics | penalties | terms)

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's loss: adversarial, of labels, regularizations."""
        hyper, batch, critic = scene.hyper, scene.batch, self.critic
        keys = named_keys(scene.key, "fake", "real_logits", "fake_logits", "changes")
        # Generated images; real ones, too, if they are compared with them.
        fakes = self._fakes(scene, keys["fake"])
        images, labels = {"fake": fakes.images}, {"fake": fakes.labels}
        if critic.loss.compares or "feature_matching" in self.chosen:
            images = {"real": batch["image"], **images}
            labels["real"] = batch["label"] if self.classes else None
        drawn = {kind: example_keys(keys[f"{kind}_logits"], batch["index"]) for kind in images}
        judged, _ = critic.judge(scene.params["critic"], scene.variables["critic"], images, drawn,
                                 labels, critic.chance(scene.memory, hyper))
        fake, metrics = judged["fake"], logit_means(judged)
        # The adversarial loss and that of labels, which a multi-hinge has in one.
        total = jnp.zeros(())
        if self.conditioning != "multi_hinge":
            real = judged["real"].logits if "real" in judged else None
            total = jnp.mean(critic.loss.generator(real, fake.logits))
        if self.conditioning != "none":
            metrics["label_loss"] = jnp.mean(self._label_loss(fake, fakes.labels, hyper))
            total += hyper[f"{self.conditioning}_weight"] * metrics["label_loss"]
        # Regularizations, each by its weight.
        terms = {}
        if "feature_matching" in self.chosen:
            terms["feature_matching"] = mean_feature_distance(
                judged["real"].sown["features"], fake.sown["features"], self.axis_name)
        if "latent_optimisation" in self.chosen:
            terms["latent_optimisation"] = fakes.cost
        if "latent_consistency" in self.chosen:
            # The generator is to see the noise that the critic is not to see.
            moved = self._moved(scene, fakes, keys["changes"])
            terms["latent_consistency_generator"] = -jnp.mean((fakes.images - moved) ** 2)
        terms |= self._read_codes(fake, fakes)
        total += sum(hyper[f"{name}_weight"] * value for name, value in terms.items())
        return total, Aux({"generator": fakes.state}, scene.memory, metrics | terms)

    def _label_loss(self, judged: Judgement, labels: Array, hyper: Hyper) -> Array:
        """Computes the loss [b] of the labels [b] of one kind of images."""
        return LABEL_LOSSES[self.conditioning].of(
            self.conditioning, judged.sown, labels, hyper, self.axis_name)

    def _fakes(self, scene: Scene, key: Array) -> _Fakes:
        """Computes generated images of drawn labels and latents, which may be optimised first."""
        keys = named_keys(key, "latents", "labels", "network", "steps")
        hyper, index = scene.hyper, scene.batch["index"]
        latents = self.drawn(example_keys(keys["latents"], index))
        labels = None
        if self.classes:
            labels = scene.batch["label"] if self.of_data else jax.vmap(
                lambda key: jax.random.randint(key, (), 0, self.classes))(
                    example_keys(keys["labels"], index))
        own, cost = example_keys(keys["network"], index), jnp.zeros(())
        if "latent_optimisation" in self.chosen:
            # The players learn through the steps of the latents; codes stay.
            latents, cost = optimised(
                lambda latents: self._believed(scene, latents, labels, own), latents,
                latents.shape[-1] - self.codes.size, example_keys(keys["steps"], index), hyper,
                self.steps, self.bounded)
        images, state = self.generator.train(
            scene.params["generator"], scene.variables["generator"], latents, labels, keys=own)
        return _Fakes(images, labels, latents, state, cost)

    def _believed(self, scene: Scene, latents: Array, labels: Array | None, keys: Array) -> Array:
        """Computes the critic's logits [b] of the images of latents [b, z]."""
        params, variables = scene.params, scene.variables
        images, _ = self.generator.train(params["generator"], variables["generator"], latents,
                                         labels, keys=keys)
        return self.critic.network.train(params["critic"], variables["critic"], images, labels,
                                         keys=keys)[0]

    def _moved(self, scene: Scene, fakes: _Fakes, key: Array) -> Array:
        """Computes generated images of latents with noise, by the same draws (zCR)."""
        own = named_keys(key, "noise", "network")
        noise = self.latents(example_keys(own["noise"], scene.batch["index"]))
        noise = jnp.pad(noise, ((0, 0), (0, self.codes.size)))
        images, _ = self.generator.train(
            scene.params["generator"], scene.variables["generator"],
            fakes.latents + scene.hyper["latent_consistency_radius"] * noise, fakes.labels,
            keys=example_keys(own["network"], scene.batch["index"]))
        return images

    def _consistencies(self, scene: Scene, judged: Mapping[str, Judgement],
                       images: Mapping[str, Array], labels: Mapping[str, Array | None], key: Array,
                       fakes: _Fakes) -> Metrics:
        """Computes what changes in the critic's eyes when images or latents are changed.

        CR moves real images (Zhang et al. 2020), bCR generated ones, too, and zCR latents (Zhao et
        al. 2021). These looks leave no trace in the critic's variables.
        """
        keys = named_keys(key, "real", "fake", "latents", "looks")
        wanted = {}
        if "consistency" in self.chosen:
            wanted["consistency"] = "real"
        if "balanced_consistency" in self.chosen:
            wanted |= {"balanced_real": "real", "balanced_fake": "fake"}
        changed = {name: (kind, CHANGES[self.change](
            images[kind], example_keys(keys[kind], scene.batch["index"]), jnp.ones(())))
            for name, kind in wanted.items()}
        if "latent_consistency" in self.chosen:
            changed["latent_consistency_critic"] = (
                "fake", self._moved(scene, fakes, keys["latents"]))
        # Changed images are not augmented once more.
        plain, found = dataclasses.replace(self.critic, augment=None), {}
        for name, (kind, other) in changed.items():
            look, _ = plain.judge(
                scene.params["critic"], scene.variables["critic"], {kind: other},
                {kind: example_keys(keys["looks"], scene.batch["index"])}, {kind: labels[kind]})
            found[name] = sum(jnp.mean(squared_difference(one, two)) for one, two in zip(
                self._compared(judged[kind]), self._compared(look[kind]), strict=True))
        return found

    def _compared(self, judged: Judgement) -> list[Array]:
        """Lists what stays the same under a change: logits, and what a loss of labels looks at."""
        if self.conditioning == "multi_hinge":
            return [judged.sown["class_logits"]]
        parts = LABEL_LOSSES[self.conditioning].sown[:1] if self.conditioning != "none" else ()
        return [judged.logits, *(judged.sown[part] for part in parts)]

    def _read_codes(self, fake: Judgement, fakes: _Fakes) -> Metrics:
        """Computes how badly the critic reads the codes of generated images; {} without codes."""
        if "infogan" not in self.chosen:
            return {}
        return {name: jnp.mean(loss) for name, loss in
                self.codes.losses(fake.sown["codes"], fakes.latents).items()}
