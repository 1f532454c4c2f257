"""Generators, critics, encoders and translators, by the names of their families.

A generator is called as `(latents[b, z], labels[b], keys[b], train) -> images[b, ...]`,
a critic as `(images[b, ...], labels[b], keys[b], train) -> logits[b]`, an encoder as
`(images[b, ...], labels[b], keys[b], train) -> (mean[b, z], log_variance[b, z])`. All are
built with `image_shape`, `num_classes` (0 without labels) and `axis_name`, an encoder also
with `latent_size`, besides their own keyword arguments. A decoder is a generator. Generators here
also take weights of the classes [b, num_classes] in place of labels, of which a label is the
one-hot row: walks from class to class are made of them.

A translator is a generator that sees pictures in place of latents, `(images[b, h, w, c], labels[b],
keys[b], train) -> images[b, h, w, image_shape[-1]]`; it takes sides that are multiples of
`multiple`, from `least` on. A patch critic gives logits [b, h', w'], one for each place.

A style generator is a generator that may be called with styles in place of latents, and that with
`only_styles` returns the styles of latents. PGGAN's has none, so that it is in a table of its own.
Its networks and the first StyleGAN's are of one of several levels, which they fade in.
"""

from flax import linen as nn

from ganlab.networks.biggan import BigGANCritic, BigGANGenerator
from ganlab.networks.biggan_deep import BigGANDeepCritic, BigGANDeepGenerator
from ganlab.networks.biggan_deep_published import PublishedBigGANDeep
from ganlab.networks.conv_vae import ConvVAEEncoder, ConvVAEGenerator
from ganlab.networks.dcgan import DCGANCritic, DCGANGenerator
from ganlab.networks.deep_conv import DeepConvCritic, DeepConvGenerator
from ganlab.networks.encoders import MLPEncoder
from ganlab.networks.features.classifier import Classifier, ClassifierTaps
from ganlab.networks.features.inception import Inception2015, InceptionTaps
from ganlab.networks.features.vision_transformer import SIZES as DINOV2_SIZES
from ganlab.networks.features.vision_transformer import VisionTransformer
from ganlab.networks.mlp import MLPCritic, MLPGenerator
from ganlab.networks.r3gan import R3GANCritic, R3GANGenerator
from ganlab.networks.residual import ResidualCritic, ResidualGenerator
from ganlab.networks.sngan import SNGANCritic, SNGANGenerator
from ganlab.networks.textbook import (
    DCGAN32Critic,
    DCGAN32FrogCritic,
    DCGAN32FrogGenerator,
    DCGAN32Generator,
    DCGAN64Critic,
    DCGAN64Generator,
)
from ganlab.networks.style.pggan import PGGANCritic, PGGANGenerator
from ganlab.networks.style.stylegan1 import StyleGAN1Critic, StyleGAN1Generator
from ganlab.networks.style.stylegan2 import StyleGAN2Critic, StyleGAN2Generator
from ganlab.networks.style.stylegan3 import StyleGAN3Generator
from ganlab.networks.translation.patch_gan import PatchCritic, PixelCritic
from ganlab.networks.translation.resnet_generator import ResNetGenerator
from ganlab.networks.translation.unet import UNetGenerator

GENERATORS: dict[str, type[nn.Module]] = {
    "mlp": MLPGenerator, "dcgan": DCGANGenerator, "dcgan64": DCGAN64Generator,
    "dcgan32": DCGAN32Generator, "dcgan32_frog": DCGAN32FrogGenerator,
    "residual": ResidualGenerator, "conv_vae": ConvVAEGenerator, "deep_conv": DeepConvGenerator,
    "sngan": SNGANGenerator, "biggan": BigGANGenerator, "biggan_deep": BigGANDeepGenerator,
    "biggan_deep_published": PublishedBigGANDeep, "r3gan": R3GANGenerator}
CRITICS: dict[str, type[nn.Module]] = {
    "mlp": MLPCritic, "dcgan": DCGANCritic, "dcgan64": DCGAN64Critic, "dcgan32": DCGAN32Critic,
    "dcgan32_frog": DCGAN32FrogCritic, "residual": ResidualCritic, "deep_conv": DeepConvCritic,
    "sngan": SNGANCritic, "biggan": BigGANCritic, "biggan_deep": BigGANDeepCritic,
    "r3gan": R3GANCritic}
ENCODERS: dict[str, type[nn.Module]] = {"mlp": MLPEncoder, "conv_vae": ConvVAEEncoder}
TRANSLATORS: dict[str, type[nn.Module]] = {"unet": UNetGenerator, "resnet": ResNetGenerator}
STYLE_GENERATORS: dict[str, type[nn.Module]] = {
    "stylegan1": StyleGAN1Generator, "stylegan2": StyleGAN2Generator,
    "stylegan3": StyleGAN3Generator}
STYLE_CRITICS: dict[str, type[nn.Module]] = {
    "stylegan1": StyleGAN1Critic, "stylegan2": StyleGAN2Critic}
GROWING_GENERATORS: dict[str, type[nn.Module]] = {"pggan": PGGANGenerator}
GROWING_CRITICS: dict[str, type[nn.Module]] = {"pggan": PGGANCritic, "stylegan1": StyleGAN1Critic}
GROWING_STYLE_GENERATORS: dict[str, type[nn.Module]] = {"stylegan1": StyleGAN1Generator}
PATCH_CRITICS: dict[str, type[nn.Module]] = {"patch": PatchCritic, "pixel": PixelCritic}

__all__ = ["CRITICS", "Classifier", "ClassifierTaps", "DINOV2_SIZES", "ENCODERS", "GENERATORS",
           "GROWING_CRITICS", "GROWING_GENERATORS", "GROWING_STYLE_GENERATORS", "Inception2015",
           "InceptionTaps", "PATCH_CRITICS", "STYLE_CRITICS", "STYLE_GENERATORS", "TRANSLATORS",
           "VisionTransformer"]
