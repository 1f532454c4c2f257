"""Keys of CycleGAN."""

from ganlab.config.key import AT_LEAST_ZERO, NOT_EMPTY, Key
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    "loss": Key("least_squares", "adversarial loss", allowed=NOT_EMPTY,
                known_as="--gan_mode of CycleGAN"),
    "penalty": Key("none", "penalties of both critics joined by +, or none", allowed=NOT_EMPTY),
    **AUGMENT,
    "identity": Key(True, "whether each generator learns to leave pictures of its target's kind as "
                    "they are; if not, its two passes are not computed, and identity_weight is not "
                    "read"),
    "pool_size": Key(50, "past translations kept for each direction, from which half of what "
                     "critics see is drawn; 0 for none", "images", AT_LEAST_ZERO),
}, numbers={
    "cycle_weight": Key(10.0, "weight of the mean absolute error of what comes back",
                        allowed=AT_LEAST_ZERO, known_as="--lambda_A and --lambda_B of CycleGAN"),
    "identity_weight": Key(0.5, "weight of the mean absolute error of pictures that should stay as "
                           "they are, times cycle_weight", allowed=AT_LEAST_ZERO,
                           known_as="--lambda_identity of CycleGAN"),
    "adversarial_weight": Key(2.0, "weight of the generators' adversarial losses; the paper's "
                              "least squares are twice ours", allowed=AT_LEAST_ZERO),
    "critic_weight": Key(1.0, "weight of the critics' adversarial losses beside their penalties; "
                         "the paper halves its least squares, which ours are already",
                         allowed=AT_LEAST_ZERO),
})
