"""Tables show what is there: layers, parameters, updates, bytes."""

import jax
import pytest
from rich.console import Console
from tiny import IMAGES, tiny_game, tiny_vae_config

from ganlab.game import init_state
from ganlab.report import tables
from ganlab.systems import build_game


def text(table):
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.fixture(scope="module")
def game():
    return tiny_game(IMAGES, generator={"network": "dcgan"}, critic={"network": "dcgan"})


@pytest.mark.parametrize("network", ["generator", "critic"])
def test_the_layers_parameters_sum_to_those_of_the_network(game, network):
    table = tables.network_table(network, game.networks[network], 8)
    counts = [int(cell.replace(",", "")) for cell in table.columns[3].cells if cell]
    params, _ = jax.eval_shape(game.networks[network].init, jax.random.key(0))
    assert sum(counts) == tables.parameter_count(params)
    assert f"{sum(counts):,} parameters" in table.title


def test_layers_have_their_output_shapes_at_the_batch_size(game):
    shown = text(tables.network_table("generator", game.networks["generator"], 8))
    assert "(8, 8, 8, 1)" in shown and "ConvTranspose" in shown


def test_a_network_of_two_outputs_has_the_shapes_of_both():
    network = build_game(tiny_vae_config(), IMAGES).networks["encoder"]
    shown = text(tables.network_table("encoder", network, 8))
    assert "((8, 2), (8, 2))" in shown and "log_variance" in shown


def test_the_round_is_a_table_of_its_updates(game):
    shown = text(tables.round_table(game))
    assert [line.split()[:3] for line in shown.splitlines()[2:]] == [["critic", "critic", "2"],
                                                                    ["generator", "generator", "1"]]


def test_memory_counts_the_bytes_of_the_state(game):
    state = jax.eval_shape(lambda: init_state(game, jax.random.key(0)))
    data = ({"image": jax.ShapeDtypeStruct((256, 2), "float32")},)
    shown = text(tables.memory_table(game, state, data, False, 4096))
    assert "streamed" in text(tables.memory_table(game, state, data, True, None)) and "streamed" not in shown
    params = 4 * tables.parameter_count(state.params)
    adam = 2 * params + 2 * 4  # Two moments, and a count for each of the two networks.
    rows = {line.rsplit("  ", 1)[0].strip(): line.rsplit("  ", 1)[1].strip() for line in shown.splitlines()[2:]}
    assert rows["params"] == tables.byte_text(params) and rows["opt_state"] == tables.byte_text(adam)
    assert rows["data set"] == "2.0 KiB" and rows["temporary arrays of the compiled round"] == "4.0 KiB"


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.00 GiB")])
def test_bytes_are_told_in_the_largest_unit(count, words):
    assert tables.byte_text(count) == words
