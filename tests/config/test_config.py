"""Every mistake in a config is refused with the key, what was given and what is allowed."""

import json
import math

import pytest
from tiny import (
    POINTS,
    TRANSLATION_PLAYERS,
    tiny_conditional_config,
    tiny_config,
    tiny_growing_config,
    tiny_r3gan_config,
    tiny_style_config,
    tiny_translation_config,
    tiny_vae_config,
)

from ganlab.config import (
    ConfigError,
    all_keys,
    bind,
    choose,
    did_you_mean,
    experiment,
    flat,
    hyper_keys,
    keys,
    known_elsewhere,
    parse_choices,
    validate,
)
from ganlab.config.key import FINITE
from ganlab.config.systems import AUGMENT_HYPER, SYSTEMS
from ganlab.config.systems.class_conditional import CONDITIONING_HYPER, REGULARIZATION_HYPER
from ganlab.data import SOURCES
from ganlab.game import OPTIMIZERS, SCHEDULES
from ganlab.storage import config_of
from ganlab.systems import build_game, load_data


def full_config(optimizer="adam", clip="value", schedule="linear", penalty="r1", tricks="none"):
    """A config with keys of every kind."""
    network = {"optimizer": optimizer, "clip_gradients": clip, "projection": "weight_clip"}
    return tiny_config(generator=network, critic=network, system={"penalty": penalty, "tricks": tricks},
                       learning_rate_schedule=schedule)


FULL = full_config()
# A config of each choice that brings numbers.
ALL = [FULL, *(full_config(optimizer=name) for name in keys.OPTIMIZER_HYPER),
       *(full_config(clip=name) for name in keys.CLIP_HYPER),
       *(full_config(schedule=name) for name in keys.SCHEDULE_HYPER),
       full_config(penalty="+".join(keys.PENALTY_WEIGHTS)), full_config(tricks="+".join(keys.TRICK_HYPER)),
       tiny_config(ramps="critic_lr:linear", generator={"regularizers": "+".join(keys.REGULARIZER_HYPER)},
                   hyper=dict.fromkeys(keys.OPTIONAL_HYPER, 0.0)),
       *(tiny_conditional_config(system={"conditioning": name, "regularizations": "+".join(REGULARIZATION_HYPER)})
         for name in CONDITIONING_HYPER), tiny_vae_config(),
       tiny_r3gan_config(**dict.fromkeys(("generator", "critic"), {"network": "mlp"})),
       tiny_style_config(system={"augment": "ada:bgc", "blur": "gaussian"}), *map(tiny_growing_config, ("pggan", "stylegan1")),
       *map(tiny_translation_config, TRANSLATION_PLAYERS)]
EVERY_KEY = {path: key for config in ALL for path, key in all_keys(config).items()}


def plain(config=FULL):
    """A copy as plain dicts, which take any value of any type."""
    return json.loads(config.to_json())


def changed(path, value, config=FULL):
    """A plain copy with one value changed, added, or (None) removed."""
    tree = plain(config)
    *parents, leaf = path.split(".")
    section = tree
    for parent in parents:
        section = section[parent]
    if value is None:
        del section[leaf]
    else:
        section[leaf] = value
    return tree


def config_with(path):
    """One of the configs that have the key `path`, of which systems may each have their own."""
    return next(config for config in ALL if all_keys(config).get(path) == EVERY_KEY[path])


def refused(config, *words):
    with pytest.raises(ConfigError) as error:
        validate(config)
    for word in words:
        assert str(word) in str(error.value)


def test_a_minimal_experiment_is_valid_and_has_every_default():
    config = experiment(networks={"generator": {}, "critic": {}})
    validate(config)
    given = dict(flat(config))
    assert given.keys() == all_keys(config).keys()
    assert all(given[path] == key.default for path, key in all_keys(config).items())


def test_defaults_of_one_config_are_not_shared_with_the_next():
    experiment(networks={"generator": {}, "critic": {}}).data.kwargs.size = 3
    assert experiment(networks={"generator": {}, "critic": {}}).data.kwargs.to_dict() == {}


@pytest.mark.parametrize("config", ALL)
def test_a_config_survives_json(config):
    again = config_of(plain(config))
    validate(again)
    validate(plain(config))
    assert again == config
    assert again.to_json() == config.to_json()


@pytest.mark.parametrize("path", EVERY_KEY)
def test_a_default_passes_its_own_check(path):
    key = EVERY_KEY[path]
    assert key.allowed[0](key.default)
    assert key.meaning


def test_the_keys_of_the_tables_are_all_looked_at():
    systems = {f"system.{name}" for system in SYSTEMS.values() for name in system.structure}
    numbers = {f"hyper.critic_{name}" for table in (*keys.OPTIMIZER_HYPER.values(), *keys.CLIP_HYPER.values(),
                                                    *keys.PROJECTION_HYPER.values()) for name in table}
    regularizers = {f"hyper.generator_{name}" for table in keys.REGULARIZER_HYPER.values() for name in table}
    shared = {f"hyper.{name}" for table in (*keys.SCHEDULE_HYPER.values(), *keys.TRICK_HYPER.values(),
                                                    *(system.numbers for system in SYSTEMS.values()), keys.EMA_HYPER,
                                                    *(numbers for system in SYSTEMS.values()
                                                      for table in system.choices.values()
                                                      for numbers in table.values()),
                                                    keys.OPTIONAL_HYPER, AUGMENT_HYPER) for name in table}
    networks = {f"networks.critic.{name}" for name in keys.NETWORK_KEYS}
    weights = {f"hyper.{name}_weight" for name in keys.PENALTY_WEIGHTS}
    assert EVERY_KEY.keys() >= {*keys.KEYS} | systems | numbers | regularizers | shared | networks | weights


def test_every_name_of_a_published_tool_leads_to_a_key():
    found = known_elsewhere()
    for path, names in found.items():
        assert EVERY_KEY[path.replace("NETWORK", "critic")].known_as in names
    assert all(key.known_as in ", ".join(found.values()) for key in EVERY_KEY.values())


@pytest.mark.parametrize(("name", "path"), [
    ("--kimg", "train.total_rounds"), ("--gamma", "hyper.r1_weight"), ("--mirror", "data.flip"),
    ("--cond", "system.conditional"), ("--resume", "init.source"), ("--batch-gpu", "train.accumulate"),
    ("--glr", "hyper.NETWORK_lr"), ("--subset", "data.kwargs"), ("--tick", "train.log_every_kimg"),
    ("--snap", "train.checkpoint_every_kimg"), ("ema_rampup", "hyper.ema_warmup"), ("--dim_z", "system.latent_size"),
    ("--augpipe", "system.augment"), ("--target", "hyper.augment_target"),
    ("--num_D_steps", "system.critic_updates"), ("--lambda_L1", "hyper.l1_weight")])
def test_official_names_are_those_of_their_keys(name, path):
    assert name in known_elsewhere()[path]


NUMERIC = [path for path, key in EVERY_KEY.items() if type(key.default) in (int, float)]


@pytest.mark.parametrize("path", NUMERIC)
def test_a_number_outside_its_range_is_refused(path):
    key = EVERY_KEY[path]
    kind = type(key.default)
    # Where -1 means something, -2 does not.
    low = kind(-2) if key.allowed[0](kind(-1)) else kind(-1)
    for value in (low, *((math.inf, math.nan) if kind is float else ())):
        if value == low and key.allowed is FINITE:
            continue
        refused(changed(path, value, config_with(path)), f"config.{path} is", repr(value), key.allowed[1], key.meaning)


@pytest.mark.parametrize("path", NUMERIC)
def test_a_number_of_another_type_is_refused(path):
    kind = type(EVERY_KEY[path].default)
    for value in ("1", True, *((1.5, 1.0) if kind is int else ())):
        refused(changed(path, value, config_with(path)), f"config.{path} is {value!r}, a {type(value).__name__}",
                f"it takes a {kind.__name__}")


@pytest.mark.parametrize("path", [path for path in NUMERIC if type(EVERY_KEY[path].default) is float])
def test_a_whole_number_is_a_float_too(path):
    whole = next(value for value in (1, 0) if EVERY_KEY[path].allowed[0](value))
    config = config_with(path)
    validate(changed(path, whole, config))


@pytest.mark.parametrize("path", [path for path, key in EVERY_KEY.items() if type(key.default) in (str, bool)])
def test_a_word_of_another_type_is_refused(path):
    default = EVERY_KEY[path].default
    empty = () if default == "" else ("",)  # Some keys allow the empty word, for none.
    for value in (3, *(("true",) if isinstance(default, bool) else empty)):
        refused(changed(path, value, config_with(path)), f"config.{path} is {value!r}")


@pytest.mark.parametrize("path", [path for path, key in EVERY_KEY.items() if "one of" in key.allowed[1]])
def test_an_unknown_word_is_refused_with_those_that_are_known(path):
    key = EVERY_KEY[path]
    refused(changed(path, "nonesuch", config_with(path)), f"config.{path} is 'nonesuch'", key.allowed[1])


@pytest.mark.parametrize("path", [path for path in EVERY_KEY if path.partition(".")[2] not in keys.OPTIONAL_HYPER])
def test_a_missing_key_is_named_with_its_meaning(path):
    refused(changed(path, None, config_with(path)), f"config.{path} is missing", EVERY_KEY[path].meaning,
            "structure is chosen by the config file's argument")


@pytest.mark.parametrize(("path", "words"), [
    ("batchsize", ["config.batchsize", "did you mean config.batch_size?", "config.seed"]),
    ("train.total_round", ["config.train.total_round", "did you mean config.train.total_rounds?"]),
    ("hyper.critic_lrr", ["config.hyper.critic_lrr", "did you mean config.hyper.critic_lr?", "nothing in this"]),
    ("networks.critic.kwarg", ["config.networks.critic.kwarg", "did you mean config.networks.critic.kwargs?"]),
    ("system.losses", ["config.system.losses", "did you mean config.system.loss?"]),
])
def test_an_unknown_key_is_refused_with_the_nearest_known(path, words):
    refused(changed(path, 1.0), *words)


def test_numbers_that_another_structure_would_use_are_refused():
    for path in ("hyper.gradient_penalty_weight", "hyper.critic_momentum", "hyper.critic_weight_decay"):
        refused(changed(path, 1.0), f"config.{path}", "nothing in this structure uses it", "--config=")


@pytest.mark.parametrize(("path", "value", "missing"), [
    ("system.penalty", "gradient_penalty", "config.hyper.gradient_penalty_weight"),
    ("networks.critic.optimizer", "adamw", "config.hyper.critic_weight_decay"),
])
def test_a_structure_changed_by_path_misses_or_leaves_numbers_and_says_how_to_change_it(path, value, missing):
    config = changed(path, value)
    if path == "system.penalty":
        del config["hyper"]["r1_weight"]
    refused(config, f"{missing} is missing", "structure is chosen by the config file's argument")


def test_a_schedule_changed_by_path_misses_its_numbers():
    refused(changed("learning_rate_schedule", "cosine", tiny_config()), "config.hyper.decay_start_kimg is missing")


@pytest.mark.parametrize(("path", "near"), [("networks.critic.optimizer", "adam"), ("system.name", "gan")])
def test_an_unknown_name_is_named_before_the_numbers_that_it_leaves_unused(path, near):
    refused(changed(path, f"{near}x"), f"config.{path} '{near}x' is unknown", f"did you mean {near}?",
            "package.module:function")


def test_a_decay_that_ends_before_it_starts_is_refused():
    config = changed("hyper.decay_start_kimg", 7.0)
    config["hyper"]["decay_end_kimg"] = 5.0
    refused(config, "config.hyper.decay_end_kimg is 5.0", "config.hyper.decay_start_kimg, 7.0")
    config["hyper"]["decay_end_kimg"] = 7.0
    refused(config, "config.hyper.decay_end_kimg is 7.0")


@pytest.mark.parametrize("name", ["total", "log_every", "sample_every", "checkpoint_every", "singular_values_every"])
def test_intervals_are_whole_numbers_of_calls(name):
    config = changed("train.rounds_per_call", 5)
    validate(config)
    config["train"][f"{name}_rounds"] = 7
    refused(config, f"config.train.{name}_rounds is 7", "config.train.rounds_per_call, 5", "use 5")


@pytest.mark.parametrize(("sections", "words"), [
    ({"trian": {}}, ["'trian'", "did you mean train?"]),
    ({"train": {"total_round": 3}}, ["train", "'total_round'", "did you mean total_rounds?"]),
    ({"data": {"sources": "digits"}}, ["data", "'sources'", "did you mean source?"]),
    ({"system": "gan"}, ["section system is 'gan', a str", "dict"]),
])
def test_an_experiment_refuses_unknown_sections_and_keys(sections, words):
    with pytest.raises(ConfigError) as error:
        experiment(networks={"generator": {}, "critic": {}}, **sections)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("value", ["fast", "1e-3", True])
def test_a_number_of_an_experiment_that_is_none_is_left_for_validation_to_name(value):
    config = experiment(networks={"generator": {}, "critic": {}}, hyper={"critic_lr": value})
    refused(config, f"config.hyper.critic_lr is {value!r}", "it takes a float")


def test_the_numbers_of_an_outside_optimizer_are_those_that_the_experiment_gives():
    config = experiment(networks={"generator": {}, "critic": {"optimizer": "package.module:function"}},
                        hyper={"critic_warmth": 1.0})
    validate(config)
    assert {"critic_lr", "critic_warmth"} <= hyper_keys(config).keys()


def test_the_system_names_its_networks():
    config = tiny_config()
    config.networks.discriminator = config.networks.critic
    for name in hyper_keys(tiny_config()):
        if name.startswith("critic_"):
            config.hyper[name.replace("critic", "discriminator")] = config.hyper[name]
    with pytest.raises(ConfigError, match=r"config\.networks\.discriminator.*allowed: .*config\.networks\.critic"):
        build_game(config, POINTS)
    with pytest.raises(ConfigError, match=r"config\.networks\.critic is missing: system 'gan' needs it"):
        build_game(experiment(networks={"generator": {}}), POINTS)


@pytest.mark.parametrize(("data", "batch", "words"), [
    ({"source": "digit"}, 8, ["config.data.source 'digit'", "did you mean digits?", "ring8"]),
    ({"source": "ring8", "kwargs": {"sise": 9}}, 8, ["config.data.kwargs", "'sise'", "did you mean size?"]),
    ({"source": "ring8", "kwargs": {"size": "9"}}, 8, ["config.data.kwargs.size is '9'", "int"]),
    ({"source": "ring8", "kwargs": {"size": 9}}, 10, ["config.batch_size is 10", "9 images of ring8", "at most 9"]),
])
def test_data_that_cannot_be_had_is_refused(data, batch, words):
    with pytest.raises(ConfigError) as error:
        load_data(tiny_config(data=data, batch_size=batch))
    assert all(word in str(error.value) for word in words)


def test_a_batch_may_be_as_large_as_the_data():
    assert len(load_data(tiny_config(data={"source": "ring8", "kwargs": {"size": 9}}, batch_size=9))) == 9


def build(count, width: int = 3, rate: float = 0.5, word: str = "relu", flag: bool = False, parent=None, name=None):
    """Something to bind arguments to."""
    return count, width, rate, word, flag, parent, name


@pytest.mark.parametrize(("kwargs", "words"), [
    ({"count": 1, "widht": 4}, ["config.here", "'widht'", "did you mean width?", "allowed: count, flag, rate, width"]),
    ({}, ["config.here.count is missing", "build needs it"]),
    ({"count": 1, "width": "4"}, ["config.here.width is '4', a str", "int"]),
    ({"count": 1, "width": 4.0}, ["config.here.width is 4.0, a float", "int"]),
    ({"count": 1, "width": True}, ["config.here.width is True, a bool", "int"]),
    ({"count": 1, "rate": "0.5"}, ["config.here.rate is '0.5', a str", "float"]),
    ({"count": 1, "rate": False}, ["config.here.rate is False, a bool", "float"]),
    ({"count": 1, "flag": 1}, ["config.here.flag is 1, a int", "bool"]),
    ({"count": 1, "word": 1}, ["config.here.word is 1, a int", "str"]),
    ({"count": 1, "parent": 1}, ["config.here", "'parent'"]),
])
def test_arguments_that_do_not_bind_are_refused(kwargs, words):
    with pytest.raises(ConfigError) as error:
        bind(build, kwargs, "here", given=("parent", "name"))
    assert all(word in str(error.value) for word in words)


def test_arguments_bind_that_the_function_takes_except_those_that_the_system_gives():
    bind(build, {"count": 1, "width": 4, "rate": 1, "word": "tanh", "flag": True}, "here")
    bind(build, {"count": 1, "name": "mine"}, "here", given=("parent",))
    bind(build, {"width": 4}, "here", given=("count",))
    with pytest.raises(ConfigError, match="'count'"):
        bind(build, {"count": 1}, "here", given=("count",))


@pytest.mark.parametrize("table", [SOURCES, OPTIMIZERS, SCHEDULES], ids=["sources", "optimizers", "schedules"])
def test_names_are_chosen_from_their_table(table):
    assert all(choose(table, name, "here") is entry for name, entry in table.items())
    with pytest.raises(ConfigError, match=r"config\.here 'nonesuch' is unknown; allowed: .*package\.module:function"):
        choose(table, "nonesuch", "here")


def test_near_names_alone_are_suggested():
    assert did_you_mean("hinges", ["hinge", "wasserstein"]) == " (did you mean hinge?)"
    assert did_you_mean("xyzzy", ["hinge", "wasserstein"]) == ""


def choices(argument):
    return parse_choices(argument, loss="hinge", repeats=5, rate=0.5, conditional=True).to_dict()


def test_choices_have_the_types_of_their_defaults():
    defaults = {"loss": "hinge", "repeats": 5, "rate": 0.5, "conditional": True}
    assert choices(None) == choices("") == defaults
    assert choices("loss=r1+r2,repeats=2,rate=1e-3,conditional=False") == {
        "loss": "r1+r2", "repeats": 2, "rate": 1e-3, "conditional": False}


@pytest.mark.parametrize(("argument", "words"), [
    ("lose=hinge", ["choice 'lose' is unknown", "did you mean loss?", "allowed: conditional, loss, rate, repeats"]),
    ("loss", ["'loss' has no value", "loss=hinge"]),
    ("repeats=two", ["repeats='two'", "int", "5"]),
    ("repeats=2.5", ["repeats='2.5'", "int"]),
    ("rate=fast", ["rate='fast'", "float"]),
    ("conditional=1", ["conditional='1'", "true or false"]),
])
def test_a_choice_that_is_not_offered_is_refused(argument, words):
    with pytest.raises(ConfigError) as error:
        choices(argument)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(("changes", "words"), [
    ({"ramps": "critic_rate:linear"}, ["config.ramps", "critic_rate", "critic_lr"]),
    ({"ramps": "critic_lr:straight"}, ["the shape of critic_lr", "straight", "linear"]),
    ({"generator": {"regularizers": "orthogonl"}}, ["config.networks.generator.regularizers", "orthogonal"]),
])
def test_ramps_and_regularizers_that_do_not_exist_are_refused(changes, words):
    refused(tiny_config(**changes), *words)


def test_a_system_from_outside_has_the_numbers_that_it_names():
    config = tiny_config(system={"numbers": "sharpness"}, hyper={"sharpness": 2.0})
    config.system.name = "somewhere:system"
    validate(config)
    del config.system["numbers"]
    refused(config, "config.hyper.sharpness")
