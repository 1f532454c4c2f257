"""Two processes read their own parts of each batch, which together are the batch of one process."""

import jax
import numpy as np
from processes import begin, end, free_address
from tiny import IMAGES, tiny_config

from ganlab.data import HostReader
from ganlab.game import order_key
from ganlab.systems import build_game

FIRST, ROUNDS, SEED = 3, 2, 11

WORKER = """
import sys
import jax
import numpy as np
address, process, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
jax.distributed.initialize(address, 2, process, initialization_timeout=60)
from tiny import IMAGES, tiny_config
from ganlab.engine import make_mesh
from ganlab.engine.feed import HostFeed
from ganlab.systems import build_game
game = build_game(tiny_config(), IMAGES)
feed = HostFeed(IMAGES, game, make_mesh(game.batch_size), %(seed)d, %(first)d, %(first)d + %(rounds)d, 1)
labels = []
for _ in range(%(rounds)d):
    whole, = feed.next()
    assert whole["image"].shape == (1, game.slots, game.batch_size, 8, 8, 1)
    part, = whole["label"].addressable_shards
    labels.append(np.asarray(part.data))
    start, stop, _ = part.index[-1].indices(game.batch_size)
np.savez(output, labels=np.concatenate(labels), start=start, stop=stop)
feed.close()
""" % {"seed": SEED, "first": FIRST, "rounds": ROUNDS}


def test_two_processes_read_their_parts_of_the_same_batches(tmp_path):
    address = free_address()
    outputs = [tmp_path / f"{process}.npz" for process in range(2)]
    for status, _, errors in end([begin(["-c", WORKER, address, process, output])
                                  for process, output in enumerate(outputs)]):
        assert status == 0, errors
    game = build_game(tiny_config(), IMAGES)
    reader = HostReader.of(IMAGES.streams(), order_key(jax.random.key(SEED)), game.slots, game.batch_size)
    expected = np.stack([reader.read(game.position(step))[0]["label"] for step in range(FIRST, FIRST + ROUNDS)])
    parts = []
    for output in outputs:
        with np.load(output) as file:
            parts.append(dict(file))
    assert [(int(part["start"]), int(part["stop"])) for part in parts] == [
        (0, game.batch_size // 2), (game.batch_size // 2, game.batch_size)]
    np.testing.assert_array_equal(np.concatenate([part["labels"] for part in parts], axis=-1), expected)
