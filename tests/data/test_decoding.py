"""Image files: pixels of every kind of file, one exception for whatever is none, and no other end."""

import numpy as np
import pytest
from image_files import image_file, mutated, noise, raw_png
from PIL import Image, ImageCms

from ganlab.data.decoding import MOST_PIXELS, BadImage, Header, decode_image, encode_png, read_header, with_channels

# As where no test runs: Pillow's warnings are not exceptions.
pytestmark = pytest.mark.filterwarnings("ignore")

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOURS = noise(0, 5, 7)
RED, HALF, CLEAR = (250, 10, 20, 255), (250, 10, 20, 128), (250, 10, 20, 0)


def decoded_grey(data, **options):
    """The pixels [h, w] of a file that has to be grey."""
    pixels = decode_image(data, **options)
    assert pixels.dtype == np.uint8 and pixels.shape[-1] == 1
    return pixels[..., 0]


@pytest.mark.parametrize(("kind", "options"), [
    ("png", {}), ("webp", {"lossless": True}), ("bmp", {}), ("tiff", {}), ("ppm", {})])
def test_colours_of_files_without_loss_are_kept(kind, options):
    np.testing.assert_array_equal(decode_image(image_file(COLOURS, kind, **options)), COLOURS)


@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tiff", "jpeg"])
def test_grey_stays_one_channel_where_files_have_one(kind):
    grey = np.full((16, 16), 77, np.uint8) if kind == "jpeg" else RAMP
    np.testing.assert_array_equal(decoded_grey(image_file(grey, kind)), grey)


def test_a_jpeg_is_near_its_picture():
    smooth = np.asarray(Image.fromarray(noise(1, 3, 3)).resize((32, 32), Image.Resampling.BICUBIC))
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        assert np.abs(decode_image(image_file(smooth, "jpeg", quality=95, **options)) - smooth.astype(int)).mean() < 3


def test_two_levels_are_black_and_white():
    dots = np.eye(9, dtype=bool)
    np.testing.assert_array_equal(decoded_grey(image_file(Image.fromarray(dots))), dots * np.uint8(255))


@pytest.mark.parametrize("kind", ["png", "tiff", "ppm"])
def test_sixteen_bits_of_grey_are_scaled_to_eight_and_rounded(kind):
    wide = RAMP.astype(np.uint16) * 257
    np.testing.assert_array_equal(decoded_grey(image_file(wide, kind)), RAMP)
    near = np.array([[0, 128, 129, 385, 386, 65406, 65407, 65535]], np.uint16)
    np.testing.assert_array_equal(decoded_grey(image_file(near, kind)), [[0, 0, 1, 1, 2, 254, 255, 255]])


def test_sixteen_bits_of_colour_are_scaled_to_eight():
    rows = (COLOURS.astype(">u2") * 257).reshape(5, -1)
    np.testing.assert_array_equal(decode_image(raw_png(7, 5, 16, 2, [row.tobytes() for row in rows])), COLOURS)


def test_values_of_unknown_range_are_refused():
    for values in (np.ones((4, 4), np.float32), np.ones((4, 4), np.int32)):
        with pytest.raises(BadImage, match="unknown range; store it with 8 or 16 bits"):
            decode_image(image_file(values, "tiff"))


def transparent_files():
    """Files whose pixels are red, half red and clear, by what they are."""
    pixels = np.array([[RED, HALF, CLEAR]], np.uint8)
    palette = Image.new("P", (3, 1))
    palette.putpalette([*RED[:3]] * 3)
    palette.putdata([0, 1, 2])
    return {"RGBA": image_file(pixels), "WebP": image_file(pixels, "webp", lossless=True, exact=True),
            "palette": image_file(palette, transparency=bytes([255, 128, 0])), "TIFF": image_file(pixels, "tiff")}


@pytest.mark.parametrize("name", transparent_files())
@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (0, 100, 200)])
def test_what_is_transparent_lies_over_the_background(name, background):
    pixels = decode_image(transparent_files()[name], background).astype(int)
    red = np.array(RED[:3])
    half = (red * 128 + np.array(background) * 127) / 255
    np.testing.assert_allclose(pixels[0], [red, half, background], atol=0.51)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_colour_that_stands_for_transparency_is_the_background(mode):
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)
    clear = {"1": 0, "L": 0, "RGB": (0, 0, 0)}[mode]
    pixels = decode_image(image_file(image, transparency=clear), (9, 9, 9))
    assert pixels[0, 0].tolist() == [9] * pixels.shape[-1] and pixels[0, 1].tolist() == [255] * pixels.shape[-1]


def test_transparent_grey_stays_grey_on_grey_alone():
    data = image_file(Image.merge("LA", [Image.new("L", (2, 2), 200), Image.new("L", (2, 2), 0)]))
    np.testing.assert_array_equal(decode_image(data, (50, 50, 50)), np.full((2, 2, 1), 50))
    np.testing.assert_array_equal(decode_image(data, (1, 2, 3)), np.broadcast_to([1, 2, 3], (2, 2, 3)))


def test_inks_are_colours():
    inks = {(0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 255, 255), (0, 255, 0, 0): (255, 0, 255),
            (0, 0, 255, 0): (255, 255, 0), (0, 0, 0, 255): (0, 0, 0)}
    for ink, colour in inks.items():
        image = Image.new("CMYK", (8, 8), ink)
        for kind, error in (("tiff", 0), ("jpeg", 3)):
            np.testing.assert_allclose(decode_image(image_file(image, kind, quality=100) if kind == "jpeg" else
                                                    image_file(image, kind)), np.broadcast_to(colour, (8, 8, 3)),
                                       atol=error)


def test_lab_is_converted():
    colours = Image.fromarray(np.array([[(255, 255, 255), (0, 0, 0), (200, 50, 60)]], np.uint8))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    data = image_file(ImageCms.profileToProfile(colours, srgb, lab, outputMode="LAB"), "tiff")
    np.testing.assert_allclose(decode_image(data), np.asarray(colours), atol=3)


TURNS = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: np.swapaxes(x, 0, 1),
         6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(np.swapaxes(x, 0, 1), 2), 8: np.rot90}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_pictures_stand_as_their_exif_says(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = image_file(COLOURS, kind, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    np.testing.assert_array_equal(decode_image(data), TURNS[orientation](COLOURS))


def test_turned_palettes_and_sixteen_bits_are_still_read_as_such():
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(decoded_grey(image_file(RAMP.astype(np.uint16) * 257, exif=exif)), np.rot90(RAMP, -1))
    data = image_file(Image.fromarray(RAMP).convert("P"), exif=exif, transparency=0)
    np.testing.assert_array_equal(decode_image(data, (255, 0, 0))[0, -1], (255, 0, 0))


@pytest.mark.parametrize("exif", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff",
                                  b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_exif_that_cannot_be_read_turns_nothing(exif):
    assert decode_image(image_file(COLOURS, "jpeg", exif=exif)).shape == COLOURS.shape


@pytest.mark.parametrize(("kind", "options"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_of_an_animation_the_first_picture_is_taken(kind, options):
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "lime", "blue")]
    data = image_file(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(decode_image(data), np.broadcast_to([255, 0, 0], (6, 6, 3)))


JPEG, PNG = image_file(noise(3, 32, 32), "jpeg"), image_file(noise(3, 32, 32))
BAD = {
    "a truncated JPEG": (JPEG[:len(JPEG) // 2], "is damaged"),
    "a truncated PNG": (PNG[:len(PNG) // 2], "is damaged"),
    "a JPEG without its end": (JPEG[:40], "is damaged"),
    "a zero-byte file": (b"", "is empty"),
    "a text": (b"These are no pixels.\n" * 20, "not an image of a known kind"),
    "a picture of vectors": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image of a known kind"),
    "another format": (image_file(COLOURS, "pcx"), "not an image of a known kind"),
    "a bomb": (raw_png(30_000, 30_000, 8, 2, [b"\0"]), "has 900,000,000 pixels; the limit is 67,108,864"),
    "what Pillow warns of": (raw_png(10_000, 10_000, 8, 0, [b"\0"]), "has 100,000,000 pixels"),
    "a little too much": (raw_png(8192, 8193, 1, 0, [b"\0"]), f"has {8192 * 8193:,} pixels"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_usable_image_is_told_why(case):
    data, words = BAD[case]
    with pytest.raises(BadImage) as error:
        decode_image(data)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_an_image_of_just_so_many_pixels_is_decoded():
    assert 8192**2 == MOST_PIXELS
    assert decode_image(raw_png(8192, 8192, 1, 0, [bytes(1024)] * 8192)).shape == (8192, 8192, 1)


def test_too_many_bytes_are_not_even_looked_at(monkeypatch):
    monkeypatch.setattr("ganlab.data.decoding.MOST_BYTES", len(PNG) - 1)
    with pytest.raises(BadImage, match="store it smaller"):
        decode_image(PNG)


def fuzzed_files(number):
    """So many files with mistakes, of every kind that is read."""
    kinds = [JPEG, PNG, *transparent_files().values(), image_file(COLOURS, "gif"), image_file(COLOURS, "bmp"),
             image_file(COLOURS, "tiff", compression="tiff_lzw"), image_file(COLOURS, "webp"),
             image_file(COLOURS, "ppm"), image_file(RAMP.astype(np.uint16)),
             image_file(Image.new("CMYK", (9, 9)), "jpeg"),
             image_file(COLOURS, "jpeg", progressive=True, exif=Image.Exif())]
    rng = np.random.default_rng(0)
    return [mutated(rng, kinds[i % len(kinds)]) for i in range(number)]


def test_a_thousand_damaged_files_end_in_pixels_or_in_a_sentence():
    ends = {"pixels": 0, "sentence": 0}
    for data in fuzzed_files(1000):
        try:
            pixels = decode_image(data)
        except BadImage as error:
            assert str(error) and "\n" not in str(error)
            ends["sentence"] += 1
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[-1] in (1, 3)
            assert 0 < pixels.shape[0] * pixels.shape[1] <= MOST_PIXELS
            ends["pixels"] += 1
    assert min(ends.values()) > 100  # Both ends are reached, or the mistakes are too small or too large.


def test_colours_become_luma_and_grey_becomes_three_alike():
    np.testing.assert_array_equal(with_channels(RAMP[..., None], 3), np.repeat(RAMP[..., None], 3, -1))
    luma = COLOURS @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(with_channels(COLOURS, 1)[..., 0], luma, atol=0.51)
    np.testing.assert_array_equal(with_channels(with_channels(RAMP[..., None], 3), 1)[..., 0], RAMP)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_encoded_is_decoded_to_the_same_pixels(channels):
    pixels = noise(5, 9, 4, 3)[..., :channels]
    np.testing.assert_array_equal(decode_image(encode_png(pixels)), pixels)


@pytest.mark.parametrize(("mode", "channels", "transparent"), [
    ("L", 1, False), ("RGB", 3, False), ("RGBA", 3, True), ("LA", 1, True), ("P", 3, False), ("1", 1, False)])
def test_a_header_tells_sides_channels_and_transparency(mode, channels, transparent, tmp_path):
    Image.new(mode, (5, 3)).save(tmp_path / "image.png")
    assert read_header((tmp_path / "image.png").read_bytes()) == Header(5, 3, channels, transparent)


def test_no_image_has_no_header():
    assert read_header(b"no image") is None
