"""ganlab import FILE DEST [--format=NAME] [--images=FOLDER] [--network=NAME] [--critic=FILE]
    [--back=FILE] [--back_network=NAME]

Makes a run of published weights, without PyTorch and without running anything of
their file: DEST is then a run's directory, which `ganlab sample`, `ganlab translate`,
`ganlab evaluate` and --config.init.source take.

Formats, found from the file or directory FILE where --format does not name one:
  stylegan2         network pickles of StyleGAN2: of ADA's and StyleGAN3's repositories (PyTorch),
                    and of TensorFlow's; and the state dicts (g_ema, d, latent_avg in a .pt) of
                    rosinality's stylegan2-pytorch. G, D and the average become a run of system
                    stylegan2, computed in float32. --images names the folder of its pictures, to
                    train on or be measured by.
  stylegan3         network pickles of StyleGAN3, of its configurations T and R, likewise become
                    a run, with a generator stylegan3 and a critic stylegan2. Filters in the file
                    are compared with those that its settings give.
  biggan            directories of BigGAN-PyTorch (G_ema.pth, G.pth, D.pth, state_dict.pth), whose
                    networks are BigGAN's or BigGAN-deep's; --network=best0 chooses a copy.
  biggan-deep-published   pytorch_model.bin with config.json of pytorch-pretrained-BigGAN. Its
                    --truncation, up to 1, is the published one: a factor on latents within 2, by
                    whose statistics images are normalized. Its critic was not published: it is new.
  studiogan         directories of checkpoints of PyTorch-StudioGAN (model=G-..., model=D-...,
                    model=G_ema-...) with the backbones resnet, big_resnet and deep_conv;
                    --network=best chooses one of several. The head of the critic says how labels
                    are learned.
  r3gan             network pickles of R3GAN.
  pggan             network pickles of PGGAN by its TensorFlow code, and
  stylegan1         of the first StyleGAN, whose psi and cutoff become config.sample.psi and cutoff.
                    Runs of the systems of these names, at the level that the training had reached.
  dcgan-tutorial    a generator of PyTorch's DCGAN tutorial (netG), and by --critic its netD.
                    Files of BigGAN and StudioGAN make runs of system class_conditional, this one of
                    gan.
                    Networks are found from the names and shapes of tensors; latents, classes and
                    critics come with them. --images names the folder of the pictures, with a folder
                    for each class.
  pytorch-cyclegan  generators of pix2pix, CycleGAN and CUT (latest_net_G.pth). The architecture is
                    found from the tensors, under whatever prefix they are; --network chooses where
                    a file holds several generators. With one generator the run is of system
                    pix2pix, its network is called generator, and its critic is new. --back (or
                    --back_network, of the same file) names the generator of the other direction:
                    then it is of system cyclegan. Without scales of a normalization, a file with
                    biases is of norm=instance and one without of norm=none, as the official code
                    has it; --normalization says what it is, for files of other code.

Examples:
  ganlab import stylegan2-cifar10.pkl runs/cifar
  ganlab sample --workdir=runs/cifar --psi=0.7 --output=samples.png
  ganlab import stylegan2-ffhq-config-f.pt runs/ffhq
  ganlab import karras2019stylegan-ffhq-1024x1024.pkl runs/faces
  ganlab import weights/BigGAN_C10_seed0 runs/biggan
  ganlab import biggan-deep-128 runs/deep
  ganlab sample --workdir=runs/deep --truncation=0.4 --labels=207,208
  ganlab import checkpoints/CIFAR10-SNGAN-train runs/sngan --network=best
  ganlab import netG_epoch_24.pth runs/faces --critic=netD_epoch_24.pth
  ganlab import --format=pytorch-cyclegan horse2zebra_pretrained/latest_net_G.pth runs/horse2zebra
  ganlab translate --workdir=runs/horse2zebra --input=horses --output=zebras
  ganlab import --format=pytorch-cyclegan latest_net_G_A.pth runs/both --back=latest_net_G_B.pth \\
      --sources=data/horse2zebra/testA --images=data/horse2zebra/testB    then `ganlab evaluate` has
                                                                          what to judge by
  ganlab import --format=pytorch-cyclegan both.ckpt runs/both --network=netG_A --back_network=netG_B
  ganlab train --config=experiments/pix2pix.py:... --config.init.source=runs/facades --config.init.networks=generator
"""

from collections.abc import Callable
from pathlib import Path

from absl import flags

from ganlab.cli.import_cyclegan import import_cyclegan
from ganlab.cli.import_published_gan import IMPORTERS, format_of
from ganlab.cli.import_stylegan2 import import_stylegan2
from ganlab.cli.import_stylegan3 import import_stylegan3
from ganlab.config import ConfigError
from ganlab.machine.backend import set_up_process
from ganlab.networks.translation.torch_layers import NORMALIZATIONS
from ganlab.pretrained import is_network_pickle, is_stylegan2_states, is_stylegan3_pickle

ARGUMENTS = ("FILE", "DEST")


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_enum("format", None, list(FORMATS),
                      "whose weights; found from the file by default", flag_values=values)
    flags.DEFINE_string("network", None, "which generator of FILE, by its prefix there, as netG_A, "
                        "or by what follows its name in a directory, as best; the only one by "
                        "default", flag_values=values)
    flags.DEFINE_string("critic", None, "weight file of the critic of PyTorch's DCGAN tutorial",
                        flag_values=values)
    flags.DEFINE_string("back", None, "weight file of the generator of the other direction",
                        flag_values=values)
    flags.DEFINE_string("back_network", None, "which generator of --back, or of "
                        "FILE without --back", flag_values=values)
    flags.DEFINE_enum("normalization", None, list(NORMALIZATIONS), "of the generators; by default "
                      "what the official code has where such tensors are", flag_values=values)
    flags.DEFINE_string("sources", None, "folder or zip file of pictures to be translated, for "
                        "`ganlab evaluate`", flag_values=values)
    flags.DEFINE_string("images", None, "folder or zip file of pictures of the kind "
                        "that they become", flag_values=values)


def run(values: flags.FlagValues, file: str, dest: str) -> int:
    """Reads, checks, and writes the run; writes nothing before everything is known to fit."""
    set_up_process()
    place = Path(dest)
    if place.is_file() or place.exists() and any(place.iterdir()):
        raise ConfigError(f"DEST {place} exists and is not empty; name a new directory")
    return FORMATS[values.format or found_format(file)](values, file, place)


def found_format(file: str) -> str:
    """Returns the name of the format that a file or directory is of, or may be of."""
    if found := format_of(file):
        return found
    if is_network_pickle(file) and is_stylegan3_pickle(file):
        return "stylegan3"
    is_stylegan2 = is_network_pickle(file) or is_stylegan2_states(file)
    return "stylegan2" if is_stylegan2 else "pytorch-cyclegan"


FORMATS: dict[str, Callable[[flags.FlagValues, str, Path], int]] = {
    "pytorch-cyclegan": import_cyclegan, "stylegan2": import_stylegan2,
    "stylegan3": import_stylegan3, **IMPORTERS}
