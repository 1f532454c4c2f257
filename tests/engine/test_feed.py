"""The engine's two feeds: training ends in the same bits whichever it is, and one resumes what the other began."""

import jax
import numpy as np
import pytest
from short_runs import assert_same_bits, config_of, game_of, go, state_at
from tiny import CLASSES, IMAGES, POINTS

from ganlab.config import ConfigError, validate
from ganlab.data import Dataset, with_crops
from ganlab.engine import make_mesh, stays_on_device
from ganlab.storage import RunDirectory
from ganlab.engine.feed import HostFeed, device_memory, local_rows

ON_DEVICE, STREAMED = 0.5, 0.0
CROP = 6


class OnDisk:
    """Images that are read when they are asked for; counts how often."""

    def __init__(self, images):
        self._images, self.reads = images, 0
        self.shape, self.dtype, self.nbytes = images.shape, images.dtype, images.nbytes

    def __len__(self):
        return len(self._images)

    def __getitem__(self, index):
        self.reads += 1
        return self._images[index]


def on_disk(dataset):
    return Dataset(dataset.name, OnDisk(dataset.images), dataset.labels, dataset.class_names)


def config_with(total, share, rounds_per_call=1, crop=CROP):
    config = config_of(total, data={"flip": True, "crop": crop, "device_share": share})
    config.train.update(rounds_per_call=rounds_per_call, log_every_rounds=rounds_per_call, sample_every_rounds=4)
    config.networks.generator.kwargs.output_activation = "tanh"
    validate(config)
    return config


def played(path, config, dataset):
    """The state at the end of a run and the text of its metrics."""
    dataset = with_crops(dataset, config.data.crop)
    step = go(path, config, data=dataset).step
    return state_at(path, config, step, dataset), RunDirectory(path).metrics_file.read_text()


@pytest.fixture(scope="module")
def on_device(tmp_path_factory):
    return played(tmp_path_factory.mktemp("device") / "run", config_with(6, ON_DEVICE), IMAGES)


def test_streaming_ends_in_the_bits_of_training_on_the_device(on_device, tmp_path):
    disk = on_disk(IMAGES)
    found = played(tmp_path / "run", config_with(6, STREAMED), disk)
    assert_same_bits(found[0], on_device[0])
    assert found[1] == on_device[1]
    assert disk.images.reads >= 6


def test_a_run_resumes_with_the_other_feed_to_the_same_bits(on_device, tmp_path):
    played(tmp_path / "run", config_with(2, STREAMED), on_disk(IMAGES))
    found = played(tmp_path / "run", config_with(6, ON_DEVICE), on_disk(IMAGES))
    assert_same_bits(found[0], on_device[0])
    assert found[1] == on_device[1]


def test_several_rounds_a_call_are_fed_as_one_after_the_other(tmp_path):
    states = [played(tmp_path / str(share), config_with(4, share, rounds_per_call=2, crop=0), POINTS)[0]
              for share in (ON_DEVICE, STREAMED)]
    assert_same_bits(*states)


def test_data_stays_on_the_device_up_to_its_share():
    config = config_with(2, 0.5)
    for share, stays in [(IMAGES.nbytes / device_memory(jax.local_devices()[0]) * factor, factor > 1)
                         for factor in (0.9, 1.1)]:
        config.data.device_share = share
        assert stays_on_device(IMAGES, config) == stays


@pytest.mark.parametrize("batch_size", [4, 12])
def test_one_process_holds_all_rows(batch_size):
    assert local_rows(make_mesh(batch_size), batch_size) == range(batch_size)


def test_what_fails_while_reading_ahead_is_raised_where_the_batch_is_taken():
    class Broken(OnDisk):
        def __getitem__(self, index):
            raise ConfigError("the disk is gone")

    images = Broken(IMAGES.images)
    dataset = Dataset("broken", images, np.zeros(len(images), np.int32), tuple(map(str, range(CLASSES))))
    config = config_with(2, STREAMED)
    feed = HostFeed(dataset, game_of(config, IMAGES), make_mesh(config.batch_size), 0, 0, 2, 1)
    with pytest.raises(ConfigError, match="the disk is gone"):
        feed.next()
    feed.close()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigError, match="config.data.device_share"):
        config_with(2, share)
