"""Writes `zip.pt` and `legacy.pt` beside this file, with PyTorch: `python write.py`. Their values are easy to tell."""

import argparse
import collections
import pathlib

import torch

network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.BatchNorm2d(2))
with torch.no_grad():
    network[0].weight.copy_(torch.arange(18.0).reshape(2, 1, 3, 3))
whole = torch.arange(12.0).reshape(3, 4)
tree = {
    "state_dict": network.state_dict(), "params_ema": collections.OrderedDict(network.named_parameters()),
    "whole": whole, "row": whole[1], "turned": whole.t()[::2], "expanded": torch.ones(2, 1).expand(2, 3),
    "half": torch.tensor([1.5, -2.0]).half(), "bfloat16": torch.tensor([1.5, -2.0]).bfloat16(),
    "bool": torch.tensor([True, False]), "int64": torch.tensor([-(2**40), 5]), "scalar": torch.tensor(3.25),
    "empty": torch.zeros(0, 3), "uint16": torch.tensor([1, 65535], dtype=torch.uint16),
    "numpy": whole.numpy(), "epoch": 7, "lr": 1e-3, "betas": (0.5, 0.99), "name": "tiny", "none": None,
    "dtype": torch.float16, "args": argparse.Namespace(size=64)}
for name, new in (("zip.pt", True), ("legacy.pt", False)):
    torch.save(tree, pathlib.Path(__file__).parent / name, _use_new_zipfile_serialization=new)
