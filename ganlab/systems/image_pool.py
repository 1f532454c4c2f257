"""Past images for a critic: a pool in a game's memory (Shrivastava et al. 2017, section 2.3)."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.game import example_keys
from ganlab.types import Array

POOL = "image_pool"
"""Name of the pools among the memory of a game."""
SHARE = 0.5  # The share of images that a full pool exchanges for older ones.

Pool = Mapping[str, Array]
"""`images` [n, ...] and `count`, the number of them that are in use."""


def empty_pool(size: int, shape: tuple[int, ...]) -> dict[str, Any]:
    """Makes a pool for `size` images of a shape, with none in it."""
    return {"images": jnp.zeros((size, *shape), float), "count": jnp.zeros((), jnp.int32)}


def exchange(pool: Pool, images: Array, draws: Array, places: Array) -> tuple[Array, Pool]:
    """Exchanges images [b, ...] with a pool, in turn; returns what a critic sees, and the pool.

    While the pool has room, an image is kept and seen. In a full pool an image whose draw [b],
    uniform in [0, 1), is above one half is kept in the place `places` [b] of an older one, which is
    seen instead; otherwise it is seen and not kept.
    """
    def one(pool: Pool, arrived: tuple[Array, Array, Array]) -> tuple[Pool, Array]:
        image, draw, place = arrived
        room = pool["count"] < len(pool["images"])
        place = jnp.where(room, pool["count"], place)
        swapped = ~room & (draw > SHARE)
        old = pool["images"][place]
        kept = pool["images"].at[place].set(jnp.where(room | swapped, image, old))
        return {"images": kept, "count": pool["count"] + room}, jnp.where(swapped, old, image)

    pool, seen = jax.lax.scan(one, dict(pool), (images, draws, places))
    return seen, pool


def from_pool(pool: Pool, images: Array, key: Array, index: Array,
              axis_name: str | None) -> tuple[Array, Pool]:
    """Exchanges this device's images [b, ...], at `index` [b] of the global batch; see `exchange`.

    All devices have the same pool: under `pmap` each of them takes in the whole batch.
    """
    keys = jax.vmap(jax.random.split)(example_keys(key, index))
    draws = jax.vmap(lambda drawn: jax.random.uniform(drawn, (), float))(keys[:, 0])
    places = jax.vmap(
        lambda drawn: jax.random.randint(drawn, (), 0, len(pool["images"])))(keys[:, 1])
    if axis_name is None:
        return exchange(pool, images, draws, places)
    everyone = jax.lax.all_gather((images, draws, places), axis_name, tiled=True)
    seen, pool = exchange(pool, *everyone)
    return seen[index], pool
