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
SHOWN = 4  # Addresses in a sentence.


def prepare(name: str, data_dir: str = "", download_dir: str = "") -> Any:
    """Downloads a data set and writes it in `FORMAT`, where it is in none that is read; shows TFDS's progress bars, if this is a terminal.

    What is there already, downloaded or prepared, is used as it is. A set that was not written
    to its end leaves nothing that opens.

    Args:
      name: as TFDS writes it: `cifar10`, `lsun/bedroom`, `mnist:3.0.1`.
      data_dir: folder of prepared sets; empty for that of TFDS: $TFDS_DATA_DIR or ~/tensorflow_datasets.
      download_dir: where downloads are kept; empty for `downloads` in that folder.

    Returns:
      TFDS's builder of the set, which has `info` and `data_path`.

    Raises:
      ConfigError: for an unknown name; without network, with what to put where; where TFDS needs a
        package that is not installed, or files that must be downloaded by hand.
    """
    import tensorflow_datasets  # Imported here: it takes half a second.
    from requests.exceptions import RequestException
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
    from tensorflow_datasets.core.download.util import DownloadError

    folder = prepared_folder(data_dir)
    downloads = user_path(download_dir) if download_dir else folder / "downloads"
    there = _prepared(name, folder, downloads)
    if there:
        return there
    builder = _builder(name, folder)
    if not _reachable(builder, downloads):
        raise _no_network(name, builder, downloads)
    # Its warnings of each new trial would tear the progress bars.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    if not sys.stderr.isatty():
        tensorflow_datasets.disable_progress_bar()
    config = tensorflow_datasets.download.DownloadConfig(try_download_gcs=False)
    try:
        builder.download_and_prepare(download_dir=str(downloads), download_config=config)
    except ImportError as error:
        # TFDS rewords what Python says, whose last words name the package.
        package = error.name or str(error).rpartition("No module named ")[2].strip("'\" ") or "a package"
        raise ConfigError(f"TFDS needs {package} to prepare {name}, which is not installed; `pip install "
                          f"{shlex.quote(package)}` and run the same command again, which resumes with what is in "
                          f"{downloads}") from error
    except NonMatchingChecksumError as error:
        raise ConfigError(f"what was downloaded for {name} is not what TFDS expects; remove it from {downloads} and "
                          f"try again, or update tensorflow-datasets ({_line(error)})") from error
    except (RequestException, DownloadError, ConnectionError, TimeoutError) as error:
        raise _no_network(name, builder, downloads, error) from error
    except (AssertionError, FileNotFoundError) as error:
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        raise ConfigError(f"{name} has to be downloaded by hand: {_line(builder.MANUAL_DOWNLOAD_INSTRUCTIONS)} Put it "
                          f"into {downloads / 'manual'} and run the same command again") from error
    except (OSError, RuntimeError) as error:
        if is_full(error):
            raise WriteError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder),
                             "make room, or name another place by --data_dir, and run the same command again") from error
        if getattr(error, "filename", None) is not None or not str(error).startswith("Not enough disk space"):
            raise
        raise ConfigError(f"{folder} has too little space for {name}: {_line(error)}; name another place by "
                          "--data_dir") from error
    return builder


def _prepared(name: str, folder: Path, downloads: Path) -> Any:
    """TFDS's reader of a set that is prepared in one of `READ`; None where none is.

    Raises:
      ConfigError: where it is prepared in another format, which is in the way.
    """
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    try:
        builder = builder_from_files(name, data_dir=str(folder))
    except ValueError:  # Not found, or no name at all, which `_builder` answers.
        return None
    found = {value.value for value in builder.info.available_file_formats()}
    if found & set(READ):
        return builder
    command = shlex.join(["ganlab", "data", "prepare", name, f"--data_dir={folder / FORMAT}",
                          f"--download_dir={downloads}"])
    raise ConfigError(f"{name} is prepared in {folder} as {', '.join(sorted(found))}, and TFDS keeps one format in a "
                      f"folder; prepare it in another by `{command}`")


def _builder(name: str, folder: Path) -> Any:
    import tensorflow_datasets

    bare = name.partition("/")[0].partition(":")[0]
    try:
        return tensorflow_datasets.builder(name, data_dir=str(folder), file_format=FORMAT)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise ConfigError(f"NAME is {name!r}, which is no data set that TFDS can prepare{did_you_mean(bare, known)}; "
                          f"take a name of `tfds.list_builders()`, or {OFFLINE}") from None
    except (ValueError, AssertionError) as error:
        # For one that TFDS knows, its first line says which config or version is not there.
        text = str(error).partition("}\": ")[2] or ("it is not written as TFDS writes names: name, name/config, "
                                                   "name:version")
        known = tensorflow_datasets.core.registered.list_imported_builders()
        if bare in known:
            configs = list(tensorflow_datasets.builder_cls(bare).builder_configs)
            text += f"configs of {bare}: {', '.join(configs[:20]) or 'none'}" if "BuilderConfig" in text else ""
        raise ConfigError(f"NAME is {name!r}: {_line(text)}") from error


def _missing(builder: Any, downloads: Path) -> dict[str, Any]:
    """The addresses of which neither TFDS nor anyone by hand has put a file into `downloads`."""
    from tensorflow_datasets.core.download.resource import get_dl_fname

    def there(address: str, info: Any) -> bool:
        by_hand = info.filename and (downloads / "manual" / info.filename).exists()
        return by_hand or (downloads / get_dl_fname(address, info.checksum)).exists()

    return {address: info for address, info in (builder.url_infos or {}).items() if not there(address, info)}


def _reachable(builder: Any, downloads: Path) -> bool:
    """False where it is sure that nothing can be downloaded, which TFDS would try for minutes."""
    missing = _missing(builder, downloads)
    # Of some sets not every address is needed; and through a proxy, names of hosts are not known here.
    if not missing or len(missing) < len(builder.url_infos) or urllib.request.getproxies():
        return True
    for host in {urllib.parse.urlsplit(address).hostname for address in missing}:
        try:
            socket.getaddrinfo(host, 443)
            return True
        except OSError:
            continue
    return False


def _no_network(name: str, builder: Any, downloads: Path, error: Exception | None = None) -> ConfigError:
    """What to put where, in one sentence."""
    missing = {address: info.filename for address, info in _missing(builder, downloads).items() if info.filename}
    # Of a config, what is named like it, where anything is: the addresses of all configs are in one list.
    config = builder.builder_config.name if builder.builder_config else ""
    missing = {address: file for address, file in missing.items() if config in address} or missing
    files = [address if address.endswith(f"/{file}") else f"{address} as {file}" for address, file in missing.items()]
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    download = (f"download {', '.join(files[:SHOWN])}{more} into {downloads / 'manual'} with a browser, or "
                if files else "")
    why = f" ({_line(error)[:200]})" if error else ""
    return ConfigError(f"{name} could not be downloaded, as if there were no network{why}; {download}copy the folder "
                       f"of a machine where it is prepared to {builder.data_path}, then run the same command "
                       f"again; or {OFFLINE}")


def _line(text: Any) -> str:
    return " ".join(str(text).split())
