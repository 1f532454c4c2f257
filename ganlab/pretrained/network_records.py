"""What names in published pickles of whole networks mean: records, which nothing can call or run.

StyleGAN2-ADA and 3 pickle each module as a dict with its source text, class name and state; the
text is dropped. R3GAN pickles classes by name. StyleGAN, StyleGAN2 and PGGAN of TensorFlow pickle
networks with their variables. All become records of class name, arguments and arrays.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ganlab.pretrained.errors import BadWeights, damaged, shown
from ganlab.pretrained.pickle_limits import Limits
from ganlab.pretrained.pickle_machine import Global, Record, pairs_of
from ganlab.pretrained.pickled_names import NAMES, Array, Numbers, Tensor, scalar_array
from ganlab.pretrained.torch_files import read_torch_storage

PERSISTENT = "torch_utils.persistence _reconstruct_persistent_obj"
"""The name by which StyleGAN2-ADA and 3 make each module."""
VERSIONS = (6,)
"""Versions of that dict that are read; all published files have this one."""
CLASSES = ("Generator", "MappingNetwork", "SynthesisNetwork", "SynthesisBlock", "SynthesisLayer",
           "SynthesisInput", "ToRGBLayer", "Discriminator", "DiscriminatorBlock",
           "DiscriminatorEpilogue", "MinibatchStdLayer", "FullyConnectedLayer", "Conv2dLayer",
           "AugmentPipe")
"""All classes that the official code of StyleGAN2-ADA and 3 pickles so."""
MODULES: dict[str, str] = {
    "training.networks": "R3GAN's generator and critic, as its training code names them",
    "R3GAN.": "R3GAN's stages, blocks, resamplers and activations",
    "torch.nn.modules.": "PyTorch's layers, within R3GAN's"}
"""Modules, and with a dot at the end packages, whose classes are pickled by name."""
NETWORKS: dict[str, tuple[int, ...]] = {"dnnlib.tflib.network Network": (2, 3, 4, 5),
                                        "tfutil Network": (1, 2)}
"""Names of TensorFlow's networks in StyleGAN, StyleGAN2 and PGGAN, and versions of their state."""
BUILDERS = ("G_paper", "D_paper", "G_style", "G_mapping", "G_synthesis", "D_basic", "G_main",
            "G_synthesis_stylegan_revised", "G_synthesis_stylegan2", "D_stylegan", "D_stylegan2",
            "D_main")
"""All functions of the official code that build TensorFlow's networks."""
STEPS_PER_NAME = 8
"""Steps that the record of a class by name counts as."""

_TRUSTED = ("if you trust it, load it with the software that wrote it, and save the state_dict() "
            "of the network alone")


def _part(state: Any, field: str, what: str) -> dict:
    value = state.get(field, {})
    if type(value) is not dict or any(type(name) is not str for name in value):
        raise damaged(f"{what} has {field} that are not values by name")
    return value


class PickledModule(Record):
    """A module of PyTorch: its class and state, of which arrays and inner modules are kept.

    Attributes:
      module: where the file says that the class is from; empty if it does not.
      class_name: name of the class.
    """

    __slots__ = ("module", "class_name", "_state", "_content")

    def __init__(self, module: str, class_name: str, state: dict | None = None):
        self.module, self.class_name, self._state = module, class_name, state
        self._content: dict[str, Any] | None = None

    def build(self, state: Any) -> None:
        """Accepts the dict of the module's attributes, once."""
        if self._state is not None or type(state) is not dict:
            raise damaged(f"a {shown(self.class_name)} has a state that is not one dict")
        self._state = state

    def state(self) -> dict:
        """Returns the attributes, or raises BadWeights if none came."""
        if self._state is None:
            raise damaged(f"a {shown(self.class_name)} lacks its state")
        return self._state

    def content(self) -> dict[str, Any]:
        """Returns parameters, buffers and inner modules by name, and simple settings."""
        # Once: a module may be in many places, and what it leaves out is not counted there.
        if self._content is None:
            self._content = {**dict(self._settings()), **self._parts()}
        return self._content

    def _parts(self) -> dict[str, Any]:
        state, what = self.state(), f"a {shown(self.class_name)}"
        parts: dict[str, Any] = {}
        for field, kind in (("_parameters", Tensor), ("_buffers", Tensor),
                            ("_modules", PickledModule)):
            # An optional bias, or module, that is left out is None.
            values = {name: value for name, value in _part(state, field, what).items()
                      if value is not None}
            if any(type(value) is not kind for value in values.values()):
                raise damaged(f"{what} has {field} of another kind")
            if values.keys() & parts.keys():
                raise damaged(f"{what} gives two things one name")
            parts |= values
        return parts

    def _settings(self) -> Iterator[tuple[str, Any]]:
        """Finds the numbers and texts that classes by name keep as attributes, as R3GAN's do."""
        if not self.module or self.module.startswith("torch."):
            return
        for name, value in self.state().items():
            if (type(name) is str and name[:1] not in ("", "_") and name != "training"
                    and type(value) in (bool, int, float, str, Global)):
                yield name, value


class PickledVariables(Record):
    """A network of TensorFlow: its builder, arguments, variables and components.

    Attributes:
      module: where the file says that its class is from.
    """

    __slots__ = ("module", "_versions", "_state", "_content")

    def __init__(self, module: str, versions: tuple[int, ...]):
        self.module, self._versions = module, versions
        self._state: dict | None = None
        self._content: dict[str, Any] | None = None

    def build(self, state: Any) -> None:
        """Accepts the dict that the official `__getstate__` returns, once."""
        if self._state is not None or type(state) is not dict:
            raise damaged("a Network has a state that is not one dict")
        version = state.get("version")
        if type(version) is not int or version not in self._versions:
            raise BadWeights(f"holds a Network of version {_told(version)}, and these are read: "
                             f"{', '.join(map(str, self._versions))}; save it again with "
                             "the official code")
        self._state = state

    def state(self) -> dict:
        """Returns the fields of the state, or raises BadWeights if none came."""
        if self._state is None:
            raise damaged("a Network lacks its state")
        return self._state

    @property
    def class_name(self) -> str:
        """Returns the name of the function that builds the network."""
        return _known(self.state().get("build_func_name"), BUILDERS, "a Network built by")

    def content(self) -> dict[str, Any]:
        """Returns variables and components by name."""
        if self._content is None:
            self._content = self._parts()
        return self._content

    def _parts(self) -> dict[str, Any]:
        state, what = self.state(), f"a Network of {self.class_name}"
        # Components are networks, variables are pairs of a name and an array.
        components = _part(state, "components", what)
        if any(type(value) is not PickledVariables for value in components.values()):
            raise damaged(f"{what} has components that are not Networks")
        variables = state.get("variables")
        if type(variables) is not list or any(
                type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not str
                or type(pair[1]) is not Array for pair in variables):
            raise damaged(f"{what} has variables that are not pairs of a name and an array")
        named = {**dict(variables), **components}
        if len(named) < len(variables) + len(components):
            raise damaged(f"{what} gives two things one name")
        return named


def _told(value: Any) -> str:
    """Returns a foreign value for a message; a nested one might be endless as text."""
    return shown(value) if type(value) in (str, int) else f"of type {type(value).__name__}"


def _known(name: Any, names: tuple[str, ...], what: str) -> str:
    if type(name) is not str or name not in names:
        raise BadWeights(f"holds {what} {_told(name)}, which is not known; these are read: "
                         f"{', '.join(names)}; {_TRUSTED}")
    return name


def _persistent(meta: Any) -> PickledModule:
    """Makes the record of a module whose pickle brings its source text, which is dropped."""
    if type(meta) is not dict or meta.get("type") != "class" or type(meta.get("state")) is not dict:
        raise damaged("a persistent object is not a class with a state")
    if meta.get("version") not in VERSIONS:
        raise BadWeights(f"holds a persistent object of version {_told(meta.get('version'))}, and "
                         f"{VERSIONS[0]} is read; save it again with the official code")
    class_name = _known(meta.get("class_name"), CLASSES, "a persistent object of class")
    return PickledModule("", class_name, meta["state"])


class NetworkNames(Mapping):
    """Names in a pickle of networks: of tensors and arrays, and of records by `MODULES`.

    Every name has an answer: what it means, or `BadWeights`, which says what is read.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._exact: dict[str, Any] = {
            **NAMES,
            **dict.fromkeys(("numpy.core.multiarray scalar", "numpy._core.multiarray scalar"),
                            scalar_array),
            **dict.fromkeys(("dnnlib.util EasyDict", "dnnlib EasyDict"), _easy_dict),
            **{name: _maker(PickledVariables, name.partition(" ")[0], versions)
               for name, versions in NETWORKS.items()},
            PERSISTENT: _persistent,
            "torch.storage _load_from_bytes": self._storage}

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        # Names with a meaning of their own.
        if name in self._exact:
            return self._exact[name]
        module, _, last = name.partition(" ")
        # A name takes more memory than other steps do.
        self._limits.steps.spend(STEPS_PER_NAME)
        # What is called in such modules are classes, whose names begin with a capital.
        if (not any(module == known or known[-1] == "." and module.startswith(known)
                    for known in MODULES)
                or not last.isidentifier() or not last.isascii() or not last[0].isupper()):
            raise BadWeights(f"names {shown(name.replace(' ', '.'))}, and of such a pickle only "
                             "tensors, arrays, EasyDict, networks of torch_utils.persistence, "
                             "dnnlib and tfutil, and classes of "
                             f"{', '.join(known.rstrip('.') for known in MODULES)} are read, so "
                             f"none of it was run; {_TRUSTED}")
        return _maker(PickledModule, module, last)

    def __iter__(self) -> Iterator[str]:
        return iter(self._exact)

    def __len__(self) -> int:
        return len(self._exact)

    def _storage(self, raw: Any) -> Numbers:
        """Reads the file of torch.save around each storage; it may have no other within it."""
        if type(raw) is not bytes:
            raise damaged("a storage within its pickle has no bytes")
        limits = Limits(len(raw), self._limits.steps, "is damaged: a storage within its pickle is "
                                                      "cut off; copy it again")
        return read_torch_storage(raw, _STORAGE_NAMES, limits)


def _easy_dict(items: Any = ()) -> dict:
    return pairs_of(items)


def _maker(kind: type, *given: Any) -> Any:
    """Returns what makes a record; it takes no arguments from a file."""
    return lambda: kind(*given)


def _nested(*_: Any) -> None:
    raise BadWeights("holds a file of torch.save within another within its pickle, which no "
                     f"program writes, so it was not read; {_TRUSTED}")


_STORAGE_NAMES: dict[str, Any] = {
    **{name: meaning for name, meaning in NAMES.items() if isinstance(meaning, np.dtype)},
    "torch.storage _load_from_bytes": _nested}
"""What the file around a storage may name: its number type."""
