"""The map of the package holds: imports run downward, the core is pure, files and functions stay readable.

Each check is a function from a folder to complaints, so that the last tests can show it a
bad tree and see it complain.
"""

import ast
from pathlib import Path

import pytest

import ganlab

ROOT = Path(ganlab.__file__).parent

FLOORS = (("types", "config", "output"), ("machine",),
          ("convolutions", "losses", "penalties", "augment", "data", "metrics", "pretrained", "game"), ("networks",),
          ("storage",), ("systems", "engine", "evaluation"), ("ablation", "report"), ("cli",), ("python",))
FLOOR = {package: number for number, packages in enumerate(FLOORS, start=1) for package in packages}
FLOOR["__main__"] = len(FLOORS) + 1

PURE = ("convolutions", "networks", "losses", "penalties", "augment", "game", "metrics")
IMPURE_MODULES = ("time", "logging", "os", "pathlib", "absl")
IMPURE_CALLS = ("open", "print")

GRAB_BAGS = ("utils.py", "misc.py", "helpers.py")
FILE_LINES, FUNCTION_LINES = 350, 70


def modules(root):
    """Every module below `root`: its path within, and its tree."""
    for file in sorted(root.rglob("*.py")):
        yield file.relative_to(root), ast.parse(file.read_text())


def package_of(path):
    """The package, or the module of the top folder, that a file belongs to; empty for the root's own."""
    top = path.parts[0].removesuffix(".py")
    return "" if top == "__init__" else top


def imported(path, tree):
    """Dotted names that a module imports, anywhere in it, and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = ("ganlab", *path.parts[:-1])
            # `from . import x` climbs from the file's folder: one dot is that folder itself.
            base = ".".join(inside[:len(inside) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def import_complaints(root):
    """Imports of the package's own parts that do not run downward."""
    for path, tree in modules(root):
        here = package_of(path)
        for name, line in imported(path, tree):
            parts = name.split(".")
            if parts[0] != "ganlab" or len(parts) == 1 or parts[1] in (here, "__version__", "*"):
                continue
            if parts[1] not in FLOOR or FLOOR.get(here, 0) <= FLOOR[parts[1]]:
                yield f"{path}:{line} imports {name}, which is not below it"


def unmapped_complaints(root):
    """Packages that stand on no floor."""
    for package in sorted({package_of(path) for path, _ in modules(root)} - {"", *FLOOR}):
        yield f"{package} stands on no floor"


def purity_complaints(root):
    """Clocks, files, logs and flags in the packages that are pure."""
    for path, tree in modules(root):
        if package_of(path) not in PURE:
            continue
        for name, line in imported(path, tree):
            if name.split(".")[0] in IMPURE_MODULES:
                yield f"{path}:{line} imports {name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
                yield f"{path}:{node.lineno} calls {node.func.id}"


def size_complaints(root):
    """Files and functions too long to read, and files named after no subject."""
    for path, tree in modules(root):
        lines = (root / path).read_text().splitlines()
        if path.name in GRAB_BAGS:
            yield f"{path} is named after no subject"
        if len(lines) > FILE_LINES:
            yield f"{path} has {len(lines)} lines"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{path}:{node.lineno} {node.name} has {length} lines"


def docstring_complaints(root):
    """Public modules, classes, functions and methods that do not say what they are."""

    def visit(path, node, name):
        if not ast.get_docstring(node):
            yield f"{path} {name} has no docstring"
        if isinstance(node, ast.Module | ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and child.name[0] != "_":
                    yield from visit(path, child, child.name)

    for path, tree in modules(root):
        yield from visit(path, tree, "module")


CHECKS = (import_complaints, unmapped_complaints, purity_complaints, size_complaints, docstring_complaints)


@pytest.mark.parametrize("check", CHECKS)
def test_the_package_keeps_its_map(check):
    assert list(check(ROOT)) == []


def test_the_checks_see_the_whole_package():
    packages = {package_of(path) for path, _ in modules(ROOT)}
    assert packages >= {"types", "config", "networks", "losses", "penalties", "data", "game", "systems", "engine"}


GOOD = '"""A module."""\n'
BAD = {
    "upward": ("losses/bad.py", GOOD + "import ganlab.systems\n", import_complaints),
    "upward from": ("config/bad.py", GOOD + "from ganlab import game\n", import_complaints),
    "sideways": ("losses/bad.py", GOOD + "from ganlab.penalties.gradient import r1\n", import_complaints),
    "sideways on the ground": ("config/bad.py", GOOD + "from ganlab.types import Array\n", import_complaints),
    "relative": ("losses/bad.py", GOOD + "from ..penalties import r1\n", import_complaints),
    "inside a function": ("game/bad.py", GOOD + "def _f():\n    from ganlab.cli import main\n", import_complaints),
    "from the root": ("__init__.py", GOOD + "from ganlab import types\n", import_complaints),
    "of what is on no floor": ("cli/bad.py", GOOD + "from ganlab.attic import thing\n", import_complaints),
    "a package on no floor": ("attic/bad.py", GOOD, unmapped_complaints),
    "a clock": ("game/bad.py", GOOD + "import time\n", purity_complaints),
    "a path": ("metrics/bad.py", GOOD + "from pathlib import Path\n", purity_complaints),
    "a part of os": ("networks/bad.py", GOOD + "import os.path\n", purity_complaints),
    "a flag": ("penalties/bad.py", GOOD + "from absl import flags\n", purity_complaints),
    "a print": ("augment/bad.py", GOOD + "def _f():\n    print(1)\n", purity_complaints),
    "an open file": ("losses/bad.py", GOOD + "_x = open('x')\n", purity_complaints),
    "a grab bag": ("engine/utils.py", GOOD, size_complaints),
    "a long file": ("cli/bad.py", GOOD + "\n" * FILE_LINES, size_complaints),
    "a long function": ("cli/bad.py", GOOD + "def _f():\n" + "    pass\n" * FUNCTION_LINES, size_complaints),
    "a silent module": ("cli/bad.py", "x = 1\n", docstring_complaints),
    "a silent function": ("cli/bad.py", GOOD + "def f():\n    pass\n", docstring_complaints),
    "a silent class": ("cli/bad.py", GOOD + "class C:\n    x = 1\n", docstring_complaints),
    "a silent method": ("cli/bad.py", GOOD + "class C:\n    '''C.'''\n    def f(self):\n        pass\n",
                        docstring_complaints),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_tree_is_complained_of_once_and_by_its_own_check(case, tmp_path):
    name, text, check = BAD[case]
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    assert {found: len(list(found(tmp_path))) for found in CHECKS} == {found: int(found is check) for found in CHECKS}


def test_a_good_tree_is_not_complained_of(tmp_path):
    files = {
        "__init__.py": GOOD + "__version__ = '1'\n", "types.py": GOOD, "losses/__init__.py": GOOD,
        "losses/one.py": GOOD + "from ganlab.losses.two import x\nfrom ganlab.types import Array\nfrom . import two\n",
        "engine/loop.py": GOOD + "import os\nfrom ganlab import __version__\nfrom ganlab.game import Game\nprint(1)\n",
        "__main__.py": GOOD + "from ganlab.cli.main import main\n", "cli/main.py": GOOD + "import ganlab\n",
        "game/round.py": GOOD + "import jax\nfrom ganlab.config import errors\ndef f():\n    '''F.'''\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [complaint for check in CHECKS for complaint in check(tmp_path)] == []
