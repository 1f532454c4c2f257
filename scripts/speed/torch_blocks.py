"""The residual blocks of the benchmark in PyTorch."""

from torch import nn
from torch.nn import functional


class Branch(nn.Module):
    """Twice normalization, ReLU and a 3x3 convolution, of which one resizes; beside it a 1x1 convolution."""

    def __init__(self, before, middle, after, normalization, bias):
        super().__init__()
        self.norms = nn.ModuleList([normalization(before), normalization(middle)])
        self.first = nn.Conv2d(before, middle, 3, padding=1, bias=False)
        self.second = nn.Conv2d(middle, after, 3, padding=1, bias=bias)
        self.shortcut = nn.Conv2d(before, after, 1, bias=bias)


class UpBlock(Branch):
    """Enlarges by nearest neighbours; batch normalization."""

    def __init__(self, before, after):
        super().__init__(before, after, after, nn.BatchNorm2d, bias=False)

    def forward(self, x):
        y = self.first(functional.interpolate(self.norms[0](x).relu(), scale_factor=2))
        return self.second(self.norms[1](y).relu()) + functional.interpolate(self.shortcut(x), scale_factor=2)


class DownBlock(Branch):
    """Reduces by means of 2x2 pixels; normalization of whole images."""

    def __init__(self, before, after):
        super().__init__(before, before, after, lambda channels: nn.GroupNorm(1, channels), bias=True)

    def forward(self, x):
        y = self.second(self.norms[1](self.first(self.norms[0](x).relu())).relu())
        return functional.avg_pool2d(y, 2) + self.shortcut(functional.avg_pool2d(x, 2))
