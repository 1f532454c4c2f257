"""Draws a sheet of faces by a trained DCGAN of PyTorch's tutorial, out of a package on PyPI.

    python scripts/draw_faces.py --workdir=runs/faces --output=faces.png
    python scripts/draw_faces.py --workdir=runs/faces --output=faces.png --weights=weights.tar   # fetched before
    ganlab sample --workdir=runs/faces --number=64 --truncation=1.0                              # of the same run

The package is gan-face-generate 1.1.1 (MIT licence), whose generator learned the rendered faces of DigiFace-1M, which
are for research that is not commercial. It is installed into an environment of its own in ganlab's folder of caches,
without what it depends on (PyTorch among it): nothing of it is run, its weights are imported as `ganlab import` does.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from ganlab.cli.main import main as ganlab

PACKAGE = "gan-face-generate==1.1.1"
WEIGHTS = "gan_face_generate/weights.tar"
FLAGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
FLAGS.add_argument("--workdir", required=True, type=Path, help="new directory for the run of the imported generator")
FLAGS.add_argument("--output", required=True, type=Path, help="file of the sheet")
FLAGS.add_argument("--weights", type=Path, help="the package's weights.tar; pip fetches it if none is given")
FLAGS.add_argument("--number", type=int, default=64, help="faces")
FLAGS.add_argument("--seed", type=int, default=0, help="of their latents")


def fail(words: str) -> None:
    """Ends with a sentence."""
    sys.exit(f"draw_faces: {words}")


def fetched() -> Path:
    """Installs the package, once, into an environment of its own; returns its weights."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganlab" / "packages"
    folder = caches / PACKAGE.replace("==", "-")
    if found := sorted(folder.rglob(WEIGHTS)):
        print(f"takes {found[0]}")
        return found[0]
    caches.mkdir(parents=True, exist_ok=True)
    # Nothing half done is left there.
    with tempfile.TemporaryDirectory(dir=caches) as place:
        made = Path(place) / "environment"
        python = made / ("Scripts" if os.name == "nt" else "bin") / "python"
        for command in ([sys.executable, "-m", "venv", str(made)],
                        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                         "--ignore-requires-python", PACKAGE]):
            print(f"runs {shlex.join(command)}", flush=True)
            if subprocess.run(command, check=False).returncode:
                fail(f"that failed; fetch {PACKAGE} elsewhere, unpack it, and name its {WEIGHTS} by --weights")
        if not sorted(made.rglob(WEIGHTS)):
            fail(f"{PACKAGE} has no {WEIGHTS}; name a file of weights by --weights")
        made.rename(folder)
    return sorted(folder.rglob(WEIGHTS))[0]


def main(argv: list[str] | None = None) -> None:
    """Fetches, imports and draws."""
    chosen = FLAGS.parse_args(argv)
    if chosen.workdir.exists():
        fail(f"--workdir={chosen.workdir} is there already; name a new directory, or draw by `ganlab sample "
             f"--workdir={chosen.workdir}`")
    weights = chosen.weights or fetched()
    for command in (["import", str(weights), str(chosen.workdir)],
                    ["sample", f"--workdir={chosen.workdir}", f"--number={chosen.number}", f"--seed={chosen.seed}",
                     f"--output={chosen.output}"]):
        if status := ganlab(command):
            sys.exit(status)


if __name__ == "__main__":
    main()
