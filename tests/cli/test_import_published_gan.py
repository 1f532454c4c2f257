"""`ganlab import` makes runs of published files of BigGAN, StudioGAN, R3GAN and the DCGAN tutorial, whose images and
logits are the official ones."""

import functools
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
import torch_writers as writers
from dcgan_tutorial import stored, tutorial
from official_numbers import Numbers

from ganlab.cli.import_biggan import read_biggan
from ganlab.cli.import_studiogan import read_studiogan
from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.convolutions.layers import convolutions
from ganlab.networks import CRITICS, GENERATORS
from ganlab.pretrained import nest, read_weights
from ganlab.storage import RunDirectory
from ganlab.storage.stored_weights import run_weights
from ganlab.systems import build
from ganlab.systems.conditioning import HEAD_OF

FILES = Path(__file__).parent.parent / "pretrained/files"
PARITY = Path(__file__).parent.parent / "parity/published_class_conditional.npz"
FORMATS = {"biggan-32-c10": "biggan", "biggan-32-flat": "biggan", "biggandeep-32-c10": "biggan",
           "biggan-deep-hf-32": "biggan-deep-published", "studiogan-biggan-32": "studiogan",
           "studiogan-sngan-32": "studiogan", "r3gan-32-uncond.pkl": "r3gan", "r3gan-16-cond4.pkl": "r3gan"}
SYSTEMS = {"r3gan": "r3gan", "dcgan-tutorial": "gan"}
"""Systems of the runs by formats; of all others, class_conditional."""
SNGAN, GENERATOR, CRITIC = "studiogan-sngan-32", *(f"model={name}-current-weights-step=1200.pth" for name in "GD")
TOLERANCE = 2e-5


@pytest.fixture(scope="module", autouse=True)
def simple():
    """Convolves as XLA does: other ways compute the same, and take longer to trace and to compile."""
    with convolutions("lax"):
        yield


@pytest.fixture(scope="module")
def official():
    with np.load(PARITY) as file:
        return dict(file)


def relative_error(found, expected):
    found = np.asarray(found)
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def trees(arrays):
    """Params and variables of a network, of its arrays by name."""
    variables = nest(arrays)
    return variables.pop("params"), variables


def refused(capsys, *arguments):
    """The sentence with which a command ends."""
    assert main(["import", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def copied(name, place):
    """A copy of a published file or directory that may be changed."""
    (shutil.copytree if (FILES / name).is_dir() else shutil.copy)(FILES / name, place)
    return place


def changed(path, **tensors):
    """Writes a state dict again, with other tensors under some names, or None for none of that name."""
    written(path, {**read_weights(path).tensors,
                   **{name.replace("__", "."): value for name, value in tensors.items()}})


def written(path, found, **more):
    """Writes tensors by name, those of a state dict within it, and more that is not tensors."""
    tree = dict(more)
    for number, (name, value) in enumerate(found.items()):
        if value is not None:
            top, _, rest = name.partition(".")
            place, key = (tree.setdefault(top, {}), rest) if top == "state_dict" else (tree, name)
            place[key] = writers.tensor(np.ascontiguousarray(value), str(number))
    path.write_bytes(writers.torch_zip(tree))


@pytest.mark.parametrize("name", FORMATS)
def test_images_and_logits_are_the_official_ones(name, official, tmp_path, capsys):
    place = tmp_path / "run"
    assert main(["import", str(FILES / name), str(place)]) == 0
    numbers = {key.partition("|")[2]: value for key, value in official.items()
               if key.startswith(f"{name.removesuffix('.pkl')}|")}
    labels = next((numbers[key] for key in ("in/y", "in/c", "in/class") if key in numbers), None)
    labels = labels.argmax(1) if labels is not None and labels.ndim == 2 else labels
    config = RunDirectory(place).read_config()
    game, _ = build(config)
    weights, latents = run_weights(str(place)).read(), numbers["in/z"]
    given = np.zeros(len(latents), np.int32) if labels is None else labels
    # One program serves the average and the generator, and all truncations.
    made = jax.jit(lambda weights, options: game.sampler.images(
        {"generator": weights}, latents, given, None, options))
    cases = [case for case in numbers if case.startswith("out/") and case != "out/D"]
    for case in cases:
        own = trees((weights.trained if case == "out/G" else weights.averaged)["generator"])
        options = {"truncation": float(case.removeprefix("out/t")) if case.startswith("out/t") else 0.0}
        assert relative_error(made(own, options), np.moveaxis(numbers[case], 1, -1)) < TOLERANCE, case
    assert len(cases) == {"biggan-deep-hf-32": 3, SNGAN: 1}.get(name, 2)
    # The critic, where one was published.
    if "out/D" in numbers:
        pictures = np.moveaxis(numbers["in/x"], 1, -1)
        logits = jax.jit(game.networks["critic"].evaluate)(
            *trees(weights.trained["critic"]), pictures, *(() if labels is None else (labels,)))
        assert relative_error(logits, numbers["out/D"][:, 0]) < TOLERANCE
    # The run says where it is from.
    found = json.loads((place / "import.json").read_text())
    assert found["format"] == FORMATS[name] and all(len(digest) == 64 for digest in found["files"].values())
    assert config.system.name == SYSTEMS.get(FORMATS[name], "class_conditional")
    assert config.system.conditional == (labels is not None)
    assert "draws samples" in capsys.readouterr().out


def test_a_network_without_classes_has_the_gains_of_one_class(tmp_path, official):
    numbers = {key.partition("|")[2]: value for key, value in official.items() if key.startswith(f"{SNGAN}|")}
    folder, label = copied(SNGAN, tmp_path / "weights"), numbers["in/y"][0]
    tensors, more = read_weights(folder / GENERATOR).tensors, {}
    for name, value in tensors.items():
        if ".gain." in name or ".bias.weight" in name:
            kind = "weight" if ".gain." in name else "bias"
            more |= {name: None, f"{name.rpartition('.bn')[0]}.bn{name.rpartition('.bn')[2][0]}.{kind}":
                     value[:, label] + (kind == "weight")}
        elif ".bn." in name:
            more |= {name: None, name.replace(".bn.", "."): value}
    changed(folder / GENERATOR, **more)
    network = read_studiogan(str(folder / GENERATOR), None).networks["generator"]
    assert (network.network, network.num_classes) == ("sngan", 0)
    module, latents = module_of(network), numbers["in/z"][:1]
    images = jax.jit(module.apply)(converted(network, module), latents)
    assert relative_error(images, np.moveaxis(numbers["out/G"][:1], 1, -1)) < TOLERANCE


NAMES = {name: f"model={name}-best-weights-step=9.pth" for name in "GD"}


@functools.cache
def studiogan_numbers():
    """The parity file, read once."""
    return Numbers("sngan.npz")


def studiogan(folder, case):
    """A directory of StudioGAN with the networks of a case of the parity file."""
    folder.mkdir()
    for name in "GD":
        tensors = studiogan_numbers().within(f"sd/{case}_{name}")
        written(folder / NAMES[name], {f"state_dict.{key}": value for key, value in tensors.items()})
    return folder


def module_of(network):
    """The module that a run has of a published network."""
    table = CRITICS if network.latent_size == 0 else GENERATORS
    return table[network.network](network.image_shape, network.num_classes, **network.kwargs)


@functools.cache
def shapes(module, inputs):
    """Shapes of a module's variables; networks of one structure are traced once."""
    labels = (np.zeros(1, np.int32),) if module.num_classes else ()
    return dict(jax.eval_shape(lambda: module.init(jax.random.key(0), np.zeros(inputs, np.float32), *labels)))


def converted(network, module):
    """Variables of a module by a published network's tensors."""
    inputs = (1, *(network.image_shape if network.latent_size == 0 else (network.latent_size,)))
    return network.convert(network.tensors, shapes(module, inputs), network.source)


# By cases of the parity file: the head, and how labels are learned.
HEADS = {"resnet_ac": ("auxiliary", "auxiliary"), "resnet_mh": ("multi_hinge", "multi_hinge"),
         "resnet_2c": ("embedding", "contrastive"), "sngan_deepconv": ("none", "none"), "dcgan": ("none", "none")}


def test_networks_of_every_head_and_of_plain_convolutions_are_read(tmp_path):
    numbers = studiogan_numbers()
    latents, labels, real = numbers["in/z"], numbers["in/y"], numbers.images("in/x")
    modules, variables = {}, {}
    for case, (head, conditioning) in HEADS.items():
        published = read_studiogan(str(studiogan(tmp_path / case, case)), None)
        assert published.system["name"] == "class_conditional" and len(published.notes) == (head == "embedding")
        assert published.system["conditioning"] == conditioning
        assert published.networks["critic"].kwargs["head"] == head
        assert conditioning == "none" or HEAD_OF[conditioning] == head
        for role, network in published.networks.items():
            assert network.network == ("deep_conv" if "resnet" not in case else "sngan")
            assert network.num_classes == (4 if "resnet" in case else 0)
            modules[case, role] = module_of(network)
            variables[case, role] = converted(network, modules[case, role])

    @jax.jit
    def play(variables):
        def given(case):
            return (labels,) if modules[case, "generator"].num_classes else ()

        # Generators of one structure are a stack.
        images = {}
        for cases in (list(HEADS)[:3], list(HEADS)[3:]):
            stack = jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *(variables[case, "generator"]
                                                                            for case in cases))
            found = jax.vmap(lambda tree, first=cases[0]: modules[first, "generator"].apply(
                tree, latents, *given(first)))(stack)
            images |= {case: found[number] for number, case in enumerate(cases)}
        return images, {case: modules[case, "critic"].apply(variables[case, "critic"], real, *given(case))
                        for case in HEADS}

    images, logits = play(variables)
    for case in HEADS:
        assert relative_error(images[case], numbers.images(f"out/{case}/img_eval")) < TOLERANCE, case
        expected = numbers[f"out/{case}/D_adv_output"]
        if case == "resnet_mh":
            # The logit of the class, less that of generated images.
            expected = expected[np.arange(len(labels)), labels] - expected[:, -1]
        assert relative_error(logits[case], expected) < TOLERANCE, case


def test_the_name_of_a_run_says_by_which_loss_embeddings_learn(tmp_path):
    folder, critic = studiogan(tmp_path / "weights", "resnet_2c"), tmp_path / "weights" / NAMES["D"]
    tensors = read_weights(critic).tensors
    for name, conditioning in (("ReACGAN", "data_to_data"), ("ContraGAN", "contrastive"), ("own", "contrastive")):
        written(critic, tensors, run_name=f"CIFAR10-{name}-train-2022_01_01_10_11_12")
        published = read_studiogan(str(folder), None)
        assert published.system["conditioning"] == conditioning
        assert published.networks["critic"].kwargs["embedding"] == 12
        assert ["2C or by D2DCE" in note for note in published.notes] == [True] * (name == "own")


def test_a_critic_without_classes_stands_beside_a_generator_with_them(tmp_path):
    folder = copied(SNGAN, tmp_path / "weights")
    changed(folder / CRITIC, **{f"state_dict.embedding.{name}": None for name in (
        "weight_orig", "weight_u", "weight_v")})
    published = read_studiogan(str(folder), None)
    assert not published.notes and published.system["conditioning"] == "none"
    critic = published.networks["critic"]
    assert (critic.kwargs["head"], critic.num_classes) == ("none", 5)


OTHER_HEADS = {"another classifier": ({"state_dict.linear_mi.weight_orig": np.zeros((5, 8), np.float32)},
                                      "has the head embedding, linear_mi"),
               "a logit a class": ({"state_dict.linear1.weight_orig": np.zeros((5, 8), np.float32)}, "gives 5 logits"),
               "doubled classes": ({"state_dict.embedding.weight_orig": np.zeros((10, 8), np.float32),
                                    "state_dict.linear2.weight_orig": np.zeros((8, 8), np.float32)},
                                   "has 10 classes, each of them real and generated (ADC)")}


@pytest.mark.parametrize("case", OTHER_HEADS)
def test_a_critic_with_another_head_is_left_out_and_said_to_be(case, tmp_path):
    tensors, words = OTHER_HEADS[case]
    folder = copied(SNGAN, tmp_path / "weights")
    changed(folder / CRITIC, **tensors)
    published = read_studiogan(str(folder), None)
    assert list(published.networks) == ["generator"]
    assert published.critic[0] == "sngan" and published.critic[1]["width"] == 4
    note, = published.notes
    assert words in note and CRITIC in note and "the run's critic is new" in note


NAN = np.full((12, 5), np.nan, np.float32)
GAIN = "state_dict.blocks.0.0.bn1.gain.weight"
BAD_TENSORS = {
    "one is missing": ({GAIN: None}, f"{GENERATOR} lacks blocks.0.0.bn1.gain.weight"),
    "one too many": ({"state_dict.blocks.0.0.new": NAN}, f"{GENERATOR} has besides blocks.0.0.new"),
    "another shape": ({"state_dict.conv2d5.bias": NAN}, f"{GENERATOR} has conv2d5.bias with (12, 5) for (3,)"),
    "not finite": ({GAIN: NAN}, f"{GENERATOR} has blocks.0.0.bn1.gain.weight with 60 of 60 numbers that are not"),
    "other classes than the critic's": ({name: np.zeros((12, 6), np.float32) for name in (
        f"state_dict.blocks.{block}.0.bn{norm}.{kind}.weight"
        for block in range(3) for norm in (1, 2) for kind in ("gain", "bias"))}, "one of 6; name files of one"),
    "other channels": ({"state_dict.blocks.1.0.conv2d2.weight": np.zeros((9, 12, 3, 3), np.float32)},
                       "channels, which are not those of SNGAN's generator"),
    "another backbone": ({"state_dict.blocks.0.0.conv2d4.weight": NAN}, "BigGAN-deep's backbones"),
    "no block": ({name: None for name in read_weights(FILES / SNGAN / GENERATOR).tensors if ".blocks." in name},
                 "has no blocks.0"),
}


@pytest.mark.parametrize("case", BAD_TENSORS)
def test_a_tensor_that_does_not_fit_is_named_with_its_file_and_nothing_is_written(case, tmp_path, capsys):
    tensors, words = BAD_TENSORS[case]
    folder = copied(SNGAN, tmp_path / "weights")
    changed(folder / GENERATOR, **tensors)
    said = refused(capsys, folder, tmp_path / "run", "--format=studiogan")
    assert words in said and GENERATOR in said
    assert not (tmp_path / "run").exists()


def cut(name):
    """A change of a directory: a file of it is cut short."""
    def change(folder):
        path = folder / name if folder.is_dir() else folder
        path.write_bytes(path.read_bytes()[:-2000])
    return change


def renamed(old, new):
    """A change of a pickle: a class in it has another name, of as many letters."""
    def change(path):
        assert len(old) == len(new) and old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
    return change


def said_otherwise(**settings):
    """A change of the published config."""
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return change


def taken_from(other, name):
    """A change of a directory: a file of it is that of another training."""
    return lambda folder: shutil.copy(FILES / other / name, folder / name)


BAD_FILES = {
    "cut short": ("biggan-32-c10", cut("G_ema.pth"), [], "G_ema.pth is not a whole zip file"),
    "a pickle cut short": ("r3gan-16-cond4.pkl", cut(""), [], "r3gan-16-cond4.pkl"),
    "of another architecture": ("biggan-32-c10", taken_from("biggandeep-32-c10", "G_ema.pth"), [],
                                "state_dict.pth says model=BigGAN, but the tensors of"),
    "of other latents": ("biggan-32-c10", taken_from("biggan-32-flat", "state_dict.pth"), [],
                         "says dim_z=14, but the tensors of"),
    "a critic alone": ("biggan-32-c10/D.pth", lambda path: None, [], "D.pth holds a critic"),
    "of no such copy": ("biggan-32-c10", lambda path: None, ["--network=best0"], "so that --network=best0"),
    "flags of translators": ("biggan-32-c10", lambda path: None, ["--back=x.pth"], "--back means nothing"),
    "other classes than its config says": ("biggan-deep-hf-32", said_otherwise(num_classes=13), [],
                                           "config.json says num_classes=13, but"),
    "another size than its config says": ("biggan-deep-hf-32", said_otherwise(output_dim=64), [],
                                          "says output_dim=64, but its layers make 32"),
    "layers that do not join": ("biggan-deep-hf-32", said_otherwise(layers=[[True, 16, 8], [True, 16, 4]]), [],
                                "begin with other channels"),
    "without its config": ("biggan-deep-hf-32", lambda folder: (folder / "config.json").unlink(), [], "config.json"),
    "an unknown class": ("r3gan-16-cond4.pkl", renamed(b"ResidualBlock", b"RezidualBlock"), [],
                         "G_ema, has modules of the classes RezidualBlock"),
    "an unknown network": ("r3gan-16-cond4.pkl", renamed(b"Discriminator", b"Discriminated"), [], "Discriminated"),
    "other modules": ("r3gan-16-cond4.pkl", renamed(b"R3GAN.Networks", b"os.environment"), [], "names os.environment"),
    "StyleGAN2's": ("stylegan2ada-16-cond3.pkl", lambda path: None, ["--format=r3gan"], "modules of the classes"),
    "R3GAN's": ("r3gan-16-cond4.pkl", lambda path: None, ["--format=dcgan-tutorial"], "r3gan-16-cond4.pkl"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_bad_is_answered_in_a_sentence_and_nothing_is_written(case, tmp_path, capsys):
    name, change, flags, words = BAD_FILES[case]
    path = copied(name, tmp_path / Path(name).name)
    change(path)
    assert words in (said := refused(capsys, path, tmp_path / "run", *flags)), said
    assert not (tmp_path / "run").exists()


def test_pictures_of_other_classes_are_refused(tmp_path, capsys):
    from PIL import Image
    for number in range(4):
        (tmp_path / f"pictures/{number % 2}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16)).save(tmp_path / f"pictures/{number % 2}/{number}.png")
    said = refused(capsys, FILES / "r3gan-16-cond4.pkl", tmp_path / "run", f"--images={tmp_path}/pictures")
    assert "pictures has 2 classes, but" in said and "network of 4" in said


def test_networks_are_told_by_their_tensors(tmp_path):
    numbers, cross = Numbers("biggan.npz"), {"hier32"}
    for case in ("hier32", "flat64", "deep32"):
        (tmp_path / case).mkdir()
        for name in "GD":
            tensors = numbers.within(f"sd/{case}_{name}")
            if case in cross:
                # As normalization over several devices calls its statistics.
                tensors = {key.replace(".stored_", ".bn.running_"): value for key, value in tensors.items()}
                tensors["blocks.0.0.bn1.bn.num_batches_tracked"] = np.array(3)
            (tmp_path / case / f"{name}.pth").write_bytes(writers.torch_zip(stored(tensors)))
        said, found = numbers.meta[case], read_biggan(str(tmp_path / case), None).networks
        generator, critic = found["generator"], found["critic"]
        assert generator.network == critic.network == ("biggan_deep" if case == "deep32" else "biggan")
        assert (generator.latent_size, generator.num_classes, critic.num_classes) == (said["dim_z"], 10, 10)
        assert generator.image_shape == critic.image_shape == (said["G"]["resolution"],) * 2 + (3,)
        expected = {"width": said["G"]["G_ch"], "shared": said["G"]["shared_dim"] or said["dim_z"],
                    "attention": (int(said["G"]["G_attn"]),), "hierarchical": said["G"]["hier"]}
        assert {name: generator.kwargs.get(name, True) for name in expected} == expected
        expected = {"width": said["D"]["D_ch"], "attention": (int(said["D"]["D_attn"]),),
                    "wide": said["D"].get("D_wide", True)}
        assert {name: critic.kwargs.get(name, True) for name in expected} == expected
        assert not any("running" in name or "tracked" in name for name in generator.tensors)


def test_variances_of_its_own_normalization_are_biased_and_its_statistics_are_taken(tmp_path):
    numbers, batches = Numbers("standing_statistics.npz"), 3
    # What the code has after its standing statistics, of which the sums are kept.
    tensors = numbers.within("sd/mybn_G") | numbers.within("buf_after/mybn_G")
    tensors = {name: value / batches if ".stored_" in name else value for name, value in tensors.items()}
    (tmp_path / "G_ema.pth").write_bytes(writers.torch_zip(stored(tensors)))
    latents, labels, network = numbers["in/z"], numbers["in/y"], read_biggan(str(tmp_path), None).networks["average"]
    assert network.kwargs["unbiased"] is False
    module = module_of(network)
    images = jax.jit(module.apply)(converted(network, module), latents, labels)
    assert relative_error(images, numbers.images("out/mybn/img_standing")) < TOLERANCE


def test_one_of_several_copies_is_chosen(tmp_path, capsys):
    folder = tmp_path / "weights"
    folder.mkdir()
    for copy in ("best0", "copy1"):
        for name in ("G", "D", "state_dict"):
            shutil.copy(FILES / f"biggan-32-flat/{name}.pth", folder / f"{name}_{copy}.pth")
    assert "holds files of best0, copy1; choose one, as --network=best0" in refused(capsys, folder, tmp_path / "run")
    assert main(["import", str(folder), str(tmp_path / "run"), "--network=best"]) == 0
    assert "G_best0.pth" in capsys.readouterr().out


def enlarged(x, kernel, step, padding):
    """A transposed convolution of images [b, h, w, c] by its definition: each pixel adds the kernel to its place."""
    rows, size = x.shape[1], kernel.shape[-1]
    whole = np.zeros((len(x), *((rows - 1) * step + size,) * 2, kernel.shape[1]))
    for row in range(rows):
        for column in range(rows):
            whole[:, row * step:row * step + size, column * step:column * step + size] += np.einsum(
                "bi,iohw->bhwo", x[:, row, column], kernel)
    return whole[:, padding:whole.shape[1] - padding, padding:whole.shape[2] - padding]


def reduced(x, kernel, step, padding):
    """A convolution of images by its definition."""
    x, size = np.pad(x, ((0, 0), *((padding, padding),) * 2, (0, 0))), kernel.shape[-1]
    places = range(0, x.shape[1] - size + 1, step)
    return np.stack([np.stack([np.einsum("bhwi,oihw->bo", x[:, row:row + size, column:column + size], kernel)
                               for column in places], 1) for row in places], 1)


def normalized(x, tensors, place):
    """Normalization by stored statistics."""
    weight, bias, mean, var = (
        tensors[f"main.{place}.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def test_networks_of_the_dcgan_tutorial_are_what_its_layers_compute(tmp_path, capsys):
    generator = np.random.default_rng(0)
    made, judging = tutorial((5, 8, 4, 2, 3), True, generator), tutorial((3, 2, 4, 8, 1), False, generator)
    # Alone, with DataParallel's prefix, or in a file with more.
    (tmp_path / "netG.pth").write_bytes(writers.torch_zip(
        {f"module.{key}": value for key, value in stored(made).items()}))
    (tmp_path / "netD.pth").write_bytes(writers.torch_zip({"netD_state_dict": stored(judging), "epoch": 3}))
    assert main(["import", str(tmp_path / "netG.pth"), str(tmp_path / "run"), f"--critic={tmp_path}/netD.pth"]) == 0
    assert "dcgan" in capsys.readouterr().out
    run = open_run(str(tmp_path / "run"), scores=True)
    latents = generator.normal(size=(2, 5)).astype(np.float32)
    x = latents[:, None, None]
    for place in (0, 3, 6, 9):
        x = enlarged(x, made[f"main.{place}.weight"], 2 if place else 1, 1 if place else 0)
        x = np.maximum(normalized(x, made, place + 1), 0) if place < 9 else np.tanh(x)
    images = run.images(latents, np.zeros(2, np.int32))
    assert images.shape == (2, 32, 32, 3) and relative_error(images, x) < TOLERANCE
    x = images
    for place in (0, 2, 5, 8):
        x = reduced(x, judging[f"main.{place}.weight"], 2 if place < 8 else 1, 1 if place < 8 else 0)
        x = normalized(x, judging, place + 1) if place in (2, 5) else x
        x = np.where(x > 0, x, 0.2 * x) if place < 8 else x
    logits = jax.jit(run.game.networks["critic"].evaluate)(*run.networks["critic"], images)
    assert relative_error(logits, x[:, 0, 0, 0]) < TOLERANCE
