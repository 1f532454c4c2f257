"""The original GAN: multilayer perceptrons, binary cross-entropy, and either loss of the generator.

    ganlab train --config=experiments/minimax_mlp.py --workdir=runs/minimax_mlp
    ganlab train --config=experiments/minimax_mlp.py:data=digits --workdir=runs/minimax_mlp
    ganlab train --config=experiments/minimax_mlp.py:data=digits,loss=minimax --workdir=runs/minimax_mlp_saturating

Goodfellow et al. 2014, "Generative adversarial nets", with the sizes of its code for MNIST: the
generator has two layers of 1,200 rectified linear units and a sigmoid, the critic two layers of 240
maxout units of five pieces, with dropout of 0.2 on the image and 0.5 on each layer; 100 normal latents,
batches of 100, gradient descent at rate 0.1 with momentum 0.5. In that code momentum also rises to 0.7
over 250 epochs, the rate falls by 4 millionths a step, and the critic starts from weights within 0.005
where ours are within 0.05, as the generator's are in both.

Measured: on the digits, 10,000 rounds take 3.6 minutes on two CPU cores that other work shared; most samples
can be read as a digit, and all ten occur.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data

BATCH = 100


def get_config(argument=None):
    """Choices: data (a TFDS name, digits or glyphs), loss (non_saturating or minimax)."""
    choice = parse_choices(argument, data="mnist", loss="non_saturating")
    return experiment(
        name=f"minimax_mlp {choice.data}",
        data=picture_data(choice.data, side=28 if choice.data == "mnist" else 32, colour=False),
        system=dict(name="gan", loss=choice.loss, latent_size=100),
        networks={
            "generator": dict(network="mlp", optimizer="sgd", kwargs=dict(
                width=1200, depth=2, output_activation="image_sigmoid", initializer="goodfellow")),
            "critic": dict(network="mlp", optimizer="sgd", kwargs=dict(
                width=240, depth=2, pieces=5, activation="identity", dropout=0.5, input_dropout=0.2,
                initializer="goodfellow"))},
        hyper=both_players(lr=0.1, momentum=0.5),
        batch_size=BATCH,
        train=dict(total_rounds=10_000, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=2000),
    )
