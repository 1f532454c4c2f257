"""Numbers of official codes out of tests/parity, in our layout."""

import json
from pathlib import Path

import jax
import numpy as np


class Numbers:
    """One file of them."""

    def __init__(self, file):
        with np.load(Path(__file__).parent / "parity" / file) as found:
            self.arrays = dict(found)
        self.meta = json.loads(str(self.arrays.pop("meta")))

    def __getitem__(self, name):
        return self.arrays[name]

    def images(self, name):
        """Images [b, c, h, w] as [b, h, w, c]."""
        return np.moveaxis(self.arrays[name], 1, -1)

    def within(self, start):
        """Arrays whose names begin so, by the rest."""
        return {name.removeprefix(f"{start}/"): array for name, array in self.arrays.items()
                if name.startswith(f"{start}/")}

    def norms(self, network, variables, ending=""):
        """Official norms of gradients, of a network's or of another loss's, as a tree of params, each leaf of one number.

        `variables` makes a tree of tensors by official names: whatever it turns, a constant stays.
        """
        tensors = self.within(f"sd/{network}")
        norms = self.within(f"gnorm/{network}{ending}")
        return variables({name: np.full(value.shape, norms.get(name, 0.0), np.float32)
                          for name, value in tensors.items()})["params"]


def relative_error(found, expected):
    """The largest difference, of the largest expected number."""
    assert np.shape(found) == np.shape(expected)
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()


def assert_norms(gradients, expected, total):
    """Asserts norms within 1e-3; those of rounding, biases before a normalization, within 1e-6 of the whole."""
    norms = jax.tree.map(lambda leaf: float(np.linalg.norm(np.ravel(leaf))), gradients)
    jax.tree.map(lambda norm, leaf: np.testing.assert_allclose(norm, leaf.flat[0], rtol=1e-3, atol=1e-6 * total),
                 norms, expected)
    np.testing.assert_allclose(np.linalg.norm(jax.tree.leaves(norms)), total, rtol=1e-4)
