"""Every configuration key: default, unit, meaning and allowed values. The one home of them, with
`systems/`."""

import dataclasses

from ganlab.config.key import (
    AT_LEAST_ZERO,
    BELOW_ONE,
    FINITE,
    FRACTION,
    NOT_EMPTY,
    POSITIVE,
    Key,
    one_of,
)
from ganlab.config.systems import AUGMENT_HYPER, SYSTEMS

KEYS: dict[str, Key] = {
    "name": Key("experiment", "what the run is called in tables and pictures", allowed=NOT_EMPTY,
                live=True),
    "seed": Key(0, "chooses initial weights, draws and the order of data",
                allowed=(lambda value: 0 <= value < 2**31, "a number from 0 to below 2^31")),
    "batch_size": Key(64, "real images of one update, over all devices", "images", POSITIVE,
                      known_as="--batch of StyleGAN, --batch_size of BigGAN, pix2pix and CycleGAN"),
    "data.source": Key("digits", "name of the data source", allowed=NOT_EMPTY,
                       known_as="--data of StyleGAN, --dataroot of pix2pix and CycleGAN, with "
                       "data.kwargs"),
    "data.kwargs": Key({}, "keyword arguments of the source",
                       known_as="--subset of StyleGAN: split='train[:1000]' of the sources tfds "
                       "and imported"),
    "data.flip": Key(False, "whether half of the images, drawn again each time, are mirrored left "
                     "to right",
                     known_as="--mirror of StyleGAN; the opposite of --no_flip of pix2pix and "
                     "CycleGAN"),
    "data.crop": Key(0, "side of the squares that training cuts out of larger images, at places "
                     "drawn again each time; all else sees their centres; 0 for whole images",
                     "pixels", AT_LEAST_ZERO, known_as="--crop_size of pix2pix and CycleGAN"),
    "data.device_share": Key(0.5, "share of a device's memory that data may take to stay there; "
                             "larger data is read ahead from disk or memory, to the same numbers",
                             allowed=FRACTION, live=True),
    "system.name": Key("gan", "name of the system that turns this config into a game",
                       allowed=NOT_EMPTY),
    "learning_rate_schedule": Key("constant", "how all learning rates change over training",
                                  allowed=one_of("constant", "linear", "cosine", "inverse_time"),
                                  known_as="--lr_policy of pix2pix and CycleGAN"),
    "ramps": Key("none", "numbers of config.hyper that change over training, each as name:shape of "
                 "linear, cosine or geometric, joined by +", allowed=NOT_EMPTY),
    "init.source": Key("", "run's directory, or file of `ganlab checkpoints --export`, from whose "
                       "weights a new run starts; empty for none",
                       known_as="--resume of StyleGAN from another network"),
    "init.step": Key(0, "checkpoint of that run; 0 for the newest", "rounds", AT_LEAST_ZERO),
    "init.networks": Key("all", "networks that start from it, joined by +, or all",
                         allowed=NOT_EMPTY),
    "init.weights": Key("trained", "weights of a run that are taken: as last trained, with the "
                        "averages beside, or the averages for both",
                        allowed=one_of("trained", "averaged")),
    "init.partial": Key(False, "whether arrays that do not fit are left as initialised; else they "
                        "are refused"),
    "train.total_rounds": Key(1000, "length of training", "rounds", POSITIVE, live=True,
                              known_as="--kimg of StyleGAN: rounds x images of a round / 1000"),
    "train.rounds_per_call": Key(1, "rounds compiled into one program call; more pays for tiny "
                                 "networks", "rounds", POSITIVE, live=True),
    "train.log_every_rounds": Key(50, "interval of lines in metrics.jsonl", "rounds", POSITIVE,
                                  live=True),
    "train.sample_every_rounds": Key(500, "interval of sample pictures", "rounds", POSITIVE,
                                     live=True),
    "train.checkpoint_every_rounds": Key(500, "interval of checkpoints", "rounds", POSITIVE,
                                         live=True),
    "train.evaluate_every_rounds": Key(0, "interval of metrics of the samples, each with a "
                                       "checkpoint; 0 for none", "rounds", AT_LEAST_ZERO,
                                       live=True),
    **{f"train.{name}_every_kimg": Key(0.0, "the same interval by images shown, of use where "
                                       f"batches change; 0 for train.{name}_every_rounds", "kimg",
                                       AT_LEAST_ZERO, live=True, known_as=f"{official} of StyleGAN")
       for name, official in (
           ("log", "--tick"),
           *dict.fromkeys(("sample", "checkpoint", "evaluate"), "--snap times --tick").items())},
    "train.singular_values_every_rounds": Key(
        0, "interval of the largest singular value of every weight, by 30 power iterations, in "
        "metrics.jsonl and plots; 0 for none", "rounds", AT_LEAST_ZERO, live=True,
        known_as="--sv_log_interval of BigGAN, with --log_G_spectra and --log_D_spectra"),
    "train.singular_values_every_kimg": Key(
        0.0, "the same interval by images shown; 0 for train.singular_values_every_rounds", "kimg",
        AT_LEAST_ZERO, live=True),
    "train.keep_checkpoints": Key(2, "newest checkpoints that are kept", "checkpoints", POSITIVE,
                                  live=True),
    "train.accumulate": Key(1, "slices in which each batch is played, one after another, to save "
                            "memory; the same numbers but for rounding", "slices", POSITIVE,
                            live=True,
                            known_as="--batch-gpu of StyleGAN; --num_G_accumulations and "
                            "--num_D_accumulations of BigGAN, whose --batch_size is that of a "
                            "slice"),
    "train.slice_statistics": Key(False, "whether each slice of a batch is normalized by itself, "
                                  "one after another, where a network normalizes over the batch: "
                                  "numbers then depend on the slices; else such a network takes no "
                                  "slices", known_as="what BigGAN's accumulations do"),
    "train.rematerialize": Key(False, "whether networks are computed again for their gradients, to "
                               "save memory (on CPU, XLA may undo it); the same numbers but for "
                               "rounding", live=True),
    "train.convolutions": Key("auto", "how networks compute convolutions: as is fastest here (on "
                              "CPU by shape, else by lax), by lax alone, or by matrix products "
                              "alone; the same numbers but for rounding",
                              allowed=one_of("auto", "lax", "matmul"), live=True),
    "train.precision": Key("float32", "format in which networks compute while they train; params, "
                           "statistics, losses and norms are in float32",
                           allowed=one_of("float32", "bfloat16")),
    "train.shard_state": Key(False, "whether params, optimizer state and averages are split over "
                             "the devices, which saves memory and costs traffic; the same numbers "
                             "but for rounding", live=True),
    "train.keep_every_rounds": Key(0, "of the checkpoints, those at multiples of this are kept for "
                                   "good; 0 for none", "rounds", AT_LEAST_ZERO, live=True),
    "train.on_divergence": Key("stop", "where a loss or gradient is not finite: stop the run "
                               "before that round, skip that step of the update, or roll_back to "
                               "the last checkpoint and continue with other random numbers",
                               allowed=one_of("stop", "skip", "roll_back")),
    "train.most_retries": Key(3, "how often a run rolls back, in all, before it stops", "times",
                              AT_LEAST_ZERO, live=True),
    "alarms.logit_gap": Key(0.0, "how far the critic's mean logit of real images is above that of "
                            "fake ones, in a logged round, when it counts as saturated; 0 for no "
                            "alarm", allowed=AT_LEAST_ZERO, live=True),
    "alarms.sample_diversity": Key(0.0, "mean distance between the samples of a training picture, "
                                   "as a share of that between real images, below which they count "
                                   "as collapsed; 0 for no alarm", allowed=AT_LEAST_ZERO,
                                   live=True),
    "alarms.stop": Key(False, "whether an alarm stops the run, with a checkpoint", live=True),
    "evaluate.metrics": Key("fid", "metrics joined by + or commas, as of `ganlab evaluate`",
                            allowed=NOT_EMPTY, live=True,
                            known_as="--metrics of StyleGAN, with train.evaluate_every_rounds"),
    "evaluate.features": Key("", "features by which metrics see images; empty for glyphs "
                             "of glyphs, digits of other images, pixels of points", live=True),
    "evaluate.weights": Key("", "weight file of the features inception2015 or dinov2", live=True),
    "evaluate.split": Key("", "split of the data whose images are compared and whose sources are "
                          "translated, such as test, or testA+testB where each kind has its own; "
                          "for folders, the ones beside; empty for the training data", live=True),
    "evaluate.number": Key(0, "samples, or translations; 0 for as many as real images, at most "
                           "50,000", "images", AT_LEAST_ZERO, live=True),
    "evaluate.best": Key("", "value whose best checkpoint is kept, such as fid or prdc/coverage; "
                         "empty for none", live=True),
    "sample.number": Key(100, "samples in each training picture", "images", POSITIVE, live=True),
}
SAMPLING_OPTIONS: dict[str, Key] = {
    "temperature": Key(1.0, "factor on the latents: below 1 safer, above 1 more varied",
                       allowed=AT_LEAST_ZERO, live=True, known_as="--z_var of BigGAN"),
    "truncation": Key(0.0, "draws each number of the latents within this distance of 0 (Brock et "
                      "al. 2019), before the factor; 0 for no bound", allowed=AT_LEAST_ZERO,
                      live=True,
                      known_as="truncation of BigGAN; not psi, which StyleGAN's --trunc is"),
    "psi": Key(1.0, "share of a style's distance from the average style: 0 is the average, 1 the "
               "style as it is (Karras et al. 2019)", allowed=FINITE, live=True,
               known_as="--trunc of StyleGAN"),
    "cutoff": Key(0, "first layers whose styles psi moves; 0 for all", "layers", AT_LEAST_ZERO,
                  live=True, known_as="truncation_cutoff of StyleGAN"),
    "noise": Key("random", "noise of style networks: random, the constant one of each layer, or "
                 "none", allowed=one_of("random", "constant", "none"), live=True,
                 known_as="--noise-mode of StyleGAN"),
    "translate_x": Key(0.0, "how far the generator's input, and with it the image, moves to the "
                       "right (Karras et al. 2021)", "image widths", FINITE, live=True,
                       known_as="the first number of --translate of StyleGAN3"),
    "translate_y": Key(0.0, "how far it moves down", "image heights", FINITE, live=True,
                       known_as="the second number of --translate of StyleGAN3"),
    "rotate": Key(0.0, "how far it turns, against the clock, before it moves", "degrees", FINITE,
                  live=True, known_as="--rotate of StyleGAN3"),
    "standing": Key(0, "batches of samples whose means are the statistics of batch normalization "
                    "(Brock et al. 2019, appendix A); 0 for the stored ones", "batches",
                    AT_LEAST_ZERO, live=True,
                    known_as="--num_standing_accumulations of BigGAN, 16 in its scripts; "
                    "-std_stat and -std_step of StudioGAN"),
}
"""Options of samplers by name, each with the value that does nothing: flags of `ganlab sample` and
`ganlab evaluate`, keys `sample.*` for training pictures, and what the protocol of a metric
names."""
KEYS |= {f"sample.{name}": dataclasses.replace(key, meaning=f"of training pictures: {key.meaning}")
         for name, key in SAMPLING_OPTIONS.items()}

NETWORK_KEYS: dict[str, Key] = {
    "network": Key("mlp", "architecture", allowed=NOT_EMPTY,
                   known_as="--netG and --netD of pix2pix and CycleGAN"),
    "kwargs": Key({}, "keyword arguments of the architecture"),
    "optimizer": Key("adam", "optimizer", allowed=NOT_EMPTY),
    "clip_gradients": Key("none", "limit on the gradients before the optimizer",
                          allowed=one_of("none", "value", "global_norm")),
    "projection": Key("none", "what the weights are projected on after the optimizer",
                      allowed=one_of("none", "weight_clip")),
    "regularizers": Key("none", "regularizers of the weights joined by +, or none",
                        allowed=NOT_EMPTY),
}

# Numbers of each structural choice; a network's are prefixed by its name (critic_lr).
OPTIMIZER_HYPER: dict[str, dict[str, Key]] = {
    "adam": {
        "lr": Key(2e-4, "learning rate", allowed=AT_LEAST_ZERO,
                  known_as="--glr and --dlr of StyleGAN, --G_lr and --D_lr of BigGAN"),
        "beta1": Key(0.5, "decay of the first moment", allowed=BELOW_ONE,
                     known_as="--G_B1 and --D_B1 of BigGAN, --beta1 of pix2pix and CycleGAN"),
        "beta2": Key(0.999, "decay of the second moment", allowed=BELOW_ONE),
        "eps": Key(1e-8, "added to the root of the second moment", allowed=AT_LEAST_ZERO,
                   known_as="--adam_eps of BigGAN"),
    },
    "rmsprop": {
        "lr": Key(5e-5, "learning rate", allowed=AT_LEAST_ZERO),
        "decay": Key(0.9, "decay of the squared-gradient average", allowed=BELOW_ONE),
        "eps": Key(1e-8, "added to the root of the average", allowed=AT_LEAST_ZERO),
    },
    "sgd": {
        "lr": Key(1e-2, "learning rate", allowed=AT_LEAST_ZERO),
        "momentum": Key(0.0, "decay of the velocity", allowed=BELOW_ONE),
    },
}
OPTIMIZER_HYPER["adamw"] = OPTIMIZER_HYPER["adam"] | {
    "weight_decay": Key(1e-4, "decoupled weight decay, times the learning rate",
                        allowed=AT_LEAST_ZERO)}

CLIP_HYPER: dict[str, dict[str, Key]] = {
    "none": {},
    "value": {"clip_gradients": Key(1.0, "largest absolute value of a gradient's entry",
                                    allowed=POSITIVE)},
    "global_norm": {"clip_gradients": Key(1.0, "largest norm of a network's gradient",
                                          allowed=POSITIVE)},
}
PROJECTION_HYPER: dict[str, dict[str, Key]] = {
    "none": {},
    "weight_clip": {"weight_clip": Key(0.01, "largest absolute weight", allowed=POSITIVE)},
}
REGULARIZER_HYPER: dict[str, dict[str, Key]] = {
    "orthogonal": {"orthogonal_weight": Key(1e-4, "weight of the regularizer of inner products of "
                                            "filters (BigGAN)", allowed=AT_LEAST_ZERO)},
    "l2": {"l2_weight": Key(1e-4, "weight of half the squared kernels", allowed=AT_LEAST_ZERO)},
}
SCHEDULE_HYPER: dict[str, dict[str, Key]] = {
    "constant": {},
    **{name: {
        "decay_start_kimg": Key(0.0, "where the decay of learning rates begins", "kimg",
                                AT_LEAST_ZERO,
                                known_as="--n_epochs of pix2pix and CycleGAN, in epochs"),
        "decay_end_kimg": Key(1000.0, "where it ends", "kimg", POSITIVE,
                              known_as="--n_epochs_decay of pix2pix and CycleGAN, in epochs from "
                              "its start"),
        "decay_final": Key(0.0, "what remains of the learning rates, as a fraction",
                           allowed=FRACTION),
    } for name in ("linear", "cosine")},
    "inverse_time": {"decay_per_kimg": Key(1e-3, "growth of the learning rates' divisor, from 1",
                                           "1/kimg", AT_LEAST_ZERO)},
}
EMA_HYPER: dict[str, Key] = {
    "ema_half_life_kimg": Key(10.0, "half-life of the averages of weights, such as the "
                              "generator's; 0 follows the weights", "kimg", AT_LEAST_ZERO,
                              known_as="ema_kimg of StyleGAN; --ema_decay of BigGAN, which is 1/2 "
                              "to the power of a round's images over the half-life"),
    "ema_warmup": Key(0.05, "limit of the half-life as a fraction of the images shown so far; 0 "
                      "for none", allowed=AT_LEAST_ZERO, known_as="ema_rampup of StyleGAN"),
}
OPTIONAL_HYPER: dict[str, Key] = {
    "ema_start_kimg": Key(0.0, "up to here the averages follow the weights", "kimg", AT_LEAST_ZERO),
}
"""Numbers that a config may have, and that mean nothing where it does not have them."""
RAMP_SHAPES = ("linear", "cosine", "geometric")
TRICK_HYPER: dict[str, dict[str, Key]] = {
    "label_smoothing": {"label_smoothing": Key(0.1, "how far the target of real images is below 1",
                                               allowed=FRACTION)},
    "label_noise": {"label_noise": Key(0.05, "width of the uniform noise that is taken from both "
                                       "targets", allowed=AT_LEAST_ZERO)},
    "label_flipping": {"label_flipping": Key(0.05, "probability that an image gets the other "
                                             "kind's target", allowed=FRACTION)},
    "instance_noise": {
        "instance_noise": Key(0.1, "deviation of the noise on all images that the critic sees, at "
                              "the start", allowed=AT_LEAST_ZERO),
        "instance_noise_end_kimg": Key(1000.0, "where it reaches 0, linearly", "kimg", POSITIVE)},
    "top_k": {"top_k": Key(0.75, "share of the fake images, those of highest logits, that train "
                           "the generator",
                           allowed=(lambda value: 0 < value <= 1, "a number above 0 and up to 1"))},
    "feature_matching": {"feature_matching": Key(1.0, "share of feature matching in the "
                                                 "generator's loss; the rest is the adversarial "
                                                 "loss", allowed=FRACTION)},
    "historical_averaging": {"historical_averaging": Key(
        1.0, "weight of each player's squared distance to the mean of its past params",
        allowed=AT_LEAST_ZERO)},
}
CONDITIONING_HYPER: dict[str, dict[str, Key]] = {
    "auxiliary": {"auxiliary_weight": Key(1.0, "weight of the auxiliary classifier's cross-entropy "
                                          "in both losses", allowed=AT_LEAST_ZERO)},
}
PENALTY_WEIGHTS: dict[str, float] = {
    "gradient_penalty": 10.0, "one_sided_gradient_penalty": 10.0, "maximum_gradient_penalty": 10.0,
    "dragan": 10.0, "r1": 10.0, "r2": 10.0}
PENALTIES_ELSEWHERE: dict[str, str] = {
    "r1": "--gamma of StyleGAN (by its rule 0.0002 x side^2 / batch_size), gamma of R3GAN; with "
          "system.penalty=r1",
    "r2": "gamma of R3GAN, with system.penalty=r1+r2",
    "gradient_penalty": "LAMBDA of WGAN-GP, wgan_lambda of PGGAN; with "
                        "system.penalty=gradient_penalty",
    "maximum_gradient_penalty": "maxgp_lambda of StudioGAN; with "
                                "system.penalty=maximum_gradient_penalty"}
"""What published tools call the weight of a penalty."""


def penalty_weight_key(penalty: str) -> tuple[str, Key]:
    """Returns name and key of a penalty's weight; for `package.module:function`, by the function's
    name."""
    short = penalty.rsplit(":", 1)[-1]
    return f"{short}_weight", Key(PENALTY_WEIGHTS.get(penalty, 1.0),
                                  f"weight of the critic penalty {short}", allowed=AT_LEAST_ZERO,
                                  known_as=PENALTIES_ELSEWHERE.get(penalty, ""))


def ramp_keys(name: str, key: Key) -> dict[str, Key]:
    """Returns the keys of the numbers that say how another number changes over training."""
    return {f"{name}_ramp_final": dataclasses.replace(key,
                                                      meaning=f"{name} at the end of its ramp"),
            f"{name}_ramp_start_kimg": Key(0.0, f"where the ramp of {name} begins", "kimg",
                                           AT_LEAST_ZERO),
            f"{name}_ramp_end_kimg": Key(1000.0, "where it ends", "kimg", POSITIVE)}


def known_elsewhere() -> dict[str, str]:
    """Returns by path what each key is called in published tools; those of networks are written
    `NETWORK_lr`."""
    numbers = (EMA_HYPER, AUGMENT_HYPER, *SCHEDULE_HYPER.values(),
               *(system.numbers for system in SYSTEMS.values()),
               *(numbers for system in SYSTEMS.values() for table in system.choices.values()
                 for numbers in table.values()),
               dict(map(penalty_weight_key, PENALTIES_ELSEWHERE)))
    places = [("", [KEYS]), ("system.", (system.structure for system in SYSTEMS.values())),
              ("networks.NETWORK.", [NETWORK_KEYS]), ("hyper.", numbers),
              ("hyper.NETWORK_", OPTIMIZER_HYPER.values())]
    found: dict[str, dict[str, None]] = {}
    for place, tables in places:
        for name, key in ((name, key) for table in tables for name, key in table.items()
                          if key.known_as):
            # Systems and optimizers may share a key and call it differently.
            found.setdefault(place + name, {})[key.known_as] = None
    return {path: ", ".join(names) for path, names in found.items()}
