"""Variational autoencoder with a latent space to look at, by small dense networks or the convolutions of a book.

    ganlab train --config=experiments/vae.py --workdir=runs/vae
    ganlab latent --workdir=runs/vae --show=space
    ganlab latent --workdir=runs/vae --show=arithmetic --from=3 --to=8

The defaults are a perceptron on the bundled 8x8 digits (Kingma & Welling 2014). The other
network is that of Chollet's Deep Learning with Python (2018), section 8.4, by its RMSprop in
batches of 16, on the digits or on letters in place of the book's MNIST:

    ganlab train --config=experiments/vae.py:network=conv_vae --workdir=runs/conv_vae
    ganlab train --config=experiments/vae.py:data=glyphs,network=conv_vae --workdir=runs/glyph_vae

Measured at seed 0 on training images, in nats an image, means over the last tenth of the
logged rounds, on two CPU cores that other work shared:

    network, data     reconstruction  divergence  time
    mlp, digits                 18.8         4.0  80 seconds
    conv_vae, digits            22.3         2.4  95 seconds (46 of processor time)
    conv_vae, glyphs           261.9         4.5  26 minutes (9 of processor time)

Of 183 threes moved by the difference of both classes' mean latents, the nearest real image of
121 is an eight (mlp; 14 unmoved), of 60 with the convolutions (8 unmoved). The digits have no
held-out part: the perceptron's numbers say what it keeps of images that it has seen.
"""

from ganlab.config import experiment, parse_choices

PLAYERS = ("encoder", "decoder")
SETTINGS = {
    "mlp": dict(
        kwargs=dict(width=256, depth=2), optimizer="adam", hyper=dict(lr=1e-3, beta1=0.9), batch_size=128,
        train=dict(total_rounds=20_000, rounds_per_call=20, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=5000)),
    "conv_vae": dict(
        kwargs={}, optimizer="rmsprop", hyper=dict(lr=1e-3, decay=0.9, eps=1e-7), batch_size=16,
        train=dict(total_rounds=4000, log_every_rounds=100, sample_every_rounds=250, checkpoint_every_rounds=500)),
}


def get_config(argument=None):
    """Choices: data, network (mlp or conv_vae), latent_size, reconstruction (cross_entropy or squared_error).

    The loss is the bound itself (beta 1). The book weighs the divergence by 5e-4 against a mean
    over pixels, which is a beta of 0.392 at its 28x28 pixels and two latents
    (`--config.hyper.beta=0.392`), and draws with the variance in place of the deviation; we do
    neither.
    """
    choice = parse_choices(argument, data="digits", network="mlp", latent_size=2, reconstruction="cross_entropy")
    # The game names a network that is unknown.
    settings = SETTINGS.get(choice.network, SETTINGS["mlp"])
    return experiment(
        name=f"vae_{choice.data}",
        data=dict(source=choice.data, kwargs=dict(size=10_000) if choice.data == "glyphs" else {}),
        system=dict(name="vae", latent_size=choice.latent_size, reconstruction=choice.reconstruction),
        # A dict for each player, so that an override of one changes no other.
        networks={player: dict(network=choice.network, optimizer=settings["optimizer"],
                               kwargs=dict(settings["kwargs"])) for player in PLAYERS},
        hyper={f"{player}_{name}": value for player in PLAYERS for name, value in settings["hyper"].items()},
        batch_size=settings["batch_size"],
        train=settings["train"],
    )
