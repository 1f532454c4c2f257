"""A protocol's hash is that of everything in it, and numbers of different ones are not compared."""

import dataclasses

import pytest

from ganlab.config import ConfigError
from ganlab.evaluation import Protocol, differences, require_same
from ganlab.evaluation.protocol import protocol_of

PROTOCOL = Protocol("prdc", {"neighbours": 5}, {"name": "digits", "sha256": "ab"},
                    {"images": "digits", "split": "train", "number": 1797, "sha256": "cd"},
                    {"number": 1000, "seeds": [0], "weights": "averaged", "temperature": 1.0, "truncation": 0.0})

CHANGES = {"metric": "fid", "settings": {"neighbours": 3}, "features": {"name": "digits", "sha256": "00"},
           "reference": PROTOCOL.reference | {"number": 1796}, "samples": PROTOCOL.samples | {"seeds": [1]},
           "numbers": {"enable_x64": True}}


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(Protocol)])
def test_every_part_changes_the_hash(part):
    assert dataclasses.replace(PROTOCOL, **{part: CHANGES[part]}).hash != PROTOCOL.hash


def test_the_order_of_keys_does_not():
    turned = dataclasses.replace(PROTOCOL, reference=dict(reversed(PROTOCOL.reference.items())))
    assert turned.hash == PROTOCOL.hash


def test_a_protocol_is_that_of_its_dict():
    assert protocol_of(PROTOCOL.as_dict()) == PROTOCOL


def test_the_name_says_what_was_measured_and_what_is_unusual_alone():
    assert PROTOCOL.name == f"prdc[digits; 1,797 of digits; 1,000 averaged, seed 0] #{PROTOCOL.hash}"
    unusual = dataclasses.replace(PROTOCOL, samples=PROTOCOL.samples | {"truncation": 0.5, "seeds": [0, 1, 2]})
    assert "1,000 averaged, seeds 0 to 2, truncation 0.5" in unusual.name
    alone = dataclasses.replace(PROTOCOL, features={}, reference={})
    assert alone.name.startswith("prdc[1,000 averaged")


def test_the_name_says_what_users_compare_of_the_settings_and_nothing_of_those_that_are_not_known():
    path = dataclasses.replace(PROTOCOL, metric="ppl_wend", settings={"paths": 50000, "crop": "none"})
    assert path.name.startswith("ppl_wend[digits; 50,000 paths; 1,797 of digits")
    cropped = dataclasses.replace(path, settings={"paths": 50000, "crop": "faces"})
    assert cropped.name.startswith("ppl_wend[digits; 50,000 paths, crop faces; ")
    older = dataclasses.replace(PROTOCOL, metric="ms_ssim", settings={})
    assert older.name.startswith("ms_ssim[digits; 1,797 of digits")


def test_numbers_of_different_protocols_are_refused_with_every_difference():
    other = dataclasses.replace(PROTOCOL, settings=CHANGES["settings"], samples=CHANGES["samples"])
    require_same(PROTOCOL, protocol_of(PROTOCOL.as_dict()), "unused")
    with pytest.raises(ConfigError, match="(?s)settings.neighbours: 5 and 3.*look elsewhere") as error:
        require_same(PROTOCOL, other, "look elsewhere")
    assert all(line in str(error.value) for line in differences(PROTOCOL, other))
    assert len(differences(PROTOCOL, other)) == 2
