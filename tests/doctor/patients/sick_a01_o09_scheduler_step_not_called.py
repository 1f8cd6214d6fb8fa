"""Digits with SGD and a learning rate schedule.

bugs: A01 at `scheduler.step`; O09 at `scheduler.step` or `scheduler = optim.lr_scheduler.StepLR(`
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


def data(seed):
    d = load_digits()
    full = TensorDataset(torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target))
    return random_split(full, [1500, 297], generator=torch.Generator().manual_seed(seed))


def fit(net, loader, epochs):
    optimizer = optim.SGD(net.parameters(), lr=0.2, momentum=0.8)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.3)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1} lr {optimizer.param_groups[0]['lr']:.3f} loss {total / len(loader):.4f}")


def score(net, ds):
    net.eval()
    x, y = ds[:]
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(31)
    train_ds, test_ds = data(31)
    net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    fit(net, DataLoader(train_ds, batch_size=50, shuffle=True), epochs=16)
    print("test accuracy", score(net, test_ds))
