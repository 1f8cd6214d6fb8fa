"""Train on the moons, save the model, load it again and use it.

bugs: A09 at `torch.save(net, path)` or `restored = torch.load(path, weights_only=False)`
"""
import os
import tempfile

import torch
from sklearn.datasets import make_moons
from torch import nn, optim


class Moons(nn.Module):
    def __init__(self):
        super().__init__()
        self.seq = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2))

    def forward(self, x):
        return self.seq(x)


def train(net, x, y, epochs=25, bs=40):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(epochs):
        running = 0.0
        for idx in torch.randperm(len(x)).split(bs):
            optimizer.zero_grad()
            loss = criterion(net(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        if epoch % 6 == 0:
            print("epoch", epoch, "loss", running / len(x))


def main():
    torch.manual_seed(70)
    x, y = make_moons(600, noise=0.15, random_state=70)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    mean, std = x[:450].mean(0), x[:450].std(0)
    x = (x - mean) / std
    net = Moons()
    train(net, x[:450], y[:450])

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "moons.pt")
        torch.save(net, path)
        restored = torch.load(path, weights_only=False)
    restored.eval()
    with torch.no_grad():
        print("accuracy", (restored(x[450:]).argmax(1) == y[450:]).float().mean().item())


if __name__ == "__main__":
    main()
