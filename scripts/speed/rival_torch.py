"""The games in PyTorch, as its tutorials write them: eager, channels-last, compiled, or compiled channels-last, on the
GPU where there is one (the script calls this)."""

import functools

import torch
from playing import EXAMPLES, asked, serve
from torch import nn
from torch.nn import functional
from torch_blocks import DownBlock, UpBlock

W, VARIANT, PRECISION, _ = asked()
GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
torch.backends.cudnn.benchmark = True


class Shape(nn.Module):
    """Flat features to features of a shape, channels first."""

    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = (-1, channels, height, width)

    def forward(self, x):
        return x.reshape(self.shape)


def layers(rows, size):
    """Modules of a workload's layers, from inputs of a size: channels, height and width."""
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
        elif kind in ("up_block", "down_block"):
            found.append((UpBlock if kind == "up_block" else DownBlock)(channels, numbers[0]))
            channels, extent = numbers[0], [side * 2 if kind == "up_block" else side // 2 for side in extent]
        elif kind == "batch_norm":
            found.append(nn.BatchNorm2d(channels))
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
        logits = self.head(features)[:, 0].float()
        return logits if self.rows is None else logits + (features * self.rows(labels)).sum(1)


def slopes_compiled(critic):
    """Gradients of the logits by the images, in one graph: a compiled network has no gradients of its gradients."""
    return torch.compile(lambda images, labels: torch.func.grad(lambda x: critic(x, labels).sum())(images))


def slopes_eager(critic):
    """Gradients of the logits by the images."""
    def slopes(images, labels):
        images.requires_grad_()
        return torch.autograd.grad(critic(images, labels).sum(), images, create_graph=True)[0]

    return slopes


def main():
    """Builds, trains a round, and answers."""
    torch.manual_seed(0)
    generator, critic = (net.to(DEVICE) for net in (layers(W.generator, (W.latent + W.classes,))[0], Critic()))
    shape = (W.image[-1], *W.image[:-1])
    data = torch.rand(EXAMPLES, *shape, device=DEVICE) * 2 - 1
    labels_of = torch.randint(max(W.classes, 1), (EXAMPLES,), device=DEVICE)
    if VARIANT.endswith("channels_last"):
        generator, critic = (net.to(memory_format=torch.channels_last) for net in (generator, critic))
        data = data.to(memory_format=torch.channels_last) if len(shape) == 3 else data
    rate, *betas = W.adam
    optimizers = [torch.optim.Adam(net.parameters(), rate, betas) for net in (generator, critic)]
    parameters = sum(p.numel() for net in (generator, critic) for p in net.parameters())
    compiled = VARIANT.startswith("compile")
    slopes = (slopes_compiled if compiled else slopes_eager)(critic)
    if compiled:
        generator, critic = torch.compile(generator), torch.compile(critic)
    precision = functools.partial(torch.autocast, DEVICE, torch.bfloat16, enabled=PRECISION == "bfloat16")

    def draw(number):
        chosen = torch.randint(EXAMPLES, (number,), device=DEVICE)
        return data[chosen], labels_of[chosen]

    def fakes(labels):
        latents = torch.randn(len(labels), W.latent, device=DEVICE)
        if W.classes:
            latents = torch.cat([latents, functional.one_hot(labels, W.classes).to(latents.dtype)], 1)
        return generator(latents)

    def step(which, loss):
        with precision():
            value = loss()
        optimizers[which].zero_grad(set_to_none=True)
        value.backward()
        optimizers[which].step()

    def cross_entropy(logits, target):
        targets = target + W.label_noise * torch.rand_like(logits)
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def critic_step():
        real, labels = draw(W.batch)
        with torch.no_grad(), precision():
            fake = fakes(labels).float()

        def wasserstein():
            share = torch.rand(len(real), *[1] * len(shape), device=DEVICE)
            slope = slopes(share * real + (1 - share) * fake, labels)
            penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            return critic(fake, labels).mean() - critic(real, labels).mean() + 10 * penalty

        def in_one_pass():
            logits = critic(torch.cat([real, fake]), torch.cat([labels, labels]))
            return (cross_entropy(logits[:len(real)], 1.0) + cross_entropy(logits[len(real):], 0.0)) / 2

        if W.loss != "wgan_gp" and W.critic_step == "two_steps":
            step(1, lambda: cross_entropy(critic(real, labels), 1.0))
            step(1, lambda: cross_entropy(critic(fake, labels), 0.0))
        else:
            step(1, wasserstein if W.loss == "wgan_gp" else in_one_pass)

    def generator_loss():
        labels = draw(W.generator_batch)[1]
        logits = critic(fakes(labels), labels)
        return -logits.mean() if W.loss == "wgan_gp" else functional.binary_cross_entropy_with_logits(
            logits, torch.ones_like(logits))

    def play(rounds):
        for _ in range(rounds):
            for _ in range(W.critic_updates):
                critic_step()
            step(0, generator_loss)
        if GPU:
            torch.cuda.synchronize()

    serve(parameters, play, (lambda: torch.cuda.max_memory_allocated() / 2**20) if GPU else None)


if __name__ == "__main__":
    main()
