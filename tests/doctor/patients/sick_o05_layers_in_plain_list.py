"""A network whose depth is an argument.

bugs: O05 at `self.hidden_layers = []` or `self.hidden_layers.append(nn.Linear(width, width))`
"""
import argparse

import torch
import torch.nn.functional as F
from torch import nn, optim


class DeepNet(nn.Module):
    def __init__(self, n_in, width, depth, n_out):
        super().__init__()
        self.input_layer = nn.Linear(n_in, width)
        self.hidden_layers = []
        for _ in range(depth):
            self.hidden_layers.append(nn.Linear(width, width))
        self.output_layer = nn.Linear(width, n_out)

    def forward(self, x):
        x = F.relu(self.input_layer(x))
        for layer in self.hidden_layers:
            x = F.relu(layer(x))
        return self.output_layer(x)


def spirals(n, gen):
    t = torch.rand(n, generator=gen) * 2.5 + 0.3
    k = torch.randint(0, 2, (n,), generator=gen)
    angle = 2.0 * t + k * torch.pi
    xy = torch.stack([t * angle.cos(), t * angle.sin()], 1) / 1.6
    return xy + 0.03 * torch.randn(n, 2, generator=gen), k


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(64)
    gen = torch.Generator().manual_seed(64)
    x, y = spirals(600, gen)
    xt, yt = spirals(200, gen)
    net = DeepNet(2, args.width, args.depth, 2)
    opt = optim.Adam(net.parameters(), lr=0.005)
    for epoch in range(args.epochs):
        for idx in torch.randperm(600).split(40):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            opt.step()
        if epoch % 5 == 4:
            print("epoch", epoch + 1, "loss", round(loss.item(), 4))
    with torch.no_grad():
        print("test acc", (net(xt).argmax(1) == yt).float().mean().item())
    print("parameters", sum(p.numel() for p in net.parameters()))


if __name__ == "__main__":
    main()
