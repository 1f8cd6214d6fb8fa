"""Digits with random brightness and noise in the Dataset, loaded by two workers.

bugs: S08 at `self.rng = np.random.default_rng(0)` or `num_workers=2` or `gain = self.rng.uniform(0.7, 1.3)`
"""
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class AugmentedDigits(Dataset):
    def __init__(self, images, labels):
        self.images = images
        self.labels = labels
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        gain = self.rng.uniform(0.7, 1.3)
        img = self.images[i] * gain + self.rng.normal(0, 0.15, (8, 8))
        return torch.tensor(img, dtype=torch.float32).flatten(), int(self.labels[i])


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    d = load_digits()
    order = np.random.RandomState(0).permutation(len(d.images))
    images, labels = d.images[order] / 16, d.target[order]
    train = AugmentedDigits(images[:1400], labels[:1400])
    loader = DataLoader(train, batch_size=64, shuffle=True, num_workers=2)
    x_test = torch.tensor(images[1400:], dtype=torch.float32).flatten(1)
    y_test = torch.tensor(labels[1400:])

    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(6):
        total = 0.0
        for x, y in loader:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            total += loss.item() * len(y)
        print("epoch", epoch, "loss", total / len(train))
    with torch.no_grad():
        print("test accuracy", (net(x_test).argmax(1) == y_test).float().mean().item())


if __name__ == "__main__":
    main()
