"""Refuses weights that are not finite: one of them makes every output so."""

import numpy as np

from ganlab.pretrained.errors import WeightsError, shown


def check_finite(name: str, array: np.ndarray, source: str) -> None:
    """Raises WeightsError for an array that holds NaN or infinity; whole numbers never do.

    Args:
      name: of the array.
      array: of any type of number.
      source: where it is from, for the message.
    """
    if array.dtype.kind in "biu":
        return
    # NumPy does not know the types of ml_dtypes, but float32 has all their values.
    known = array if array.dtype.kind in "fc" else array.astype(np.float32)
    bad = array.size - int(np.count_nonzero(np.isfinite(known)))
    if bad:
        raise WeightsError(f"{source} has {shown(name, 160)} with {bad:,} of {array.size:,} "
                           f"numbers that are not finite in {array.dtype}, so that all outputs "
                           "would be; name weights from before the training diverged")
