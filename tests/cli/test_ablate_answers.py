"""What `ganlab ablate` prints of names that are not its own, and what it refuses before it compiles or writes."""

import io
import types

import pytest
import rich.console

from ganlab.cli import ablate_command
from ganlab.cli.main import main

TITLE, QUESTION = "Is [tuned] better [/b]?", "[red]or[/red] [/]"


def console(**options):
    return rich.console.Console(file=io.StringIO(), markup=False, highlight=False, width=200, **options)


@pytest.mark.parametrize("terminal", [False, True])
def test_titles_and_questions_are_printed_as_they_are_written(terminal):
    plan = types.SimpleNamespace(title=TITLE, question=QUESTION, axes={"[axis]": ("[/a]", "b")}, design="all", seeds=(0,),
                                 trials=2, kimg=1.0, evaluations=1, metrics="fid", groups=())
    shown = console(force_terminal=terminal, color_system=None)
    ablate_command.print_plan(plan, [], {}, shown, timed=False)
    text = shown.file.getvalue()
    assert TITLE in text and QUESTION in text and "[axis]: [/a], b" in text


def test_a_bar_names_a_stack_by_levels_with_brackets(monkeypatch):
    monkeypatch.setattr(ablate_command, "group_words", lambda plan, group: "loss [/hinge]")
    config = types.SimpleNamespace(train=types.SimpleNamespace(total_rounds=3))
    plan = types.SimpleNamespace(groups=((types.SimpleNamespace(config=config),),))
    shown = console(force_terminal=True, color_system=None)
    with ablate_command.stack_bars(shown) as track:
        track(plan, types.SimpleNamespace(number=4, group=0, trials=(1, 2)))(3)
    assert "stack 4: loss [/hinge], 2 trials" in shown.file.getvalue()


def test_slurm_that_is_not_there_is_answered_before_anything_is_compiled_or_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(ablate_command, "plan_stacks", lambda *arguments: pytest.fail("compiled"))
    status = main(["ablate", "--ablation=experiments/ablations/penalties.py", f"--workdir={tmp_path / 'study'}",
                   "--launcher=slurm"])
    assert status == 2 and not (tmp_path / "study").exists()
    assert "--launcher=slurm: SLURM was not found here (sbatch is not on the PATH)" in capsys.readouterr().err
