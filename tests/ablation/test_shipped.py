"""Every command of a shipped ablation makes a valid plan, and a comparison of methods compares them alone."""

import functools
import re
from pathlib import Path

import pytest

from ganlab.ablation import load_ablation, make_plan
from ganlab.config import METHODS, planned_stages, square_sizes

FILES = sorted(Path("experiments/ablations").glob("*.py"))
COMMAND = r"ganlab ablate --ablation=(\S+) --workdir=\S+"
TEXTS = [text for file in FILES for text in re.findall(COMMAND, file.read_text().replace("\\\n", ""))]


@functools.cache
def plan_of(text):
    # A plan traces every group's networks: of nine groups of StyleGAN2 and of six of SNGAN two will do.
    fewer = {"few_pictures.py": ":pictures=500,augmentations=none+ADA",
             "conditioning.py": ":ways=concatenation+ContraGAN", "growing.py": ":parts=nothing+growing"}
    return make_plan(load_ablation(text + fewer.get(text.rpartition("/")[2], "")))


def test_the_docstring_of_each_gives_its_command():
    assert {text.partition(":")[0] for text in TEXTS} == {str(file) for file in FILES}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.rpartition("/")[2])
def test_a_shipped_ablation_is_a_plan_of_enough_seeds_for_an_interval(text):
    plan = plan_of(text)
    assert len(plan.seeds) >= 5 and (len(plan.variants) > 1 or "methods=" in text)
    # At equal real images, to within a call of the program.
    for variant in plan.variants:
        train, config = variant.config.train, variant.config
        per_round = config.batch_size * config.system.get("critic_updates", 1)
        images = train.total_rounds * per_round
        if "first_level" in config.system:  # Earlier stages have larger batches.
            *before, _ = planned_stages(config.system, square_sizes(config.data.kwargs.side), config.batch_size)
            images += sum(stage.rounds * (stage.images - per_round) for stage in before)
        assert 0 <= images - 1000 * plan.kimg < train.rounds_per_call * per_round


def test_a_small_ablation_of_what_grows_has_the_levels_of_the_full_one():
    small, full = (plan_of(next(text for text in TEXTS if text.endswith("/growing.py")) + rest)
                   for rest in (":parts=nothing", ":size=full,parts=nothing"))
    assert full.kimg == 4 * small.kimg
    one, other = (plan.variants[0].config.system for plan in (small, full))
    assert [4 * kimg for kimg in one.training_kimg] == list(other.training_kimg)
    assert (one.first_level, one.batch_sizes, one.rate_factors) == (other.first_level, other.batch_sizes, other.rate_factors)


def test_variants_of_few_pictures_differ_in_their_glyphs_and_augmentation_alone():
    plan = plan_of(next(text for text in TEXTS if "few_pictures.py:" in text))
    assert {(variant.levels["training glyphs"], variant.config.data.kwargs.size) for variant in plan.variants} == {
        (500, 500), (2000, 2000), (8000, 8000)} and len(plan.variants) == 9
    assert {variant.config.data.kwargs.side for variant in plan.variants} == {16}
    allowed = {"data.kwargs", "system.augment", *(f"hyper.augment_{name}" for name in ("p", "target", "speed_kimg"))}
    assert all(plan.changes(variant).keys() <= allowed for variant in plan.variants)
    assert {variant.config.evaluate.split for variant in plan.variants} == {"test"}


@pytest.mark.parametrize("text", [text for text in TEXTS if "mode_coverage" in text],
                         ids=lambda text: text.rpartition("/")[2])
def test_methods_of_a_data_set_differ_in_no_network_no_latents_and_no_schedule(text):
    plan = plan_of(text)
    assert "methods=" in text or [variant.levels["method"] for variant in plan.variants] == list(METHODS)
    assert min(plan.seeds) > 9, "seeds 0 to 9 served to choose the settings"
    same = {(config.data.source, config.system.latent_size, config.system.latent_distribution, config.batch_size,
             config.learning_rate_schedule, config.hyper.decay_end_kimg, config.hyper.ema_half_life_kimg,
             *((section.network, section.kwargs.to_json()) for section in config.networks.values()))
            for config in (variant.config for variant in plan.variants)}
    assert len(same) == 1
    assert all(variant.config.hyper.decay_end_kimg == plan.kimg for variant in plan.variants)
