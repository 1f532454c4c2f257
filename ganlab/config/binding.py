"""Names to functions, and keyword arguments against signatures, before anything is built."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ganlab.config.errors import ConfigError, unknown

Entry = TypeVar("Entry")


def choose(table: Mapping[str, Entry], name: str, path: str, fits: Callable[[Any], bool] = callable,
           wanted: str = "a function") -> Entry:
    """Returns the entry `name` of `table`, or the object `package.module:attribute` from outside.

    Args:
      table: the entries of the tree.
      name: what the config says.
      path: its config key, for the message.
      fits: whether an object from outside is what is wanted here.
      wanted: what that is, in words.

    Raises:
      ConfigError: naming the config key `path`, with a suggestion.
    """
    # A name of the tree.
    if name in table:
        return table[name]
    if ":" not in name:
        raise unknown(f"config.{path}", name, [*table, "package.module:function"])
    # A name from outside it, whose module may not import or not have it.
    module_name, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"config.{path} names {name!r}, but module {module_name!r} does not "
                          f"import: {error}; run from the folder that holds it, or install "
                          "it") from error
    except AttributeError:
        raise ConfigError(f"config.{path} names {name!r}, but module {module_name!r} has no "
                          f"{attribute!r}") from None
    if not fits(found):
        raise ConfigError(f"config.{path} names {name!r}, of type {type(found).__name__}; it takes "
                          f"{wanted}")
    return found


def bind(function: Callable[..., Any], kwargs: Mapping[str, Any], path: str,
         given: tuple[str, ...] = ()) -> None:
    """Checks keyword arguments against the signature of `function` and the types of its defaults.

    Args:
      function: a function or a class.
      kwargs: keyword arguments from the config.
      path: config path of `kwargs`, for the message.
      given: parameters that the caller fills and that a config may not set.

    Raises:
      ConfigError: for an unknown or missing argument, or one of another type than its default.
    """
    # Arguments that exist, with the type of their default.
    parameters = {name: parameter
                  for name, parameter in inspect.signature(function).parameters.items()
                  if name not in given}
    for name, value in kwargs.items():
        if name not in parameters:
            raise unknown(f"config.{path}: argument of {function.__name__}", name, parameters)
        default = parameters[name].default
        kinds = (int, float) if isinstance(default, float) else (type(default),)
        if default not in (inspect.Parameter.empty, None) and (
                not isinstance(value, kinds)
                or isinstance(value, bool) != isinstance(default, bool)):
            raise ConfigError(f"config.{path}.{name} is {value!r}, a {type(value).__name__}; "
                              f"it takes a {type(default).__name__}, like {default!r}")
    # Arguments that have no default.
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in kwargs:
            raise ConfigError(f"config.{path}.{name} is missing: {function.__name__} needs it")
