"""The game of BigGAN in PyTorch: eager, channels-last, or compiled (the script calls this)."""

import copy

import torch
from playing import EXAMPLES, asked, serve
from torch_biggan import Critic, Generator

W, VARIANT, _, _ = asked()
SIDE = W.image[0]


def main():
    """Builds, trains a round, and answers."""
    torch.manual_seed(0)
    # Networks, of which the generator has an average, and random data.
    generator, critic = Generator(W), Critic(W)
    data = torch.rand(EXAMPLES, W.image[-1], SIDE, SIDE) * 2 - 1
    labels_of = torch.randint(W.classes, (EXAMPLES,))
    if VARIANT == "channels_last":
        generator, critic = (network.to(memory_format=torch.channels_last) for network in (generator, critic))
        data = data.to(memory_format=torch.channels_last)
    average = copy.deepcopy(generator).requires_grad_(False)
    rate, *betas = W.adam
    optimizers = {network: torch.optim.Adam(network.parameters(), rate, betas) for network in (generator, critic)}
    parameters = sum(p.numel() for network in (generator, critic) for p in network.parameters())
    make, judge = (torch.compile(network, dynamic=False) if VARIANT == "compile" else network
                   for network in (generator, critic))

    def critic_loss(real, labels):
        # Both kinds are one batch, as in the official code, so that power iterations are made once.
        with torch.no_grad():
            fake = make(torch.randn(W.batch, W.latent), labels)
        real_logits, fake_logits = judge(torch.cat([real, fake]), torch.cat([labels, labels])).chunk(2)
        return (1 - real_logits).relu().mean() + (1 + fake_logits).relu().mean()

    def generator_loss(labels):
        return -judge(make(torch.randn(W.batch, W.latent), labels), labels).mean()

    def step(network, loss, *arguments):
        for other in (generator, critic):
            other.requires_grad_(other is network)
        optimizers[network].zero_grad(set_to_none=True)
        loss(*arguments).backward()
        optimizers[network].step()

    def move_average(images):
        half_life, warmup = W.average
        keep = 0.5 ** (W.batch / max(min(half_life, images * warmup), 1e-8))
        with torch.no_grad():
            for old, new in zip(average.state_dict().values(), generator.state_dict().values(), strict=True):
                old.lerp_(new, 1 - keep)

    played = 0

    def play(rounds):
        nonlocal played
        for _ in range(rounds):
            chosen = torch.randint(EXAMPLES, (W.batch,))
            step(critic, critic_loss, data[chosen], labels_of[chosen])
            step(generator, generator_loss, labels_of[torch.randint(EXAMPLES, (W.batch,))])
            move_average(played * W.batch)
            played += 1

    serve(parameters, play)


if __name__ == "__main__":
    main()
