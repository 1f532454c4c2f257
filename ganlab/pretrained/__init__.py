"""Weights of foreign models: read without running their code, and renamed for our networks."""

from ganlab.pretrained.dinov2 import dinov2_variables
from ganlab.pretrained.errors import BadWeights, WeightsError, damaged, shown
from ganlab.pretrained.finite import check_finite
from ganlab.pretrained.inception import inception_variables
from ganlab.pretrained.network_pickles import (
    PickledNetwork,
    is_network_pickle,
    read_network_pickle,
)
from ganlab.pretrained.pytorch_cyclegan import (
    Architecture,
    patch_critic_variables,
    translator_architecture,
    translator_tensors,
    translator_variables,
)
from ganlab.pretrained.renaming import (
    conv_kernel,
    dense_kernel,
    nest,
    take,
    transposed_conv_kernel,
)
from ganlab.pretrained.safetensors_files import (
    read_safetensors,
    safetensors_parts,
    write_safetensors,
)
from ganlab.pretrained.stylegan2 import (
    stylegan2_critic_variables,
    stylegan2_generator_variables,
)
from ganlab.pretrained.stylegan2_files import (
    StyleGAN2Network,
    stylegan2_critic,
    stylegan2_generator,
)
from ganlab.pretrained.weights import FORMATS, Weights, read_weights, section
from ganlab.pretrained.zip_files import Archive

__all__ = ["Architecture", "Archive", "BadWeights", "FORMATS", "PickledNetwork",
           "StyleGAN2Network", "Weights", "WeightsError", "check_finite", "conv_kernel", "damaged",
           "dense_kernel",
           "dinov2_variables", "inception_variables", "is_network_pickle", "nest",
           "patch_critic_variables", "read_network_pickle", "read_safetensors", "read_weights",
           "safetensors_parts", "section", "shown", "stylegan2_critic",
           "stylegan2_critic_variables", "stylegan2_generator", "stylegan2_generator_variables",
           "take", "translator_architecture",
           "translator_tensors", "translator_variables", "transposed_conv_kernel",
           "write_safetensors"]
