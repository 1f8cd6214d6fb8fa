"""Small trainer class that validates after each epoch.

bugs: V02 at `self.net.eval()` or `pred = self.net(xb)`
"""
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trainer:
    def __init__(self, net, train_loader, val_loader, lr=2e-3):
        self.net = net
        self.train_loader, self.val_loader = train_loader, val_loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=lr)

    def one_epoch(self):
        total, n = 0.0, 0
        for xb, yb in self.train_loader:
            pred = self.net(xb)
            loss = self.criterion(pred, yb)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total, n = total + loss.item() * len(yb), n + len(yb)
        return total / n

    @torch.no_grad()
    def validate(self):
        self.net.eval()
        hits = sum((self.net(x).argmax(1) == y).sum().item() for x, y in self.val_loader)
        return hits / len(self.val_loader.dataset)

    def fit(self, epochs):
        self.net.train()
        for epoch in range(epochs):
            loss = self.one_epoch()
            acc = self.validate()
            print(f"{epoch:02d} loss={loss:.4f} val_acc={acc:.3f}")


def make_net():
    return nn.Sequential(nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))


if __name__ == "__main__":
    torch.manual_seed(33)
    X, y = make_classification(1000, 20, n_informative=8, n_classes=3, class_sep=1.5, random_state=33)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    mean, std = X[:750].mean(0), X[:750].std(0)
    X = (X - mean) / std
    tl = DataLoader(TensorDataset(X[:750], y[:750]), batch_size=50, shuffle=True)
    vl = DataLoader(TensorDataset(X[750:], y[750:]), batch_size=250)
    Trainer(make_net(), tl, vl).fit(10)
