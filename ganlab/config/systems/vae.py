"""Keys of the variational autoencoder."""

from ganlab.config.key import AT_LEAST_ZERO, NOT_EMPTY, POSITIVE, Key
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    "latent_size": Key(2, "dimension of the latents", "numbers", POSITIVE),
    "reconstruction": Key("cross_entropy", "reconstruction loss", allowed=NOT_EMPTY),
}, numbers={
    "beta": Key(1.0, "weight of the Kullback-Leibler divergence beside the reconstruction loss",
                allowed=AT_LEAST_ZERO),
})
