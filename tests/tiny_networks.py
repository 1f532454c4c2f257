"""Networks of every family at a tiny size, for images of a side that the family takes."""

from ganlab.networks import CRITICS, GENERATORS

PLAYERS = {"generator": GENERATORS, "critic": CRITICS}
SIDES = {"deep_conv": 32, "sngan": 32, "biggan": 32, "biggan_deep": 32}
"""The smallest images of families that are made for some sides, and do not have one `size`."""
ALWAYS_CONDITIONAL = {"biggan", "biggan_deep", "biggan_deep_published"}
"""Families whose generators need classes."""
UNBOUNDED = {"r3gan"}
"""Families whose images no unit bounds."""
KWARGS = {
    "mlp": {"width": 8, "depth": 1}, "dcgan": {"width": 4, "max_width": 8}, "residual": {"width": 4, "max_width": 8},
    "deep_conv": {}, "sngan": {"width": 1}, "biggan": {"width": 2, "attention": (16,)},
    "biggan_deep": {"width": 2, "attention": (), "depth": 1},
    # Of 8x8 pixels.
    "biggan_deep_published": {"width": 8, "layers": ((True, 1, 1),), "attention": 0},
    "r3gan": {"widths": (4, 4), "groups": (2, 2), "blocks": (1, 1), "embedding": 4}}
OF_GENERATORS = {"biggan": {"shared": 3}, "biggan_deep": {"shared": 3}}


def side_of(family, side=8):
    """The side that the family is made for, if it is made for some; else the one given."""
    return getattr(GENERATORS[family], "size", SIDES.get(family, side))


def tiny_kwargs(player, family, side=8):
    """Keyword arguments that make a network small, for images of this side."""
    builder = PLAYERS[player][family]
    if hasattr(builder, "filters"):
        return {"filters": (2,) * len(builder.filters)}
    kwargs = KWARGS.get(family, {}) | (OF_GENERATORS.get(family, {}) if player == "generator" else {})
    if family == "r3gan":
        stages = (side // 4).bit_length()
        kwargs = kwargs | {name: kwargs[name][:1] * stages for name in ("widths", "groups", "blocks")}
    if family == "biggan_deep_published":
        kwargs = kwargs | {"layers": kwargs["layers"] * (side // 8).bit_length()}
    return kwargs
