"""Params and variables of BigGAN and BigGAN-deep out of the state dicts of the official code."""

import re

import numpy as np


def nested(flat):
    """A tree of the dicts that paths with a / name."""
    tree = {}
    for path, value in flat.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return tree


RENAMED = [
    (r"^blocks\.(\d+)\.(\d+)\.", r"blocks.\1.\2."), (r"^linear\.", "{linear}."), (r"^embed\.", "class_embedding."),
    (r"^output_layer\.0\.", "norm."), (r"^output_layer\.2\.", "output."), (r"^input_conv\.", "input."),
    (r"\.bn(\d)\.", r".norm\1."), (r"\.conv_sc\.", ".shortcut."), (r"\.bn\.", ".norm."),
]
