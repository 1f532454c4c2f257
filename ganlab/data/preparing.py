"""Downloads data sets of TFDS and prepares them in the format that is read without TensorFlow."""

import errno
import logging
import os
import shlex
import socket
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from ganlab.config import ConfigError, did_you_mean
from ganlab.data.stores import user_path
from ganlab.data.tfds import FORMAT, READ, prepared_folder
from ganlab.output.files import WriteError, is_full

OFFLINE = "train offline with :data=glyphs"
SHOWN = 4  # Addresses in a sentence; of more, it gives their number.


def prepare(name: str, data_dir: str = "", download_dir: str = "") -> Any:
    """Downloads a data set and writes it in `FORMAT`, unless it is prepared in one that is read.

    Shows TFDS's progress bars on a terminal. What is there already, downloaded or prepared, is
    used as it is. A set that was not written completely leaves nothing that opens.

    Args:
      name: as TFDS writes it: `cifar10`, `lsun/bedroom`, `mnist:3.0.1`.
      data_dir: folder of prepared sets; empty for that of TFDS: $TFDS_DATA_DIR or
        ~/tensorflow_datasets.
      download_dir: where downloads are kept; empty for `downloads` in that folder.

    Returns:
      TFDS's builder of the set, which has `info` and `data_path`.

    Raises:
      ConfigError: for an unknown name; without network, with what to put where; if TFDS needs a
        package that is not installed, or files that must be downloaded by hand.
    """
    import tensorflow_datasets  # Imported here: it takes half a second.

    folder = prepared_folder(data_dir)
    downloads = user_path(download_dir) if download_dir else folder / "downloads"
    # A set that is prepared is used as it is; without a network there is nothing to try.
    there = _prepared(name, folder, downloads)
    if there:
        return there
    builder = _builder(name, folder)
    if not _reachable(builder, downloads):
        raise _no_network(name, builder, downloads)
    # Its warnings about each retry would tear the progress bars.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    if not sys.stderr.isatty():
        tensorflow_datasets.disable_progress_bar()
    # Every failure of TFDS is answered with what to do; what was downloaded is kept.
    config = tensorflow_datasets.download.DownloadConfig(try_download_gcs=False)
    try:
        builder.download_and_prepare(download_dir=str(downloads), download_config=config)
    except Exception as error:
        answer = _answer(error, name, builder, folder, downloads)
        if answer is None:
            raise
        raise answer from error
    return builder


def _answer(error: Exception, name: str, builder: Any, folder: Path,
            downloads: Path) -> Exception | None:
    """Makes the error that answers a failure of TFDS; None for one that it does not know."""
    from requests.exceptions import RequestException
    from tensorflow_datasets.core.download.download_manager import (
        NonMatchingChecksumError,
    )
    from tensorflow_datasets.core.download.util import DownloadError

    if isinstance(error, ImportError):
        # TFDS rewords Python's message, whose last words name the package.
        package = (error.name or str(error).rpartition("No module named ")[2].strip("'\" ")
                   or "a package")
        return ConfigError(f"TFDS needs {package} to prepare {name}, which is not installed; `pip "
                           f"install {shlex.quote(package)}` and run the same command again, which "
                           f"resumes with what is in {downloads}")
    if isinstance(error, NonMatchingChecksumError):
        return ConfigError(f"what was downloaded for {name} is not what TFDS expects; remove it "
                           f"from {downloads} and try again, or update tensorflow-datasets "
                           f"({_line(error)})")
    if isinstance(error, RequestException | DownloadError | ConnectionError | TimeoutError):
        return _no_network(name, builder, downloads, error)
    if isinstance(error, AssertionError | FileNotFoundError):
        # TFDS's way of missing files that only a person can download.
        by_hand = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        return None if not by_hand else ConfigError(
            f"{name} has to be downloaded by hand: {_line(by_hand)} Put it into "
            f"{downloads / 'manual'} and run the same command again")
    if isinstance(error, OSError | RuntimeError):
        # A disk that is full now, or that TFDS finds too small before it begins.
        if is_full(error):
            return WriteError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder),
                              "make room, or name another place by --data_dir, and run the same "
                              "command again")
        if (getattr(error, "filename", None) is None
                and str(error).startswith("Not enough disk space")):
            return ConfigError(f"{folder} has too little space for {name}: {_line(error)}; name "
                               "another place by --data_dir")
    return None


def _prepared(name: str, folder: Path, downloads: Path) -> Any:
    """Returns TFDS's reader of a set that is prepared in one of `READ`; None if there is none.

    Raises:
      ConfigError: if it is prepared in another format, which is in the way.
    """
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    try:
        builder = builder_from_files(name, data_dir=str(folder))
    except ValueError:  # Not found, or not a name, which `_builder` answers.
        return None
    found = {value.value for value in builder.info.available_file_formats()}
    if found & set(READ):
        return builder
    command = shlex.join(["ganlab", "data", "prepare", name, f"--data_dir={folder / FORMAT}",
                          f"--download_dir={downloads}"])
    raise ConfigError(f"{name} is prepared in {folder} as {', '.join(sorted(found))}, and TFDS "
                      f"keeps one format in a folder; prepare it in another by `{command}`")


def _builder(name: str, folder: Path) -> Any:
    import tensorflow_datasets

    # The name without config and version, to suggest another.
    bare = name.partition("/")[0].partition(":")[0]
    try:
        return tensorflow_datasets.builder(name, data_dir=str(folder), file_format=FORMAT)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise ConfigError(f"NAME is {name!r}, which is not a data set that TFDS can "
                          f"prepare{did_you_mean(bare, known)}; take a name of "
                          f"`tfds.list_builders()`, or {OFFLINE}") from None
    except (ValueError, AssertionError) as error:
        # Of a set that TFDS knows, the first line says which config or version is missing.
        text = str(error).partition("}\": ")[2] or ("it is not written as TFDS writes names: name, "
                                                    "name/config, name:version")
        known = tensorflow_datasets.core.registered.list_imported_builders()
        if bare in known:
            configs = list(tensorflow_datasets.builder_cls(bare).builder_configs)
            text += (f"configs of {bare}: {', '.join(configs[:20]) or 'none'}"
                     if "BuilderConfig" in text else "")
        raise ConfigError(f"NAME is {name!r}: {_line(text)}") from error


def _missing(builder: Any, downloads: Path) -> dict[str, Any]:
    """Returns the addresses whose files are not in `downloads`, neither by TFDS nor by hand."""
    from tensorflow_datasets.core.download.resource import get_dl_fname

    def there(address: str, info: Any) -> bool:
        by_hand = info.filename and (downloads / "manual" / info.filename).exists()
        return by_hand or (downloads / get_dl_fname(address, info.checksum)).exists()

    return {address: info
            for address, info in (builder.url_infos or {}).items() if not there(address, info)}


def _reachable(builder: Any, downloads: Path) -> bool:
    """Returns False if it is certain that nothing can be downloaded: TFDS would try for minutes."""
    missing = _missing(builder, downloads)
    # Some sets do not need every address, and behind a proxy host names are not resolved here.
    if not missing or len(missing) < len(builder.url_infos) or urllib.request.getproxies():
        return True
    for host in {urllib.parse.urlsplit(address).hostname for address in missing}:
        try:
            socket.getaddrinfo(host, 443)
            return True
        except OSError:
            continue
    return False


def _no_network(name: str, builder: Any, downloads: Path,
                error: Exception | None = None) -> ConfigError:
    """Makes the error that says what to put where."""
    missing = {address: info.filename
               for address, info in _missing(builder, downloads).items() if info.filename}
    # The addresses of all configs are in one list: take those named like this one, if any are.
    config = builder.builder_config.name if builder.builder_config else ""
    missing = {address: file for address, file in missing.items() if config in address} or missing
    files = [address if address.endswith(f"/{file}") else f"{address} as {file}"
             for address, file in missing.items()]
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    download = (f"download {', '.join(files[:SHOWN])}{more} into {downloads / 'manual'} with a "
                "browser, or " if files else "")
    why = f" ({_line(error)[:200]})" if error else ""
    return ConfigError(f"{name} could not be downloaded, as if there were no network{why}; "
                       f"{download}copy the folder of a machine where it is prepared to "
                       f"{builder.data_path}, then run the same command again; or {OFFLINE}")


def _line(text: Any) -> str:
    return " ".join(str(text).split())
