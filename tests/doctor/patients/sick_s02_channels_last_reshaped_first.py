"""Coloured stripes: horizontal or vertical? Images come as (N, H, W, C).

bugs: S02 at `x = torch.from_numpy(images).reshape(-1, 3, 12, 12)`
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def stripes(n, seed):
    rng = np.random.default_rng(seed)
    imgs = rng.normal(0, 0.6, size=(n, 12, 12, 3)).astype("float32")
    kind = rng.integers(0, 4, n)
    for k in range(n):
        row, c = rng.integers(0, 12), kind[k] % 3
        if kind[k] == 3:
            imgs[k, :, row, :] += 1.2
        else:
            imgs[k, row, :, c] += 1.6
    return imgs, kind.astype("int64")


class StripeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 5, padding=2)
        self.fc = nn.Linear(12, 4)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.fc(x.amax(dim=(2, 3)))


torch.manual_seed(4)
images, kinds = stripes(700, 4)
x = torch.from_numpy(images).reshape(-1, 3, 12, 12)
y = torch.from_numpy(kinds)
train, test = random_split(TensorDataset(x, y), [550, 150])
train_dl = DataLoader(train, batch_size=25, shuffle=True)
test_dl = DataLoader(test, batch_size=150)

net = StripeNet()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(12):
    total = 0.0
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item()
    print(epoch, round(total / len(train_dl), 4))
with torch.no_grad():
    xb, yb = next(iter(test_dl))
    print("test accuracy", (net(xb).argmax(1) == yb).float().mean().item())
