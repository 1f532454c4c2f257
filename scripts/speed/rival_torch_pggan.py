"""The game of PGGAN's last level in PyTorch: eager, channels-last, or compiled (the script calls this)."""

import copy

import torch
from playing import EXAMPLES, asked, serve
from torch_pggan import Critic, Generator, critic_loss, generator_loss, slopes_eager

W, VARIANT, _, _ = asked()
SIDE = W.image[0]


def slopes_compiled(critic):
    """Gradients of the logits by the images, in one graph: a compiled network has no gradients of its gradients."""
    return torch.compile(lambda images: torch.func.grad(lambda x: critic(x).sum())(images), dynamic=False)


def main():
    """Builds, trains a round, and answers."""
    torch.manual_seed(0)
    # Networks, of which the generator has an average, and random data.
    generator, critic = Generator(W), Critic(W)
    data = torch.rand(EXAMPLES, W.image[-1], SIDE, SIDE) * 2 - 1
    if VARIANT == "channels_last":
        generator, critic = (network.to(memory_format=torch.channels_last) for network in (generator, critic))
        data = data.to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator).requires_grad_(False)
    rate, *betas = W.adam
    optimizers = {network: torch.optim.Adam(network.parameters(), rate, betas) for network in (generator, critic)}
    parameters = sum(p.numel() for network in (generator, critic) for p in network.parameters())
    # What is compiled: passes, and the slopes of the penalty.
    compiled = VARIANT == "compile"
    make, judge = (torch.compile(network, dynamic=False) if compiled else network for network in (generator, critic))
    slopes = (slopes_compiled if compiled else slopes_eager)(critic)

    def fakes():
        return make(torch.randn(W.batch, W.latent))

    def step(network, loss):
        for other in (generator, critic):
            other.requires_grad_(other is network)
        optimizers[network].zero_grad(set_to_none=True)
        loss().backward(inputs=list(network.parameters()))
        optimizers[network].step()

    def critic_step():
        real = data[torch.randint(EXAMPLES, (W.batch,))]
        with torch.no_grad():
            fake = fakes()
        return critic_loss(W, judge, slopes, real, fake, torch.rand(W.batch, 1, 1, 1))

    def move_average():
        keep = 0.5 ** (W.batch / W.average)
        with torch.no_grad():
            for old, new in zip(average.parameters(), generator.parameters(), strict=True):
                old.lerp_(new, 1 - keep)

    def play(rounds):
        for _ in range(rounds):
            step(critic, critic_step)
            step(generator, lambda: generator_loss(judge, fakes()))
            move_average()

    serve(parameters, play)


if __name__ == "__main__":
    main()
