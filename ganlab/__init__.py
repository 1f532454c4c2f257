"""ganlab: a functional GAN laboratory on JAX and Flax."""

__version__ = "0.1.0"
