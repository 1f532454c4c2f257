"""`ganlab data show` and `ganlab data prepare`: what they print, and a sentence for whatever goes wrong."""

import shlex
import socket

import numpy as np
import pytest
import tensorflow_datasets
from absl import flags
from image_files import image_file, noise, write_folder
from PIL import Image
from prepared import SIZES, cifar10_parts, prepare_cifar10, tiny_builder, to_riegeli
from requests.exceptions import ConnectionError as NoConnection

from ganlab.cli import data_prepare_command, data_show_command
from ganlab.cli.data_show_command import parse_kwargs
from ganlab.cli.main import main
from ganlab.config import ConfigError


def run(command, *argv):
    """A command as the dispatcher calls it."""
    values = flags.FlagValues()
    command.define_flags(values, [])
    values.set_gnu_getopt(True)
    arguments = values(["ganlab", *map(str, argv)])[1:]
    assert len(arguments) == len(command.ARGUMENTS)
    return command.run(values, *arguments)


def sentence(command, *argv):
    with pytest.raises(ConfigError) as error:
        run(command, *argv)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_show_prints_what_is_there_and_what_is_wrong_and_draws_it(tmp_path, capsys):
    output = tmp_path / "new" / "digits.png"
    assert run(data_show_command, "digits", f"--output={output}") == 0
    text = capsys.readouterr().out
    for words in ("1,797", "8 x 8 x 1 uint8", "what is wrong with it: nothing", str(output), "-0.3894", "█"):
        assert words in text
    assert np.asarray(Image.open(output)).std() > 20


def test_show_takes_arguments_of_the_source_and_inner_ones(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(data_show_command, "translated", "--kwargs=source=glyphs,function=grey,kwargs.size=70,kwargs.colour=True")
    text = capsys.readouterr().out
    assert "32 x 32 x 3" in text and "source shape" in text and "only 70 examples" in text
    assert (tmp_path / "glyphs.png").exists()


def test_show_finds_prepared_sets_by_their_name(prepared_data, tmp_path, capsys):
    run(data_show_command, "cifar10", "--kwargs=split=test", f"--output={tmp_path}/c.png")
    assert "airplane" in capsys.readouterr().out


def test_show_finds_folders_and_imported_sets_by_their_path(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "pictures", {f"{kind}/{i}.png": image_file(noise(i, 8, 8))
                                         for i, kind in enumerate("xxyy")})
    run(data_show_command, "pictures", "--output=p.png")
    assert "8 x 8 x 3" in (text := capsys.readouterr().out) and "read from disk" in text and "2  50.0%" in text
    assert main(["data", "import", "pictures", "stored", "--resolution=4"]) == 0
    capsys.readouterr()
    assert main(["data", "show", "stored"]) == 0
    assert "4 x 4 x 3" in capsys.readouterr().out and (tmp_path / "stored.png").exists()
    assert main(["data", "show", "pictures", "--kwargs=resolution=2"]) == 0
    assert "2 x 2 x 3" in capsys.readouterr().out
    assert main(["data", "show"]) == 2 and "takes SOURCE" in capsys.readouterr().err


def test_kwargs_are_numbers_truths_and_texts():
    assert parse_kwargs(["a=1", "b=0.5", "c=True", "d=train[:90%]", "e=", "f='1'", "g.h.i=2", "g.j=k=l"]) == {
        "a": 1, "b": 0.5, "c": True, "d": "train[:90%]", "e": "", "f": "1", "g": {"h": {"i": 2}, "j": "k=l"}}


@pytest.mark.parametrize(("argv", "words"), [
    (("glyps",), "did you mean glyphs?"),
    (("digits", "--output=x.jpg"), "--output=x.jpg does not end in .png"),
    (("digits", "--kwargs=size"), "--kwargs has 'size'; write NAME=VALUE"),
    (("digits", "--kwargs=a=1,a.b=2"), "beside a value of a"),
    (("glyphs", "--kwargs=sise=3"), "did you mean size?"),
    (("nonesuch:function",), "does not import"),
    (("cifar10", "--kwargs=data_dir=nowhere"), "`ganlab data prepare cifar10 --data_dir=nowhere`"),
])
def test_mistakes_of_show_are_answered_in_a_sentence(argv, words):
    assert words in sentence(data_show_command, *argv)


@pytest.fixture
def online(monkeypatch):
    """As if there were a network: names of hosts are found; nothing is asked of them in these tests."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: [])
    return monkeypatch


def writes(monkeypatch, action):
    """Lets `action(builder)` stand for what TFDS would download and write."""
    monkeypatch.setattr(tensorflow_datasets.core.DatasetBuilder, "download_and_prepare",
                        lambda builder, **kwargs: action(builder))


def test_prepare_writes_array_record_says_what_is_there_and_does_it_once(online, tmp_path, capsys):
    online.setattr(tensorflow_datasets, "builder", lambda name, data_dir, file_format: tiny_builder(
        data_dir, **cifar10_parts(), file_format=file_format))
    assert run(data_prepare_command, "cifar10", f"--data_dir={tmp_path}") == 0
    text = capsys.readouterr().out
    assert f"{SIZES['train']} examples in train, {SIZES['test']} examples in test" in text
    assert f"ganlab data show cifar10 --kwargs=data_dir={tmp_path}" in text
    run(data_show_command, "cifar10", f"--kwargs=data_dir={tmp_path}", f"--output={tmp_path}/c.png")
    writes(online, lambda builder: pytest.fail("prepared again"))
    assert run(data_prepare_command, "cifar10", f"--data_dir={tmp_path}") == 0


def test_a_set_that_takes_tensorflow_to_write_leaves_a_sentence_and_nothing_that_opens(online, tmp_path):
    parts = cifar10_parts()
    for example in parts["splits"]["test"]:
        example["image"] = np.zeros((32, 32, 3), np.uint8)  # TFDS encodes arrays by TensorFlow, which is not here.
    online.setattr(tensorflow_datasets, "builder", lambda name, data_dir, file_format: tiny_builder(data_dir, **parts))
    assert "`pip install tensorflow`" in sentence(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")
    assert "`ganlab data prepare" in sentence(data_show_command, "cifar10", f"--kwargs=data_dir={tmp_path}")


def test_without_network_prepare_says_at_once_what_to_put_where(monkeypatch, tmp_path):
    def unknown_host(*args):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    writes(monkeypatch, lambda builder: pytest.fail("tried all the same"))
    text = sentence(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")
    for words in ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz into",
                  f" into {tmp_path}/downloads/manual", f"to {tmp_path}/cifar10/3.0.2", ":data=glyphs"):
        assert words in text


def test_what_was_put_there_by_hand_is_taken_without_network_if_it_is_what_tfds_expects(monkeypatch, tmp_path):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: pytest.fail("asked the network"))
    file = tmp_path / "downloads" / "manual" / "cifar-10-binary.tar.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"something else")
    text = sentence(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")
    assert f"remove it from {tmp_path}/downloads" in text and f"{file}, has wrong checksum" in text


def test_prepare_refuses_a_folder_with_another_format_and_names_one_beside_it(online, tmp_path, capfd):
    prepare_cifar10(tmp_path)
    to_riegeli(tmp_path)
    capfd.readouterr()
    text = sentence(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")
    assert "as riegeli" in text and f"--data_dir={tmp_path}/array_record --download_dir={tmp_path}/downloads" in text
    reached = []
    writes(online, reached.append)
    run(data_prepare_command, *shlex.split(text.split("`")[1])[3:])
    assert [str(builder.data_path) for builder in reached] == [f"{tmp_path}/array_record/cifar10/3.0.2"]
    assert "WARNING" not in "".join(capfd.readouterr())


def raising(error):
    def action(builder):
        raise error

    return action


@pytest.mark.parametrize(("error", "words"), [
    (NoConnection("connection refused"), "could not be downloaded, as if there were no network (connection refused)"),
    (ModuleNotFoundError("Failed to encode:\nIn <Image>:\nNo module named 'tensorflow'"), "`pip install tensorflow`"),
    (ModuleNotFoundError("No module named 'scipy.x'", name="scipy"), "`pip install scipy`"),
    (tensorflow_datasets.download.DownloadError("404 of x"), "404 of x"),
    (OSError("Not enough disk space. Needed: 9 GiB"), "too little space for cifar10: Not enough disk space"),
])
def test_what_stops_tfds_is_answered_in_a_sentence(online, error, words, tmp_path):
    writes(online, raising(error))
    assert words in sentence(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")


def test_what_must_be_downloaded_by_hand_is_told_with_the_instructions(online, tmp_path):
    writes(online, raising(AssertionError("Manual directory does not exist")))
    text = sentence(data_prepare_command, "imagenet2012", f"--data_dir={tmp_path}")
    assert "downloaded by hand" in text and f"{tmp_path}/downloads/manual" in text and "ILSVRC2012" in text


def test_other_errors_of_tfds_keep_their_traceback(online, tmp_path):
    for error in (AssertionError("a defect"), OSError(5, "Input/output error", "file")):
        writes(online, raising(error))
        with pytest.raises(type(error)):
            run(data_prepare_command, "cifar10", f"--data_dir={tmp_path}")


@pytest.mark.parametrize(("name", "words"), [
    ("cifr10", "did you mean cifar10?"),
    ("cifar 10", "not written as TFDS writes names"),
    ("lsun/bedroo", "configs of lsun: classroom"),
    ("cifar10:9.9.9", "only: 3.0.2"),
])
def test_mistakes_of_names_are_answered_in_a_sentence(name, words, tmp_path):
    assert words in sentence(data_prepare_command, name, f"--data_dir={tmp_path}")
