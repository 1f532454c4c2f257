"""Translations under judgement: their errors by laws, on the split that is asked for, refused where there is none."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from image_files import image_file, write_folder
from tiny import IMAGES, PAIRS, POINTS, tiny_config, tiny_translation_config

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset, load_section
from ganlab.evaluation import Request, Translations, evaluate, judged_data, load_features, make_judging, measures_for
from ganlab.evaluation.picture_sets import data_pictures, source_identity
from ganlab.evaluation.extraction import absolute_errors
from ganlab.game import Makers
from ganlab.systems import build_game

UPSIDE_DOWN = {"AB": lambda pictures: jnp.flip(pictures, axis=1), "BA": lambda pictures: jnp.flip(pictures, axis=1)}
SECTION = {"kwargs": {}}


def judged(translate, metrics, number=64, dataset=PAIRS, **request):
    translations = Translations(translate, {"AB": dataset.sources, "BA": dataset.images}, dataset)
    features = load_features("pixels")
    found = evaluate(data_pictures(dataset, SECTION), lambda seed: translations.pictures(number, seed),
                     Request(metrics, samples={"weights": "averaged"}, **request), features,
                     measures_for(translations, dataset, features), lambda what, total: lambda done: None)
    return {result.name: result for result in found}


def test_what_becomes_its_partner_has_no_error_and_what_comes_back_as_it_was_neither():
    found = judged(UPSIDE_DOWN, ["l1", "cycle", "fid"], seeds=(0, 1))
    # The sources of PAIRS are the images upside down.
    assert found["l1"].value < 1e-6 and found["cycle_a"].value < 1e-6 and found["cycle_b"].value < 1e-6
    assert found["fid"].value < 1e-3
    assert all(found[name].better == "lower" for name in ("l1", "cycle_a", "cycle_b"))


def test_the_error_is_the_mean_absolute_one_in_units_of_the_networks():
    darker = {"AB": lambda pictures: jnp.flip(pictures, axis=1) * 0.5, "BA": lambda pictures: pictures}
    real = PAIRS.images / 127.5 - 1
    found = judged(darker, ["l1", "cycle"])
    # Rounded to whole levels of 2/255, as files would hold them.
    assert found["l1"].value == pytest.approx(np.mean(np.abs(real * 0.5)), abs=1e-3)
    upside_down = np.flip(real, axis=1)
    assert found["cycle_b"].value == pytest.approx(np.mean(np.abs(upside_down * 0.5 - real)), rel=1e-5)


def test_errors_of_bytes_and_of_floats_are_those_of_values_in_minus_one_to_one():
    black, white = np.zeros((2, 3, 3, 1), np.uint8), np.full((2, 3, 3, 1), 255, np.uint8)
    np.testing.assert_allclose(absolute_errors(black, white), 2)
    np.testing.assert_allclose(absolute_errors(np.ones((2, 3, 3, 1), np.float32), black), 2)


def test_each_evaluation_seed_translates_other_pictures_and_an_interval_covers_them():
    darker = {**UPSIDE_DOWN, "AB": lambda pictures: pictures * 0}
    found = judged(darker, ["l1"], number=20, seeds=(0, 1, 2), bootstrap=100)["l1"]
    assert len(set(found.of_seeds)) == 3
    assert {interval.kind for interval in found.intervals} == {"seeds", "bootstrap"}
    assert all(interval.low < found.of_seeds[0] < interval.high for interval in found.intervals
               if interval.kind == "bootstrap")


def test_only_pairs_have_partners_and_only_who_goes_back_a_cycle():
    features = load_features("pixels")
    unpaired = dataclasses.replace(PAIRS, paired=False)
    both = Translations(UPSIDE_DOWN, {"AB": PAIRS.sources, "BA": PAIRS.images}, unpaired)
    one = Translations(UPSIDE_DOWN, {"AB": PAIRS.sources}, PAIRS)
    assert {"l1", "cycle"} & measures_for(both, unpaired, features).keys() == {"cycle"}
    assert {"l1", "cycle"} & measures_for(one, PAIRS, features).keys() == {"l1"}
    assert not {"l1", "cycle"} & measures_for(None, None, features).keys()


def judging(name="pix2pix", metrics="fid+l1", dataset=PAIRS, **evaluate_section):
    config = tiny_translation_config(name, evaluate=evaluate_section)
    return make_judging(config, build_game(config, dataset), dataset, metrics)


def test_training_judges_translations_and_its_protocol_says_of_which_sources():
    found = judging()
    assert found.values == {"fid": "lower", "l1": "lower"}
    fid, l1 = found(Makers(translate=UPSIDE_DOWN))
    assert l1.value < 1e-6
    for result in (fid, l1):
        protocol = result.protocol
        assert protocol.samples["sources"]["number"] == 64 and protocol.samples["sources"]["split"] == "train"
        assert protocol.reference["number"] == 64 and "temperature" not in protocol.samples
    assert judging("cyclegan", "cycle").values == {"cycle_a": "lower", "cycle_b": "lower"}


def test_protocols_of_other_sources_differ():
    other = dataclasses.replace(PAIRS, sources=255 - PAIRS.sources)
    first, second = (judging(metrics="l1", dataset=dataset)(Makers(translate=UPSIDE_DOWN))[0].protocol
                     for dataset in (PAIRS, other))
    assert first.hash != second.hash


def split_source(size=64, split="train", source_split=""):
    """`PAIRS`, brighter in the split `test`."""
    if split not in ("train", "test"):
        raise ConfigError(f"config.data.kwargs.split {split!r} is unknown")
    return dataclasses.replace(PAIRS, images=np.full_like(PAIRS.images[:size], {"train": 10, "test": 200}[split]),
                               sources=PAIRS.sources[:size], labels=PAIRS.labels[:size])


@pytest.fixture
def splits(monkeypatch):
    def one(size: int = 64, split: str = "train") -> Dataset:
        return split_source(size, split)

    def two(split: str = "train", source_split: str = "train") -> Dataset:
        return split_source(64, split)

    monkeypatch.setitem(SOURCES, "one", one)
    monkeypatch.setitem(SOURCES, "two", two)
    return {name: tiny_translation_config("pix2pix", data={"source": name}) for name in ("one", "two")}


def test_the_split_that_is_asked_for_judges_and_stands_in_the_protocol(splits):
    config = splits["one"]
    train = load_section(config.data)
    assert judged_data(config, train) == (train, config.data)
    config.evaluate.split = "test"
    found = make_judging(config, build_game(config, train), train, "l1+ms_ssim", number=10)
    assert np.all(found.dataset.images == 200)
    l1 = found(Makers(translate={"AB": lambda pictures: jnp.full_like(pictures, 200 / 127.5 - 1)}))[0]
    assert l1.value < 1e-6 and l1.protocol.samples["number"] == 10
    assert l1.protocol.reference["split"] == l1.protocol.samples["sources"]["split"] == "test"
    assert judged_data(config, train, "") == (train, config.data)


def test_a_source_with_a_split_for_each_kind_takes_both(splits):
    config = splits["two"]
    found, section = judged_data(config, load_section(config.data), "train+test")
    assert section["kwargs"] == {"source_split": "train", "split": "test"} and np.all(found.images == 200)


@pytest.mark.parametrize(("source", "paths", "split"), [
    ("side_by_side", {"path": "train"}, "val"),
    ("two_folders", {"path": "trainB", "source_path": "trainA"}, "valA+valB")])
def test_folders_beside_those_of_training_judge_as_splits_do(tmp_path, source, paths, split):
    folders = list(paths.values())
    for level, names in ((10, folders), (200, split.split("+"))):
        for name in names:
            write_folder(tmp_path / name, {"1.png": image_file(np.full((8, 16, 3), level, np.uint8))})
    section = {"source": source, "crop": 0,
               "kwargs": {key: str(tmp_path / name) for key, name in paths.items()} | {"resolution": 8}}
    train = load_section(section)
    found, judged = judged_data({"data": section, "evaluate": {"split": split}}, train)
    assert np.all(found.images == 200) and np.all(found.sources == 200) and np.all(train.images == 10)
    source_split, image_split = split.split("+")[0], split.split("+")[-1]
    assert data_pictures(found, judged).identity["split"] == image_split
    assert source_identity(found, judged)["split"] == source_split
    with pytest.raises(ConfigError, match="--split is .*, which does not load: .*no does not exist"):
        judged_data({"data": section}, train, "+".join(["no"] * len(folders)))


@pytest.mark.parametrize(("name", "split", "said"), [
    ("one", "tst", "--split is 'tst', which does not load: config.data.kwargs.split 'tst' is unknown"),
    ("one", "train+test", "takes one split"), ("two", "test", "a split for each kind")])
def test_a_split_that_there_is_not_is_refused(splits, name, split, said):
    with pytest.raises(ConfigError, match=said.replace("+", r"\+")):
        judged_data(splits[name], load_section(splits[name].data), split)


def test_a_source_without_splits_is_refused_and_so_is_l1_of_samples():
    config = tiny_config(evaluate={"split": "test"})
    with pytest.raises(ConfigError, match="config.evaluate.split is 'test', but the source 'digits' has no splits"):
        make_judging(config, build_game(config, IMAGES), IMAGES, "fid")
    config.evaluate.split = ""
    with pytest.raises(ConfigError, match="metric 'l1' is unknown"):
        make_judging(config, build_game(config, POINTS), POINTS, "l1")
