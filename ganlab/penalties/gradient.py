"""Gradient penalties of the critic: unweighted, per example, by `jax.grad`.

The gradient of the summed logits with respect to the images is the per-example
gradient as long as no example sees another inside the critic; systems refuse a
batch-normalized critic for that reason.
"""

import jax
import jax.numpy as jnp

from ganlab.types import Array, LogitFn

# Under the root, because the slope of sqrt at 0 is infinite and a critic may be flat.
EPSILON = 1e-12


def image_gradients(logit_fn: LogitFn, images: Array, keys: Array) -> Array:
    """Computes the gradients [b, ...] of each example's logit with respect to its own image."""
    return jax.grad(lambda x: jnp.sum(logit_fn(x, keys)))(images)


def squared_slopes(logit_fn: LogitFn, images: Array, keys: Array) -> Array:
    """Computes squared Euclidean norms [b] of the image gradients, summed over all pixels."""
    gradients = image_gradients(logit_fn, images, keys)
    return jnp.sum(gradients**2, axis=tuple(range(1, gradients.ndim)))


def slopes(logit_fn: LogitFn, images: Array, keys: Array) -> Array:
    """Computes Euclidean norms [b] of the image gradients, differentiable at zero."""
    return jnp.sqrt(squared_slopes(logit_fn, images, keys) + EPSILON)


def interpolates(real: Array, fake: Array, keys: Array) -> Array:
    """Draws points [b, ...] uniform on the segments between paired real and fake images."""
    mix = jax.vmap(lambda key: jax.random.uniform(key, (), real.dtype))(keys)
    mix = mix.reshape(mix.shape + (1,) * (real.ndim - 1))
    return mix * real + (1.0 - mix) * fake


def surroundings(real: Array, keys: Array, axis_name: str | None) -> Array:
    """Draws points [b, ...] up to half a standard deviation of the batch from the real images.

    Kodali et al. 2017 perturb by uniform noise of half the deviation of all pixels of
    the batch; the penalized point lies uniformly between the image and that noise.
    """
    # The deviation of the global batch: moments are averaged over devices, deviations could not be.
    mean, square = jnp.mean(real), jnp.mean(real**2)
    if axis_name is not None:
        mean, square = jax.lax.pmean((mean, square), axis_name)
    deviation = jnp.sqrt(jnp.maximum(square - mean**2, 0.0))

    def perturb(image: Array, key: Array) -> Array:
        mix_key, noise_key = jax.random.split(key)
        noise = jax.random.uniform(noise_key, image.shape, image.dtype)
        return image + jax.random.uniform(mix_key, (), image.dtype) * 0.5 * deviation * noise

    return jax.vmap(perturb)(real, keys)


def _split(keys: Array) -> tuple[Array, Array]:
    pairs = jax.vmap(jax.random.split)(keys)
    return pairs[:, 0], pairs[:, 1]


def gradient_penalty(logit_fn: LogitFn, real: Array, fake: Array, keys: Array) -> Array:
    """Penalizes (slope - 1)^2 between real and fake (Gulrajani et al. 2017, eq. 3; weight 10)."""
    mix_keys, logit_keys = _split(keys)
    return (slopes(logit_fn, interpolates(real, fake, mix_keys), logit_keys) - 1.0) ** 2


def one_sided_gradient_penalty(logit_fn: LogitFn, real: Array, fake: Array, keys: Array) -> Array:
    """Penalizes max(0, slope - 1)^2 on interpolates (Petzka et al. 2018, eq. 8; weight 10)."""
    mix_keys, logit_keys = _split(keys)
    return jax.nn.relu(slopes(logit_fn, interpolates(real, fake, mix_keys), logit_keys) - 1.0) ** 2


def maximum_gradient_penalty(logit_fn: LogitFn, real: Array, fake: Array, keys: Array,
                             axis_name: str | None = None) -> Array:
    """Penalizes the largest squared slope on interpolates (Zhou et al. 2019, "Lipschitz GANs").

    Every example has the same penalty, that of the largest slope in the global batch.
    """
    mix_keys, logit_keys = _split(keys)
    squares = squared_slopes(logit_fn, interpolates(real, fake, mix_keys), logit_keys)
    largest = jax.lax.stop_gradient(jnp.max(squares))
    if axis_name is not None:
        largest = jax.lax.pmax(largest, axis_name)
    # Examples of equal slopes share the gradient; the sum over devices is the largest square again.
    chosen = jax.lax.stop_gradient(squares) >= largest
    total, number = jnp.sum(jnp.where(chosen, squares, 0.0)), jnp.sum(chosen)
    if axis_name is not None:
        total, number = jax.lax.psum((total, number), axis_name)
    return jnp.broadcast_to(total / number, squares.shape)


def dragan(logit_fn: LogitFn, real: Array, fake: Array, keys: Array,
           axis_name: str | None = None) -> Array:
    """Penalizes (slope - 1)^2 around real images (Kodali et al. 2017, section 2.4; weight 10)."""
    del fake
    noise_keys, logit_keys = _split(keys)
    return (slopes(logit_fn, surroundings(real, noise_keys, axis_name), logit_keys) - 1.0) ** 2


def r1(logit_fn: LogitFn, real: Array, fake: Array, keys: Array) -> Array:
    """Penalizes half the squared slope on reals (Mescheder et al. 2018, eq. 9; weight gamma)."""
    del fake
    return 0.5 * squared_slopes(logit_fn, real, keys)


def r2(logit_fn: LogitFn, real: Array, fake: Array, keys: Array) -> Array:
    """Penalizes half the squared slope on fakes (Mescheder et al. 2018, eq. 10; weight gamma)."""
    del real
    return 0.5 * squared_slopes(logit_fn, fake, keys)
