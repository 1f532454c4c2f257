"""The DCGAN of Deep Learning with Python: frogs of 32x32 pixels, one class of CIFAR-10.

    ganlab train --config=experiments/dcgan32_frog.py --workdir=runs/frog
    ganlab train --config=experiments/dcgan32_frog.py:only_class=ship --workdir=runs/ship
    ganlab train --config=experiments/dcgan32_frog.py:data=glyphs,thin=8 --workdir=runs/frog_glyphs

F. Chollet, "Deep Learning with Python" (2018), section 8.5: 32 latents, RMSprop at 8e-4 for the critic
and 4e-4 for the generator, gradients clipped by value at 1, rates that decay by 1e-8 an iteration, one
critic batch of 20 real and 20 fake images, 0.05 of uniform noise on the labels, dropout of 0.4 in the
critic; 10,000 iterations.

Measured: `:data=glyphs,thin=8` plays 5.7 rounds a second on one core of an AMD EPYC with AVX-512, and after its 10,000
rounds draws letter-like shapes of one colour on another, FID 2.88 (docs/gallery.md); at full size it was not trained here.
"""

from ganlab.config import both_players, experiment, parse_choices, picture_data

BATCH = 20
FILTERS = {"generator": (128, 256, 256, 256, 256), "critic": (128, 128, 128, 128)}


def get_config(argument=None):
    """Choices: data (a TFDS name or glyphs), only_class (of TFDS's names), thin (divides the filters of every
    layer, for a quick run)."""
    choice = parse_choices(argument, data="cifar10", only_class="frog", thin=1)
    player = dict(network="dcgan32_frog", optimizer="rmsprop", clip_gradients="value")
    return experiment(
        name=f"dcgan32_frog {choice.data}",
        data=picture_data(choice.data, side=32, only_class=choice.only_class),
        system=dict(name="gan", loss="non_saturating", critic_step="one_pass", tricks="label_noise", latent_size=32),
        networks={name: dict(player, kwargs=dict(filters=tuple(max(1, size // choice.thin) for size in sizes)))
                  for name, sizes in FILTERS.items()},
        learning_rate_schedule="inverse_time",
        hyper=dict(both_players(decay=0.9, eps=1e-7, clip_gradients=1.0), critic_lr=8e-4, generator_lr=4e-4,
                   label_noise=0.05, decay_per_kimg=1e-8 * 1000 / BATCH),
        batch_size=BATCH,
        train=dict(total_rounds=10_000, log_every_rounds=50, sample_every_rounds=500, checkpoint_every_rounds=500),
    )
