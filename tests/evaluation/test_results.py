"""results.json: adding values replaces those of the same name, round and protocol, and loses no others."""

import dataclasses
import json

import pytest

from ganlab.config import ConfigError
from ganlab.evaluation import Protocol, Record, Result, Uncertainty, add_results, read_results

PROTOCOL = Protocol("fid", {}, {"name": "digits"}, {}, {"number": 10, "seeds": [0, 1], "weights": "averaged"})
RESULT = Result("fid", 1.25, "lower", PROTOCOL, (1.0, 1.5), (Uncertainty("seeds", 0.5, 2.0, 0.95, 2),), "beware")


def changed(**changes):
    return dataclasses.replace(RESULT, **changes)


def test_what_is_written_is_what_is_read(tmp_path):
    records = [Record(RESULT, "", 100, 6.4), Record(changed(name="kid"), "", 200, 12.8)]
    assert add_results(tmp_path / "r.json", records) == read_results(tmp_path / "r.json") == records
    entry = json.loads((tmp_path / "r.json").read_text())[0]
    assert entry["protocol"]["hash"] == PROTOCOL.hash and entry["protocol"]["name"].endswith(PROTOCOL.hash)


def test_a_value_replaces_the_one_of_its_name_round_and_protocol_alone(tmp_path):
    other = dataclasses.replace(PROTOCOL, settings={"k": 3})
    add_results(tmp_path / "r.json", [Record(RESULT, "", 100, 6.4), Record(RESULT, "", 200, 12.8),
                                      Record(changed(protocol=other), "", 100, 6.4)])
    every = add_results(tmp_path / "r.json", [Record(changed(value=7.0), "", 100, 6.4)])
    assert sorted((record.step, record.result.value) for record in every) == [(100, 1.25), (100, 7.0), (200, 1.25)]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"name": "fid"}]', "[", "3"])
def test_a_file_of_something_else_is_refused_and_stays(tmp_path, content):
    file = tmp_path / "r.json"
    file.write_text(content)
    if content == "{}":
        file.write_text('{"a": 1}')
    before = file.read_text()
    with pytest.raises(ConfigError, match="holds no results"):
        add_results(file, [Record(RESULT)])
    assert file.read_text() == before


def test_missing_results_name_the_command_that_makes_them(tmp_path):
    with pytest.raises(ConfigError, match="ganlab evaluate"):
        read_results(tmp_path / "none.json")


def test_values_of_several_subjects_live_in_one_file_and_the_last_added_comes_last(tmp_path):
    add_results(tmp_path / "r.json", [Record(RESULT, "a"), Record(RESULT, "b")])
    every = add_results(tmp_path / "r.json", [Record(changed(value=9.0), "a")])
    assert [(record.subject, record.result.value) for record in every] == [("b", 1.25), ("a", 9.0)]
