"""LoRA by hand: a regression net is adapted to a shifted task through low-rank updates only.

healthy: frozen base weights and low-rank factors of which B starts at zero; the optimizer gets only what requires a gradient
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, rank: int = 4, alpha: float = 8.0):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A), self.B)


def batches(x, y, size=64):
    for idx in torch.randperm(len(x)).split(size):
        yield x[idx], y[idx]


def train(net, data, lr, epochs):
    x_tr, y_tr, x_va, y_va = data
    trainable = [p for p in net.parameters() if p.requires_grad]
    print(sum(p.numel() for p in trainable), "trainable parameters")
    optimizer = torch.optim.Adam(trainable, lr=lr)
    for epoch in range(epochs):
        for xb, yb in batches(x_tr, y_tr):
            loss = F.mse_loss(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if (epoch + 1) % 10 == 0:
            with torch.no_grad():
                print(f"  epoch {epoch + 1:3d} val mse {F.mse_loss(net(x_va), y_va).item():.4f}")


def task(shift, n=900):
    x = torch.randn(n, 6)
    y = torch.sin(x[:, 0] + shift) + 0.5 * x[:, 1] * x[:, 2] + shift * 0.5 * x[:, 3] + 0.05 * torch.randn(n)
    y = y.unsqueeze(1)
    return x[:700], y[:700], x[700:], y[700:]


def main():
    torch.manual_seed(7)
    net = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))
    print("base task")
    train(net, task(0.0), lr=5e-3, epochs=30)
    adapted = nn.Sequential(LoRALinear(net[0]), net[1], LoRALinear(net[2]), net[3], LoRALinear(net[4], rank=1))
    print("adapted to the shifted task")
    train(adapted, task(1.2), lr=5e-3, epochs=30)


if __name__ == "__main__":
    main()
