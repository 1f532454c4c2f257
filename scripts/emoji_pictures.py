"""Makes a folder of drawn emoji by their categories, 3,755 colour pictures, out of an npm package.

    python scripts/emoji_pictures.py --output=pictures/emoji                     # fetches the package by npm
    python scripts/emoji_pictures.py --output=pictures/emoji --package=FOLDER    # unpacked, or the .tgz of npm pack
    ganlab data import pictures/emoji data/emoji --resolution=32

The package is emoji-datasource-google, whose drawings are of Noto Emoji, under the Apache License 2.0. It holds sheets
of all emoji at 16, 20, 32 and 64 pixels; each becomes `OUTPUT/CATEGORY/NAME.png`, its transparent parts white, unless
another one looks the same (the flags of some islands). Other packages of that form, whose names begin with
emoji-datasource-, are read too; mind their licences.
"""

import argparse
import collections
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

PACKAGE = "emoji-datasource-google@15"
FLAGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
FLAGS.add_argument("--output", required=True, type=Path, help="new folder for the pictures")
FLAGS.add_argument("--package", type=Path, help="its unpacked folder or .tgz; npm fetches it if none is given")
FLAGS.add_argument("--side", type=int, default=32, help="of the pictures, in pixels: that of one of the sheets")
FLAGS.add_argument("--notones", action="store_true", help="leaves out the skin tones of people, half of the pictures")


def fail(words: str) -> None:
    """Ends with a sentence."""
    sys.exit(f"emoji_pictures: {words}")


def fetched() -> Path:
    """Packs the package by npm, once, into ganlab's folder of caches."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "packages"
    found = sorted(folder.glob(f"{PACKAGE.replace('@', '-')}.*.tgz"))
    if found:
        print(f"takes {found[-1]}")
        return found[-1]
    if not shutil.which("npm"):
        fail(f"npm, which would fetch {PACKAGE}, is not installed; name the package's unpacked folder, or its .tgz, by "
             "--package")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", PACKAGE, "--silent"]
    print(f"runs {shlex.join(command)} (about 75 MB) for {folder}", flush=True)
    # Nothing half done is left there.
    with tempfile.TemporaryDirectory(dir=folder) as place:
        if subprocess.run(command, stdout=subprocess.DEVNULL, cwd=place, check=False).returncode:
            fail(f"npm could not fetch {PACKAGE}; fetch it elsewhere and name its .tgz by --package")
        packed, = Path(place).iterdir()
        return packed.rename(folder / packed.name)


def read(package: Path) -> tuple[str, dict[int, bytes], bytes]:
    """Reads from a package the name of its drawings, their sheets by side, and the text of emoji.json."""
    wanted = re.compile(r"img/(\w+)/sheets/(\d+)\.png|emoji\.json")
    if package.is_dir():
        files = {str(file.relative_to(package)): file.read_bytes() for file in package.rglob("*")
                 if wanted.fullmatch(str(file.relative_to(package)))}
    else:
        try:
            with tarfile.open(package) as archive:
                files = {name: archive.extractfile(member).read() for member in archive if member.isfile()
                         if wanted.fullmatch(name := member.name.partition("/")[2])}
        except (OSError, tarfile.TarError, EOFError) as error:
            fail(f"--package={package} is neither a folder nor the .tgz of an npm package ({error})")
    if "emoji.json" not in files:
        fail(f"{package} has no emoji.json; name a package such as {PACKAGE}")
    found = {(match[1], int(match[2])): files[name] for name in files if (match := wanted.fullmatch(name))[1]}
    names = sorted({name for name, _ in found})
    if len(names) != 1:
        fail(f"{package} has {len(names)} kinds of sheets, img/KIND/sheets/SIDE.png; a package of one kind is needed, "
             f"such as {PACKAGE}")
    return names[0], {side: sheet for (_, side), sheet in found.items()}, files["emoji.json"]


def drawings(text: bytes, kind: str, tones: bool) -> Iterator[tuple[str, str, int, int]]:
    """Yields category, name, column and row of each emoji that has a drawing of this kind."""
    for emoji in json.loads(text):
        if emoji["category"] == "Component":  # Skin tones themselves, as patches.
            continue
        variations = emoji.get("skin_variations", {}) if tones else {}
        for suffix, one in {"": emoji, **variations}.items():
            if one[f"has_img_{kind}"]:
                name = "-".join(filter(None, (emoji["short_name"], suffix.lower())))
                category = emoji["category"].lower().replace("&", "and")
                yield (re.sub(r"\W+", "_", category), re.sub(r"[^\w+-]+", "_", name), one["sheet_x"], one["sheet_y"])


def main(argv: list[str] | None = None) -> None:
    """Cuts the sheet and prints what to do next."""
    chosen = FLAGS.parse_args(argv)
    output, side = chosen.output, chosen.side
    if output.exists():
        fail(f"--output={output} is there already; name a new folder")
    package = chosen.package or fetched()
    kind, sheets, text = read(package)
    if side not in sheets:
        fail(f"{package} has no sheet of --side={side} pixels; it has {', '.join(map(str, sorted(sheets)))}")
    # What is to be cut, before anything is written.
    try:
        found = list(drawings(text, kind, not chosen.notones))
        sheet = Image.open(io.BytesIO(sheets[side])).convert("RGBA")
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        fail(f"{package} has an emoji.json or a sheet that cannot be read ({type(error).__name__}: {error})")
    # Each cell of the sheet has a border of one pixel.
    cell = side + 2
    columns, rows = (1 + max((place[axis] for place in found), default=0) for axis in (2, 3))
    if sheet.width % cell or sheet.height % cell or sheet.width < columns * cell or sheet.height < rows * cell:
        fail(f"the sheet of {side} pixels in {package} is of {sheet.width}x{sheet.height} pixels, which are not cells "
             f"of {cell} for {columns} columns and {rows} rows")
    counts, seen = collections.Counter(), set()
    for category, name, column, row in found:
        left, top = column * cell + 1, row * cell + 1
        drawn = sheet.crop((left, top, left + side, top + side))
        picture = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
        if picture.tobytes() in seen:
            continue
        seen.add(picture.tobytes())
        folder = output / category
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{name}.png")
        counts[category] += 1
    # What there is now.
    print(f"{counts.total():,} pictures of {side}x{side} pixels in {output}; left out were "
          f"{len(found) - counts.total():,} that look like others")
    for category, number in counts.most_common():
        print(f"  {category} {number:,}")
    command = ["ganlab", "data", "import", str(output), f"{output}_{side}", f"--resolution={side}"]
    print(f"next: {shlex.join(command)}")


if __name__ == "__main__":
    main()
