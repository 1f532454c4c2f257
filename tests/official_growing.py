"""The official numbers of PGGAN and StyleGAN: networks of every level with the official weights."""

import jax
import jax.numpy as jnp
import numpy as np
from official_numbers import Numbers, relative_error

from ganlab.networks import GROWING_CRITICS, GROWING_GENERATORS, STYLE_CRITICS, STYLE_GENERATORS
from ganlab.networks.style.levels import level_sizes
from ganlab.pretrained import growing

BUILDERS = STYLE_GENERATORS | GROWING_GENERATORS
CRITIC_BUILDERS = STYLE_CRITICS | GROWING_CRITICS
SHAPE, CLASSES, LAST = (32, 32, 3), 3, 3
CHANNELS = {"channel_base": 256, "channel_max": 16}
GENERATORS = {"pggan": CHANNELS, "stylegan1": {**CHANNELS, "styles": 20, "mapping_layers": 3, "mapping_width": 24}}
# The official minibatch deviation groups examples that are a stride apart, ours neighbours.
NEIGHBOURS = np.array([0, 2, 4, 6, 1, 3, 5, 7])
# By the lod: the level and how far it is faded in.
LODS = {0.0: (3, 1.0), 0.3: (3, 0.7), 1.0: (2, 1.0), 1.6: (2, 0.4), 3.0: (0, 1.0)}


class Official:
    """Networks, numbers and weights of a system."""

    def __init__(self, system):
        self.system, self.numbers = system, Numbers(f"{system}.npz")
        self.latents = self.numbers["in/latents"]
        self.labels = self.numbers["in/labels"].argmax(axis=1).astype(np.int32)
        self.images = self.numbers.images("in/images")

    def generator(self, level=None, **changes):
        return BUILDERS[self.system](SHAPE, CLASSES, level=level, **GENERATORS[self.system] | changes)

    def critic(self, level=None, **changes):
        return CRITIC_BUILDERS[self.system](SHAPE, CLASSES, level=level, **CHANNELS | changes)

    def to_generator(self, tensors, *fused):
        """Variables of official tensors of the generator."""
        return self._converted("generator", self.generator(), self.latents, tensors, *fused)

    def to_critic(self, tensors):
        """Variables of official tensors of the critic."""
        return self._converted("critic", self.critic(), self.images, tensors)

    def _converted(self, role, module, inputs, tensors, *fused):
        expected = jax.eval_shape(lambda: module.init(jax.random.key(0), inputs[:1], self.labels[:1]))
        unfused = getattr(growing, f"{self.system}_tensors")(tensors, *fused)
        return getattr(growing, f"{self.system}_{role}_variables")(unfused, expected)

    def weights(self):
        """Variables of both networks."""
        return (self.to_generator(self.numbers.within("sd/G")), self.to_critic(self.numbers.within("sd/D")))

    def judge(self, module, variables, images, labels):
        """Logits, and logits of classes if there are any, of images in the official order."""
        order = NEIGHBOURS if len(images) == len(NEIGHBOURS) else np.arange(len(images))
        logits, state = module.apply(variables, images[order], labels[order], mutable=["intermediates"])
        back = np.argsort(order)
        classes = state["intermediates"].get("class_logits", (None,))[0]
        return logits[back], None if classes is None else classes[back]

    def assert_same_at_every_lod(self):
        """Asserts that images and what the critic says of some are the official ones at every lod."""
        sizes, averaged = level_sizes(SHAPE), [self.images]
        for _ in range(LAST):
            b, h, w, c = averaged[-1].shape
            averaged.append(averaged[-1].reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4)))
        levels = {level for level, _ in LODS.values()}

        @jax.jit
        def every(generator, critic, fades):
            made = {level: self.generator(level, fading=True).apply(
                at(generator, fades[level]), self.latents, self.labels) for level in levels}
            judged = {level: self.judge(self.critic(level, fading=True), at(critic, fades[level]),
                                        averaged[LAST - level], self.labels) for level in levels}
            return made, judged

        weights, seen = self.weights(), 0
        for fades in ({3: 1.0, 2: 1.0, 0: 1.0}, {3: 0.7, 2: 0.4, 0: 1.0}):
            made, judged = every(*weights, fades)
            for lod, (level, fade) in LODS.items():
                if fades[level] != fade:
                    continue
                seen += 1
                expected = self.numbers.images(f"out/linear/img_lod{lod}")
                assert made[level].shape[1:3] == sizes[level]
                times = 2 ** (LAST - level)
                whole = np.repeat(np.repeat(made[level][:len(expected)], times, axis=1), times, axis=2)
                assert relative_error(whole, expected) < 2e-5, lod
                logits, classes = judged[level]
                assert relative_error(logits, self.numbers[f"out/linear/score_lod{lod}"][:, 0]) < 2e-5, lod
                if f"out/linear/label_lod{lod}" in self.numbers.arrays:
                    assert relative_error(classes, self.numbers[f"out/linear/label_lod{lod}"]) < 2e-5, lod
        assert seen == len(LODS) + 1


def at(variables, fade):
    """Variables whose level is faded in so far."""
    return {**variables, "growth": {"fade": jnp.float32(fade)}}


def double(tree):
    """A tree of numbers in double precision."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)
