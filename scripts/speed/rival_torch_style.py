"""The games of StyleGAN2 and 3 in PyTorch: eager with grouped convolutions, or with scaled images around kernels that
they share, so too channels-last or compiled (the script calls this)."""

import copy
import random

import torch
import torch_stylegan2
import torch_stylegan3
from playing import EXAMPLES, asked, serve
from style_workloads import StyleGAN3Workload
from torch.nn import functional
from torch_augment import bgc
from torch_stylegan2 import Critic

W, VARIANT, _, _ = asked()
SIDE = W.image[0]
THIRD = isinstance(W, StyleGAN3Workload)
PATH_INTERVAL, PATH_SHARE, PATH_WEIGHT, PATH_DECAY = W.path


def slopes_eager(function):
    """Gradients of a number by what a function first takes, differentiable."""
    def slopes(x, *others):
        return torch.autograd.grad(function(x, *others), x, create_graph=True)[0]

    return slopes


def slopes_compiled(function):
    """The same in one graph: a compiled function has no gradients of its gradients."""
    return torch.compile(lambda *arguments: torch.func.grad(function)(*arguments), dynamic=False)


def lazy_adam(network, interval, rate):
    """Makes Adam for a loss whose penalty comes once in `interval` rounds (Karras et al. 2020b, appendix B), or never
    if that is 0."""
    share = interval / (interval + 1) if interval else 1.0
    _, *betas = W.adam
    return torch.optim.Adam(network.parameters(), rate * share, [beta**share for beta in betas])


def main():
    """Builds, trains a round, and answers."""
    torch.manual_seed(0)
    # Networks, of which the generator has an average, and random data.
    made_by = torch_stylegan3.Generator if THIRD else torch_stylegan2.Generator
    generator, critic = made_by(W, grouped=VARIANT == "eager"), Critic(W)
    data = torch.rand(EXAMPLES, W.image[-1], SIDE, SIDE) * 2 - 1
    if VARIANT == "channels_last":
        generator, critic = (network.to(memory_format=torch.channels_last) for network in (generator, critic))
        data = data.to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator).requires_grad_(False)
    optimizers = {generator: lazy_adam(generator, PATH_INTERVAL, W.adam[0]),
                  critic: lazy_adam(critic, W.penalty_interval, W.critic_rate)}
    parameters = sum(p.numel() for network in (generator, critic) for p in network.parameters())
    # What is compiled: passes and the slopes of penalties.
    compiled = VARIANT == "compile"
    mapping, synthesis, judge = (torch.compile(part, dynamic=False) if compiled else part for part in (
        generator.mapping, generator.synthesis, critic))
    slopes = slopes_compiled if compiled else slopes_eager
    path_slopes = slopes(lambda styles, noise: (generator.synthesis(styles) * noise).sum() / SIDE)
    critic_slopes = slopes(lambda images: critic(images).sum())
    path_mean = torch.zeros(())

    def shown(images):
        """What the critic sees of images."""
        return images if W.augment == "none" else bgc(images, W.chance)

    def mixed(batch):
        """Styles of every layer, from some layer on those of second latents; the average style follows the first."""
        first, second = (mapping(torch.randn(batch, W.latent)) for _ in range(2))
        generator.average.lerp_(first.detach().mean(0), 0.005)
        layer = random.randrange(1, generator.layers) if random.random() < W.style_mixing else generator.layers
        own = (torch.arange(generator.layers) < layer)[:, None]
        return torch.where(own, first[:, None], second[:, None])

    def fakes(own):
        """Images; in StyleGAN3 averages follow only those that the critic learns from, not the generator's own."""
        if not THIRD:
            return synthesis(mixed(W.batch))
        style = mapping(torch.randn(W.batch, W.latent))
        if not own:
            generator.follow(style)
        return synthesis(style[:, None].expand(-1, generator.layers, -1), not own)

    def generator_loss():
        return functional.softplus(-judge(shown(fakes(own=True)))).mean()

    def path_loss():
        batch = W.batch // PATH_SHARE
        noise = torch.randn(batch, W.image[-1], SIDE, SIDE)
        lengths = path_slopes(mixed(batch), noise).square().sum(2).mean(1).sqrt()
        path_mean.lerp_(lengths.detach().mean(), PATH_DECAY)
        return (lengths - path_mean).square().mean() * PATH_WEIGHT * PATH_INTERVAL

    def critic_loss(real):
        with torch.no_grad():
            fake = fakes(own=False)
        return functional.softplus(judge(shown(fake))).mean() + functional.softplus(-judge(shown(real))).mean()

    def penalty_loss(real):
        real = real.detach().requires_grad_()
        seen = shown(real)
        slope = critic_slopes(seen)
        # By images before augmentation, which the critic's params do not reach.
        if seen is not real:
            slope = torch.autograd.grad(seen, real, slope, create_graph=True)[0]
        return slope.square().sum((1, 2, 3)).mean() * W.penalty_weight / 2 * W.penalty_interval

    def step(network, loss, *arguments):
        for other in (generator, critic):
            other.requires_grad_(other is network)
        optimizers[network].zero_grad(set_to_none=True)
        loss(*arguments).backward(inputs=list(network.parameters()))
        for p in network.parameters():
            if p.grad is not None:
                torch.nan_to_num(p.grad, 0.0, 1e5, -1e5, out=p.grad)
        optimizers[network].step()

    def move_average(images):
        half_life, warmup = W.average
        keep = 0.5 ** (W.batch / max(min(half_life, images * warmup), 1e-8))
        with torch.no_grad():
            for old, new in zip(average.parameters(), generator.parameters(), strict=True):
                old.lerp_(new, 1 - keep)
            for old, new in zip(average.buffers(), generator.buffers(), strict=True):
                old.copy_(new)

    played = 0

    def play(rounds):
        nonlocal played
        for _ in range(rounds):
            step(generator, generator_loss)
            if PATH_INTERVAL and played % PATH_INTERVAL == 0:
                step(generator, path_loss)
            real = data[torch.randint(EXAMPLES, (W.batch,))]
            step(critic, critic_loss, real)
            if played % W.penalty_interval == 0:
                step(critic, penalty_loss, real)
            move_average(played * W.batch)
            played += 1

    serve(parameters, play)


if __name__ == "__main__":
    main()
