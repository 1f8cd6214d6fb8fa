"""A small CNN whose feature maps are averaged with numpy before the classifier.

bugs: G02 at `maps = self.features(x).data.numpy()` or `pooled = torch.from_numpy(maps.mean(axis=(2, 3)))`
"""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class Shapes(Dataset):
    """Horizontal bars, vertical bars and diagonals in 8x8 noise."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.y = rng.integers(0, 3, n)
        self.x = rng.normal(0, 0.4, (n, 1, 8, 8)).astype(np.float32)
        for img, kind in zip(self.x[:, 0], self.y):
            r, c = rng.integers(0, 5, 2)
            for i in range(4):
                img[(r, r + i, r + i)[kind], (c + i, c, c + i)[kind]] += 1.5

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


class ShapeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU())
        self.classifier = nn.Linear(8, 3)

    def forward(self, x):
        maps = self.features(x).data.numpy()
        pooled = torch.from_numpy(maps.mean(axis=(2, 3)))
        return self.classifier(pooled)


if __name__ == "__main__":
    torch.manual_seed(22)
    train_loader = DataLoader(Shapes(600, 22), batch_size=30, shuffle=True)
    test_loader = DataLoader(Shapes(200, 23), batch_size=200)
    net = ShapeNet()
    loss_fn = nn.CrossEntropyLoss()
    opt = optim.Adam(net.parameters(), lr=0.01)
    for epoch in range(10):
        losses = []
        for x, y in train_loader:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 2 == 1:
            print("epoch", epoch + 1, "loss", np.mean(losses))
    with torch.no_grad():
        x, y = next(iter(test_loader))
        print("test accuracy", (net(x).argmax(1) == y).float().mean().item())
