"""Image files of any kind to pixels: 8 bits, upright, without transparency, or a reason why not.

Everything that a file can do wrong is one exception, `BadImage`, whose text ends the sentence
"FILE ...". Nothing is decoded before the header has said how large it would become.
"""

import functools
import io
import re
from typing import Any, NamedTuple

import numpy as np

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Pillow's names of the formats that are read; of an animation only the first frame."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")
"""Endings of the names of files that are taken for images."""
MOST_PIXELS = 2**26
"""Of one image: 8192 x 8192. Decoded, these take 256 MiB."""
MOST_BYTES = 2**28
"""Of one image file."""

MODES = {1: "L", 3: "RGB"}
"""Pillow's modes by the number of channels."""

_ORIENTATION = 0x0112  # The EXIF tag; 1 is upright. EXIF 2.32, section 4.6.4.
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")


class BadImage(Exception):
    """An image file that cannot be used; the text says why and what would fix it."""


class Header(NamedTuple):
    """The header of an image file: sides in pixels as stored, and 1 or 3 channels of colour."""

    width: int
    height: int
    channels: int
    transparent: bool


def read_header(data: bytes) -> Header | None:
    """Reads the header of an image file and decodes nothing; returns None if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            grey = image.mode in ("1", "L", "LA", "La", "I", "F", *_SIXTEEN_BITS)
            transparent = image.mode in _TRANSPARENT or "transparency" in image.info
            return Header(*image.size, 1 if grey else 3, transparent)
    except Exception:  # As in `decode_image`, which says why.
        return None


def decode_image(data: bytes, background: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    """Decodes an image file to pixels uint8 [h, w, c]: one channel if it is grey, else RGB.

    Grey values of 16 bits are scaled to 8 and rounded, so that 65535 becomes 255; of colours of 16
    bits Pillow keeps the upper 8, which is at most one level less. Colours are taken as sRGB; the
    file's profile is ignored.

    Args:
      data: the whole file.
      background: R, G, B under what is transparent.

    Raises:
      BadImage: for anything that is not a whole image of `FORMATS`, has more than `MOST_PIXELS`, or
        has values whose range the file does not give.
    """
    from PIL import (
        Image,  # Imported here, as all of Pillow: other sources need not wait for it.
    )

    # The size is checked before anything is decoded: a small file can hold more than the memory.
    if not data:
        raise BadImage("is empty (0 bytes); copy it again")
    if len(data) > MOST_BYTES:
        raise BadImage(f"has {len(data):,} bytes, more than the {MOST_BYTES:,} that are read; "
                       "store it smaller")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height <= MOST_PIXELS:
                image.load()
                return _pixels(_upright(image), background)
    # Whatever Pillow raises becomes one sentence on what is wrong and what to do.
    except BadImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow refuses before it gives width and height; its text has their product.
        number = re.search(r"\d{6,}", str(error))
        raise BadImage(_too_large(f"{int(number[0]):,}" if number else "too many")) from None
    except Image.UnidentifiedImageError:
        raise BadImage(f"is not an image of a known kind ({', '.join(FORMATS)}); convert or remove "
                       "it") from None
    except Exception as error:
        # Pillow's readers raise nearly everything: OSError, SyntaxError, ValueError, struct's.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadImage(f"is damaged ({reason[:120]}); copy it again or remove it") from None
    raise BadImage(_too_large(f"{width * height:,}"))


def _too_large(pixels: str) -> str:
    return (f"has {pixels} pixels; the limit is {MOST_PIXELS:,} (such as 8192 x 8192), because a "
            "small file can hold pixels that fill the memory; make it smaller first")


def _upright(image: Any) -> Any:
    """Turns an image upright, as its EXIF orientation says."""
    from PIL import Image

    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF that cannot be read says nothing; the pixels are whole.
        return image
    turn = Image.Transpose
    turns = {2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM,
             5: turn.TRANSPOSE, 6: turn.ROTATE_270, 7: turn.TRANSVERSE, 8: turn.ROTATE_90}
    if orientation not in turns:
        return image
    turned = image.transpose(turns[orientation])
    turned.info, turned.format = image.info, image.format
    return turned


def _pixels(image: Any, background: tuple[int, int, int]) -> np.ndarray:
    """Converts an upright image of any of Pillow's modes to pixels uint8 [h, w, c]."""
    mode = image.mode
    if mode in _SIXTEEN_BITS or mode == "I" and image.format in ("PNG", "PPM"):
        values = np.asarray(image).astype(np.uint32)
        return ((np.minimum(values, 65535) * 255 + 32767) // 65535).astype(np.uint8)[..., None]
    # Nothing says which of these values is white.
    if mode in ("I", "F"):
        raise BadImage(f"has {'floating-point' if mode == 'F' else '32-bit'} values of unknown "
                       "range; store it with 8 or 16 bits")
    if mode == "LAB":
        image = _lab_to_srgb(image)
    elif mode in _TRANSPARENT or "transparency" in image.info:
        image = _over(image, background)
    elif mode not in MODES.values():
        image = image.convert("L" if mode == "1" else "RGB")
    return np.atleast_3d(np.asarray(image))


def _over(image: Any, background: tuple[int, int, int]) -> Any:
    """Lays a transparent image over a background; grey stays grey on grey."""
    from PIL import Image

    grey = image.mode in ("1", "L", "LA", "La") and len(set(background)) == 1
    opaque = image.convert("RGBA")
    under = Image.new("RGB", image.size, background)
    under.paste(opaque.convert("RGB"), mask=opaque.getchannel("A"))
    return under.getchannel(0) if grey else under


def _lab_to_srgb(image: Any) -> Any:
    from PIL import ImageCms

    @functools.cache
    def transform() -> Any:
        return ImageCms.buildTransform(ImageCms.createProfile("LAB"),
                                       ImageCms.createProfile("sRGB"), "LAB", "RGB")

    return ImageCms.applyTransform(image, transform())


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Converts pixels uint8 [h, w, c] to 1 channel (luma of ITU-R BT.601) or 3 (grey in each)."""
    from PIL import Image

    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes pixels uint8 [h, w, 1 or 3] as a PNG file, losslessly."""
    from PIL import Image

    file = io.BytesIO()
    # Level 1 of zlib takes half the time of the default 6, for files a tenth larger.
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(file, "png", compress_level=1)
    return file.getvalue()
