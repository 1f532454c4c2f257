"""What a process says of the machine that it runs on."""

import dataclasses

import jax

from ganlab.machine.backend import devices_text, processor


@dataclasses.dataclass(frozen=True)
class Accelerator:
    """A device that is not here."""

    platform: str = "gpu"
    device_kind: str = "NVIDIA H200"


def test_devices_are_named_with_their_number_and_what_they_are():
    assert devices_text([Accelerator()] * 4) == "4 x NVIDIA H200 (gpu)"
    assert devices_text(jax.devices()) == f"4 x cpu ({processor()})"


def test_a_processor_is_named_with_the_cores_that_the_process_may_use():
    *name, cores = processor().split(", ")
    assert name and cores.removesuffix(" cores").removesuffix(" core").isdigit()
