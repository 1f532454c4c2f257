"""The games in PyTorch, as its tutorials write them: eager, channels-last or compiled (the script calls this)."""

import sys

import torch
from torch import nn
from torch.nn import functional
from workloads import EXAMPLES, WORKLOADS, serve

W = WORKLOADS[sys.argv[1]]
VARIANT = sys.argv[2]


class Shape(nn.Module):
    """Flat features to features of a shape, channels first."""

    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = (-1, channels, height, width)

    def forward(self, x):
        return x.reshape(self.shape)


def layers(rows, size):
    """Modules of a workload's layers, from inputs of so many channels, height and width."""
    channels, *extent = size
    found = []
    for kind, *numbers in rows:
        if kind == "dense":
            found.append(nn.Linear(channels, numbers[0]))
            channels = numbers[0]
        elif kind == "conv":
            filters, kernel, stride = numbers
            found.append(nn.Conv2d(channels, filters, kernel, stride, (kernel - 1) // 2))
            channels, extent = filters, [side // stride for side in extent]
        elif kind == "up":
            filters, kernel, stride = numbers
            found.append(nn.ConvTranspose2d(channels, filters, kernel, stride, (kernel - stride) // 2))
            channels, extent = filters, [side * stride for side in extent]
        elif kind == "shape":
            found.append(Shape(*numbers))
            *extent, channels = numbers
        elif kind == "flatten":
            found.append(nn.Flatten())
            for side in extent:
                channels *= side
            extent = []
        else:
            found.append({"leaky": nn.LeakyReLU, "relu": nn.ReLU, "dropout": nn.Dropout, "sigmoid": nn.Sigmoid,
                          "tanh": nn.Tanh}[kind](*numbers))
    return nn.Sequential(*found), channels


class Critic(nn.Module):
    """Layers, a logit, and with classes the projection of the features on a row of the class."""

    def __init__(self):
        super().__init__()
        size = (W.image[-1], *W.image[:-1])
        self.body, features = layers(W.critic, size)
        self.head = nn.Linear(features, 1)
        self.rows = nn.Embedding(W.classes, features) if W.classes else None

    def forward(self, images, labels):
        features = self.body(images)
        logits = self.head(features)[:, 0]
        return logits if self.rows is None else logits + (features * self.rows(labels)).sum(1)


def main():
    """Builds, trains a round, and answers."""
    torch.manual_seed(0)
    generator, critic = layers(W.generator, (W.latent + W.classes,))[0], Critic()
    shape = (W.image[-1], *W.image[:-1])
    data = torch.rand(EXAMPLES, *shape) * 2 - 1
    labels_of = torch.randint(max(W.classes, 1), (EXAMPLES,))
    if VARIANT == "channels_last":
        generator, critic = (net.to(memory_format=torch.channels_last) for net in (generator, critic))
        data = data.to(memory_format=torch.channels_last) if len(shape) == 3 else data
    rate, *betas = W.adam
    optimizers = [torch.optim.Adam(net.parameters(), rate, betas) for net in (generator, critic)]
    parameters = sum(p.numel() for net in (generator, critic) for p in net.parameters())
    if VARIANT == "compile":
        generator, critic = torch.compile(generator), torch.compile(critic)

    def draw(number):
        chosen = torch.randint(EXAMPLES, (number,))
        return data[chosen], labels_of[chosen]

    def fakes(labels):
        latents = torch.randn(len(labels), W.latent)
        if W.classes:
            latents = torch.cat([latents, functional.one_hot(labels, W.classes).to(latents.dtype)], 1)
        return generator(latents)

    def step(which, loss):
        optimizers[which].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[which].step()

    def cross_entropy(logits, target):
        targets = target + W.label_noise * torch.rand_like(logits)
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def critic_step():
        real, labels = draw(W.batch)
        with torch.no_grad():
            fake = fakes(labels)
        if W.loss == "wgan_gp":
            share = torch.rand(len(real), *[1] * len(shape))
            between = (share * real + (1 - share) * fake).requires_grad_()
            slope, = torch.autograd.grad(critic(between, labels).sum(), between, create_graph=True)
            penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            step(1, critic(fake, labels).mean() - critic(real, labels).mean() + 10 * penalty)
        elif W.critic_step == "two_steps":
            step(1, cross_entropy(critic(real, labels), 1.0))
            step(1, cross_entropy(critic(fake, labels), 0.0))
        else:
            logits = critic(torch.cat([real, fake]), torch.cat([labels, labels]))
            step(1, (cross_entropy(logits[:len(real)], 1.0) + cross_entropy(logits[len(real):], 0.0)) / 2)

    def play(rounds):
        for _ in range(rounds):
            for _ in range(W.critic_updates):
                critic_step()
            labels = draw(W.generator_batch)[1]
            logits = critic(fakes(labels), labels)
            step(0, -logits.mean() if W.loss == "wgan_gp" else
                 functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)))

    serve(parameters, play)


if __name__ == "__main__":
    main()
