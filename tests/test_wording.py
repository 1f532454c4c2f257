"""Numbers agree with their nouns, and places in an order have their endings, in everything that is printed."""

import ast
import dataclasses
import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from tiny import IMAGES, tiny_config

import ganlab
from ganlab.output import agreeing, counted, ordinal, span
from ganlab.report.tables import round_table
from ganlab.systems import build_game

ORDINALS = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 10: "10th", 11: "11th", 12: "12th", 13: "13th", 20: "20th",
            21: "21st", 22: "22nd", 33: "33rd", 100: "100th", 101: "101st", 111: "111th", 112: "112th", 113: "113th",
            1002: "1,002nd", 1011: "1,011th"}


@pytest.mark.parametrize("number", ORDINALS)
def test_places_have_the_ending_of_their_last_word(number):
    assert ordinal(number) == ORDINALS[number]


def test_nouns_and_verbs_go_with_their_number():
    assert [counted(number, "image") for number in (0, 1, 2, 1000)] == ["0 images", "1 image", "2 images",
                                                                        "1,000 images"]
    assert [counted(number, "class is", "classes are") for number in (1, 3)] == ["1 class is", "3 classes are"]
    assert [agreeing(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]
    assert [span(0, 0), span(2, 5)] == ["0", "2 to 5"]


def texts(root):
    """Every f-string of a package as its pieces: words, and None for what is filled in."""
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield file, node.lineno, "".join(
                    piece.value if isinstance(piece, ast.Constant) else "\0" for piece in node.values)


def test_no_text_writes_an_ordinal_by_itself():
    found = [f"{file}:{line}" for file, line, text in texts(Path(ganlab.__file__).parent)
             if re.search(r"\0(th|st|nd|rd)\b", text) and file.name != "wording.py"]
    assert not found, f"write ordinal(...) in {found}"


def shown(game):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(round_table(game))
    return console.export_text()


def test_the_table_of_a_round_agrees_with_its_numbers():
    game = build_game(tiny_config(system={"critic_step": "one_pass", "critic_updates": 1, "conditional": False,
                                          "penalty": "none"}), IMAGES)
    assert f"{counted(game.slots, 'batch', 'batches')} of {game.batch_size}" in shown(game)
    critic, generator = game.round
    for every, words in ((2, "every 2nd"), (3, "every 3rd"), (16, "every 16th"), (21, "every 21st")):
        assert words in shown(dataclasses.replace(game, round=(critic, dataclasses.replace(generator, every=every))))
