"""Weights have to be numbers: one that is not finite makes every output so."""

import numpy as np

from ganlab.pretrained.errors import WeightsError, shown


def check_finite(name: str, array: np.ndarray, source: str) -> None:
    """Raises WeightsError for an array that holds NaN or infinity; arrays of whole numbers hold none.

    Args:
      name: of the array.
      array: of any type of number.
      source: what it is from, for the message.
    """
    if array.dtype.kind in "biu":
        return
    # Types of 8 and 16 bits, which NumPy does not know by itself, are all values of float32.
    known = array if array.dtype.kind in "fc" else array.astype(np.float32)
    bad = array.size - int(np.count_nonzero(np.isfinite(known)))
    if bad:
        raise WeightsError(f"{source} has {shown(name, 160)} with {bad:,} of {array.size:,} numbers that are not "
                           f"finite in {array.dtype}, so that all outputs would be; name weights from before the "
                           "training diverged")
