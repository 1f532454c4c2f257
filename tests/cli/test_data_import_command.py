"""`ganlab data import` as a user types it, and training on what it leaves."""

import numpy as np
import pytest
from image_files import image_file, noise, write_folder

from ganlab.cli.main import main
from ganlab.data import SOURCES

PICTURES = {f"{'cats' if i % 3 else 'dogs'}/{i:02}.png": image_file(noise(i, 8, 9)) for i in range(20)}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder of pictures in the folder that commands are typed in."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "pictures", PICTURES)


def ganlab(capsys, *arguments):
    """Exit status, output and errors of a command."""
    capsys.readouterr()
    code = main(arguments)
    return code, *capsys.readouterr()


@pytest.mark.parametrize("arguments", [["pictures", "sets/mine", "--resolution=16"],
                                       ["--resolution", "16", "pictures", "sets/mine"],
                                       ["pictures", "--resolution=16", "sets/mine"]])
def test_a_folder_becomes_a_set_whose_experiment_is_named(arguments, source, capsys, tmp_path):
    code, output, errors = ganlab(capsys, "data", "import", *arguments)
    assert (code, errors) == (0, "")
    for words in ("20 images of 16x16, colours, in sets/mine (", "2 classes: cats 13, dogs 7\n",
                  "20 images were smaller than 16 pixels and were enlarged", "10 of 20 images\n"):
        assert words in output
    assert len(SOURCES["imported"]("sets/mine")) == 20
    config = output.split("--config=")[1].split()[0]
    assert config == "experiments/wgan_gp.py:data=./sets/mine"


def test_a_terminal_shows_a_bar(source, capsys, monkeypatch):
    capsys.readouterr()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["data", "import", "pictures", "set", "--resolution=8"]) == 0
    shown = capsys.readouterr().out
    assert "20/20 images" in shown and "20 of 20 images" not in shown


def test_what_is_left_out_is_counted_and_listed(source, capsys, tmp_path):
    write_folder(tmp_path / "pictures", {f"cats/bad{i:02}.png": b"" for i in range(23)} | {"notes.txt": "x"})
    code, output, errors = ganlab(capsys, "data", "import", "pictures", "set", "--resolution=4")
    assert code == 2 and errors.startswith("ganlab: pictures: cats/bad00.png is empty (0 bytes)")
    code, output, _ = ganlab(capsys, "data", "import", "pictures", "set", "--resolution=4", "--skip_bad")
    assert code == 0 and "20 images of 4x4" in output and "23 left out:\n  cats/bad00.png is empty" in output
    assert "and 3 more, all in set/import.json" in output and "1 file is not an image by its name" in output


def test_grey_pictures_are_told_of(source, capsys, tmp_path):
    write_folder(tmp_path / "grey", {f"{i}.png": image_file(noise(i, 8, 8, 1)) for i in range(3)})
    _, output, _ = ganlab(capsys, "data", "import", "grey", "set", "--resolution=8")
    assert "3 images of 8x8, colours" in output and "--channels=1" in output
    _, output, _ = ganlab(capsys, "data", "import", "grey", "set", "--resolution=8", "--channels=1", "--overwrite")
    assert "3 images of 8x8, grey" in output and "--channels=1" not in output
    np.testing.assert_array_equal(SOURCES["imported"]("set").images[1], noise(1, 8, 8, 1)[..., None])


@pytest.mark.usefixtures("prepared_data")
def test_a_set_of_tfds_is_imported_by_its_name(source, capsys):
    code, output, _ = ganlab(capsys, "data", "import", "cifar10", "set", "--resolution=16")
    assert code == 0 and "40 images of 16x16" in output and "10 classes: airplane 4" in output


@pytest.mark.usefixtures("prepared_data")
@pytest.mark.parametrize(("arguments", "words"), [
    (["pictures"], "`ganlab data import` takes SOURCE DEST and was given pictures"),
    ([], "`ganlab data import` takes SOURCE DEST and was given none"),
    (["pictures", "set", "more"], "was given pictures set more"),
    (["nothing/here", "set"], "no file or folder is called nothing/here; of TFDS: SOURCE is 'nothing/here', which is"),
    (["nothing.zip", "set"], "no file or folder is called nothing.zip"),
    (["cifr10", "set"], "(did you mean cifar10?)"),
    (["pictures", "pictures/set"], "DEST pictures/set and SOURCE pictures lie within each other"),
    (["pictures/cats", "."], ". is a folder of other things"),
    (["pictures", "set", "--channels=2"], "--channels is 2"),
    (["pictures", "set", "--crop=center"], "crop"),
    (["pictures", "set", "--skipbad"], "skip"),
])
def test_mistakes_are_answered_in_a_sentence_before_anything_is_written(arguments, words, source, capsys, tmp_path):
    code, _, errors = ganlab(capsys, "data", "import", *arguments, "--resolution=8")
    assert code == 2 and errors.startswith("ganlab: ") and words in errors
    assert [file.name for file in tmp_path.iterdir()] == ["pictures"]


def test_a_set_is_not_imported_over_its_own_source(source, capsys):
    ganlab(capsys, "data", "import", "pictures", "sets/mine", "--resolution=8")
    code, _, errors = ganlab(capsys, "data", "import", "sets/mine", "sets", "--resolution=8", "--overwrite")
    assert code == 2 and "sets is a folder of other things" in errors
    code, _, errors = ganlab(capsys, "data", "import", "sets/mine", "sets/mine", "--resolution=8", "--overwrite")
    assert code == 2 and "lie within each other" in errors


def test_the_resolution_has_to_be_said(source, capsys):
    code, _, errors = ganlab(capsys, "data", "import", "pictures", "set")
    assert code == 2 and "--resolution is missing" in errors


def test_an_interrupted_import_says_what_is_left(source, capsys, tmp_path, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr("ganlab.data.importing.decode_image", interrupted)
    code, _, errors = ganlab(capsys, "data", "import", "pictures", "set", "--resolution=8")
    assert code == 130 and "nothing was left at set" in errors
    assert [file.name for file in tmp_path.iterdir()] == ["pictures"]


def test_help_names_the_commands_of_data_and_an_unknown_one_is_answered(capsys):
    for arguments in (["data"], ["data", "--help"], ["data", "help"]):
        code, output, _ = ganlab(capsys, *arguments)
        assert code == 0 and "makes a data set" in output
    code, output, _ = ganlab(capsys, "data", "import", "--help")
    assert code == 0 and "  ganlab data import pictures data/pictures" in output and "--[no]skip_bad" in output
    code, _, errors = ganlab(capsys, "data", "imprt", "a", "b")
    assert code == 2 and "did you mean import?" in errors
