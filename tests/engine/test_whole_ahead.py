"""The data of the next stage is reduced by a thread, and nobody holds it after it was taken."""

import gc
import threading
import weakref

import numpy as np
import pytest

from ganlab.data import ReducedImages, reduced_images
from ganlab.engine.stage_programs import WholeAhead

PICTURES = np.random.default_rng(0).integers(256, size=(9, 8, 8, 1)).astype(np.uint8)


class Watched(ReducedImages):
    """Notes which threads reduce it, and waits until it may."""

    def __init__(self):
        super().__init__(PICTURES, 2)
        self.threads, self.may = [], threading.Event()

    def __getitem__(self, index):
        self.threads.append(threading.current_thread())
        assert self.may.wait(60)
        return super().__getitem__(index)


def test_another_thread_reduces_all_images_and_who_takes_them_waits():
    watched = Watched()
    ahead = WholeAhead(watched)  # Returns although nothing can be reduced yet.
    assert (len(ahead), ahead.shape, ahead.dtype, ahead.nbytes) == (9, (9, 4, 4, 1), np.uint8, 144)
    watched.may.set()
    np.testing.assert_array_equal(ahead[:], reduced_images(PICTURES, 2))
    assert len(watched.threads) == 1 and watched.threads[0] is not threading.main_thread()
    # A part, and all of them again, as a run that goes back asks for: computed as they are asked for.
    np.testing.assert_array_equal(ahead[2:4], reduced_images(PICTURES, 2)[2:4])
    np.testing.assert_array_equal(ahead[:], reduced_images(PICTURES, 2))
    assert watched.threads[1:] == [threading.main_thread()] * 2


def test_images_that_were_taken_are_let_go():
    ahead = WholeAhead(ReducedImages(PICTURES, 2))
    taken = weakref.ref(ahead[:])
    gc.collect()
    assert taken() is None


def test_what_cannot_be_read_is_told_where_it_is_taken():
    class Broken(ReducedImages):
        def __getitem__(self, index):
            raise OSError("the disk is gone")

    ahead = WholeAhead(Broken(PICTURES, 2))
    with pytest.raises(OSError, match="the disk is gone"):
        ahead[:]
