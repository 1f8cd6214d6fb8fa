"""Which gesture? Three accelerometer channels over time, classified by a 1-d convolution.

healthy: (N, T, C) is permuted to (N, C, T) before Conv1d and before a reshape; flatten keeps the sample axis
"""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def gestures(n, rng):
    t = np.linspace(0, 1, 32)
    label = rng.integers(0, 4, n)
    phase = rng.uniform(0, 2 * np.pi, n)[:, None]
    speed = np.where(label < 2, 2.0, 4.0)[:, None]
    sign = np.where(label % 2 == 0, 1.0, -1.0)[:, None]
    a = np.sin(2 * np.pi * speed * t + phase)
    b = sign * np.cos(2 * np.pi * speed * t + phase)
    c = np.zeros_like(a) + 0.3
    x = np.stack([a, b, c], axis=2) + rng.normal(0, 0.4, (n, 32, 3))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label)


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 16, kernel_size=7, padding=3)
        self.bn1 = nn.BatchNorm1d(16)
        self.conv2 = nn.Conv1d(16, 16, kernel_size=5, padding=2)
        self.pool = nn.MaxPool1d(2)
        self.fc = nn.Linear(16 * 8, 4)

    def forward(self, x):
        x = x.permute(0, 2, 1)
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.permute(0, 2, 1).reshape(x.size(0), -1)
        return self.fc(x)


def run_epoch(model, loader, loss_fn, optimizer=None):
    model.train(optimizer is not None)
    total_loss = total_hits = 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            out = model(x)
            loss = loss_fn(out, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(y)
            total_hits += (out.argmax(dim=1) == y).sum().item()
    return total_loss / len(loader.dataset), total_hits / len(loader.dataset)


if __name__ == "__main__":
    torch.manual_seed(12)
    rng = np.random.default_rng(12)
    train_loader = DataLoader(TensorDataset(*gestures(800, rng)), batch_size=40, shuffle=True)
    test_loader = DataLoader(TensorDataset(*gestures(200, rng)), batch_size=100)
    model = GestureNet()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(8):
        loss, acc = run_epoch(model, train_loader, loss_fn, optimizer)
        print(f"epoch {epoch} loss {loss:.4f} acc {acc:.3f}")
    print("test", run_epoch(model, test_loader, loss_fn))
