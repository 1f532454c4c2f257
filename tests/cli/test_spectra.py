"""`ganlab evaluate --metrics=spectra` writes power spectra as a number, as arrays and as a picture."""

import json

import numpy as np
import pytest
from PIL import Image

from ganlab.cli.main import main
from ganlab.evaluation import folder_pictures
from ganlab.metrics import Spectrum, add_images, power_spectrum, spectral_distance, value_statistics

SIDE = 16


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Pictures of noise, and the same with every second column a little brighter."""
    root, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(3)
    for number in range(12):
        pixels = noise.integers(40, 200, size=(SIDE, SIDE, 3)).astype(np.uint8)
        for name, brighter in (("real", 0), ("made", 30)):
            (root / name).mkdir(exist_ok=True)
            shown = pixels + np.uint8(brighter) * (np.arange(SIDE) % 2 == 0)[:, None].astype(np.uint8)
            Image.fromarray(shown).save(root / name / f"{number:02}.png")
    return root


def test_spectra_of_folders_are_measured_kept_and_drawn(folders, tmp_path, capsys):
    assert main(["evaluate", f"--real={folders / 'real'}", f"--fake={folders / 'made'}", "--metrics=spectra",
                 "--bootstrap=5", f"--output={tmp_path}"]) == 0
    assert "spectra.npz" in capsys.readouterr().out
    entry, = json.loads((tmp_path / "results.json").read_text())
    assert entry["better"] == "lower" and entry["intervals"] == [] and entry["protocol"]["features"] == {}
    assert entry["protocol"]["settings"]["window"] == "Kaiser, beta 8" and "arrays" not in entry
    # The arrays are those of both sets, on the scale of the real one.
    kept = dict(np.load(tmp_path / "spectra.npz"))
    sums = {name: add_images(None, folder_pictures(str(folders / name)).read(0, 12)) for name in ("real", "made")}
    scale = value_statistics(sums["real"])
    assert (kept["mean"], kept["deviation"]) == pytest.approx(scale)
    for name, of in (("real", "real"), ("generated", "made")):
        np.testing.assert_allclose(kept[name], power_spectrum(sums[of], *scale).powers, rtol=1e-9, atol=1e-12)
    distance = spectral_distance(*(Spectrum(kept["down"], kept["across"], kept[name])
                                   for name in ("real", "generated")))
    assert entry["value"] == pytest.approx(distance) and distance > 0.1
    # Brighter columns are a wave along width at the highest frequency, and a lighter picture.
    more = kept["generated"] - kept["real"]
    assert more[2 * SIDE, 0] > 1 and np.argmax(more[2 * SIDE]) in (0, 2 * SIDE)
    with Image.open(tmp_path / "spectra.png") as picture:
        assert picture.width > 1000
