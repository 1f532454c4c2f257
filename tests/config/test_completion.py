"""What experiments leave to defaults: numbers of a structure that is chosen by its path, and the data of a choice."""

import pytest

from ganlab.config import ConfigError, both_players, complete, experiment, keys, picture_data, validate


@pytest.mark.parametrize("trick", keys.TRICK_HYPER)
def test_a_trick_that_is_chosen_by_its_path_finds_its_numbers_and_keeps_those_given(trick):
    config = experiment(networks={"generator": {}, "critic": {}})
    first, *others = keys.TRICK_HYPER[trick]
    config.system.tricks, config.hyper[first] = trick, 0.125
    complete(config)
    validate(config)
    assert config.hyper[first] == 0.125
    assert {name: config.hyper[name] for name in others} == {
        name: keys.TRICK_HYPER[trick][name].default for name in others}


@pytest.mark.parametrize(("augment", "numbers"), [("ada:bgc", True), ("diffaugment:color", False), ("none", False)])
def test_an_augmentation_that_is_chosen_by_its_path_finds_its_numbers_if_it_has_a_chance(augment, numbers):
    config = experiment(networks={"generator": {}, "critic": {}})
    config.system.augment = augment
    complete(config)
    validate(config)
    assert ("augment_p" in config.hyper) == ("augment_target" in config.hyper) == numbers


def test_completing_a_whole_config_changes_nothing():
    config = experiment(networks={"generator": {}, "critic": {}})
    before = config.to_json()
    complete(config)
    assert config.to_json() == before


@pytest.mark.parametrize("path", ["seed", "data.flip", "train.total_rounds", "system.packing", "hyper.critic_lr",
                                  "networks.critic.projection"])
def test_a_config_from_before_a_key_existed_gets_its_default(path):
    config = experiment(networks={"generator": {}, "critic": {}})
    before, section = config.to_json(sort_keys=True), config
    *sections, name = path.split(".")
    for part in sections:
        section = section[part]
    del section[name]
    complete(config)
    assert config.to_json(sort_keys=True) == before


def test_numbers_are_not_completed_where_the_structure_is_wrong():
    config = experiment(networks={"generator": {}, "critic": {}})
    config.system.tricks = "label_nose"
    with pytest.raises(ConfigError, match="did you mean label_noise?"):
        complete(config)


def test_both_players_get_the_same_numbers():
    assert both_players(lr=1e-3, beta1=0.5) == {
        "generator_lr": 1e-3, "generator_beta1": 0.5, "critic_lr": 1e-3, "critic_beta1": 0.5}


@pytest.mark.parametrize(("choice", "expected"), [
    ("glyphs", {"source": "glyphs", "kwargs": {"side": 64, "colour": True}}),
    ("digits", {"source": "digits"}),
    ("celeb_a", {"source": "tfds", "kwargs": {"name": "celeb_a", "resolution": 64, "only_class": "x"}})])
def test_pictures_are_those_that_ship_or_those_of_tfds(choice, expected):
    assert picture_data(choice, side=64, only_class="x") == expected


def test_a_choice_that_is_a_path_is_an_imported_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "lsun").mkdir(parents=True)
    for choice in (str(tmp_path), "./mine", "../mine", "~/mine", "data/lsun"):
        assert picture_data(choice, side=64, only_class="x") == {
            "source": "imported", "kwargs": {"path": choice, "only_class": "x"}}
    for choice in ("lsun/bedroom", "data"):  # A name of TFDS, also where a folder is called like it.
        assert picture_data(choice, side=64)["source"] == "tfds"
