"""The Wasserstein GAN by weight clipping, with the networks of DCGAN.

    ganlab train --config=experiments/wgan.py --workdir=runs/wgan
    ganlab train --config=experiments/wgan.py:data=cifar10,width=64 --workdir=runs/wgan_cifar10

Arjovsky et al. 2017, "Wasserstein generative adversarial networks", algorithm 1: a critic without a
sigmoid, weights clipped to 0.01, RMSprop at 5e-5, five critic updates, batches of 64.

Measured on `:data=digits`: after 1,000 rounds, 82 seconds on one CPU core that other work shared, blots and rings on
grey; at this rate of the paper it needs far more. On the glyphs, after its 4,000 rounds, letter-like strokes, FID 14.8
(docs/gallery.md).
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data


def get_config(argument=None):
    """Choices: data (glyphs, digits or a TFDS name), width (channels next to the image; the paper's is 64)."""
    choice = parse_choices(argument, data="glyphs", width=16)
    base = 2 if choice.data == "digits" else 4
    kwargs = dict(width=choice.width, base=base, normalization="batch")
    player = dict(network="dcgan", optimizer="rmsprop")
    return experiment(
        name=f"wgan {choice.data}",
        data=picture_data(choice.data, side=32, colour=False),
        system=dict(name="gan", loss="wasserstein", critic_updates=5, latent_size=100),
        networks={"generator": dict(player, kwargs=kwargs),
                  "critic": dict(player, kwargs=kwargs, projection="weight_clip")},
        hyper=dict(both_players(lr=5e-5), critic_weight_clip=0.01),
        batch_size=64,
        train=dict(total_rounds=4000, log_every_rounds=50, sample_every_rounds=250, checkpoint_every_rounds=500),
    )
