"""Checksums of a checkpoint's files, which show damage in files that still read."""

import hashlib
import json
from pathlib import Path

from ganlab.output import write_atomically

FILE = "sha256.json"
"""In the checkpoint's own folder, so that it is copied and moved with it."""
CHANGED, MISSING, EXTRA = "has changed", "is missing", "is extra"


def write_checksums(folder: Path) -> None:
    """Writes the SHA-256 of every file in a complete checkpoint's folder."""
    write_atomically(folder / FILE, json.dumps(_checksums(folder), indent=1) + "\n")


def has_checksums(folder: Path) -> bool:
    """Returns whether checksums of a checkpoint were written."""
    return (folder / FILE).exists()


def damage(folder: Path) -> list[str] | None:
    """Lists what is wrong with a checkpoint's files, in words; None if no checksums were written.

    They are missing if a run was killed after a save and before they were written, and in
    checkpoints of earlier versions; that is not damage.
    """
    try:
        stored = json.loads((folder / FILE).read_text())
        wanted = {str(name): str(checksum) for name, checksum in stored.items()}
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError):
        return [f"{FILE} does not read"]
    found = _checksums(folder)
    words = [f"{name} {CHANGED if name in found else MISSING}"
             for name, checksum in wanted.items() if found.get(name) != checksum]
    return words + [f"{name} {EXTRA}" for name in found if name not in wanted]


def _checksums(folder: Path) -> dict[str, str]:
    """Computes SHA-256 in hexadecimal by the file's path within the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in (folder / FILE, folder / f"{FILE}.partial"):
            with open(path, "rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(
                    file, "sha256").hexdigest()
    return found
