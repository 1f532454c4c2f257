"""The DCGAN that courses train on CIFAR-10: the critic learns from half a batch of real and of fake images in turn.

    ganlab train --config=experiments/dcgan32.py --workdir=runs/dcgan32
    ganlab train --config=experiments/dcgan32.py:data=glyphs,thin=4 --workdir=runs/dcgan32_glyphs

J. Brownlee, "How to develop a GAN to generate CIFAR10 small color photographs" (2019): 100 latents, Adam
at 2e-4 with beta1 0.5, dropout of 0.4 in the critic, 64 real and 64 fake images with a step on each,
then a batch of 128 fakes for the generator; 200 epochs.

Measured: `:data=glyphs,thin=8` plays 9 rounds a second on one core of an AMD EPYC with AVX-512. After 18,082 of
its 78,000 rounds it has the colours and places of the glyphs and none of their shapes, FID 24.4 (docs/gallery.md); it was
not trained to its end here.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data

FILTERS = {"generator": (256, 128, 128, 128), "critic": (64, 128, 128, 256)}


def get_config(argument=None):
    """Choices: data (a TFDS name or glyphs), thin (divides the filters of every layer, for a quick run)."""
    choice = parse_choices(argument, data="cifar10", thin=1)
    player = dict(network="dcgan32", optimizer="adam")
    return experiment(
        name=f"dcgan32 {choice.data}",
        data=picture_data(choice.data, side=32),
        system=dict(name="gan", loss="non_saturating", critic_step="two_steps", generator_batches=2, latent_size=100),
        networks={name: dict(player, kwargs=dict(filters=tuple(max(1, size // choice.thin) for size in sizes)))
                  for name, sizes in FILTERS.items()},
        hyper=both_players(lr=2e-4, beta1=0.5, beta2=0.999, eps=1e-7),
        batch_size=64,
        train=dict(total_rounds=78_000, log_every_rounds=50, sample_every_rounds=500, checkpoint_every_rounds=500),
    )
