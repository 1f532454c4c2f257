"""The Inception score: is the class of each sample certain, and are all classes there?"""

from typing import NamedTuple

import numpy as np

from ganlab.metrics.feature_arrays import check_count, checked


class InceptionScore(NamedTuple):
    """The score over splits of the samples: from 1 to the number of classes, more is better."""

    mean: float
    """Over the splits."""
    deviation: float
    """Standard deviation over the splits, divided by their number and not by one less."""


def inception_score(logits: np.ndarray, splits: int = 10, seed: int | None = 0) -> InceptionScore:
    """Computes the Inception score of a classifier's logits (Salimans et al. 2016, section 4).

    It is exp of the mean KL divergence of p(y|x) from p(y), the mean of p(y|x) over a split. The
    score grows with the samples in a split, so compare at equal numbers. The order is that of
    torch-fidelity for the same seed, NumPy's RandomState(seed), of which the default there is 2020.

    Args:
      logits: [n, c]. The published score takes those of the Inception network without bias.
      splits: parts of the samples, 1 to n; each has its own score.
      seed: of the order in which samples are dealt to the splits; None keeps the order.

    Raises:
      ValueError: for logits that are not finite, or more splits than samples.
    """
    from scipy.special import (
        log_softmax,  # Imported here, because a training begins without it.
    )

    logits = checked("logit", logits)
    check_count("splits", splits, 1, len(logits), "one sample for each")
    # Samples are dealt to the splits in a random order, because files are often sorted by class.
    if seed is not None:
        logits = logits[np.random.RandomState(seed).permutation(len(logits))]
    scores = []
    for split in range(splits):
        part = logits[split * len(logits) // splits:(split + 1) * len(logits) // splits]
        # p(y|x) of each sample, and p(y), their mean.
        logs = log_softmax(np.asarray(part, np.float64), axis=1)
        marginal = np.mean(np.exp(logs), axis=0)
        # The divergence, in which a class of probability 0 adds nothing: p log p goes to 0 with p.
        ratios = logs - np.log(np.maximum(marginal, np.finfo(np.float64).tiny))
        scores.append(np.exp(np.mean(np.sum(np.exp(logs) * ratios, axis=1))))
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
