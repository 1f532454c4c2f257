"""Labels, or weights of the classes in their place, as numbers that layers take."""

import jax

from ganlab.types import Array


def one_hot(labels: Array, num_classes: int, like: Array) -> Array:
    """Encodes labels [b] as one-hot rows [b, num_classes] in the dtype of `like`.

    Labels that are weights of the classes [b, num_classes] stay as they are.
    """
    if labels.ndim == 2:
        return labels.astype(like.dtype)
    return jax.nn.one_hot(labels, num_classes, dtype=like.dtype)


def class_rows(table: Array, labels: Array) -> Array:
    """Returns the rows [b, d] of a table [classes, d] for labels [b], or for weights of the classes
    [b, classes] the sums of its rows by them."""
    return labels.astype(table.dtype) @ table if labels.ndim == 2 else table[labels]
