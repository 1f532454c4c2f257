"""Commands that are printed to be pasted mean the same in a shell, whatever the names of files in them."""

import csv
import re
import shlex

import numpy as np
import pytest
from absl import flags
from image_files import image_file, noise, write_folder
from prepared import prepare_cifar10

from ganlab.cli.config_flag import config_first, define_config, parse
from ganlab.cli.data_show_command import format_kwargs, parse_kwargs
from ganlab.cli.main import main
from ganlab.config import ConfigError, format_choices, parse_choices
from ganlab.data import SOURCES, source_of
from ganlab.storage.sampler_file import _readme

NAMES = ["plain", "two words", "it's", 'a "quoted" one', '"', "a,b", "a,b,", "a=b", "a:b", "$HOME `id` \\n", "a;b&c|d",
         "*?[x]", "-dash", "~tilde", "#hash", "ümlaut 日本", '",', "a,width=3", "'", "!x", "(1)"]


def pasted(text):
    """The words of the first command between backticks, as a shell splits them."""
    return shlex.split(re.search(r"`(ganlab .*)`", text, re.DOTALL)[1])


@pytest.mark.parametrize("name", NAMES)
def test_choices_are_read_back_as_they_were(name):
    for choices in ({"data": name, "width": 3}, {"width": 3, "data": name}, {"data": f"./{name}/x", "path": name}):
        defaults = {key: type(value)() for key, value in choices.items()}
        assert parse_choices(format_choices(**choices), **defaults).to_dict() == choices
    assert parse_choices(f'data="./{name.replace(chr(34), chr(34) * 2)}"', data="").data == f"./{name}"


@pytest.mark.parametrize(("argument", "words"), [
    ('data="a,b', "choice data=\"a begins with a quotation mark"), ('data="a"b', "begins with a quotation mark"),
    ('data="a""', "begins with a quotation mark"), ('date="a,b"', "choice 'date' is unknown"),
    ('width="a,b"', "choice width='a,b' is not a int")])
def test_a_quotation_mark_that_is_not_closed_is_answered(argument, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_choices(argument, data="", width=1)


def test_quotation_marks_within_a_value_and_empty_values_are_kept():
    assert parse_choices('data=a"b",path=', data="", path="x").to_dict() == {"data": 'a"b"', "path": ""}
    assert parse_choices('data="",,width="3",', data="x", width=1).to_dict() == {"data": "", "width": 3}


@pytest.mark.parametrize("name", NAMES)
def test_what_an_import_prints_trains_on_the_set(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "pictures", {f"{i % 2}/{i}.png": image_file(noise(i)) for i in range(4)})
    assert main(["data", "import", "--resolution=8", "--", "pictures", name]) == 0
    ganlab, train, *words = pasted(capsys.readouterr().out)
    assert (ganlab, train) == ("ganlab", "train")
    values, argv = flags.FlagValues(), config_first(["train", *words])
    define_config(values, argv)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    assert parse(values, argv) == [] and values.workdir == f"runs/{name}"
    data = SOURCES[values.config.data.source](**values.config.data.kwargs)
    assert values.config.data.source == "imported" and len(data) == 4


@pytest.mark.parametrize("name", NAMES)
def test_what_prepare_prints_shows_the_set(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    prepare_cifar10(tmp_path / name)
    capsys.readouterr()
    assert main(["data", "prepare", "cifar10", f"--data_dir={name}"]) == 0
    words = pasted(capsys.readouterr().out.replace(", and train on it", "\n"))
    assert main([*words[1:], "--output=shown.png"]) == 0 and (tmp_path / "shown.png").exists()


@pytest.mark.parametrize("name", [*NAMES, "123", "True", "'x'", "None", "a\\b"])
def test_kwargs_are_read_back_as_they_were(name):
    written = format_kwargs(data_dir=name, split="train[:9%]")
    assert parse_kwargs(next(csv.reader([written], strict=True))) == {"data_dir": name, "split": "train[:9%]"}


@pytest.mark.parametrize("name", NAMES)
def test_sentences_name_commands_that_a_shell_understands(name, tmp_path):
    path = str(tmp_path / name)
    with pytest.raises(ConfigError) as error:
        SOURCES["imported"](path)
    assert pasted(str(error.value)) == ["ganlab", "data", "import", "SOURCE", path, "--resolution=64"]
    with pytest.raises(ConfigError) as error:
        SOURCES["tfds"]("cifar10", data_dir=path)
    assert pasted(str(error.value).partition(" (TFDS")[0]) == ["ganlab", "data", "prepare", "cifar10",
                                                               f"--data_dir={path}"]


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_of_an_exported_sampler_name_its_file(name):
    meta = dict.fromkeys(("name", "ganlab", "made", "jax", "jaxlib", "expires"), "x")
    meta |= {"round": 1, "classes": [], "options": {}}
    text = _readme(f"{name}.zip", meta, {"latents": [1], "images": [1, 8, 8, 1]})
    assert shlex.split(text.split("$ ")[-1]) == ["ganlab", "checkpoints", f"--renew={name}.zip",
                                                 "--export_sampler=renewed.zip"]
    assert eval(re.search(r"with zipfile.ZipFile\((.*)\) as file:", text)[1]) == f"{name}.zip"


def test_a_path_with_a_colon_is_a_path_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "x:pictures", {"a.png": image_file(np.zeros((4, 4), np.uint8))})
    assert source_of("x:pictures") == ("folder", {"path": "x:pictures", "resolution": 0})
    assert source_of("y:pictures") == ("y:pictures", {})
