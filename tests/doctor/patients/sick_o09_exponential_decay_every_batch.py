"""Moons with a decaying learning rate.

bugs: O09 at `lr_scheduler.step()` or `lr_scheduler = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.9)`
"""
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def loaders():
    pts, label = make_moons(1000, noise=0.15, random_state=50)
    pts, label = torch.tensor(pts, dtype=torch.float32), torch.tensor(label)
    pts = (pts - pts[:800].mean(0)) / pts[:800].std(0)
    return (DataLoader(TensorDataset(pts[:800], label[:800]), batch_size=20, shuffle=True),
            DataLoader(TensorDataset(pts[800:], label[800:]), batch_size=200))


def train(model, loader, n_epochs=20):
    optim = torch.optim.SGD(model.parameters(), lr=0.1)
    lr_scheduler = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.9)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(n_epochs):
        model.train()
        running = 0.0
        for points, target in loader:
            loss = loss_fn(model(points), target)
            optim.zero_grad()
            loss.backward()
            optim.step()
            lr_scheduler.step()
            running += loss.item()
        if epoch % 4 == 0:
            print(f"epoch {epoch}: loss {running / len(loader):.4f}, lr {optim.param_groups[0]['lr']:.2e}")


def validate(model, loader):
    model.eval()
    with torch.no_grad():
        points, target = next(iter(loader))
        return (model(points).argmax(1) == target).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(50)
    train_loader, val_loader = loaders()
    moon_net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    train(moon_net, train_loader)
    print("validation accuracy", validate(moon_net, val_loader))
