"""Files of PGGAN and StyleGAN are told from those of other systems, and read as the networks that a run takes."""

from pathlib import Path

import numpy as np
import pytest

from ganlab.cli import import_growing
from ganlab.cli.import_growing import is_pggan, is_stylegan1, read_pggan, read_stylegan1
from ganlab.pretrained import WeightsError

FILES = Path(__file__).parent.parent / "pretrained/files"
PGGAN, STYLEGAN = (str(FILES / f"tf-{name}-32.pkl") for name in ("pggan", "stylegan"))


def test_files_are_told_by_the_first_names_in_them():
    files = [str(path) for path in FILES.iterdir()]
    assert [path for path in files if is_pggan(path)] == [PGGAN]
    assert [path for path in files if is_stylegan1(path)] == [STYLEGAN]


@pytest.mark.parametrize(("read", "file", "sample"), [
    (read_pggan, PGGAN, {}), (read_stylegan1, STYLEGAN, {"psi": 0.7, "cutoff": 8})])
def test_a_file_is_three_networks_of_one_system(read, file, sample):
    found = read(file, None)
    assert [*found.networks] == ["average", "generator", "critic"] and found.sample == sample
    assert {network.network for network in found.networks.values()} == {found.system["name"]}
    assert {network.latent_size for network in found.networks.values()} == {12, 0} and not found.notes
    for other in {read_pggan, read_stylegan1} - {read}:
        with pytest.raises(WeightsError, match=f"{file} holds networks of .*leave --format out"):
            other(file, None)
    with pytest.raises(WeightsError, match="--network=G chooses between several"):
        read(file, "G")


def test_a_training_that_has_not_grown_up_is_told(monkeypatch):
    kind, networks, digest = import_growing.read_growing_pickle(PGGAN)
    networks["average"] = networks["average"]._replace(lod=np.float32(1.5).item())
    monkeypatch.setattr(import_growing, "read_growing_pickle", lambda path: (kind, networks, digest))
    note, = read_pggan(PGGAN, None).notes
    assert "G_ema, is of a training that had 1.5 levels yet to grow" in note
