"""The DCGAN of the Keras tutorial for 64x64 pictures.

    ganlab train --config=experiments/dcgan64.py --workdir=runs/dcgan64
    ganlab train --config=experiments/dcgan64.py:data=glyphs,thin=8 --workdir=runs/dcgan64_glyphs

F. Chollet, "DCGAN to generate face images" (Keras examples, 2019), on CelebA: 128 latents, transposed
convolutions of 128, 256 and 512 filters, one critic batch of real and fake images, 0.05 of uniform
noise on the labels, Adam at 1e-4 for both, batches of 32. The tutorial recommends 100 epochs.

Measured: its commands train at a tiny size in the tests; at full size it was not trained here.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data

FILTERS = {"generator": (128, 128, 256, 512), "critic": (64, 128, 128)}


def get_config(argument=None):
    """Choices: data (a TFDS name or glyphs), thin (divides the filters of every layer, for a quick run)."""
    choice = parse_choices(argument, data="celeb_a", thin=1)
    player = dict(network="dcgan64", optimizer="adam")
    return experiment(
        name=f"dcgan64 {choice.data}",
        data=picture_data(choice.data, side=64),
        system=dict(name="gan", loss="non_saturating", critic_step="one_pass", tricks="label_noise", latent_size=128),
        networks={name: dict(player, kwargs=dict(filters=tuple(max(1, size // choice.thin) for size in sizes)))
                  for name, sizes in FILTERS.items()},
        hyper=dict(both_players(lr=1e-4, beta1=0.9, beta2=0.999, eps=1e-7), label_noise=0.05),
        batch_size=32,
        train=dict(total_rounds=100_000, log_every_rounds=50, sample_every_rounds=500, checkpoint_every_rounds=500),
    )
