"""Files of a folder or zip file by their paths with `/`, whichever system wrote them."""

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ganlab.config import ConfigError
from ganlab.data.decoding import MOST_BYTES, BadImage

Stamp = tuple[int, int]
"""Size in bytes and time of change of a file: another stamp is another file."""

IGNORED = frozenset({
    "__macosx", "network trash folder", "temporary items",  # macOS
    # Windows
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information",
    # Synology, QNAP
    "@eadir", "@tmp", "@__thumb", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
    "lost+found", "__pycache__",
})
"""What systems put beside users' files, in lower case; names that begin with a dot are hidden."""


class Scan(NamedTuple):
    """What is in a place, except what is hidden.

    Attributes:
      files: stamps by path.
      folders: names of the first level's folders.
      broken: paths and reasons of what is there but cannot be read.
    """

    files: dict[str, Stamp]
    folders: set[str]
    broken: list[tuple[str, str]]


class Folder:
    """Files of a folder. Links are followed, none of them twice."""

    def __init__(self, path: Path):
        self.path = path

    def scan(self) -> Scan:
        """Lists all that is not hidden; raises OSError if the folder itself cannot be read."""
        found, waiting, seen = Scan({}, set(), []), [("", self.path)], set()
        while waiting:
            prefix, folder = waiting.pop()
            try:
                # Links may lead back: a folder that was entered once is not entered again.
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    inside = list(entries)
            except OSError as error:
                if not prefix:
                    raise
                found.folders.discard(prefix[:-1])
                found.broken.append((prefix[:-1], _unreadable(error)))
                continue
            # Folders wait to be searched, those of the first level are named.
            for entry in inside:
                name = prefix + entry.name
                if not hidden(entry.name) and _look(name, entry, found):
                    waiting.append((f"{name}/", Path(entry.path)))
                    found.folders.update(() if prefix else (name,))
        # Whatever order the system lists, errors have their own.
        found.broken.sort()
        return found

    def read(self, name: str) -> bytes:
        """Reads a file; raises OSError if it is gone."""
        with open(self.path / name, "rb") as file:
            # Python reserves as much memory as is asked for; a file that grows has another stamp.
            return file.read(min(os.fstat(file.fileno()).st_size, MOST_BYTES) + 1)

    def stamp(self, name: str) -> Stamp:
        """Returns what stands for the file's content."""
        return _stamp(os.stat(self.path / name))


def _look(name: str, entry: os.DirEntry, found: Scan) -> bool:
    """Notes a file or what is broken, and returns whether it is a folder, still to be searched."""
    try:
        if entry.is_dir():
            return True
        if entry.is_file():
            found.files[name] = _stamp(entry.stat())
        elif entry.is_symlink() and not os.path.exists(entry.path):
            found.broken.append((name, "is a link to nothing; fix or remove it"))
    except OSError as error:  # A link to itself, or a file that has just been removed.
        found.broken.append((name, _unreadable(error)))
    return False


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror}); fix or remove it"


class Zip:
    """Files of a zip file. One folder that holds everything is not part of their paths."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except PermissionError:
            raise
        except Exception as error:
            # BadZipFile, but of damaged directories also struct's, OSError, ValueError.
            raise ConfigError(f"{path} is neither a folder nor a whole zip file ({error}); copy it "
                              "again, or unpack it and name the folder") from None
        self._at = _stamp(os.stat(path))
        infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            name = _entry_name(path, info, infos)
            infos[name] = info
        # One folder that holds everything, as many programs write it, is left out of all paths.
        shown = {name for name in infos if name and not any(map(hidden, name.split("/")))}
        first = {name.partition("/")[0] for name in shown}
        one = len(first) == 1 and all("/" in name for name in shown)
        self._prefix = f"{first.pop()}/" if one else ""
        self._infos = {name.removeprefix(self._prefix): infos[name] for name in shown}

    def scan(self) -> Scan:
        """Lists everything that is not hidden."""
        files = {name: (info.file_size, info.CRC)
                 for name, info in self._infos.items() if name and name[-1] != "/"}
        return Scan(files, {name.partition("/")[0] for name in self._infos if "/" in name}, [])

    def read(self, name: str) -> bytes:
        """Reads a file; raises BadImage if it does not unpack."""
        info = self._infos[name]
        if info.file_size > MOST_BYTES:
            raise BadImage(f"unpacks to {info.file_size:,} bytes, more than the {MOST_BYTES:,} "
                           "that are read; store it smaller")
        try:
            return self._zip.read(info)
        except Exception as error:
            # From zipfile and every unpacker: BadZipFile, zlib.error, NotImplementedError.
            raise BadImage(f"does not unpack ({error}); make the zip file again") from None

    def stamp(self, name: str) -> Stamp:
        """Returns what stands for the file's content, as long as the zip file is the same."""
        if _stamp(os.stat(self.path)) != self._at:
            return (-1, -1)
        return self._infos[name].file_size, self._infos[name].CRC


def _entry_name(path: Path, info: zipfile.ZipInfo, known: Mapping[str, zipfile.ZipInfo]) -> str:
    r"""Returns the path of an entry with `/`, also at the end of a folder's; empty for the top.

    Programs on Windows write `cats\1.png`, others `./cats/1.png`: both are `cats/1.png`.
    """
    written = info.filename.replace("\\", "/")
    parts = written.split("/")
    # An absolute path, a drive, or `..`: an attack, or a mistake.
    if not parts[0] or re.match("[A-Za-z]:", parts[0]) or ".." in parts:
        raise ConfigError(f"{path} holds {info.filename!r}, a path that leads out of it; make the "
                          "zip file again from within the folder of images")
    if info.flag_bits & 1:
        raise ConfigError(f"{path} is encrypted ({info.filename!r}); unpack it and name the folder")
    # Names as other programs would unpack them.
    name = "/".join(part for part in parts if part not in ("", "."))
    if name and parts[-1] in ("", "."):
        return f"{name}/"
    if name in known:
        raise ConfigError(f"{path} holds {name!r} twice; make the zip file again")
    return name


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def hidden(part: str) -> bool:
    """Returns whether this is the name of a system's file or folder, such as `.DS_Store`."""
    return part.startswith(".") or part.lower() in IGNORED


def user_path(text: str | Path) -> Path:
    """Returns a path as users write it, with `~` as their home folder."""
    return Path(os.path.expanduser(text))


def open_store(path: Path) -> Folder | Zip:
    """Opens the folder or zip file at a path; raises ConfigError if it is neither."""
    return Folder(path) if path.is_dir() else Zip(path)
