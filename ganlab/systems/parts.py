"""What every system makes from its config: networks, optimizers and numbers, checked before use."""

import dataclasses
import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import (
    ConfigError,
    bind,
    choose,
    hyper_keys,
    joined_names,
    ramps_of,
    split_names,
    unknown,
)
from ganlab.convolutions import WithConvolutions
from ganlab.data import DataFacts
from ganlab.game import (
    OPTIMIZERS,
    SCHEDULES,
    Network,
    make_optimizer,
    make_ramp,
    make_weight_clip,
)
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.penalties import PENALTIES, REGULARIZERS
from ganlab.systems.latents import check_truncation
from ganlab.types import AdversarialLoss, Penalty, Tree


def check_networks(config: Mapping[str, Any], *players: str) -> None:
    """Raises ConfigError unless `config.networks` has the players of the system, and no others."""
    for name in config["networks"]:
        if name not in players:
            raise unknown("network", f"config.networks.{name}",
                          [f"config.networks.{player}" for player in players])
    for name in players:
        if name not in config["networks"]:
            raise ConfigError(f"config.networks.{name} is missing: system "
                              f"{config['system']['name']!r} needs it")


def make_network(config: Mapping[str, Any], name: str, table: Mapping[str, type[nn.Module]],
                 inputs: tuple[jax.ShapeDtypeStruct, ...], output: tuple | None,
                 **given: Any) -> Network:
    """Builds the network of `config.networks.<name>` and traces it once, without compiling.

    Args:
      config: the config.
      name: the player.
      table: architectures by name.
      inputs: shapes of the arguments, for one example.
      output: the shape that one example's output must have; a tuple of shapes for several outputs;
        None for any.
      **given: fields of the module that the system fills.

    Raises:
      ConfigError: for an unknown architecture or argument, or one that does not fit the data.
    """
    # The architecture and its arguments.
    section, path = config["networks"][name], f"networks.{name}"
    builder = choose(table, section["network"], f"{path}.network")
    # Flax adds `parent` and `name` to every module; they are not the user's.
    bind(builder, section["kwargs"], f"{path}.kwargs", (*given, "parent", "name"))
    # A trace shows what cannot work, before anything compiles.
    train = config["train"]
    try:
        module = builder(**given, **section["kwargs"])
        if train["convolutions"] != "auto":
            module = WithConvolutions(module, train["convolutions"])
        network = Network(module, inputs, train["precision"], train["rematerialize"])
        params, variables = network.shapes
        found, _ = network.evaluated
    except (ValueError, TypeError, ZeroDivisionError, ConfigError) as error:
        raise ConfigError(f"config.{path} ({section['network']}) does not fit: {error}") from error
    # What it gives, in float32 and in the precision of training.
    shape = tuple(map(_shape, found)) if isinstance(found, tuple) else _shape(found)
    if output is not None and shape != output:
        raise ConfigError(f"config.{path} ({section['network']}) gives {shape} for one example; it "
                          f"must give {output}")
    if network.precision != "float32":
        _check_precision(network, path, params, variables)
    return network


def make_latent_pair(config: Mapping[str, Any], data: DataFacts,
                     generators: Mapping[str, type[nn.Module]],
                     critics: Mapping[str, type[nn.Module]], axis_name: str | None,
                     packing: int = 1, whole_shape: tuple[int, ...] = (),
                     **fields: Any) -> tuple[Network, Network, int]:
    """Builds a generator of latents and a critic of its images, both of which may see labels.

    Args:
      config: with networks `generator` and `critic`, `system.conditional`, `system.latent_size`.
      data: what is known of the data.
      generators: architectures by name.
      critics: architectures by name.
      axis_name: the axis that `pmap` maps, or None.
      packing: images, joined as channels, in one input of the critic.
      whole_shape: that both modules are made for, if they make and see a smaller image, of the
        data's shape.
      **fields: of both modules, that the system fills besides.

    Returns:
      The generator, the critic, and the number of classes that they see, 0 for none.

    Raises:
      ConfigError: as `check_networks` and `make_network`.
    """
    check_networks(config, "generator", "critic")
    system, dtype = config["system"], jnp.zeros(()).dtype
    classes = data.num_classes if system["conditional"] else 0
    labels = (jax.ShapeDtypeStruct((1,), jnp.int32),) if classes else ()
    given = {"num_classes": classes, "axis_name": axis_name, **fields}
    # From latents to images of the data, and from these to a logit.
    generator = make_network(
        config, "generator", generators,
        (jax.ShapeDtypeStruct((1, system["latent_size"]), dtype), *labels),
        output=(1, *data.image_shape), image_shape=whole_shape or data.image_shape, **given)
    if "truncation" in generator.sampling_options:
        check_truncation("config.sample.truncation", config["sample"]["truncation"])
    packed = (*data.image_shape[:-1], packing * data.image_shape[-1])
    critic = make_network(config, "critic", critics,
                          (jax.ShapeDtypeStruct((1, *packed), dtype), *labels), output=(1,),
                          image_shape=whole_shape or packed, **given)
    return generator, critic, classes


def _check_precision(network: Network, path: str, params: Tree, variables: Tree) -> None:
    """Raises ConfigError if a network fails in its precision, or would keep rounded statistics."""
    def refused(reason: str) -> ConfigError:
        return ConfigError(f"config.train.precision is {network.precision!r}, which config.{path} "
                           f"({type(network.module).__name__}) does not take: {reason}; use "
                           "float32")

    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 1))
    rounded = dataclasses.replace(network, rematerialize=False)
    try:
        _, state = jax.eval_shape(lambda params, variables, inputs, keys: rounded.train(
            params, variables, *inputs, keys=keys), params, variables, network.inputs, keys)
    except (ValueError, TypeError) as error:
        raise refused(str(error).strip().partition("\n")[0]) from error
    for name, tree in variables.items():
        kept = ({leaf.dtype for leaf in jax.tree.leaves(state[name])}
                - {leaf.dtype for leaf in jax.tree.leaves(tree)})
        if kept:
            raise refused(f"it would keep its variables {name!r} in {', '.join(map(str, kept))}")


def check_slices(config: Mapping[str, Any], networks: Mapping[str, Network],
                 across: Iterable[str]) -> None:
    """Raises ConfigError if slices of a batch would not give the large batch's numbers.

    Args:
      config: the config.
      networks: the players by name.
      across: parts of the loss that look across the batch, in the words of their keys.
    """
    slices = config["train"]["accumulate"]
    if slices == 1:
        return
    reasons = [f"config.networks.{name} {reason}" for name, network in networks.items()
               if (reason := _sees_batch(network))
               and not (config["train"]["slice_statistics"] and network.group is not None)] + [
                   f"{part} looks across the batch" for part in across]
    if reasons:
        alone = ("" if config["train"]["slice_statistics"] or "normalizes" not in reasons[0] else
                 ", or train.slice_statistics=True, by which each slice is normalized by itself")
        raise ConfigError(f"config.train.accumulate is {slices}, but {reasons[0]}, of which a "
                          "slice sees only a part: the numbers would not be those of the large "
                          f"batch; use 1, or do without it{alone}")


def slice_size(config: Mapping[str, Any]) -> int:
    """Returns the images of a slice of a batch, `train.accumulate` of which make one."""
    return config["batch_size"] // config["train"]["accumulate"]


def _sees_batch(network: Network) -> str:
    """Says what a network sees of its batch that a slice does not have; empty for nothing."""
    if network.group is None or network.tracks_batch is None:
        return (f"({type(network.module).__name__}) does not declare what it sees of its batch "
                "(`batch_group = 1` and `tracks_batch = False`, if each example is by itself)")
    if network.group == 0:
        return "normalizes over the batch"
    return "keeps variables that follow the batch" if network.tracks_batch else ""


def choose_loss(config: Mapping[str, Any]) -> AdversarialLoss:
    """Returns the adversarial loss that `system.loss` names.

    Raises:
      ConfigError: for an unknown name, or something that is not an adversarial loss.
    """
    return choose(ADVERSARIAL_LOSSES, config["system"]["loss"], "system.loss",
                  lambda found: isinstance(found, AdversarialLoss),
                  "AdversarialLoss(critic, generator)")


def choose_penalties(config: Mapping[str, Any], critic: Network, axis_name: str | None,
                     player: str = "critic") -> dict[str, Penalty]:
    """Returns the penalties of a critic that `system.penalty` joins, by their short names.

    Raises:
      ConfigError: for an unknown or repeated name, and for a critic that normalizes over the batch.
    """
    chosen = {}
    for name in joined_names(config, "penalty"):
        penalty = choose(PENALTIES, name, "system.penalty")
        check_own_logits(critic, f"config.system.penalty is {name!r}", player)
        short = name.rsplit(":", 1)[-1]
        if short in (*chosen, "loss", "fake", "real_logits", "fake_logits"):
            raise ConfigError(f"config.system.penalty has {name!r}, but the name {short!r} is "
                              "taken; name each penalty once, or rename the function")
        if "axis_name" in inspect.signature(penalty).parameters:
            penalty = functools.partial(penalty, axis_name=axis_name)
        chosen[short] = penalty
    return chosen


def check_own_logits(critic: Network, chosen: str, player: str = "critic",
                     instead: str = "penalty=none") -> None:
    """Raises ConfigError for a critic whose logit of an example may depend on the whole batch.

    `chosen` says by which key and value that is asked of it, and `instead` what would not ask.

    Groups of neighbours pass, as in the official codes: the gradient is then of the sum of a
    group's logits.
    """
    wants = f"{chosen}, which needs the gradient of each example's own logit, but "
    if critic.group == 0:
        raise ConfigError(f"{wants}config.networks.{player} normalizes over the batch, where "
                          "examples see each other; use normalization=layer, instance or none, "
                          f"whichever it has, or {instead}")
    if critic.group is None and critic.shapes[1]:
        raise ConfigError(f"{wants}config.networks.{player} ({type(critic.module).__name__}) keeps "
                          "variables and does not declare whether examples see each other; give "
                          f"the module `batch_group = 1` if they do not, or use {instead}")


def across_penalties(config: Mapping[str, Any]) -> list[str]:
    """Lists the keys of penalties whose value for an example depends on others in the batch.

    Such a penalty takes `axis_name`.
    """
    return [f"config.system.penalty {name!r}" for name in joined_names(config, "penalty")
            if "axis_name" in inspect.signature(
                choose(PENALTIES, name, "system.penalty")).parameters]


def _shape(output: Any) -> Any:
    """Returns the shape of an output, or the output itself if it has none."""
    return getattr(output, "shape", output)


def game_parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a `Game` that follow from the config alone, whatever the system."""
    optimizers, projections = {}, {}
    for name, section in config["networks"].items():
        optimizer = choose(OPTIMIZERS, section["optimizer"], f"networks.{name}.optimizer")
        for argument in inspect.signature(optimizer).parameters:
            if f"{name}_{argument}" not in config["hyper"]:
                raise ConfigError(f"config.hyper.{name}_{argument} is missing: "
                                  f"{section['optimizer']} needs it")
        optimizers[name] = make_optimizer(name, optimizer, section["clip_gradients"])
        if section["projection"] == "weight_clip":
            projections[name] = make_weight_clip(name)
    return {"optimizers": optimizers, "projections": projections,
            "batch_size": config["batch_size"],
            "ramps": {number: make_ramp(number, shape)
                      for number, shape in ramps_of(config).items()},
            "regularizers": {name: {label: REGULARIZERS[label]
                                    for label in split_names(section["regularizers"])}
                             for name, section in config["networks"].items()
                             if section["regularizers"] != "none"},
            "accumulate": config["train"]["accumulate"],
            "chained": config["train"]["slice_statistics"],
            "schedule": SCHEDULES[config["learning_rate_schedule"]],
            "hyper": {name: float(config["hyper"][name]) for name in hyper_keys(config)}}
