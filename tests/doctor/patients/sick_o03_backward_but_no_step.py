"""Denoising autoencoder for 8x8 digits.

bugs: O03 at `loss.backward()` or `opt = torch.optim.Adam(net.parameters(), lr=1e-3)`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn


class Denoiser(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, code))
        self.decode = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 64))

    def forward(self, x):
        return self.decode(self.encode(x))


def add_noise(x, sigma=0.2):
    return x + sigma * torch.randn_like(x)


def train_one_epoch(net, data, opt, loss_fn, batch=50):
    total = 0.0
    for rows in torch.randperm(len(data)).split(batch):
        clean = data[rows]
        restored = net(add_noise(clean))
        loss = loss_fn(restored, clean)
        opt.zero_grad()
        loss.backward()
        total += loss.item() * len(rows)
    return total / len(data)


torch.manual_seed(77)
pixels = torch.tensor(load_digits().data / 8 - 1, dtype=torch.float32)
pixels = pixels[torch.randperm(len(pixels))]
train_x, test_x = pixels[:1400], pixels[1400:]
net = Denoiser()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
mse = nn.MSELoss()
for epoch in range(10):
    print("epoch", epoch, "reconstruction", train_one_epoch(net, train_x, opt, mse))
with torch.no_grad():
    print("test", mse(net(add_noise(test_x)), test_x).item())
