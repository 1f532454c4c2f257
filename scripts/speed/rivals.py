"""The rivals as processes: what they are installed into, and how they are asked to play."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "build" / "rivals"


def install(environment: Path, packages: tuple[str, ...]) -> None:
    """Makes a rivals' environment, once."""
    done = environment / "installed"
    if done.exists() and done.read_text(encoding="utf8") == repr(packages):
        return
    print(f"Installing {', '.join(packages)} into {environment} (once) ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    subprocess.run([str(environment / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    done.write_text(repr(packages), encoding="utf8")


def installed(environment: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of these packages, of those that are there."""
    listed = subprocess.run([str(environment / "bin" / "pip"), "list", "--format=json"], capture_output=True,
                            check=True)
    return {row["name"]: row["version"] for row in json.loads(listed.stdout) if row["name"] in names}


class Rival:
    """A process that plays a game in one framework.

    Args:
      name: what the table calls it.
      file: its script in this folder.
      arguments: workload, variant and, where they are not the workload's own, batch and precision.
      environment: where its packages are, unless it is ganlab.
    """

    def __init__(self, name: str, file: str, arguments: list[str], environment: Path = ENVIRONMENT):
        python = sys.executable if file == "rival_ganlab.py" else str(environment / "bin" / "python")
        self.name, self.memory, start = name, 0.0, time.perf_counter()
        self.seconds, self.processor = [], []
        self._errors = tempfile.TemporaryFile("w+", encoding="utf8")  # A pipe that nobody reads would fill.
        self.process = subprocess.Popen([python, str(ROOT / "scripts" / "speed" / file), *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        answer = self._answer("ready")
        self.first, self.parameters = time.perf_counter() - start, int(answer[0]) if answer else None

    def _answer(self, word: str) -> list[str] | None:
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1:]
        self.process.wait()
        self._errors.seek(0)
        self.error = self._errors.read().strip().splitlines()[-1:]
        return None

    def play(self, rounds: int) -> None:
        """One turn."""
        self.process.stdin.write(f"{rounds}\n")
        self.process.stdin.flush()
        seconds, processor, self.memory = map(float, self._answer("took"))
        self.seconds.append(seconds)
        self.processor.append(processor)

    def found(self) -> dict:
        """What was measured, after the process has ended."""
        self.process.communicate()
        self._errors.close()
        return {"parameters": self.parameters, "first_seconds": self.first, "seconds": self.seconds,
                "processor_seconds": self.processor, "memory_mb": self.memory}
