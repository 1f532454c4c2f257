"""Images that move as one with their input: StyleGAN3 (Karras et al. 2021), with the settings of its code, in float32.

    ganlab train --config=experiments/stylegan3.py --workdir=runs/free
    ganlab train --config=experiments/stylegan3.py:config=r --workdir=runs/free_r
    ganlab train --config=experiments/stylegan3.py:data=cifar10 --workdir=runs/cifar
    ganlab train --config=experiments/stylegan3.py:base=official,config=t,data=faces,resolution=256 --workdir=runs/faces
    ganlab evaluate --workdir=runs/free --metrics=fid,eqt_int,eqt_frac

The first is made for two cores: letters and digits of 32x32 pixels by their class, six layers of at most 64 channels.
Configuration `t` follows shifts of its input, `r` turns, too: by kernels of single pixels, twice the channels and
radial filters, and with images that its critic sees blurred at first. `data=faces` stands for any name of TFDS, and
`data=./faces` for a folder of `ganlab data import`. `augment=ada:bgc` is the default of the official code.
"""

from ganlab.config import experiment, parse_choices, picture_data, unknown

# What the two configurations add to the generator and to the channels.
CONFIGS = {"t": dict(kwargs=dict(), channels=1, blur="none"),
           "r": dict(kwargs=dict(kernel_size=1, radial_filters=True), channels=2, blur="gaussian")}
# Batch size, channels, layers, numbers of latents and styles, half-life of the average in kimg, and training. Gamma of
# R1 is the official 0.5, 2, 8 and 32 at 128, 256, 512 and 1024 pixels; a small one is that of experiments/stylegan2.py.
BASES = {
    "small": dict(batch=16, channel_base=64, channel_max=64, layers=6, latent=128, average=20.0, kimg=100, side=32,
                  gamma=1.0, critic=dict(channel_base=32, channel_max=64, mapping_layers=2)),
    "official": dict(batch=32, channel_base=0, channel_max=512, layers=14, latent=512, average=10.0, kimg=25_000,
                     side=256, gamma=0.0, critic=dict(channel_base=0, channel_max=512, mapping_layers=8)),
}
BLUR, BLUR_KIMG = 10.0, 200.0
"""Of the official code with batches of 32: pixels, and when it has faded."""


def get_config(argument=None):
    """Choices: base (small or official), config (t or r), data (glyphs, a name of TFDS, or a folder of `ganlab data
    import`, written with a /), resolution, conditional (letters always are), gamma, batch, kimg (0 for those of the
    base), augment (none, ada:bgc, ...)."""
    choice = parse_choices(argument, base="small", config="t", data="", resolution=0, conditional=False, gamma=0.0,
                           batch=0, kimg=0, augment="none")
    for name, table in (("base", BASES), ("config", CONFIGS)):
        if choice[name] not in table:
            raise unknown(f"choice {name}", choice[name], table)
    base, config = BASES[choice.base], CONFIGS[choice.config]
    side, batch = choice.resolution or base["side"], choice.batch or base["batch"]
    data = choice.data or ("glyphs" if choice.base == "small" else "cifar10")
    letters = data == "glyphs"
    # Fewer large glyphs: all are in memory.
    glyphs = dict(source="glyphs", kwargs=dict(size=max(min(20_000, 20_000 * 128**2 // side**2), 512), side=side))
    # 0 stands for the official channels, which are those of 1024 pixels at every size.
    wider = config["channels"]
    generator = dict(config["kwargs"], channel_base=(base["channel_base"] * side or 32768) * wider,
                     channel_max=base["channel_max"] * wider, layers=base["layers"], styles=base["latent"],
                     magnitude_rate=0.5 ** (batch / 20_000))
    critic = dict(base["critic"], channel_base=base["critic"]["channel_base"] * side or 32768, group=4)
    hyper = dict(generator_lr=2.5e-3, critic_lr=2e-3, generator_beta1=0.0, generator_beta2=0.99, critic_beta1=0.0,
                 critic_beta2=0.99, r1_weight=choice.gamma or base["gamma"] or 2.0 * (side / 256) ** 2,
                 style_mixing=0.0, ema_half_life_kimg=base["average"] * batch / base["batch"], ema_warmup=0.05)
    if config["blur"] != "none":
        hyper |= dict(blur_sigma=BLUR, blur_sigma_ramp_final=0.0, blur_sigma_ramp_end_kimg=BLUR_KIMG * batch / 32)
    rounds = 1000 * (choice.kimg or base["kimg"]) // batch
    every = max(rounds // 50, 1)
    return experiment(
        name=f"stylegan3-{choice.config} {choice.base}", batch_size=batch,
        data=glyphs if letters else picture_data(data, side=side),
        system=dict(name="stylegan2", latent_size=base["latent"], conditional=letters or choice.conditional,
                    augment=choice.augment, path_interval=0, follow="critic", blur=config["blur"]),
        networks={"generator": dict(network="stylegan3", kwargs=generator),
                  "critic": dict(network="stylegan2", kwargs=critic)},
        hyper=hyper, ramps="blur_sigma:linear" if config["blur"] != "none" else "none", sample=dict(number=100),
        train=dict(total_rounds=rounds, log_every_rounds=50, sample_every_rounds=every, checkpoint_every_rounds=every))
