"""How much surer a critic is of pictures that it was trained on than of held-out ones."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np

from ganlab.data import Dataset, to_float
from ganlab.evaluation.extraction import NotFinite
from ganlab.evaluation.measures import LOWER, NEITHER, Compared, Measure, Settings, mean_of
from ganlab.evaluation.picture_sets import PictureSet
from ganlab.game import Game
from ganlab.types import Array

CRITIC_GAP = "critic_gap"
MOST_PICTURES = 2048
Score = Callable[[Array, Array, Array | None], Array]
"""`(images[b, ...], labels[b], sources[b, ...] | None) -> logits[b]`."""


def critic_gap(score: Score | None, game: Game, batch_size: int, training: Dataset,
               held_out: Dataset, pictures: PictureSet) -> Measure:
    """Makes the measure of the critic's gap, by which its overfitting shows.

    With the logits t of training pictures and h of as many held-out ones,

        critic_gap = (mean t - mean h) / sqrt((var t + var h) / 2),

    the standardised mean difference (Cohen 1988, section 2.2), which does not change with the scale
    of the logits. `critic_gap/logits` is the numerator. A critic that has not learned its pictures
    by heart has a gap of 0. The pictures are not augmented, and are scored in evaluation mode, in
    batches of the size of training, in which a minibatch deviation sees as many neighbours of the
    same kind. Labels and the sources of pairs are the pictures' own.

    Args:
      score: what the critic makes of a batch; None where it is only asked what can be measured.
      game: the game; without a scorer the measure is refused.
      batch_size: of training.
      training: the data that the critic learns from.
      held_out: that by which it is measured; where it is the same, the measure is refused.
      pictures: those of `held_out`, by which the protocol names them.
    """
    found = {"training": training, "held_out": held_out}
    number = min(MOST_PICTURES, *map(len, found.values())) // batch_size * batch_size

    def shares(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
        random = np.random.default_rng((seed, 3))
        t, h = (_logits(score, dataset, random.permutation(len(dataset))[:number], batch_size)
                for dataset in found.values())
        if not np.all(np.isfinite([t, h])):
            raise NotFinite("the critic's logits are not finite; take an earlier checkpoint by "
                            "--step")
        # Means of as many differences, so that a bootstrap resamples both kinds.
        spread = np.sqrt((np.var(t) + np.var(h)) / 2)
        return {CRITIC_GAP: (t - h) / (spread if spread else 1.0), "logits": t - h}

    refused = ""
    if game.scorer is None:
        refused = "is of a critic's logits, and this system has no critic; leave it out"
    elif held_out is training:
        refused = ("compares training pictures with held-out ones, and no split has these; name "
                   "one by --split (config.evaluate.split), such as test")
    elif not number:
        refused = (f"is of whole batches (config.batch_size is {batch_size:,}), and there are "
                   f"{len(training):,} training and {len(held_out):,} held-out pictures; leave it "
                   "out")
    return mean_of(
        shares, "mean logit of training pictures minus that of held-out ones, by the root of the "
        "mean of their variances", {CRITIC_GAP: LOWER, "logits": NEITHER},
        settings={"pictures": MOST_PICTURES, "batch_size": batch_size,
                  "shown": "in evaluation mode, not augmented",
                  "held_out": {**pictures.identity, "number": pictures.number,
                               "sha256": pictures.cache_key[:16]}},
        needs=(), sees=False, refused=refused)


def _logits(score: Score, dataset: Dataset, chosen: np.ndarray, batch_size: int) -> np.ndarray:
    """Computes the critic's logits float64 [n] of chosen examples, in batches of one size."""
    paired = dataset.sources is not None and dataset.paired
    parts = []
    for start in range(0, len(chosen), batch_size):
        rows = chosen[start:start + batch_size]
        sources = to_float(jnp.asarray(dataset.sources[rows])) if paired else None
        parts.append(score(to_float(jnp.asarray(dataset.images[rows])),
                           jnp.asarray(dataset.labels[rows]), sources))
    return np.concatenate([np.asarray(part, np.float64) for part in parts])
