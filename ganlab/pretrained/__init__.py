"""Weights of foreign models: read without running their code, and renamed for our networks."""

from ganlab.pretrained.dinov2 import dinov2_variables
from ganlab.pretrained.errors import BadWeights, WeightsError, damaged, listed, shown
from ganlab.pretrained.finite import check_finite
from ganlab.pretrained.pickle_heads import pickle_head
from ganlab.pretrained.growing_pickles import GrowingNetwork, read_growing_pickle
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
    shape_of,
    take,
    transposed_conv_kernel,
)
from ganlab.pretrained.safetensors_files import (
    read_safetensors,
    safetensors_parts,
    write_safetensors,
)
from ganlab.pretrained.stylegan2_pickles import StyleGAN2Network, read_stylegan2_pickle
from ganlab.pretrained.stylegan2_state_dicts import is_stylegan2_states, read_stylegan2_states
from ganlab.pretrained.stylegan3 import check_filters
from ganlab.pretrained.stylegan3_pickles import is_stylegan3_pickle, read_stylegan3_pickle
from ganlab.pretrained.weights import FORMATS, Weights, read_weights, section
from ganlab.pretrained.zip_files import Archive

__all__ = ["Architecture", "Archive", "BadWeights", "FORMATS", "GrowingNetwork", "PickledNetwork",
           "StyleGAN2Network", "Weights", "WeightsError", "check_filters", "check_finite",
           "conv_kernel", "damaged", "dense_kernel", "dinov2_variables", "inception_variables",
           "is_network_pickle", "is_stylegan2_states", "is_stylegan3_pickle", "listed", "nest",
           "patch_critic_variables", "pickle_head", "read_growing_pickle", "read_network_pickle",
           "read_safetensors", "read_stylegan2_pickle", "read_stylegan2_states",
           "read_stylegan3_pickle", "read_weights", "safetensors_parts", "section", "shape_of",
           "shown", "take", "translator_architecture", "translator_tensors",
           "translator_variables", "transposed_conv_kernel", "write_safetensors"]
