"""What `ganlab import` says of weight files that are wrapped, not finite, or of what no picture has."""

import numpy as np
import pytest
from official_cut import cut_tensors
from official_translation import tensors
from torch_writers import tensor, torch_zip

from ganlab.cli.main import main


def write(path, weights):
    """A file of `torch.save` of tensors by name."""
    path.write_bytes(torch_zip({name: tensor(np.ascontiguousarray(array), str(i))
                                for i, (name, array) in enumerate(weights.items())}))
    return str(path)


def with_nan(weights):
    last = list(weights)[-1]
    return weights | {last: np.where(np.arange(weights[last].size).reshape(weights[last].shape) == 1, np.nan,
                                     weights[last]).astype(np.float32)}


def both():
    return {f"netG_{name}.{key}": array for name in "AB" for key, array in tensors(f"cyc_G_{name}").items()}


def of_channels(source, made):
    weights = cut_tensors(channels=made)
    return weights | {"model.1.weight": np.zeros((2, source, 7, 7), np.float32)}


REFUSED = {
    "not finite": (lambda: with_nan(tensors("cyc_G_A")), [], ["model.23.bias with 1 of 3 numbers", "not finite"]),
    "several": (both, [], ["several networks: netG_A, netG_B", "--network=netG_A"]),
    "not there": (both, ["--network=netG"], ["--network=netG is not a network", "netG_A, netG_B"]),
    "no way back": (both, ["--network=netG_A", "--back_network=D"], ["--back_network=D is not a network"]),
    "takes 4": (lambda: of_channels(4, 3), [], ["takes images of 4 channels", "1 (grey) or 3"]),
    "makes 4": (lambda: of_channels(3, 4), [], ["makes images of 4 channels", "1 (grey) or 3"]),
    "takes 2": (lambda: of_channels(2, 3), [], ["takes images of 2 channels"]),
    "makes 2": (lambda: of_channels(1, 2), [], ["makes images of 2 channels"]),
    "another norm": (lambda: tensors("cyc_G_A"), ["--normalization=batch"], ["--normalization=batch", "no scales"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_run_is_answered_in_a_sentence_before_anything_is_written(case, tmp_path, capsys):
    weights, flags, words = REFUSED[case]
    file = write(tmp_path / "file.pth", weights())
    assert main(["import", "--format=pytorch-cyclegan", file, str(tmp_path / "run"), *flags]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and all(word in said for word in (file, *words)), said
    assert not (tmp_path / "run").exists()
