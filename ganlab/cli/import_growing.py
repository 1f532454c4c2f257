"""Reads network pickles of PGGAN and the first StyleGAN by their TensorFlow code."""

from collections.abc import Mapping

from ganlab.cli.published_networks import Published, PublishedNetwork
from ganlab.config import both_players
from ganlab.pretrained import (
    GrowingNetwork,
    WeightsError,
    is_network_pickle,
    listed,
    pickle_head,
    read_growing_pickle,
    shown,
)

PGGAN, DNNLIB, LATER, PAPER = (b"tfutil", b"dnnlib.tflib.network", b"G_synthesis_stylegan",
                               b"G_paper")
"""The module of PGGAN's networks, that of both StyleGANs, how the second one's synthesis is called,
which comes first in its files, and PGGAN's generator in the code of StyleGAN."""
ROLES = {"average": "G_ema", "generator": "G", "critic": "D"}
NUMBERS = both_players(lr=1e-3, beta1=0.0, beta2=0.99)
"""Of the optimizers of both papers at first (Karras et al. 2018, appendix A.1)."""


def is_pggan(path: str) -> bool:
    """Returns whether a file is a network pickle of PGGAN."""
    if not is_network_pickle(path):
        return False
    head = pickle_head(path)
    return PGGAN in head or DNNLIB in head and PAPER in head


def is_stylegan1(path: str) -> bool:
    """Returns whether a file is a network pickle of the first StyleGAN."""
    if not is_network_pickle(path):
        return False
    head = pickle_head(path)
    return DNNLIB in head and LATER not in head and PAPER not in head


def read_pggan(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a pickle of PGGAN, as `read_stylegan1`."""
    return _read("pggan", path, chosen)


def read_stylegan1(path: str, chosen: str | None) -> Published:
    """Reads and describes the networks of a pickle of the first StyleGAN.

    Args:
      path: of the file.
      chosen: None; a pickle is of one training.

    Raises:
      WeightsError: for a file that cannot be read or is of another system, and for networks that
        ganlab's cannot be.
    """
    return _read("stylegan1", path, chosen)


def _read(system: str, path: str, chosen: str | None) -> Published:
    if chosen is not None:
        raise WeightsError(f"--network={chosen} chooses between several, and {path} is of one "
                           "training; leave it out")
    found, networks, sha256 = read_growing_pickle(path)
    if found != system:
        raise WeightsError(f"{path} holds networks of {found}, and --format={system} reads those "
                           f"of {system}; leave --format out")
    average = networks["average"]
    # A training that stopped early resumes at the level that it had reached, within a transition.
    structure = {"name": system, "first_level": average.level, "first_share": average.share}
    if system == "stylegan1":  # The file's average has noise and an average style of its own.
        structure["statistics"] = "average"
    published = {role: PublishedNetwork(
        networks[role].network, networks[role].kwargs, networks[role].num_classes,
        networks[role].image_shape, networks[role].tensors, networks[role].convert,
        f"{path}, {name},", networks[role].latent_size) for role, name in ROLES.items()}
    hyper, sample = NUMBERS, {}
    if system == "stylegan1":
        hyper = hyper | {"style_mixing": networks["generator"].mixing}
        sample = {"psi": average.psi, "cutoff": average.cutoff}
        sample |= {"noise": "constant"} if average.constant_noise else {}
    return Published(published, {path: sha256}, structure, hyper=hyper, sample=sample,
                     notes=_notes(path, networks))


def _notes(path: str, networks: Mapping[str, GrowingNetwork]) -> list[str]:
    """Returns what the user should know of the networks' levels, and what of them is not here."""
    rows, columns, _ = networks["average"].image_shape
    notes = []
    for role, network in networks.items():
        times = 2 ** (len(network.kwargs["channels"]) - 1 - network.level)
        said = f"{path}, {ROLES[role]},"
        if network.lod > 0:
            notes.append(f"{said} is of a training that had {network.lod:g} levels yet to grow: "
                         f"its images are of {rows // times}x{columns // times}, "
                         f"{network.share:.0%} faded in, and larger levels are not trained")
        if network.level != networks["average"].level:
            notes.append(f"{said} has another level than G_ema, whose level the run plays")
        if not network.grows:
            notes.append(f"{said} was built without growing: its layers of smaller images are 0")
        if network.left:
            arguments = listed(f"{name}={shown(value)}" for name, value in network.left.items())
            notes.append(f"{said} was made with {arguments}, which networks of ganlab do not have")
    return notes
