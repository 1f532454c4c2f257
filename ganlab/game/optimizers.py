"""Optimizers, schedules and projections, built from traced numbers inside the round.

An optax transformation is a pure closure, so building it again in every trace costs
nothing and lets each of its numbers be traced.
"""

import inspect
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from ganlab.types import Array, Hyper, Tree


def adam(lr: Array, beta1: Array, beta2: Array, eps: Array) -> optax.GradientTransformation:
    """Builds Adam (Kingma & Ba 2015)."""
    return optax.adam(lr, b1=beta1, b2=beta2, eps=eps)


def adamw(lr: Array, beta1: Array, beta2: Array, eps: Array,
          weight_decay: Array) -> optax.GradientTransformation:
    """Builds Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    return optax.adamw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)


def rmsprop(lr: Array, decay: Array, eps: Array) -> optax.GradientTransformation:
    """Builds RMSprop (Tieleman & Hinton 2012), with epsilon outside the root.

    So do PyTorch (WGAN's code) and Keras.
    """
    return optax.rmsprop(lr, decay=decay, eps=eps, eps_in_sqrt=False)


def sgd(lr: Array, momentum: Array) -> optax.GradientTransformation:
    """Builds stochastic gradient descent with heavy-ball momentum."""
    return optax.sgd(lr, momentum=momentum)


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": adam, "adamw": adamw, "rmsprop": rmsprop, "sgd": sgd}

CLIPS: dict[str, Callable[[Array], optax.GradientTransformation]] = {
    "none": lambda limit: optax.identity(),
    "value": optax.clip,
    "global_norm": optax.clip_by_global_norm,
}


def make_optimizer(network: str, optimizer: Callable[..., optax.GradientTransformation],
                   clip: str) -> Callable[[Hyper], optax.GradientTransformation]:
    """Returns a function from numbers `<network>_<argument>` to the network's clipped optimizer."""
    arguments = tuple(inspect.signature(optimizer).parameters)

    def build(hyper: Hyper) -> optax.GradientTransformation:
        limit = hyper.get(f"{network}_clip_gradients")
        return optax.chain(CLIPS[clip](limit), optimizer(
            **{name: hyper[f"{network}_{name}"] for name in arguments}))

    return build


def lazily_regularized(network: str, build: Callable[[Hyper], optax.GradientTransformation],
                       interval: int) -> Callable[[Hyper], optax.GradientTransformation]:
    """Returns a network's optimizer for a loss whose penalty is played every `interval` rounds.

    Of interval + 1 steps, interval are of the loss alone: with c = interval / (interval + 1) the
    learning rate is c times, and decays of moments are to the power of c (Karras et al. 2020b,
    appendix B). With an interval of 0 it stays as it is.
    """
    if not interval:
        return build
    share = interval / (interval + 1)

    def rebuilt(hyper: Hyper) -> optax.GradientTransformation:
        decays = {name: hyper[name] ** share
                  for argument in ("beta1", "beta2", "decay")
                  if (name := f"{network}_{argument}") in hyper}
        return build({**hyper, f"{network}_lr": hyper[f"{network}_lr"] * share, **decays})

    return rebuilt


def make_weight_clip(network: str) -> Callable[[Tree, Hyper], Tree]:
    """Returns the projection of every weight on [-c, c], c being `<network>_weight_clip`.

    As in Arjovsky et al. 2017, algorithm 1.
    """

    def project(params: Tree, hyper: Hyper) -> Tree:
        limit = hyper[f"{network}_weight_clip"]
        return jax.tree.map(lambda weight: jnp.clip(weight, -limit, limit), params)

    return project


def _scaled(hyper: Hyper, factor: Array) -> Hyper:
    return {name: value * factor if name.endswith("_lr") else value
            for name, value in hyper.items()}


def _falling(hyper: Hyper, kimg: Array, shape: Callable[[Array], Array]) -> Hyper:
    start, end = hyper["decay_start_kimg"], hyper["decay_end_kimg"]
    progress = jnp.clip((kimg - start) / (end - start), 0.0, 1.0)
    return _scaled(hyper, hyper["decay_final"] + (1 - hyper["decay_final"]) * shape(progress))


def constant(hyper: Hyper, kimg: Array) -> Hyper:
    """Returns the numbers as they are."""
    del kimg
    return hyper


def linear(hyper: Hyper, kimg: Array) -> Hyper:
    """Computes learning rates that fall on a line, to their share `decay_final`.

    They fall from `decay_start_kimg` to `decay_end_kimg`.
    """
    return _falling(hyper, kimg, lambda progress: 1 - progress)


def cosine(hyper: Hyper, kimg: Array) -> Hyper:
    """Computes learning rates as `linear`, along half a cosine (Loshchilov & Hutter 2017)."""
    return _falling(hyper, kimg, lambda progress: 0.5 * (1 + jnp.cos(jnp.pi * progress)))


def inverse_time(hyper: Hyper, kimg: Array) -> Hyper:
    """Computes learning rates that fall as 1 / (1 + `decay_per_kimg` kimg).

    This is the `decay` of Keras's optimizers before version 2.11.
    """
    return _scaled(hyper, 1 / (1 + hyper["decay_per_kimg"] * kimg))


SCHEDULES: Mapping[str, Callable[[Hyper, Array], Hyper]] = {
    "constant": constant, "linear": linear, "cosine": cosine, "inverse_time": inverse_time}
