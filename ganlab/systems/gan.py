"""The two-player game: critic and generator, any loss, any penalties, with or without labels."""

import math
from collections.abc import Mapping
from typing import Any


from ganlab.config import ConfigError, joined_names
from ganlab.data import DataFacts
from ganlab.game import Game, Network, Update, averages, common_group
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks import CRITICS, GENERATORS
from ganlab.systems.critic import Critic, adaptations, choose_augment, controlled, scorer_of
from ganlab.systems.latents import latent_sampler, latents_of, with_standing
from ganlab.systems.parts import (
    across_penalties,
    check_slices,
    choose_loss,
    choose_penalties,
    game_parts,
    make_latent_pair,
    slice_size,
)
from ganlab.systems.players import Players, pack
from ganlab.systems.tricks import (
    ACROSS_TRICKS,
    HISTORY_TRICK,
    LABEL_TRICKS,
    empty_history,
    fade_instance_noise,
)
from ganlab.types import AdversarialLoss, Hyper


def gan(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of a critic (`critic_updates` times a round) and a generator (once).

    Args:
      config: a validated config whose `system.name` is `gan`.
      data: what is known of the data; both networks see its labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Both networks, of packs if the critic judges several images at once.
    _check_packing(config)
    system = config["system"]
    generator, critic, classes = make_latent_pair(
        config, data, GENERATORS, CRITICS, axis_name, system["packing"])
    # The losses of both, with the tricks.
    loss = choose_loss(config)
    players = Players(
        generator, Critic(critic, loss, choose_penalties(config, critic, axis_name),
                          joint=system["critic_step"] == "one_pass",
                          augment=choose_augment(config, data.image_shape),
                          pictures=(data.image_shape[-1],) * system["packing"]),
        latents_of(generator, system["latent_size"], system["latent_distribution"]),
        conditional=bool(classes), tricks=_choose_tricks(config, loss, critic),
        packing=system["packing"], generator_batches=system["generator_batches"],
        auxiliary="class_logits" in critic.sown(), axis_name=axis_name)
    # Optimizers, numbers and ramps by the config.
    parts = game_parts(config)
    if "instance_noise" in players.tricks:
        parts["ramps"] = {"instance_noise": fade_instance_noise, **parts["ramps"]}
    # The round: the critic's updates come first.
    networks = {"generator": generator, "critic": critic}
    check_slices(config, networks, _across(config))
    return Game(
        networks=networks,
        round=(*_critic_updates(config, loss, players, parts["hyper"]),
               _generator_update(players)),
        ema=averages("generator", variables=system["statistics"]), axis_name=axis_name,
        group=math.lcm(common_group([generator]), common_group([critic], system["packing"])),
        memory=(empty_history(networks) if HISTORY_TRICK in players.tricks else {})
        | adaptations([players.critic], parts["hyper"]),
        sampler=with_standing(latent_sampler("generator", players.latents, players.sample),
                              generator, classes, slice_size(config), axis_name),
        scorer=scorer_of("critic", critic, bool(classes),
                         lambda images, sources: pack(images, system["packing"])), **parts)


def _generator_update(players: Players) -> Update:
    """Returns the generator's update; it reads data only to compare with it, or for its labels."""
    images = "fresh" if players.generator_compares else "same" if players.conditional else "none"
    return Update("generator", ("generator",), players.generator_loss, images=images)


def _critic_updates(config: Mapping[str, Any], loss: AdversarialLoss,
                    players: Players, hyper: Hyper) -> tuple[Update, ...]:
    """Returns the critic's updates: one on real and fake images together, or one on each."""
    system = config["system"]
    # The chance of augmentations follows the logits of real images, wherever they are.
    control = controlled([players.critic], hyper, config["batch_size"])
    if system["critic_step"] != "two_steps":
        return (Update("critic", ("critic",), players.critic_loss,
                       repeats=system["critic_updates"], control=control),)
    if loss.targeted is None:
        raise ConfigError(f"config.system.critic_step is 'two_steps', but the loss "
                          f"{system['loss']!r} compares real and fake logits; use one of "
                          f"{', '.join(_targeted_losses())}, or critic_step=two_passes")
    if players.critic.penalties or system["critic_updates"] > 1:
        raise ConfigError("config.system.critic_step is 'two_steps', one step on real and one on "
                          "fake images; it takes no penalty and one critic update a round; use "
                          "critic_step=two_passes")
    return (Update("critic_real", ("critic",), players.real_loss, control=control),
            Update("critic_fake", ("critic",), players.fake_loss,
                   images="same" if players.conditional else "none"))


def _check_packing(config: Mapping[str, Any]) -> None:
    packing, batch = config["system"]["packing"], config["batch_size"]
    if packing == 1:
        return
    if batch % packing:
        raise ConfigError(f"config.system.packing is {packing}, which does not divide "
                          f"config.batch_size, {batch}; use {max(batch // packing, 1) * packing}")
    if config["system"]["conditional"]:
        raise ConfigError(f"config.system.packing is {packing}: the critic judges {packing} images "
                          "of several classes at once, which have no common label; use "
                          "conditional=False or packing=1")


def _across(config: Mapping[str, Any]) -> list[str]:
    """Lists the penalties and tricks whose value for an example depends on the others."""
    tricks = [name for name in joined_names(config, "tricks") if name in ACROSS_TRICKS]
    return [*across_penalties(config), *(f"config.system.tricks {name!r}" for name in tricks)]


def _targeted_losses() -> list[str]:
    return [name for name, entry in ADVERSARIAL_LOSSES.items() if entry.targeted]


def _choose_tricks(config: Mapping[str, Any], loss: AdversarialLoss,
                   critic: Network) -> tuple[str, ...]:
    names = joined_names(config, "tricks")
    for name in names:
        if name in LABEL_TRICKS and loss.targeted is None:
            raise ConfigError(f"config.system.tricks has {name}, which moves the targets of "
                              f"logits, but the loss {config['system']['loss']!r} has no targets; "
                              f"those that do: {', '.join(_targeted_losses())}")
    if "feature_matching" in names and "features" not in critic.sown():
        raise ConfigError("config.system.tricks has feature_matching, but config.networks.critic "
                          f"({config['networks']['critic']['network']}) does not sow its features; "
                          "end it with ganlab.networks.layers.critic_output, or sow them as "
                          "`features`")
    return names
