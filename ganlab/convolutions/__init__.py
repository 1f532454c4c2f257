"""How convolutions are computed: by `lax` on accelerators, by shape on a CPU."""

from ganlab.convolutions.layers import IN_A_BRANCH, WithConvolutions, way_of

__all__ = ["IN_A_BRANCH", "WithConvolutions", "way_of"]
