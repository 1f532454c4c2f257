"""The README, docs and `--help` hold: commands parse, configs are valid, code makes a game, files and links exist."""

import ast
import functools
import importlib
import re
import shlex
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import ganlab
from ganlab.ablation import load_ablation, make_plan
from ganlab.ablation.declaration import experiment_config
from ganlab.cli.main import COMMANDS, main
from ganlab.config import validate
from ganlab.config.keys import KEYS
from ganlab.config.systems import SYSTEMS
from ganlab.game import init_state, play_round
from ganlab.systems import build

ROOT = Path(ganlab.__file__).parent.parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
CLI = sorted((ROOT / "ganlab/cli").glob("*_command.py"))
MOST_LINES = 200
"""Of the README."""
# What stands for a user's own choice in an example.
PLACEHOLDERS = {" ...": " --config=experiments/digits.py --workdir=runs/x", ":...": " --workdir=runs/x"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?<![\w/.])(?:ganlab|experiments|scripts|tests)/[\w/]+(?:\.\w+)?")


def name_of(path):
    return str(path.relative_to(ROOT))


def commands(text):
    """The shell commands of an example, continued lines joined, without comments and what runs before `ganlab`."""
    for line in re.sub(r"\\+\n\s*", "", text).splitlines():
        found = re.match(r"\s*(?:\w+=\S+ |srun )*((?:ganlab|python|scripts/\w+) .*)", line)
        if found:
            # In `--help`, what a command is for stands three spaces or more behind it.
            yield re.split(r"\s{3,}|\s+#\s", found[1])[0]


def examples(path):
    """The commands of a page's code blocks, or of a command's `--help`."""
    if path.suffix == ".md":
        return [command for language, block in FENCE.findall(path.read_text()) if not language
                for command in commands(block)]
    text = importlib.import_module(f"ganlab.cli.{path.stem}").__doc__
    return list(commands(text.partition("Examples:\n")[2]))


def written_code(text, folder):
    """Writes each Python block that begins with its file's name into a folder; returns the names."""
    for language, block in FENCE.findall(text):
        if language == "python" and (name := re.match(r"# (\w+\.py)\n", block)):
            (folder / name[1]).write_text(block)
    return sorted(path.name for path in folder.glob("*.py"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty current directory, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])  # Commands put the folder there too.
    yield tmp_path
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(file.stem, None)


def parsed(command, monkeypatch):
    """Parses a command of ganlab as a user's; stops before it does anything, and returns its flags."""
    for short, words in PLACEHOLDERS.items():
        command = command.replace(short, words)
    _, *words = shlex.split(command)
    modules = [f"ganlab.cli.{'_'.join(words[:count])}_command" for count in (1, 2)]
    module = importlib.import_module(modules[words[0] == "data"])
    found = []
    monkeypatch.setattr(module, "run", lambda values, *rest: found.append(values) or 0)
    status = main(words)
    return found[0] if status == 0 else None


@pytest.mark.parametrize("page", [*PAGES, *CLI], ids=name_of)
def test_commands_of_examples_have_the_flags_and_keys_that_they_name(page, elsewhere, monkeypatch, capsys):
    if page.suffix == ".md":
        for each in PAGES:  # Pages name files of each other.
            written_code(each.read_text(), elsewhere)
    for command in examples(page):
        if not command.startswith("ganlab "):
            continue
        values = parsed(command, monkeypatch)
        assert values is not None, f"{command}\n{capsys.readouterr().err}"
        if "config" in values:
            validate(values.config)
        if "ablation" in values and (values.ablation or "FILE") != "FILE":
            load_ablation(values.ablation)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_scripts_of_examples_exist_and_have_the_flags(page):
    for command in examples(page):
        file, *words = (word for word in shlex.split(command) if word != "python")
        if not file.startswith("scripts/"):
            continue
        text = (ROOT / file).read_text()
        for flag in (word[2:].partition("=")[0] for word in words if word.startswith("--")):
            defined = rf"DEFINE_\w+\(\s*\"{flag}\"" if file.endswith(".py") else rf"--{flag}\b"
            assert re.search(defined, text), command


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_keys_commands_and_files_that_a_sentence_names_exist(page):
    text = page.read_text()
    known = {*KEYS, *(f"system.{name}" for system in SYSTEMS.values() for name in system.structure)}
    for path in re.findall(r"--config\.([\w.]+)", text):
        assert path in known or path.startswith(("hyper.", "networks.", "data.kwargs.")), path
    for command in re.findall(r"`ganlab (\w+)", text):
        assert command in COMMANDS
    for file in FILE.findall(text):
        if not re.search(r"\b(NAME|my_\w+)\b", file):
            assert (ROOT / file).exists(), file


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", FENCE.sub("", text))
    for link in map("".join, links):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if target.suffix == ".md" else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings]


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_a_page_begins_with_its_command_and_is_found_from_the_readme(page):
    assert re.match(r"# [^\n]+\n\n```(\n(ganlab|python|scripts/\w+) |python\nimport ganlab)", page.read_text())
    assert f"(docs/{page.name})" in README.read_text()


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= MOST_LINES


def test_the_readme_names_every_command():
    rows = "\n".join(line for line in README.read_text().splitlines() if line.startswith("| `ganlab "))
    assert {name for name in COMMANDS if re.search(rf"`(ganlab )?{name}`", rows)} == set(COMMANDS)


def test_the_map_names_every_package():
    packages = {path.parent.name for path in (ROOT / "ganlab").glob("*/__init__.py")}
    assert set(re.findall(r"\bganlab/(\w+) ", (ROOT / "docs/design.md").read_text())) == packages


@pytest.mark.parametrize(("page", "experiment"), [("README.md", "ring.py"), ("README.md", "ring.py:loss=hinge"),
                                                  ("docs/own_experiments.md", "rings.py")])
def test_a_round_of_the_experiments_of_pages_can_be_played(page, experiment, elsewhere):
    written_code((ROOT / page).read_text(), elsewhere)
    game, dataset = build(experiment_config(experiment))
    # Traced, not compiled.
    before = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    batches = {"image": jax.ShapeDtypeStruct((game.slots, game.batch_size, *dataset.image_shape), jnp.float32),
               "label": jax.ShapeDtypeStruct((game.slots, game.batch_size), jnp.int32)}
    after, metrics = jax.eval_shape(functools.partial(play_round, game), before, batches)
    assert jax.tree.structure(after) == jax.tree.structure(before) and {"critic/loss", "generator/loss"} <= set(metrics)


def test_the_ablation_of_its_page_can_be_planned(elsewhere):
    assert written_code((ROOT / "docs/ablations.md").read_text(), elsewhere) == ["my_question.py"]
    plan = make_plan(load_ablation("my_question.py"))
    assert len(plan.variants) == 6 and [variant.group for variant in plan.variants] == [0, 0, 0, 1, 1, 1]


# --- docs/from_flag_to_loss.md


def steps_of_the_page():
    rows = (ROOT / "docs/from_flag_to_loss.md").read_text().splitlines()
    return [tuple(cell.strip().strip("`") for cell in row.split("|")[1:3]) for row in rows if row.startswith("| `")]


def names_in(file):
    """Functions, methods and tables that a file defines."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_every_step_from_the_flag_to_the_loss_is_where_the_page_says():
    steps = steps_of_the_page()
    assert len(steps) > 15
    missing = [(file, name) for file, name in steps if name not in names_in(ROOT / file)]
    assert missing == []


def test_a_training_passes_the_steps_of_the_page_in_their_order(tmp_path):
    """The calls of one tiny training, by the files of the page that are functions."""
    steps, called = steps_of_the_page(), []
    wanted = {(str(ROOT / file), name) for file, name in steps}

    def note(frame, event, argument):
        place = (frame.f_code.co_filename, frame.f_code.co_name)
        if event == "call" and place in wanted and place not in called:
            called.append(place)

    sys.setprofile(note)
    try:
        assert main(["train", f"--config={ROOT}/experiments/digits.py:loss=hinge,penalty=none,critic_updates=1",
                     f"--workdir={tmp_path / 'run'}", "--config.train.total_rounds=1", "--config.batch_size=4",
                     "--config.sample.number=4", "--config.networks.generator.kwargs.width=2",
                     "--config.networks.generator.kwargs.depth=1", "--config.networks.critic.kwargs.width=2",
                     "--config.networks.critic.kwargs.depth=1"]) == 0
    finally:
        sys.setprofile(None)
    functions = [(str(ROOT / file), name) for file, name in steps if not name.isupper()]
    assert set(called) == set(functions)
