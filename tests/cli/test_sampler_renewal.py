"""Exported samplers say when they expire, and `ganlab checkpoints --renew` makes new ones of what does not."""

import datetime
import io
import json
import types
import zipfile

import jax
import numpy as np
import pytest
from tiny import IMAGES, tiny_config, tiny_growing_config, tiny_translation_config

import ganlab
from ganlab.cli import exporting
from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.game import stages_of
from ganlab.storage import (
    SamplerRecord,
    file_weights,
    plain,
    read_sampler,
    sampler_arrays,
    sampler_weights,
    write_sampler,
)
from ganlab.storage.sampler_file import after_months
from ganlab.systems import build_game

MADE = datetime.date(2026, 8, 31)
PROGRAMS = ("images.jax_export", "latents.jax_export")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A sampler's file, its record and its game, as exporting a run makes them."""
    jax.config.update("jax_traceback_in_locations_limit", 0)  # As commands do: programs hold no lines of source.
    config = tiny_config(name="tiny", generator={"network": "dcgan"}, data={"source": "digits"})
    game = build_game(config, IMAGES)
    weights = {"generator": jax.jit(game.networks["generator"].init)(jax.random.key(3))}
    record = SamplerRecord(config, 20, "averaged", IMAGES.image_shape, IMAGES.class_names,
                           sampler_arrays(weights))
    path = tmp_path_factory.mktemp("exported") / "tiny.zip"
    write_sampler(path, game.sampler, weights, record, MADE)
    return path, record, game


def entries(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(path, parts):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def renew(old, new, *flags):
    return main(["checkpoints", f"--renew={old}", f"--export_sampler={new}", *flags])


def test_the_readme_says_until_when_and_how_to_renew(written):
    parts = entries(written[0])
    text, meta = parts["README.txt"].decode(), json.loads(parts["meta.json"])
    assert f"by ganlab {ganlab.__version__} on 2026-08-31\nunder JAX {jax.__version__}" in text
    assert "released on 2027-02-28" in text and (meta["made"], meta["expires"]) == ("2026-08-31", "2027-02-28")
    assert "\n$ ganlab checkpoints --renew=tiny.zip --export_sampler=renewed.zip\n" in text


def test_a_sampler_of_an_early_stage_is_renewed_as_that(monkeypatch):
    config = tiny_growing_config("pggan", data={"source": "digits"})
    game, found = build_game(config, IMAGES), []
    weights = {"generator": jax.jit(game.networks["generator"].init)(jax.random.key(3))}
    record = SamplerRecord(config, 1, "averaged", IMAGES.image_shape, IMAGES.class_names, sampler_arrays(weights))
    monkeypatch.setattr(exporting, "read_sampler", lambda path: record)
    monkeypatch.setattr(exporting, "_write_program", lambda values, sampler, *rest: found.append(sampler))
    exporting.renew_program(types.SimpleNamespace(renew="grows.zip", trust=False))
    made = [jax.jit(lambda latents, labels, sampler=sampler: sampler.images(weights, latents, labels, None, {}))(
        np.ones((2, 4), np.float32), np.zeros(2, np.int32)) for sampler in (found[0], stages_of(game)[0].game.sampler)]
    np.testing.assert_array_equal(*made)
    np.testing.assert_array_equal(np.repeat(np.repeat(made[0][:, ::2, ::2], 2, 1), 2, 2), made[0])


@pytest.mark.parametrize(("day", "months", "expected"), [
    ((2026, 1, 15), 6, (2026, 7, 15)), ((2026, 7, 1), 6, (2027, 1, 1)), ((2027, 8, 31), 6, (2028, 2, 29)),
    ((2026, 12, 31), 6, (2027, 6, 30)), ((2026, 6, 30), 18, (2027, 12, 30))])
def test_months_end_on_days_that_there_are(day, months, expected):
    assert after_months(datetime.date(*day), months) == datetime.date(*expected)


def test_the_same_record_makes_the_same_file_on_the_same_day(written, tmp_path):
    path, record, game = written
    write_sampler(tmp_path / "tiny.zip", game.sampler, sampler_weights(game, record), record, MADE)
    assert (tmp_path / "tiny.zip").read_bytes() == path.read_bytes()


def test_what_outlives_the_programs_is_read_as_it_was_written(written, tmp_path):
    path, record, _ = written
    found = read_sampler(path)
    assert json.dumps(plain(found.config)) == json.dumps(plain(record.config))
    assert (found.step, found.kind, found.shape, found.class_names) == (20, "averaged", (8, 8, 1), record.class_names)
    wanted = {name: array.tobytes() for name, array in record.arrays.items()}
    assert {name: array.tobytes() for name, array in found.arrays.items()} == wanted
    # Unpacked, they are what `--config.init.source` takes.
    (tmp_path / "weights").write_bytes(entries(path)["weights.safetensors"])
    weights = file_weights(str(tmp_path / "weights"))
    assert weights.step == 20 and {f"{network}.{name}": array.tobytes() for network, arrays in weights.trained.items()
                                   for name, array in arrays.items()} == wanted


def test_a_renewed_sampler_is_the_same_programs_without_data_or_run(written, tmp_path, monkeypatch, capsys):
    def refuse(*arguments):
        raise AssertionError("the data set is read")

    monkeypatch.setattr("ganlab.systems.load_section", refuse)
    monkeypatch.setattr(exporting, "today", lambda: datetime.date(2031, 5, 4))
    assert renew(written[0], tmp_path / "new/tiny.zip") == 0
    assert "sampler of round 20" in capsys.readouterr().out
    old, new = entries(written[0]), entries(tmp_path / "new/tiny.zip")
    assert {name for name in old if old[name] != new[name]} == {"README.txt", "meta.json"}
    meta = json.loads(old["meta.json"]) | {"made": "2031-05-04", "expires": "2031-11-04"}
    assert json.loads(new["meta.json"]) == meta
    # In place, too.
    in_place = packed(tmp_path / "tiny.zip", old)
    assert renew(in_place, in_place) == 0 and entries(in_place) == new


def changed(parts, name, **changes):
    return parts | {name: json.dumps(json.loads(parts[name]) | changes)}


def with_generator(parts, **changes):
    networks = json.loads(parts["config.json"])["networks"]
    return changed(parts, "config.json", networks=networks | {"generator": networks["generator"] | changes})


def with_array(parts, **changes):
    """The weights with another header for their first array."""
    data = parts["weights.safetensors"]
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    name = next(name for name in header if name != "__metadata__")
    header[name] |= changes
    text = json.dumps(header).encode()
    return parts | {"weights.safetensors": len(text).to_bytes(8, "little") + text + data[8 + size:]}


BAD = {
    "a zip of something else": (lambda parts: {"photo.png": b"x"}, "holds no meta.json, config.json, weights"),
    "one of ganlab 0.1.0": (lambda parts: {name: parts[name] for name in ("meta.json", *PROGRAMS)},
                            "holds no config.json, weights.safetensors, which"),
    "of a network of another ganlab": (lambda parts: with_generator(parts, network="stylegan9"),
                                       "'stylegan9' is unknown"),
    "of a system of another ganlab": (lambda parts: changed(parts, "config.json", system={"name": "diffusion"}),
                                      "'diffusion' is unknown"),
    "of a system without a sampler": (lambda parts: parts | {
        "config.json": json.dumps(plain(tiny_translation_config("pix2pix")))}, "cannot be renewed"),
    "of a number that it cannot have": (lambda parts: changed(parts, "config.json", batch_size="eight"), "batch_size"),
    "of a width that fails": (lambda parts: with_generator(parts, kwargs={"width": -3, "base": 4}),
                              "cannot be renewed"),
    "of other weights": (lambda parts: with_generator(parts, kwargs={"width": 8, "base": 4}), "the weights are not"),
    "of other data": (lambda parts: changed(parts, "meta.json", data={"shape": [2], "class_names": ["a"]}),
                      "the data has shape (2,)"),
    "a config that is no dict": (lambda parts: parts | {"config.json": b"[]"}, "config.json is not a dict"),
    "a config without sections": (lambda parts: parts | {"config.json": b'{"system": 3}'}, "config.json is not a config"),
    "a config that is deep": (lambda parts: parts | {"config.json": b"[" * 10**5}, "config.json is not JSON"),
    "a config that is large": (lambda parts: parts | {"config.json": b" " * 2**23}, "more than the 4,194,304"),
    "a config that is no text": (lambda parts: parts | {"config.json": b"\xff\xfe"}, "config.json is not JSON"),
    "a round that is no number": (lambda parts: changed(parts, "meta.json", round="20"), "round is not a number"),
    "weights of no kind": (lambda parts: changed(parts, "meta.json", weights="best"), "not one of averaged, trained"),
    "a huge example": (lambda parts: changed(parts, "meta.json", data={"shape": [2**40, 2], "class_names": ["a"]}),
                       "data.shape is not"),
    "no example": (lambda parts: changed(parts, "meta.json", data=None), "data.shape is not"),
    "no classes": (lambda parts: changed(parts, "meta.json", data={"shape": [8, 8, 1], "class_names": []}),
                   "class_names is not a list"),
    "weights that overlap": (lambda parts: with_array(parts, data_offsets=[0, 4]), "lies at bytes"),
    "weights of another type": (lambda parts: with_array(parts, dtype="I32"), "the weights are not"),
    "weights that end early": (lambda parts: parts | {"weights.safetensors": parts["weights.safetensors"][:-1]},
                               "copy the whole file again"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_renewed_is_answered_in_a_sentence_and_the_files_stay(case, written, tmp_path, capsys):
    change, words = BAD[case]
    old = packed(tmp_path / "old.zip", change(entries(written[0])))
    (tmp_path / "new.zip").write_bytes(b"mine")
    before = old.read_bytes()
    assert renew(old, tmp_path / "new.zip") == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"ganlab: {old} ") and words in errors and "Traceback" not in errors
    assert old.read_bytes() == before and (tmp_path / "new.zip").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.zip", "old.zip"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 begins as one"])
def test_what_is_no_zip_is_answered_in_a_sentence(content, tmp_path, capsys):
    (tmp_path / "old.zip").write_bytes(content)
    assert renew(tmp_path / "old.zip", tmp_path / "new.zip") == 2
    assert "is not a zip file" in capsys.readouterr().err
    for absent in (tmp_path / "absent.zip", tmp_path):
        assert renew(absent, tmp_path / "new.zip") == 2
        assert f"ganlab: {absent}: " in capsys.readouterr().err


def test_a_damaged_file_is_the_same_record_or_a_sentence(written, tmp_path):
    path, record, _ = written
    whole = path.read_bytes()
    harms = np.random.default_rng(0)
    refused = 0
    for number in range(300):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[harms.integers(len(data)):]
        else:
            data[harms.integers(len(data))] ^= 1 << harms.integers(8)
        (tmp_path / "old.zip").write_bytes(data)
        try:
            found = read_sampler(tmp_path / "old.zip")
        except ConfigError as error:
            refused += 1
            assert str(error).startswith(str(tmp_path))
        else:
            assert found.step == record.step and found.arrays.keys() == record.arrays.keys()
            assert all(array.tobytes() == record.arrays[name].tobytes() for name, array in found.arrays.items())
    assert refused > 100


def test_code_that_a_file_names_is_not_imported_unless_it_is_trusted(written, tmp_path, monkeypatch, capsys):
    (tmp_path / "outside_code.py").write_text("from ganlab.networks import GENERATORS\nopen('was_run', 'w').close()\n"
                                              "generator = GENERATORS['dcgan']\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    old = packed(tmp_path / "tiny.zip", with_generator(entries(written[0]), network="outside_code:generator"))
    assert renew(old, tmp_path / "new.zip") == 2
    errors = capsys.readouterr().err
    assert "config.networks.generator.network=outside_code:generator" in errors and "--trust" in errors
    assert not (tmp_path / "was_run").exists() and not (tmp_path / "new.zip").exists()
    assert renew(old, tmp_path / "new.zip", "--trust") == 0
    assert (tmp_path / "was_run").exists() and (tmp_path / "new.zip").exists()


@pytest.mark.parametrize(("flags", "words"), [
    (["--renew=old.zip"], "name it by --export_sampler"),
    (["--renew=old.zip", "--export_sampler=new.zip", "--workdir=runs/x", "--noema"], "--workdir, --ema is of a run"),
    (["--export_sampler=new.zip"], "--workdir is missing, or --renew"),
    (["--workdir=runs/x", "--trust"], "--trust is of --renew")])
def test_flags_that_do_not_go_together_are_answered(flags, words, capsys):
    assert main(["checkpoints", *flags]) == 2
    assert words in capsys.readouterr().err


def test_attacks_by_zip_are_refused(tmp_path, written, capsys):
    parts = entries(written[0])
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, bytes(2**27) if name == "weights.safetensors" else content)
    (tmp_path / "old.zip").write_bytes(bomb.getvalue())
    assert renew(tmp_path / "old.zip", tmp_path / "new.zip") == 2
    assert "unpacks from" in capsys.readouterr().err
