"""Draws belong to an example of the global batch, and streams of a run do not meet."""

import jax
import jax.numpy as jnp
import numpy as np

from ganlab.game import draws, example_keys, named_keys


def test_the_keys_of_examples_do_not_depend_on_how_the_batch_is_split():
    key, index = jax.random.key(3), jnp.arange(8)
    whole = jax.random.key_data(example_keys(key, index))
    parts = [jax.random.key_data(example_keys(key, part)) for part in jnp.split(index, 4)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert len({tuple(row) for row in whole.tolist()}) == 8


def test_no_stream_of_a_run_meets_another_or_a_round():
    key = jax.random.key(3)
    streams = [draws.order_key(key), draws.init_key(key), draws.samples_key(key), key,
               *(jax.random.fold_in(key, step) for step in (0, 1, 2, 3, 2**31 - 1))]
    assert len({tuple(jax.random.key_data(stream).tolist()) for stream in streams}) == len(streams)


def test_named_keys_are_one_a_name_and_all_different():
    keys = named_keys(jax.random.key(0), "latents", "labels", "network")
    assert list(keys) == ["latents", "labels", "network"]
    assert len({tuple(jax.random.key_data(key).tolist()) for key in keys.values()}) == 3
