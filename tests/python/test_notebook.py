"""The notebook of docs runs from top to bottom, as in a fresh kernel."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import ganlab

NOTEBOOK = Path(ganlab.__file__).parent.parent / "docs/first_steps.ipynb"


def test_the_notebook_runs_and_shows_its_pictures_and_its_table(tmp_path, monkeypatch):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # The kernel compiles as tests do.
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    text = "".join(output.get("text", "") for output in outputs)
    assert text.count("'status': 'finished'") == 4 and "(8, 8, 8, 1) uint8" in text


def test_the_notebook_is_kept_with_what_it_shows():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code" and "write_text" not in cell.source)
