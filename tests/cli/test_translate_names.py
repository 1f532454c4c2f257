"""Names of translations, before anything is translated."""

import pytest
from image_files import image_file, noise, write_zip

from ganlab.cli.translate_command import _listed
from ganlab.config import ConfigError

PNG = image_file(noise(0))


def test_pictures_of_a_zip_file_of_windows_keep_their_folders(tmp_path):
    names, read = _listed(write_zip(tmp_path / "a.zip", {"top\\x\\1.png": PNG, "top\\y\\2.jpg": PNG + b"2",
                                                         "top\\Thumbs.db": b""}))
    assert names == ("x/1.png", "y/2.jpg") and read(1) == PNG + b"2"


def test_two_pictures_of_one_name_are_refused_however_their_paths_are_written(tmp_path):
    with pytest.raises(ConfigError, match="would be called x/1.png, as that of x/1.jpg"):
        _listed(write_zip(tmp_path / "a.zip", {"x\\1.png": PNG, "x/1.jpg": PNG, "y/2.jpg": PNG}))
