"""Keys of pix2pix."""

from ganlab.config.key import AT_LEAST_ZERO, NOT_EMPTY, Key
from ganlab.config.systems.augmentation import AUGMENT
from ganlab.config.systems.declaration import SystemKeys

KEYS = SystemKeys(structure={
    "loss": Key("non_saturating", "adversarial loss", allowed=NOT_EMPTY,
                known_as="--gan_mode of pix2pix"),
    "penalty": Key("none", "critic penalties joined by +, or none", allowed=NOT_EMPTY),
    **AUGMENT,
}, numbers={
    "l1_weight": Key(100.0, "weight of the mean absolute error to the image of the pair",
                     allowed=AT_LEAST_ZERO, known_as="--lambda_L1 of pix2pix"),
    "adversarial_weight": Key(1.0, "weight of the generator's adversarial loss",
                              allowed=AT_LEAST_ZERO),
    "critic_weight": Key(0.5, "weight of the critic's adversarial loss beside its penalties; half "
                         "slows it", allowed=AT_LEAST_ZERO),
})
