"""What TensorBoard finds beside the numbers of rounds: the config, as a text and as hyperparameters."""

import struct

from tensorboardX.proto.event_pb2 import Event

from ganlab.engine.tensorboard import TensorBoard


def values_in(folder):
    """The values of all events of a folder's one file."""
    (file,) = folder.iterdir()
    content, place, found = file.read_bytes(), 0, []
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        found += Event.FromString(content[place + 12:place + 12 + length]).summary.value
        place += 16 + length
    return found


def test_a_config_is_a_table_and_hyperparameters_whatever_its_values_are(tmp_path):
    board = TensorBoard(tmp_path, 0)
    board.config({"hyper.critic_lr": 1e-3, "name": "a|b`c", "data.kwargs": (1, 2), "train.on": True, "empty": ""})
    board.close()
    text, *hyperparameters = values_in(tmp_path)
    assert text.metadata.plugin_data.plugin_name == "text"
    lines = text.tensor.string_val[0].decode().splitlines()
    assert lines == ["| key | value |", "|---|---|", "| hyper.critic_lr | `0.001` |", r"| name | `a\|b'c` |",
                     "| data.kwargs | `(1, 2)` |", "| train.on | `True` |", "| empty |  |"]
    assert {value.metadata.plugin_data.plugin_name for value in hyperparameters} == {"hparams"}
    assert len(hyperparameters) == 3
