"""Variational autoencoder with two latents, whose space can be looked at: mlp, or the book's convolutions.

    ganlab train --config=experiments/vae.py --workdir=runs/vae
"""

from ganlab.config import experiment, parse_choices

ROUNDS = 20_000
BATCH = 128


def get_config(argument=None):
    """Choices: data, network (mlp or conv_vae), latent_size, reconstruction."""
    choice = parse_choices(argument, data="digits", network="mlp", latent_size=2, reconstruction="cross_entropy")
    kwargs = dict(width=256, depth=2) if choice.network == "mlp" else {}
    return experiment(
        name="vae",
        data=dict(source=choice.data, kwargs=dict(size=10_000) if choice.data == "glyphs" else {}),
        system=dict(name="vae", latent_size=choice.latent_size, reconstruction=choice.reconstruction),
        networks={"encoder": dict(network=choice.network, kwargs=kwargs),
                  "decoder": dict(network=choice.network, kwargs=kwargs)},
        hyper=dict(encoder_lr=1e-3, encoder_beta1=0.9, decoder_lr=1e-3, decoder_beta1=0.9),
        batch_size=BATCH,
        train=dict(total_rounds=ROUNDS, rounds_per_call=20, log_every_rounds=200, sample_every_rounds=1000,
                   checkpoint_every_rounds=5000),
    )
