"""ganlab: a functional GAN laboratory on JAX and Flax."""

__version__ = "0.3.0"
