"""How convolutions are computed: by `lax` on accelerators, by shape on a CPU."""

from ganlab.convolutions.layers import WithConvolutions, way_of

__all__ = ["WithConvolutions", "way_of"]
