"""ganlab: a functional GAN laboratory on JAX and Flax."""

__version__ = "0.2.0"
