"""A plan has every variant's whole config, groups what one program can train, and refuses what is invalid at once."""

import json
from pathlib import Path

import pytest
from tiny_ablation import ablation

from ganlab.ablation import AblationDirectory, Range, Search, cut, group_trials, load_ablation, make_plan, numbers
from ganlab.ablation.plan import evaluation_rounds, plan_from
from ganlab.config import ConfigError
from ganlab.game import Game, Update


def test_variants_that_differ_in_numbers_alone_are_one_group(experiment_file):
    plan = make_plan(ablation(experiment_file))
    assert [len(group) for group in plan.groups] == [3, 3]
    assert [{variant.config.system.loss for variant in group} for group in plan.groups] == [
        {"non_saturating"}, {"least_squares"}]
    assert [variant.config.hyper.critic_lr for variant in plan.groups[0]] == [0.01, 0.02, 1e38]
    assert plan.trials == 12 and plan.seeds == [0, 1]


def test_the_changes_of_a_variant_are_its_differences_from_the_base(experiment_file):
    plan = make_plan(ablation(experiment_file))
    assert plan.changes(plan.variants[0]) == {}
    assert plan.changes(plan.variants[-1]) == {"hyper.critic_lr": 1e38, "system.loss": "least_squares"}


def test_every_variant_sees_the_same_real_images(experiment_file):
    axes = {"updates": {number: {"critic_updates": number} for number in (1, 2, 4)}}
    plan = make_plan(ablation(experiment_file, axes=axes, kimg=0.64))
    rounds = [variant.config.train.total_rounds for variant in plan.variants]
    assert [count * updates * 8 for count, updates in zip(rounds, (1, 2, 4), strict=True)] == [640] * 3
    # Rounds come in calls of two: at least the images asked for, and less than a call more.
    assert make_plan(ablation(experiment_file, kimg=0.65)).variants[0].config.train.total_rounds == 82


def test_choices_of_variants_are_joined_with_those_of_the_experiment(experiment_file):
    axes = {"loss": {"squares": {"loss": "least_squares"}}}
    plan = make_plan(ablation(f"{experiment_file}:critic_updates=3", axes=axes,
                            changes={"config.hyper.generator_lr": 1}))
    config = plan.variants[0].config
    assert (config.system.critic_updates, config.system.loss, config.hyper.generator_lr) == (3, "least_squares", 1.0)


def test_a_choice_with_a_comma_reaches_the_experiment_whole(tmp_path):
    (tmp_path / "named.py").write_text(
        "from ganlab.config import parse_choices\nfrom tiny import tiny_config\n\n\n"
        "def get_config(argument=None):\n"
        "    choice = parse_choices(argument, name='', rate=1.0)\n"
        "    return tiny_config(name=choice.name, system={'conditional': False}, data={'source': 'ring8'})\n")
    axes = {"rate": {"one": {"rate": 2.0}}}
    plan = make_plan(ablation(f'{tmp_path / "named.py"}:name="a,b ""c"""', axes=axes))
    assert plan.variants[0].config.name == 'a,b "c"'


def test_a_range_starts_from_the_experiments_own_number(experiment_file):
    axes = {"rate": Range("config.hyper.critic_lr", 1e-3, 1.0, log=True)}
    plan = make_plan(ablation(experiment_file, axes=axes, design=Search(4)))
    assert plan.variants[0].levels == {"rate": 0.01} and len(plan.variants) == 5 and len(plan.groups) == 1
    assert plan.axes["rate"] == sorted(plan.axes["rate"])


def test_a_plan_survives_its_file(experiment_file):
    plan = make_plan(ablation(experiment_file))
    again = plan_from(plan.to_json())
    assert again.to_json() == plan.to_json()
    assert again.variants[3].config == plan.variants[3].config


def test_all_invalid_variants_are_listed_at_once(experiment_file):
    axes = {"loss": {"plain": {}, "typo": {"loss": "least_sqares"}},
            "rate": {"usual": {}, "negative": {"config.hyper.critic_lr": -1.0},
                     "unknown": {"config.hyper.critic_rate": 1.0}}}
    with pytest.raises(ConfigError) as error:
        make_plan(ablation(experiment_file, axes=axes))
    text = str(error.value)
    assert text.startswith("5 of 6 variants are invalid:")
    assert "did you mean least_squares" in text and "config.hyper.critic_lr is -1.0" in text
    assert "'config.hyper.critic_rate' is unknown (did you mean config.hyper.critic_lr?)" in text


@pytest.mark.parametrize("changes, words", [
    ({"axes": {"a": {"x": {"loss": "hinge"}}, "b": {"y": {"loss": "logistic"}}}}, "axes a and b both set loss"),
    ({"axes": {"a": Range("config.hyper.critic_rl", 0, 1)}, "design": Search(2)},
     "did you mean config.hyper.critic_lr"),
    ({"axes": {"a": {}}}, "axis a has no levels"),
    ({"axes": {"a": numbers("config.nothing.here", 1.0)}}, "key 'config.nothing.here' is unknown"),
    ({"changes": {"config.init.source": "runs/other"}}, "trials start from their seeds"),
    ({"axes": {"rate": numbers("config.hyper.critic_lr", 0.1, 0.1000000001)}}, "two variants of the ablation have one"),
    ({"seeds": 0}, "seeds of the ablation is 0"),
    ({"kimg": 0}, "kimg of the ablation is 0"),
    ({"metrics": "fidd"}, "did you mean fid"),
    ({"metrics": "fid", "features": "inception2015"}, "weights"),
    ({"base": {"rate": 5.0}}, "level of axis rate '5.0' is unknown"),
])
def test_a_mistake_in_an_ablation_is_told_before_anything_runs(experiment_file, changes, words):
    with pytest.raises(ConfigError) as error:
        make_plan(ablation(experiment_file, **changes))
    assert words in str(error.value)


@pytest.mark.parametrize("text, words", [
    (None, "this Python file does not exist"), ("x = 1", "defines no get_ablation()"),
    ("def get_ablation():\n    return 3", "returned a int")])
def test_a_file_that_is_no_ablation_is_named(tmp_path, text, words):
    file = tmp_path / "some.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_ablation(str(file))
    assert words in str(error.value) and str(file) in str(error.value)


def test_choices_after_the_file_reach_an_ablation_that_offers_them(tmp_path):
    file = tmp_path / "some.py"
    file.write_text("from ganlab.ablation import Ablation\n\n\ndef get_ablation(argument=None):\n"
                    "    return Ablation(argument or 'none', '', '', {}, 1.0, '')\n")
    assert load_ablation(str(file)).title == "none"
    assert load_ablation(f"{file}:data=ring8,share=0.5").title == "data=ring8,share=0.5"
    file.write_text("def get_ablation():\n    return 3")
    with pytest.raises(ConfigError, match="takes no choices, but 'data=ring8' is given"):
        load_ablation(f"{file}:data=ring8")


def test_measurements_come_evenly_at_ends_of_calls_and_at_the_end():
    game = Game({}, (Update("critic", (), None),), {}, {}, batch_size=8)
    assert evaluation_rounds(game, 100, 4, 1) == [25, 50, 75, 100]
    assert evaluation_rounds(game, 100, 3, 10) == [40, 70, 100]
    assert evaluation_rounds(game, 4, 10, 2) == [2, 4]


def test_every_trial_is_in_one_stack_and_stacks_are_nearly_equal(experiment_file):
    trials = group_trials(make_plan(ablation(experiment_file, seeds=5)), 1)
    stacks = cut(trials, 1, size=4, first=7)
    assert [trial for stack in stacks for trial in stack.trials] == trials and len(trials) == 15
    assert [len(stack.trials) for stack in stacks] == [4, 4, 3, 4]
    assert [stack.number for stack in stacks] == [7, 8, 9, 10]


def test_a_directory_of_another_plan_is_refused_and_stays_as_it_was(experiment_file, tmp_path):
    plan, directory = make_plan(ablation(experiment_file)), AblationDirectory(tmp_path / "study")
    assert not directory.check(plan)
    directory.write_plan(plan, cut(group_trials(plan, 0), 0, 6, 0), ["ganlab", "ablate"])
    assert directory.check(plan)
    before = directory.plan_file.read_text()
    with pytest.raises(ConfigError, match=r"holds another plan: variants differ .*config.hyper.generator_lr"):
        directory.check(make_plan(ablation(experiment_file, changes={"config.hyper.generator_lr": 0.5})))
    with pytest.raises(ConfigError, match="kimg, variants differ"):
        directory.check(make_plan(ablation(experiment_file, kimg=1.0)))
    assert directory.plan_file.read_text() == before


def test_a_directory_of_something_else_is_refused(experiment_file, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty and holds no ablation"):
        AblationDirectory(tmp_path).check(make_plan(ablation(experiment_file)))
    file = tmp_path / "thesis.txt"
    with pytest.raises(ConfigError, match="is a file"):
        AblationDirectory(file).check(make_plan(ablation(experiment_file)))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "plan.json").write_text(json.dumps({"title": "half"}))
    with pytest.raises(ConfigError, match="does not read"):
        AblationDirectory(tmp_path / "other").read_plan()


def test_what_draws_no_samples_is_refused():
    file = Path(__file__).parents[2] / "experiments" / "cyclegan.py"
    with pytest.raises(ConfigError, match="system cyclegan draws no samples, by which trials are compared"):
        make_plan(ablation(str(file), axes={"rate": numbers("config.hyper.cycle_weight", 1.0, 10.0)}, metrics="fid",
                           changes={"config.data.kwargs": {"size": 16, "side": 16}}))
