"""Keys of augmentation, of every system that has a critic."""

from ganlab.config.key import AT_LEAST_ZERO, FRACTION, NOT_EMPTY, POSITIVE, Key

AUGMENT: dict[str, Key] = {
    "augment": Key("none", "augmentation of all images that the critic sees: ada: and a set of "
                   "operations, as ada:bgc, diffaugment: and policies, package.module:function, or "
                   "none", allowed=NOT_EMPTY, known_as="--aug and --augpipe of StyleGAN2-ADA"),
}
AUGMENT_HYPER: dict[str, Key] = {
    "augment_p": Key(0.0, "chance of each augmentation at the start, or all along with an "
                     "augment_target of 0", allowed=AT_LEAST_ZERO,
                     known_as="--p of StyleGAN2-ADA"),
    "augment_target": Key(0.6, "mean sign of the critic's logits of real images to which the "
                          "chance adapts; 0 for a fixed chance", allowed=FRACTION,
                          known_as="--target of StyleGAN2-ADA"),
    "augment_speed_kimg": Key(500.0, "images in which the chance can move by 1", "kimg", POSITIVE,
                              known_as="ada_kimg of StyleGAN2-ADA"),
}
"""Numbers of an augmentation that has a chance."""


def has_chance(augment: str) -> bool:
    """Returns whether an augmentation, by its name, is applied by chance: DiffAugment always is."""
    return augment != "none" and not augment.startswith("diffaugment:")
