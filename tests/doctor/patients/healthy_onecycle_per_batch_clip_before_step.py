"""Fourier regression with a one-cycle schedule.

healthy: OneCycleLR per batch, ending near 0 by design; clipping between backward and step
"""
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    n_train: int = 1000
    n_val: int = 250
    batch_size: int = 50
    epochs: int = 15
    max_lr: float = 0.02
    clip: float = 1.0
    seed: int = 17


def sample(n, gen):
    x = torch.rand(n, 1, generator=gen) * 2 - 1
    y = torch.sin(4 * x) + 0.5 * torch.cos(7 * x) + 0.05 * torch.randn(n, 1, generator=gen)
    return TensorDataset(x, y)


class Fit(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("freq", torch.arange(1, 5).float() * 2)
        self.net = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 1))

    def forward(self, x):
        angles = x * self.freq
        return self.net(torch.cat([angles.sin(), angles.cos()], dim=1))


def main(cfg: Config):
    torch.manual_seed(cfg.seed)
    gen = torch.Generator().manual_seed(cfg.seed)
    train_dl = DataLoader(sample(cfg.n_train, gen), batch_size=cfg.batch_size, shuffle=True)
    val_dl = DataLoader(sample(cfg.n_val, gen), batch_size=cfg.batch_size)
    model = Fit()
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.max_lr)
    sched = torch.optim.lr_scheduler.OneCycleLR(
        opt, max_lr=cfg.max_lr, steps_per_epoch=len(train_dl), epochs=cfg.epochs
    )
    loss_fn = nn.MSELoss()
    for epoch in range(cfg.epochs):
        train_loss = 0.0
        for xb, yb in train_dl:
            loss = loss_fn(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), cfg.clip)
            opt.step()
            sched.step()
            train_loss += loss.item()
        if epoch % 3 == 2:
            print(f"{epoch + 1:3d} lr {sched.get_last_lr()[0]:.6f} loss {train_loss / len(train_dl):.4f}")
    with torch.no_grad():
        val = sum(loss_fn(model(xb), yb).item() * len(xb) for xb, yb in val_dl) / cfg.n_val
    print(f"val {val:.4f}")


main(Config())
