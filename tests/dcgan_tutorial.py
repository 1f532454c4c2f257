"""Random weights in the layout of PyTorch's DCGAN tutorial."""

import numpy as np
import torch_writers as writers


def tutorial(channels, transposed, generator):
    """Random tensors of the tutorial's layers; the first and the last layer of a critic have no normalization."""
    tensors, place = {}, 0
    for number, (inputs, outputs) in enumerate(zip(channels, channels[1:], strict=False)):
        shape = (inputs, outputs) if transposed else (outputs, inputs)
        tensors[f"main.{place}.weight"] = generator.normal(size=(*shape, 4, 4)) / np.sqrt(4 * inputs)
        normalizes = number < len(channels) - 2 and (transposed or number > 0)
        if normalizes:
            tensors |= {f"main.{place + 1}.{name}": generator.uniform(0.5, 1.5, outputs) for name in (
                "weight", "bias", "running_mean", "running_var")}
            tensors[f"main.{place + 1}.num_batches_tracked"] = np.array(7)
        place += 3 if normalizes else 2
    return {name: value if value.ndim == 0 else value.astype(np.float32) for name, value in tensors.items()}


def stored(tensors):
    """Tensors as the writers of files take them, each with a storage of its own."""
    return {name: writers.tensor(value, str(number)) for number, (name, value) in enumerate(tensors.items())}
