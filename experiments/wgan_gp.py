"""The Wasserstein GAN by gradient penalty, with the networks of DCGAN or residual ones.

    ganlab train --config=experiments/wgan_gp.py --workdir=runs/wgan_gp
    ganlab train --config=experiments/wgan_gp.py:data=cifar10,width=64 --workdir=runs/wgan_gp_cifar10
    ganlab train --config=experiments/wgan_gp.py:network=residual --workdir=runs/wgan_gp_residual

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", algorithm 1: penalty of weight 10 on
interpolates, five critic updates, Adam at 1e-4 with beta1 0 and beta2 0.9, batches of 64; no batch normalization in
the critic. The residual networks are the paper's for 64x64, whose size is that of `:network=residual,side=64,width=64`.

Measured on `:data=digits`: after 1,000 rounds, 94 seconds on one CPU core that other work shared, strokes and rings
that are not yet digits. On the glyphs, after its 4,000 rounds, strokes of which some are letters, FID 5.56
(docs/gallery.md).
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data


def get_config(argument=None):
    """Choices: data (glyphs, digits or a TFDS name), width (channels next to the image; the paper's is 64), network
    (dcgan or residual), side (of glyphs and TFDS's pictures)."""
    choice = parse_choices(argument, data="glyphs", width=16, network="dcgan", side=32)
    kwargs = dict(width=choice.width, base=2 if choice.data == "digits" else 4)
    player = dict(network=choice.network, optimizer="adam")
    normalization = "layer" if choice.network == "residual" else "none"
    return experiment(
        name=f"wgan_gp {choice.data}",
        data=picture_data(choice.data, side=choice.side, colour=False),
        system=dict(name="gan", loss="wasserstein", penalty="gradient_penalty", critic_updates=5, latent_size=128),
        networks={"generator": dict(player, kwargs=dict(kwargs, normalization="batch")),
                  "critic": dict(player, kwargs=dict(kwargs, normalization=normalization))},
        hyper=dict(both_players(lr=1e-4, beta1=0.0, beta2=0.9), gradient_penalty_weight=10.0),
        batch_size=64,
        train=dict(total_rounds=4000, log_every_rounds=50, sample_every_rounds=250, checkpoint_every_rounds=500),
    )
