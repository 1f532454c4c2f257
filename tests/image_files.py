"""Image files of every kind in memory, and folders and zip files of them."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image


def image_file(image, kind="png", **options):
    """The bytes of a file of a picture of Pillow's, or of an array that Pillow understands."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def raw_png(width, height, bits, colour_type, rows):
    """A PNG file from its parts, for what Pillow does not write; the rows [h, bytes] may be fewer than it says."""
    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def noise(number, height=12, width=12, channels=3):
    """A picture uint8 [h, w, c], or [h, w] of one channel, different for every number."""
    pixels = np.random.default_rng(number).integers(256, size=(height, width, channels)).astype(np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


def write_folder(folder, files):
    """Writes files, bytes or text by path, and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(path, files):
    """Writes files, bytes or text by path, into a zip file, and returns its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def mutated(rng, data):
    """A copy of a file's bytes with a few random mistakes: bytes changed, cut off, cut out, doubled, or filled."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        start = int(rng.integers(len(data)))
        end = min(len(data), start + int(rng.integers(1, 9)))
        match rng.integers(6):
            case 0:
                data[start] ^= 1 << int(rng.integers(8))
            case 1:
                data[start:end] = rng.bytes(end - start)
            case 2:
                data[start:end] = rng.choice([b"\0", b"\xff", b"\x7f"]) * (end - start)
            case 3:
                del data[start:end]
            case 4:
                data[start:start] = data[start:end]
            case 5:
                del data[start:]
    return bytes(data)
