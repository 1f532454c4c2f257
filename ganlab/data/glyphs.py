"""Letters and digits of the fonts that ship with matplotlib: labelled images, no download."""

import functools
import string

import numpy as np

from ganlab.config import unknown
from ganlab.data.dataset import Dataset

# The text faces of matplotlib: those that draw every character below as an upright or slanted
# letter of a running text. Left out are what has no Latin letters at these places (STIXNonUni*,
# STIXSiz*, DejaVu*Display, LastResort, cmex10, cmsy10) and the italic of formulas (cmmi10). A list
# and not a pattern, so that a font that is added to matplotlib changes no data.
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta",
    "cmr10", "cmb10", "cmti10", "cmss10", "cmtt10")
CAPITALS = string.ascii_uppercase
CHARACTERS = string.digits + CAPITALS + string.ascii_lowercase
SPLITS = ("train", "test")

SIDE = 32  # For which all lengths below are given; they grow with the side of the images.
SMALLEST_SIDE = 16  # Below, strokes are thinner than a pixel and glyphs hard to read.
# Of the letter H in pixels: small letters stay small, so that c and C can be told apart.
CAPITAL_HEIGHT = 22
LARGEST_EXTENT = 28  # Glyphs that would be wider or taller (W, j) are made smaller.
# From ink to frame in pixels: enough for the soft edge of the ink to end within, at any side.
MARGIN = 1.5
# Pixels of a drawn glyph to one of an image: fine enough that the nearest one will do.
OVERSAMPLING = 4
PADDING = 2  # Empty pixels around a drawn glyph, in which its edge can fade.

# Jitter, uniform between the bounds, or between minus and plus the bound.
SCALE = (0.85, 1.15)
ROTATION, SHEAR, SHIFT = np.deg2rad(10), 0.15, 2.0  # In radians; as a tangent; in pixels.


@functools.cache
def _drawn_glyphs(side: int) -> tuple[tuple, np.ndarray]:
    """Draws every glyph of every font, large, for images of `side` pixels and cut to its ink.

    Cached because a small set costs less than this; what is kept is never changed.

    Returns:
      Pillow images in the order of fonts, then characters, and the half extents of their ink,
      [fonts * characters, 2], (x, y) in pixels of the final images.
    """
    # Imported here, as all that draws: other sources need not wait for it.
    from pathlib import Path

    import matplotlib
    from PIL import Image, ImageFilter, ImageFont, ImageOps

    # The mean over the area of a final pixel, which sampling at its centre then keeps.
    soften = ImageFilter.BoxBlur((OVERSAMPLING - 1) / 2)
    pictures, extents = [], []
    # Every font at the size at which its H has the same height.
    for name in FONTS:
        file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
        # The basic layout is in every Pillow; another one may place glyphs otherwise.
        font = ImageFont.truetype(str(file), 100, layout_engine=ImageFont.Layout.BASIC)
        height = CAPITAL_HEIGHT * (side / SIDE) * OVERSAMPLING
        font = font.font_variant(size=100 * height / -font.getbbox("H", anchor="ls")[1])
        for character in CHARACTERS:
            mask = font.getmask(character)
            ink = Image.frombytes("L", mask.size, bytes(mask))
            ink = ink.crop(ink.getbbox())
            pictures.append(ImageOps.expand(ink, PADDING).filter(soften))
            extents.append(ink.size)
    return tuple(pictures), np.array(extents) / (2 * OVERSAMPLING)


def _jitter(draws: np.ndarray, extents: np.ndarray, side: int) -> np.ndarray:
    """Computes the affine maps [n, 6] from image to drawn glyph, as Pillow takes them.

    Args:
      draws: uniform in [0, 1), [n, 5]: scale, rotation, shear, and shift in x and y.
      extents: half extents of the ink, [n, 2].
      side: of the images in pixels.
    """
    unit = side / SIDE
    margin = MARGIN * max(unit, 1)
    scale = SCALE[0] + (SCALE[1] - SCALE[0]) * draws[:, 0]
    scale = scale * np.minimum(1, LARGEST_EXTENT * unit / 2 / extents.max(axis=1))
    angle, shear, *shift = (2 * draws[:, 1:].T - 1) * np.array([ROTATION, SHEAR, 1, 1])[:, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    # A rotation of what the shear has slanted.
    forward = np.stack([cosine, cosine * shear - sine, sine, sine * shear + cosine],
                       axis=-1).reshape(-1, 2, 2)
    # The box of the turned ink; a glyph that would leave the frame is made smaller and moved less.
    half = np.einsum("nij,nj->ni", np.abs(forward), extents)
    scale = np.minimum(scale, (side / 2 - margin) / half.max(axis=1))
    room = np.minimum(SHIFT * unit, side / 2 - margin - scale[:, None] * half)
    middle = side / 2 + room * np.stack(shift, axis=-1)
    # Pillow maps pixels of the image back to the glyph.
    backward = np.linalg.inv(forward) * (OVERSAMPLING / scale)[:, None, None]
    offset = OVERSAMPLING * extents + PADDING - np.einsum("nij,nj->ni", backward, middle)
    return np.concatenate([backward, offset[..., None]], axis=-1).reshape(-1, 6)


def _painted(images: np.ndarray, draws: np.ndarray, block: int = 1000) -> np.ndarray:
    """Paints grey glyphs [n, h, w, 1] in one random colour on another, by draws [n, 6].

    Returns uint8 [n, h, w, 3].

    In every channel the two colours differ by 96 to 160 of 255, so that all glyphs can be read.
    """
    foreground = np.floor(256 * draws[:, :3]).astype(np.int32)
    background = (foreground + 96 + np.floor(65 * draws[:, 3:]).astype(np.int32)) % 256
    painted = np.empty((*images.shape[:3], 3), np.uint8)
    for start in range(0, len(images), block):
        part = slice(start, start + block)
        near, far = foreground[part, None, None], background[part, None, None]
        painted[part] = far + (near - far) * images[part].astype(np.int32) // 255
    return painted


def _transformed(glyph: np.ndarray, draws: np.ndarray, side: int) -> np.ndarray:
    """Draws glyphs by their numbers [n], jittered by draws [n, 5]: uint8 [n, side, side, 1]."""
    from PIL import Image

    if side < SMALLEST_SIDE:
        raise ValueError(f"side is {side}, too small to read glyphs; use at least {SMALLEST_SIDE}")
    pictures, extents = _drawn_glyphs(side)
    # Pillow draws each glyph by its affine map, in one pass from the large picture.
    maps = _jitter(draws, extents[glyph], side)
    drawn = [pictures[number].transform((side, side), Image.Transform.AFFINE, numbers,
                                        Image.Resampling.NEAREST).tobytes()
             for number, numbers in zip(glyph.tolist(), maps.tolist(), strict=True)]
    return np.frombuffer(b"".join(drawn), np.uint8).reshape(len(glyph), side, side, 1)


def glyphs(size: int = 50_000, seed: int = 0, colour: bool = False, side: int = SIDE,
           split: str = "train", test_size: int = 10_000) -> Dataset:
    """Draws digits and letters, 62 classes in 21 fonts, 32x32 pixels or of another side.

    The classes are 0-9, then A-Z, then a-z. The fonts are the text faces that matplotlib carries
    (DejaVu, STIX and Computer Modern). Each image is one of the 1,302 glyphs, scaled, turned,
    slanted and moved at random: bright on black with smooth edges, uint8 [size, side, side, 1].
    Some classes differ only by their size (c and C) or hardly at all (0 and O, l and I in some
    fonts), so no classifier can be perfect.

    Args:
      size: number of images. The first images of a larger set are those of a smaller one.
      seed: chooses glyphs, fonts, jitter and colours.
      colour: draw the same glyphs in random colours, uint8 [size, side, side, 3].
      side: of the images in pixels, at least 16. A larger one shows the same glyphs in the same
        places, drawn finer.
      split: `train`, or `test`: held-out images, of which none is one of `train`.
      test_size: number of images of `test`, whatever the size of `train`.

    Raises:
      ConfigError: for an unknown split.
    """
    if split not in SPLITS:
        raise unknown("config.data.kwargs.split", split, SPLITS)
    # `test` draws from a stream of its own, which no seed of `train` has.
    held_out = split == "test"
    stream = np.random.SeedSequence(seed, spawn_key=(1,) if held_out else ())
    # One row of draws for each image: its glyph, its jitter, its colours.
    draws = np.random.Generator(np.random.PCG64(stream)).random(
        (test_size if held_out else size, 12))
    glyph = np.floor(draws[:, 0] * len(FONTS) * len(CHARACTERS)).astype(np.int32)
    images = _transformed(glyph, draws[:, 1:6], side)
    if colour:
        images = _painted(images, draws[:, 6:])
    return Dataset("glyphs", images, glyph % len(CHARACTERS), tuple(CHARACTERS))


def two_fonts(first: str = "DejaVuSans", second: str = "DejaVuSerif-Bold", size: int = 4000,
              side: int = 64, split: str = "train", seed: int = 0) -> Dataset:
    """Draws unpaired capitals of two fonts, `first` to be translated to `second`, 64x64 grey.

    Letters are jittered as those of `glyphs`; their class is the letter. `test` and `train` share
    no jitter.

    Args:
      first: the font of the sources, of `FONTS`.
      second: the font of the images.
      size: number of images, and of sources.
      side: in pixels, at least 16.
      split: `train` or `test`.
      seed: chooses letters and jitter.

    Returns:
      uint8 images and sources [size, side, side, 1]; the sources of two fonts are the images, with
      their labels, of the same fonts the other way round.

    Raises:
      ConfigError: for an unknown font or split.
    """
    if split not in SPLITS:
        raise unknown("config.data.kwargs.split", split, SPLITS)
    found = []
    for key, name in (("first", first), ("second", second)):
        if name not in FONTS:
            raise unknown(f"config.data.kwargs.{key}", name, FONTS)
        # Each font and split draws from a stream of its own: a letter first, then its jitter.
        font = FONTS.index(name)
        random = np.random.Generator(np.random.PCG64([seed, SPLITS.index(split), font]))
        draws = random.random((size, 6))
        letter = np.floor(draws[:, 0] * len(CAPITALS)).astype(np.int32)
        glyph = font * len(CHARACTERS) + CHARACTERS.index(CAPITALS[0]) + letter
        found.append((_transformed(glyph, draws[:, 1:], side), letter))
    # The class is the letter of the image; that of the source is unknown to training.
    (sources, _), (images, labels) = found
    return Dataset("two_fonts", images, labels, tuple(CAPITALS), sources=sources, paired=False)
