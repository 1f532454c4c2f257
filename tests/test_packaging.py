"""What a wheel holds, and that shipped experiments and ablations are found by their names from any directory."""

import re
import tomllib
from pathlib import Path

import pytest
from absl import flags
from setuptools.dist import Distribution

import ganlab
from ganlab.ablation import load_ablation
from ganlab.ablation.declaration import experiment_config
from ganlab.cli.config_flag import config_first, define_config, parse
from ganlab.cli.list_command import FILES, file_meanings
from ganlab.cli.main import main
from ganlab.config import ConfigError, find_file, shipped_folder

ROOT = Path(ganlab.__file__).parent.parent
EXPERIMENTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "experiments").rglob("*.py"))
MINE = '"""Mine."""\nfrom ganlab.config import experiment\n\ndef get_config(argument=None):\n    return experiment(' \
    'name="mine", data=dict(source="ring8"), system=dict(name="gan"), networks={"generator": dict(network="mlp"), ' \
    '"critic": dict(network="mlp")})\n'


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A current directory outside the checkout."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_newest_heading_of_the_changelog_is_the_version():
    headings = re.findall(r"^## (.*)$", (ROOT / "docs/changelog.md").read_text(), re.MULTILINE)
    assert headings[0] == ganlab.__version__ and headings == sorted(
        headings, key=lambda text: [int(part) for part in text.split(".")], reverse=True)


def test_the_licence_is_named_and_is_the_text_that_ships():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    text, = [(ROOT / file).read_text() for file in project["license-files"]]
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_a_wheel_holds_the_package_and_the_experiments_and_nothing_beside_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    distribution = Distribution({"script_name": "setup.py"})
    distribution.parse_config_files(["pyproject.toml"])
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    folder = Path(build.build_lib)
    found = {str(Path(file).relative_to(folder)) for file in build.get_outputs(include_bytecode=False)}
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "ganlab").rglob("*")
               if path.is_file() and "__pycache__" not in path.parts}
    assert found == package | {f"ganlab/{file}" for file in EXPERIMENTS}
    assert any(file.endswith(".npz") for file in found) and any("templates/" in file for file in found)


@pytest.mark.parametrize("file", EXPERIMENTS)
def test_a_shipped_file_is_found_from_anywhere(file, elsewhere):
    assert find_file(file) == ROOT / file and find_file(f"./{file}") == ROOT / file


def test_a_file_of_the_current_directory_comes_first(elsewhere):
    (elsewhere / "experiments").mkdir()
    (elsewhere / "experiments/digits.py").write_text(MINE)
    assert find_file("experiments/digits.py") == Path("experiments/digits.py")
    assert find_file("experiments/vae.py") == ROOT / "experiments/vae.py"
    for name in ("digits.py", "experiments/none.py", str(elsewhere / "experiments/vae.py"), "../experiments/vae.py"):
        assert find_file(name) == Path(name)


def test_in_an_installed_package_the_folder_is_within_it(elsewhere, monkeypatch):
    package = elsewhere / "site-packages/ganlab"
    (package / "experiments").mkdir(parents=True)
    (package.parent / "experiments").mkdir()  # Of somebody else.
    monkeypatch.setattr(ganlab, "__file__", str(package / "__init__.py"))
    assert shipped_folder() == package / "experiments"


@pytest.mark.parametrize("words", [["--config=experiments/digits.py:loss=hinge"],
                                   ["--config", "experiments/digits.py:loss=hinge"]])
def test_config_takes_a_shipped_experiment_with_choices_and_overrides(words, elsewhere):
    values = flags.FlagValues()
    argv = config_first(["train", "--config.batch_size=8", *words])
    define_config(values, argv)
    assert parse(values, argv) == []
    assert (values.config.name, values.config.system.loss, values.config.batch_size) == ("digits", "hinge", 8)


def test_an_ablation_and_its_experiment_are_found_from_anywhere(elsewhere):
    ablation = load_ablation("experiments/ablations/penalties.py")
    assert experiment_config(ablation.experiment).data.source == "grid25"
    with pytest.raises(ConfigError, match="ganlab list --only=experiments,ablations"):
        load_ablation("experiments/ablations/none.py")


def test_list_names_shipped_files_so_that_they_can_be_typed_and_says_where_they_lie(elsewhere, capsys):
    (elsewhere / "experiments").mkdir()
    (elsewhere / "experiments/mine.py").write_text(MINE)
    assert main(["list", "--only=experiments,ablations"]) == 0
    output = capsys.readouterr().out
    for table, folder in FILES.items():
        names = list(file_meanings(folder))
        assert all(re.search(rf"^{re.escape(name)} ", output, re.MULTILINE) for name in names)
        assert f"\nthose that come with ganlab lie in {ROOT / folder}\n" in output
        shipped = {file for file in EXPERIMENTS if str(Path(file).parent) == folder}
        assert set(names) - {"experiments/mine.py"} == shipped
    assert re.search(r"^experiments/mine\.py +Mine\. *$", output, re.MULTILINE)
