"""What is in a data set, and what is wrong with it, before anything is trained on it."""

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np

from ganlab.data.dataset import Dataset, StoredImages
from ganlab.output import agreeing, counted

# Pictures of each kind that are looked at; of more, this many at equal distances.
MOST_EXAMINED = 20_000
BLOCK = 500  # Pictures that are held at once.
FEW_EXAMPLES = 1000
FEW_OF_A_CLASS = 10
LARGE_RATIO = 10  # Of the largest class to the smallest.
FEW_LEVELS = 64
NAMED = 3  # Names in a sentence; of more, it gives their number.


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Statistics of pictures of one kind, or of points: of the `looked_at` ones.

    `mean` and `deviation` [c] are of the pixels as networks see them, in [-1, 1]; `lowest` and
    `highest` are levels as stored. `blank` counts those of a single colour; `repeats` those of the
    others that are equal to an earlier one, byte by byte, and `contradictions` those of them whose
    label differs; `grey` is whether all pixels have three equal channels.
    """

    looked_at: int
    mean: np.ndarray
    deviation: np.ndarray
    lowest: float
    highest: float
    repeats: int
    contradictions: int
    blank: int
    grey: bool


@dataclasses.dataclass(frozen=True)
class Examination:
    """Examples by class [classes], statistics of images and sources, and complaints, sentences."""

    counts: np.ndarray
    images: Pictures
    sources: Pictures | None
    complaints: tuple[str, ...]


def examine(dataset: Dataset, most: int = MOST_EXAMINED) -> Examination:
    """Examines all labels and up to `most` of the images, and of the sources if there are any."""
    # Sources have no labels, so that their copies never contradict each other.
    counts = np.bincount(dataset.labels, minlength=dataset.num_classes)
    images = _look(dataset.images, dataset.labels, most)
    sources = None if dataset.sources is None else _look(
        dataset.sources, np.zeros(len(dataset.sources), np.int32), most)
    complaints = [*_complaints_of_classes(dataset, counts),
                  *_complaints_of_pictures("images", dataset.images, images)]
    if sources is not None:
        complaints += _complaints_of_pictures("sources", dataset.sources, sources)
        if dataset.sources.shape[1:3] != dataset.images.shape[1:3]:
            complaints.append(f"sources are {_size(dataset.sources.shape)} and images "
                              f"{_size(dataset.images.shape)}; most translations keep the size")
    return Examination(counts, images, sources, tuple(complaints))


def spread(size: int, most: int) -> np.ndarray:
    """Returns up to `most` indices below `size` at equal distances, in ascending order."""
    return np.arange(size) if size <= most else np.arange(most) * size // most


def _blocks(images: np.ndarray | StoredImages,
            index: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(index), BLOCK):
        part = index[start:start + BLOCK]
        yield part, images[part]


def _look(images: np.ndarray | StoredImages, labels: np.ndarray, most: int) -> Pictures:
    index = spread(len(images), most)
    pictures = len(images.shape) == 4
    channels = images.shape[-1]
    # For bytes, count how often each level occurs; keep points as they are. Both give exact means.
    levels = np.zeros((channels, 256), np.int64)
    points, seen = [], {}
    contradictions = blank = 0
    grey = pictures and channels == 3
    for part, block in _blocks(images, index):
        plain = np.zeros(len(block), bool)
        if pictures:
            levels += [np.bincount(block[..., channel].reshape(-1), minlength=256)
                       for channel in range(channels)]
            plain = np.all(block == block[:, :1, :1], axis=(1, 2, 3))
            grey = grey and bool(np.all(block == block[..., :1]))
        else:
            points.append(block)
        blank += int(plain.sum())
        # Copies are found by hash; a copy with another label contradicts the first one.
        for image, label in zip(block[~plain], labels[part][~plain].tolist(), strict=True):
            digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            contradictions += seen.setdefault(digest, label) != label
    repeats = len(index) - blank - len(seen)
    if not pictures:
        values = np.concatenate(points).astype(np.float64)
        return Pictures(len(index), values.mean(axis=0), values.std(axis=0), values.min(),
                        values.max(), repeats, contradictions, 0, False)
    # Mean and deviation of each channel, in [-1, 1], from the shares of its levels.
    share = levels / levels.sum(axis=1, keepdims=True)
    value = np.arange(256) / 127.5 - 1
    mean = share @ value
    deviation = np.sqrt((share * (value - mean[:, None]) ** 2).sum(axis=1))
    used = np.flatnonzero(levels.sum(axis=0))
    return Pictures(len(index), mean, deviation, int(used[0]), int(used[-1]), repeats,
                    contradictions, blank, grey)


def _complaints_of_classes(dataset: Dataset, counts: np.ndarray) -> Iterator[str]:
    size, names = len(dataset), np.array(dataset.class_names)
    if size < FEW_EXAMPLES:
        yield (f"there {agreeing(size, 'is', 'are')} only {counted(size, 'example')}, which a "
               "critic soon knows by heart; gather more, or expect samples that repeat them")
    # Classes of which a generator learns nothing, or little.
    if np.any(counts == 0):
        yield (f"{_named(names[counts == 0])} no examples: samples of them would be noise; take "
               "them out")
    few = (counts > 0) & (counts < FEW_OF_A_CLASS)
    if np.any(few):
        yield (f"{_named(names[few])} fewer than {FEW_OF_A_CLASS} examples: gather more, or take "
               "them out")
    # Samples without a class follow the shares of the classes.
    filled = counts[counts > 0]
    if filled.max() > LARGE_RATIO * filled.min():
        yield (f"the largest class, {names[counts.argmax()]}, has "
               f"{filled.max() / filled.min():.0f} times the examples of the smallest, "
               f"{names[np.where(counts > 0, counts, size + 1).argmin()]}: samples without a class "
               "will hardly show the small ones")
    unique, times = np.unique(names, return_counts=True)
    if np.any(times > 1):
        yield f"several classes have the name {unique[times.argmax()]}; give each its own"


def _named(names: np.ndarray) -> str:
    if len(names) > NAMED:
        return f"{len(names):,} classes ({', '.join(names[:NAMED])}, ...) have"
    return f"class {names[0]} has" if len(names) == 1 else f"classes {', '.join(names)} have"


def _complaints_of_pictures(kind: str, array: np.ndarray | StoredImages,
                            found: Pictures) -> Iterator[str]:
    # Copies and blanks: they count twice, contradict each other or teach nothing.
    if found.repeats:
        yield (f"{_share(found.repeats, found.looked_at)} {kind} repeat an earlier one exactly: "
               "they count twice in training, and a copy of a training image may be among the test "
               "images")
    if found.contradictions:
        yield (f"{_share(found.contradictions, found.looked_at)} {kind} repeat an earlier one but "
               "have another label")
    if found.blank:
        yield (f"{_share(found.blank, found.looked_at)} {kind} are of a single colour; look at "
               "them, and leave them out")
    if not np.all(np.isfinite(found.mean)):
        yield f"{kind} have values that are not finite; leave these out"
    if len(array.shape) != 4:
        return
    # Sizes that most networks refuse.
    height, width = array.shape[1:3]
    if height != width:
        yield (f"{kind} are {_size(array.shape)}, not square, which most networks want; import "
               "them with --crop=centre")
    elif height % 2:
        yield (f"{kind} are {_size(array.shape)}, an odd side, which networks that halve it "
               "refuse; import them at 32, 64, 128 or 256")
    # Levels that leave most of the range empty, mostly after a wrong conversion.
    if found.highest == found.lowest:
        yield (f"all {kind} have the single level {found.highest}; look at the files that they "
               "were made from")
    elif found.highest <= 1:
        yield f"{kind} have the levels 0 and 1 of 255, nearly black; multiply them by 255"
    elif found.highest - found.lowest < FEW_LEVELS:
        yield (f"{kind} use only the levels {found.lowest} to {found.highest} of 0 to 255; stretch "
               "their contrast")
    if found.grey:
        yield f"{kind} are grey in three equal channels; import them with --channels=1"


def _share(count: int, of: int) -> str:
    return f"{count:,} of {of:,} ({count / of:.1%})"


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[2]}x{shape[1]}"
