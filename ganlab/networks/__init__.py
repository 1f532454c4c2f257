"""Generators and critics, by the name of their family.

A generator is called as `(latents[b, z], labels[b], keys[b], train) -> images[b, ...]`,
a critic as `(images[b, ...], labels[b], keys[b], train) -> logits[b]`. Both are built
with `image_shape`, `num_classes` (0 without labels) and `axis_name`, besides their own
keyword arguments.
"""

from flax import linen as nn

from ganlab.networks.dcgan import DCGANCritic, DCGANGenerator
from ganlab.networks.mlp import MLPCritic, MLPGenerator
from ganlab.networks.textbook import (
    DCGAN32Critic,
    DCGAN32FrogCritic,
    DCGAN32FrogGenerator,
    DCGAN32Generator,
    DCGAN64Critic,
    DCGAN64Generator,
)

GENERATORS: dict[str, type[nn.Module]] = {
    "mlp": MLPGenerator, "dcgan": DCGANGenerator, "dcgan64": DCGAN64Generator, "dcgan32": DCGAN32Generator,
    "dcgan32_frog": DCGAN32FrogGenerator}
CRITICS: dict[str, type[nn.Module]] = {
    "mlp": MLPCritic, "dcgan": DCGANCritic, "dcgan64": DCGAN64Critic, "dcgan32": DCGAN32Critic,
    "dcgan32_frog": DCGAN32FrogCritic}
