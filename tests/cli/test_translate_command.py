"""Published weights become runs, and runs translate pictures of any size; mistakes are answered in a sentence."""

import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_translation import pictures, relative_error, tensors, translator
from PIL import Image
from tiny import tiny_translation_config
from torch_writers import tensor, torch_zip

from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.cli.translate_command import cut_to, mirrored_to
from ganlab.data import to_float, to_uint8
from ganlab.storage import initialise
from ganlab.game import init_state
from ganlab.systems import build

RESNET = {"network": "resnet", "kwargs": {"width": 6, "blocks": 6}}


def write(path, weights):
    """A file of `torch.save` of tensors by name."""
    path.write_bytes(torch_zip({name: tensor(np.ascontiguousarray(array), str(i))
                                for i, (name, array) in enumerate(weights.items())}))
    return str(path)


def old(network):
    """The weights as they were written before PyTorch 0.4: with statistics of instance normalization."""
    found = tensors(network)
    for number in (2, 5, 8, 17, 20):
        found[f"model.{number}.running_mean"] = found[f"model.{number}.running_var"] = np.ones(6, np.float32)
    return found | {"model.2.num_batches_tracked": np.array(7)}


def import_weights(*arguments):
    return main(["import", "--format=pytorch-cyclegan", *map(str, arguments)])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Weight files, and the runs that were made of them: `pix2pix` of one, `cyclegan` of two."""
    place = tmp_path_factory.mktemp("published")
    pair = write(place / "latest_net_G.pth", tensors("p2p_G"))
    there, back = (write(place / f"{name}.pth", old(f"cyc_{name}")) for name in ("G_A", "G_B"))
    assert import_weights(pair, place / "pix2pix") == 0
    assert import_weights(there, place / "cyclegan", f"--back={back}") == 0
    return place


def save(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path)
    return path


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(256, size=(height, width, channels)).astype(np.uint8)


def read(path):
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))


def test_an_imported_run_makes_the_official_images(place):
    for run, direction, source, made in (("pix2pix", "AB", "in/p2p_A", "out/p2p_img_eval"),
                                         ("cyclegan", "AB", "in/cyc_A", "out/cyc_fake_B"),
                                         ("cyclegan", "BA", "in/cyc_B", "out/cyc_fake_A")):
        trained = open_run(str(place / run), does=("translators",))
        # Official inputs are not bytes: they come as floats.
        assert relative_error(trained.translate(pictures(source), direction), pictures(made)) < 2e-5


def test_an_imported_run_says_what_it_is_of(place):
    found = json.loads((place / "cyclegan" / "import.json").read_text())
    assert found["networks"]["generator_ba"]["file"].endswith("G_B.pth")
    assert len(found["networks"]["generator_ab"]["sha256"]) == 64
    config = json.loads((place / "pix2pix" / "config.json").read_text())
    assert config["networks"]["generator"]["kwargs"] == {"width": 4, "depth": 7, "normalization": "batch"}


def test_pictures_of_any_size_are_translated_as_their_mirrored_wholes(place, tmp_path, capsys):
    sizes = {"a/one.png": (32, 40), "a/two.bmp": (30, 37), "b/three.png": (33, 40)}
    for seed, (name, size) in enumerate(sizes.items()):
        save(tmp_path / "in" / name, noise(*size, seed=seed))
    arguments = ["translate", f"--workdir={place / 'cyclegan'}", "--batch_size=2"]
    assert main([*arguments, f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"]) == 0
    assert "3 pictures translated" in capsys.readouterr().out
    module, variables = translator("cyc_G_A")
    apply = jax.jit(module.apply)
    for name, size in sizes.items():
        made = read((tmp_path / "out" / name).with_suffix(".png"))
        assert made.shape == (*size, 3)
        source = to_float(jnp.asarray(mirrored_to(read(tmp_path / "in" / name), 4)))[None]
        expected = cut_to(to_uint8(np.asarray(apply(variables, source)))[0], size)
        assert np.abs(made.astype(int) - expected).max() <= 1
    strip = read(tmp_path / "out" / "side_by_side.png")
    assert strip.shape == (sum(height + 4 for height, _ in sizes.values()), 2 * (40 + 4), 3)
    assert main([*arguments, f"--input={tmp_path / 'in' / 'a' / 'one.png'}", f"--output={tmp_path / 'back'}",
                 "--direction=BA"]) == 0
    assert not np.array_equal(read(tmp_path / "back" / "one.png"), read(tmp_path / "out" / "a" / "one.png"))


def test_what_is_mirrored_outward_is_cut_off_again():
    for height, width in ((8, 8), (9, 13), (11, 10)):
        picture = noise(height, width)
        padded = mirrored_to(picture, 4)
        assert padded.shape[0] % 4 == padded.shape[1] % 4 == 0 and max(padded.shape[:2]) < max(height, width) + 4
        np.testing.assert_array_equal(cut_to(padded, picture.shape), picture)


def test_other_pictures_are_converted_on_request(place, tmp_path):
    grey = noise(16, 16, 1)[..., 0]
    save(tmp_path / "in" / "grey.png", grey)
    save(tmp_path / "in" / "alpha.png", np.dstack([grey, grey, grey, np.full_like(grey, 255)]))
    assert main(["translate", f"--workdir={place / 'cyclegan'}", f"--input={tmp_path / 'in'}", "--convert",
                 f"--output={tmp_path / 'out'}"]) == 0
    np.testing.assert_array_equal(read(tmp_path / "out" / "grey.png"), read(tmp_path / "out" / "alpha.png"))


def test_as_in_training_a_picture_is_normalized_by_itself_and_the_seed_counts(place, tmp_path):
    save(tmp_path / "one.png", noise(128, 128))
    made = {}
    for name, flags in (("stored", []), ("drawn", ["--as_in_training"]), ("again", ["--as_in_training"]),
                        ("other", ["--as_in_training", "--seed=1"])):
        assert main(["translate", f"--workdir={place / 'pix2pix'}", f"--input={tmp_path / 'one.png'}",
                     f"--output={tmp_path / name}", *flags]) == 0
        made[name] = read(tmp_path / name / "one.png")
    np.testing.assert_array_equal(made["drawn"], made["again"])
    assert not np.array_equal(made["drawn"], made["stored"]) and not np.array_equal(made["drawn"], made["other"])


def test_a_new_run_starts_from_imported_weights(place):
    config = tiny_translation_config(
        "cyclegan", players={name: {**RESNET} for name in ("generator_ab", "generator_ba")},
        data={"source": "blank", "kwargs": {"side": 8}}, batch_size=1,
        init={"source": str(place / "cyclegan"), "networks": "generator_ab+generator_ba"})
    game, _ = build(config)
    # What is initialised makes no difference, so its shapes are all that is needed of it.
    shapes = jax.eval_shape(lambda: init_state(game, jax.random.key(0)).replace(key=()))
    state = initialise(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes), config.init,
                       lambda text: None)
    official = translator("cyc_G_B")[1]["params"]
    for name, tree in (("params", state.params), ("ema", state.ema)):
        assert jax.tree.all(jax.tree.map(np.array_equal, tree["generator_ba"], official)), name


def test_translations_are_measured_against_the_pictures_of_their_kind(place, tmp_path, capsys):
    for kind in ("sources", "images"):
        for seed in range(4):
            save(tmp_path / kind / f"{seed}.png", noise(16, 16, seed=seed))
    run = tmp_path / "run"
    assert import_weights(place / "latest_net_G.pth", run, f"--sources={tmp_path / 'sources'}",
                          f"--images={tmp_path / 'images'}") == 0
    assert main(["evaluate", f"--workdir={run}", "--metrics=swd", "--features=digits"]) == 0
    results = json.loads((run / "results.json").read_text())
    assert "swd" in json.dumps(results)
    assert main(["evaluate", f"--workdir={place / 'pix2pix'}", "--metrics=swd"]) == 2
    assert "came without data" in capsys.readouterr().err


WRONG_WEIGHTS = {
    "a critic's": (lambda: tensors("p2p_D"), ["weights of a critic", "latest_net_G.pth"]),
    "another network's": (lambda: {"layer.weight": np.zeros((2, 2), np.float32)}, ["no generator", "layer.weight"]),
    "without a tensor": (lambda: {name: array for name, array in tensors("cyc_G_A").items() if name != "model.4.bias"},
                         ["lacks model.4.bias"]),
    "with one more": (lambda: tensors("cyc_G_A") | {"model.99.weight": np.zeros(3, np.float32)},
                      ["has besides model.99.weight"]),
    "with one of another shape": (lambda: tensors("p2p_G") | {"model.model.3.bias": np.zeros(4, np.float32)},
                                  ["model.model.3.bias with (4,) for (3,)"]),
    "cut short": (lambda: {name: array for name, array in tensors("cyc_G_A").items() if "model.23" not in name},
                  ["ResNet generator of 6 blocks", "lacks model.23.weight"]),
}


@pytest.mark.parametrize("case", WRONG_WEIGHTS)
def test_the_weights_of_another_network_are_refused_and_nothing_is_made(case, tmp_path, capsys):
    weights, words = WRONG_WEIGHTS[case]
    file = write(tmp_path / "file.pth", weights())
    assert import_weights(file, tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and all(word in said for word in (file, *words))
    assert not (tmp_path / "run").exists()


def picture_mistakes(place, tmp_path):
    """Flags of mistakes, and what is said of them."""
    inputs = {name: save(tmp_path / "in" / f"{name}.png", pixels) for name, pixels in {
        "alpha": noise(16, 16, 4), "grey": noise(16, 16, 1)[..., 0], "small": noise(7, 40),
        "good": noise(16, 16)}.items()}
    (tmp_path / "empty").mkdir()
    save(tmp_path / "twice" / "a.png", noise(16, 16))
    save(tmp_path / "twice" / "a.bmp", noise(16, 16))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    good = f"--input={inputs['good']}"
    return [
        ([f"--input={inputs['alpha']}"], ["alpha.png has an alpha channel", "--convert"]),
        ([f"--input={inputs['grey']}"], ["grey.png has one channel (grey)", "takes 3 channels", "--convert"]),
        ([f"--input={inputs['small']}"], ["small.png has 40x7 pixels", "from 8x8 on"]),
        ([f"--input={tmp_path / 'empty'}"], ["has no images"]),
        ([f"--input={tmp_path / 'none'}"], ["does not exist"]),
        ([f"--input={tmp_path / 'twice'}"], ["a.bmp", "a.png", "rename"]),
        ([f"--input={tmp_path / 'bad.png'}"], ["bad.png", "not an image of a known kind"]),
        ([good, "--direction=BB"], ["--direction", "'BB'", "AB, BA"]),
        ([good, f"--output={place / 'pix2pix'}"], ["is not empty"]),
    ]


def test_mistakes_about_pictures_are_answered_in_a_sentence_and_leave_nothing(place, tmp_path, capsys):
    for number, (flags, words) in enumerate(picture_mistakes(place, tmp_path)):
        output = tmp_path / f"out{number}"
        assert main(["translate", f"--workdir={place / 'cyclegan'}", f"--output={output}", *flags]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and all(word in said for word in words), said
        assert not output.exists()


def test_mistakes_about_runs_are_answered_in_a_sentence(place, tmp_path, capsys):
    for arguments, words in (
            (["sample", f"--workdir={place / 'pix2pix'}"], ["draws no samples", "ganlab translate"]),
            (["import", "--format=pytorch-cyclegan", str(place / "G_A.pth"), str(place / "pix2pix")], ["is not empty"]),
            (["import", "--format=pytorch-cyclegan", str(place / "G_A.pth"), str(tmp_path / "run"), "--images=x"],
             ["--sources and --images belong together"]),
            (["translate", f"--workdir={tmp_path}", f"--input={place / 'G_A.pth'}", f"--output={tmp_path / 'out'}"],
             ["holds no run"])):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and all(word in said for word in words), said
