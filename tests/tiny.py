"""Tiny data sets, configs and games, so that a test compiles in about a second.

pytest puts this folder on the path, because it holds conftest.py.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from tiny_networks import tiny_kwargs

from ganlab.config import experiment
from ganlab.data import Dataset, reduced
from ganlab.game import Scene, init_state, stages_of
from ganlab.networks.critic_heads import Headed, headed, labelled
from ganlab.systems import build_game

CLASSES = 3
BATCH = 8


def _dataset(name, images, size):
    labels = np.random.default_rng(1).integers(CLASSES, size=size).astype(np.int32)
    return Dataset(name, images, labels, tuple(f"class {i}" for i in range(CLASSES)))


POINTS = _dataset("points", np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32), 64)
IMAGES = _dataset("images", np.random.default_rng(0).integers(256, size=(64, 8, 8, 1)).astype(np.uint8), 64)

PAIRS = dataclasses.replace(IMAGES, name="pairs", sources=IMAGES.images[:, ::-1].copy())
"""Images that are to be made of themselves upside down."""


def poisoned_points(example):
    """Many points, one of which is not a number."""
    images = np.random.default_rng(0).standard_normal((400, 2)).astype(np.float32)
    images[example] = np.nan
    return Dataset("points", images, np.zeros(400, np.int32), ("a", "b", "c"))


FROM_FILES = {"imported", "folder", "two_folders", "side_by_side", "two_splits"}  # Sources whose tests write the files.
# What the others need, or are made smaller by.
SOURCE_ARGUMENTS = {
    "tfds": {"name": "cifar10"}, "photos": {"size": 60}, "photo_edges": {"size": 60}, "photo_grey": {"size": 60},
    "textures": {"size": 40, "source_size": 30}, "translated": {"source": "digits"},
    "two_fonts": {"size": 300}}

QUICK = {"train": {"convolutions": "lax"}}
"""Compiles in half the time: other ways of convolving give the same numbers, as tests/convolutions shows."""

KWARGS = {
    "mlp": {"generator": {"width": 8, "depth": 1}, "critic": {"width": 8, "depth": 1}},
    "dcgan": {"generator": {"width": 4, "base": 4}, "critic": {"width": 4, "base": 4}},
}


def tiny_config(generator=None, critic=None, system=None, **sections):
    """A conditional WGAN-GP of two critic updates, with changes to its sections."""
    networks = {}
    for name, changes in (("generator", generator or {}), ("critic", critic or {})):
        family = changes.get("network", "mlp")
        kwargs = KWARGS.get(family, {}).get(name, {}) | changes.get("kwargs", {})
        networks[name] = {"network": family, **changes, "kwargs": kwargs}
    system = {"loss": "wasserstein", "penalty": "gradient_penalty", "critic_updates": 2, "conditional": True,
              "latent_size": 4, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **sections})


def tiny_game(dataset=POINTS, axis_name=None, **changes):
    """The game of `tiny_config(**changes)`."""
    return build_game(tiny_config(**changes), dataset, axis_name=axis_name)


def tiny_vae_config(encoder=None, decoder=None, system=None, **sections):
    """A variational autoencoder of two small perceptrons by plain gradient descent, with changes to its sections."""
    networks = {name: {"optimizer": "sgd", **changes, "kwargs": changes.get("kwargs", {"width": 8, "depth": 1})}
                for name, changes in (("encoder", encoder or {}), ("decoder", decoder or {}))}
    system = {"name": "vae", "latent_size": 2, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **sections})


TINTED = {"system": {"augment": "tiny:tinted"}, "hyper": {"augment_p": 0.5, "augment_speed_kimg": 0.1}}
"""A choice of `tinted`, whose chance moves far in a few updates."""


def tinted(images, keys, p):
    """An augmentation that compiles in no time, and takes points too: some get a number of the example's own added."""
    drawn = (jax.random.key_data(keys)[:, 0] / 2.0**32).astype(images.dtype).reshape(-1, *(1,) * (images.ndim - 1))
    return images + jnp.where(drawn < p, drawn, 0)


TRANSLATOR = {"network": "resnet", "kwargs": {"width": 2, "blocks": 1}}
PIXEL_CRITIC = {"network": "pixel", "kwargs": {"width": 2, "normalization": "instance"}}
TRANSLATION_PLAYERS = {
    "pix2pix": {"generator": TRANSLATOR, "critic": PIXEL_CRITIC},
    "cyclegan": {"generator_ab": TRANSLATOR, "generator_ba": TRANSLATOR, "critic_a": PIXEL_CRITIC,
                 "critic_b": PIXEL_CRITIC}}


def tiny_translation_config(name, players=None, system=None, **sections):
    """A config of `pix2pix` or `cyclegan` for `PAIRS` by plain gradient descent, with changes to its sections."""
    sections = QUICK | sections
    networks = {player: {"optimizer": "sgd", **section, **(players or {}).get(player, {})}
                for player, section in TRANSLATION_PLAYERS[name].items()}
    pool = {"pool_size": BATCH + 2} if name == "cyclegan" else {}
    return experiment(**{"batch_size": BATCH, "system": {"name": name, **pool, **(system or {})},
                         "networks": networks, **sections})


def tiny_style_config(generator=None, critic=None, system=None, **sections):
    """A config of `stylegan2` for `IMAGES` by plain gradient descent, every update in every round, with changes."""
    sections = QUICK | sections
    small = {"channel_base": 32, "channel_max": 4, "mapping_layers": 1}
    networks = {name: {"network": "stylegan2", "optimizer": "sgd", **changes,
                       "kwargs": small | own | changes.get("kwargs", {})}
                for name, changes, own in (("generator", generator or {}, {"styles": 4}),
                                           ("critic", critic or {}, {"group": 2}))}
    system = {"name": "stylegan2", "latent_size": 4, "path_interval": 1, "penalty_interval": 1, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **sections})


class HeadedCritic(Headed):
    """A class-conditional critic of one layer and a head."""

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 8
    batch_group = 1
    tracks_batch = False

    @nn.compact
    def __call__(self, images, labels=None, keys=None, train=False):
        flat = labelled(self, images.reshape(len(images), -1), labels)
        return headed(self, nn.tanh(nn.Dense(self.width)(flat)), labels, None, train)


def tiny_conditional_config(generator=None, critic=None, system=None, **sections):
    """A config of `class_conditional` by plain gradient descent, with changes to its sections."""
    networks = {}
    for name, network, kwargs, changes in (("generator", "mlp", {"width": 8, "depth": 1}, generator or {}),
                                           ("critic", "tiny:HeadedCritic", {"embedding": 4}, critic or {})):
        kwargs = changes.get("kwargs", {}) if "network" in changes else kwargs | changes.get("kwargs", {})
        networks[name] = {"network": network, "optimizer": "sgd", **changes, "kwargs": kwargs}
    system = {"name": "class_conditional", "latent_size": 8, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **sections})


def tiny_growing_config(name, system=None, **sections):
    """A config of `pggan` or `stylegan1` for `IMAGES`, of two levels in three stages, with changes."""
    small = {"channel_base": 32, "channel_max": 4}
    own = {"mapping_layers": 1, "styles": 4} if name == "stylegan1" else {}
    networks = {"generator": {"network": name, "kwargs": small | own},
                "critic": {"network": name, "kwargs": small | {"group": 2}}}
    system = {"name": name, "latent_size": 4, "conditional": True, "training_kimg": (0.016, 0.012),
              "transition_kimg": (0.016,), "fade_every_rounds": 1, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **QUICK, **sections})


def tiny_r3gan_config(generator=None, critic=None, system=None, **sections):
    """A config of `r3gan` for `IMAGES` by plain gradient descent, with changes to its sections."""
    networks = {name: {"network": "r3gan", "optimizer": "sgd", **changes,
                       "kwargs": tiny_kwargs(name, changes.get("network", "r3gan")) | changes.get("kwargs", {})}
                for name, changes in (("generator", generator or {}), ("critic", critic or {}))}
    system = {"name": "r3gan", "latent_size": 4, **(system or {})}
    return experiment(**{"batch_size": BATCH, "system": system, "networks": networks, **sections})


def start(game, seed=0):
    """The state before the first round in the precision of the moment, made by one program: op by op takes longer.

    The numbers stay outside of it, so that games of the same networks share the compiled program.
    """
    hyper = {name: np.asarray(value, jnp.result_type(float)) for name, value in game.hyper.items()}

    def cast(leaf):
        # Flax makes float32 whatever the precision of JAX.
        return leaf.astype(float) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    def without_numbers(key, hyper):
        state = init_state(dataclasses.replace(game, hyper=hyper), key)
        return jax.tree.map(cast, state.replace(hyper={}))

    state = jax.jit(without_numbers)(jax.random.key(seed), hyper)
    return state.replace(hyper=jax.tree.map(jnp.asarray, hyper))


def real_batches(game, dataset=POINTS, number=0):
    """Real batches of one round, different for every `number`, in the precision of the moment."""
    rng = np.random.default_rng(number)
    dtype = jnp.zeros(()).dtype
    image = rng.uniform(-1, 1, (game.slots, game.batch_size, *dataset.image_shape)).astype(dtype)
    batches = {"image": image, "label": rng.integers(CLASSES, size=image.shape[:2]).astype(np.int32)}
    if dataset.sources is not None:
        shape = (game.slots, game.batch_size, *dataset.source_shape)
        batches["source"] = rng.uniform(-1, 1, shape).astype(dtype)
    return batches


def assert_losses_fit(game, dataset):
    """Every update of every stage has a scalar loss that keeps the variables' shapes, traced without gradients."""
    state = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    for stage in stages_of(game):
        shown = reduced(dataset, stage.game.reduction)
        batch = {name: array[0] for name, array in real_batches(stage.game, shown).items()}
        for update in stage.game.round:
            seen = {**batch, "index": np.arange(stage.game.batch_size)}
            scene = Scene(state.params, state.variables, state.memory, seen, state.key, state.hyper)
            loss, aux = jax.eval_shape(update.loss, scene)
            assert loss.shape == ()
            assert all(jax.tree.structure(aux.variables[name]) == jax.tree.structure(state.variables[name])
                       for name in update.trains)


def scan_in_python(function, carried, slices):
    """`jax.lax.scan` as a loop of Python's, to put in its place."""
    outputs = []
    for number in range(len(jax.tree.leaves(slices)[0])):
        carried, output = function(carried, jax.tree.map(lambda leaf, number=number: leaf[number], slices))
        outputs.append(output)
    return carried, jax.tree.map(lambda *leaves: jnp.stack(leaves), *outputs)


def changing_parts(state):
    """What rounds change of a state, without the key, which NumPy cannot compare."""
    return {"params": state.params, "variables": state.variables, "opt_state": state.opt_state, "ema": state.ema,
            "ema_variables": state.ema_variables,
            "memory": state.memory, "step": state.step}


def assert_close(given, expected, rtol=1e-9, atol=1e-12):
    """Compares two pytrees leaf by leaf, naming the leaf that differs."""
    given, expected = (jax.tree_util.tree_leaves_with_path(jax.device_get(tree)) for tree in (given, expected))
    assert [path for path, _ in given] == [path for path, _ in expected]
    for (path, one), (_, other) in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol, err_msg=jax.tree_util.keystr(path))
