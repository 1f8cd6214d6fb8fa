"""A Trainer class around a moons classifier.

bugs: O02 at `self.optimizer.zero_grad()` or `self.optimizer.step()`
"""
import torch
from sklearn.datasets import make_moons
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class Trainer:
    def __init__(self, model, train_data, valid_data, lr=1e-2, batch_size=32):
        self.model = model
        self.train_loader = DataLoader(train_data, batch_size=batch_size, shuffle=True)
        self.valid_loader = DataLoader(valid_data, batch_size=batch_size)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = optim.Adam(model.parameters(), lr=lr)

    def training_step(self, batch):
        x, y = batch
        loss = self.criterion(self.model(x), y)
        loss.backward()
        return loss.item()

    def update(self):
        self.optimizer.zero_grad()
        self.optimizer.step()

    def validate(self):
        self.model.eval()
        hits = 0
        with torch.no_grad():
            for x, y in self.valid_loader:
                hits += (self.model(x).argmax(1) == y).sum().item()
        return hits / len(self.valid_loader.dataset)

    def fit(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            losses = []
            for batch in self.train_loader:
                losses.append(self.training_step(batch))
                self.update()
            print(f"{epoch}: loss {sum(losses) / len(losses):.4f} valid {self.validate():.3f}")


if __name__ == "__main__":
    torch.manual_seed(100)
    X, y = make_moons(500, noise=0.2, random_state=100)
    ds = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    train_data, valid_data = random_split(ds, [400, 100])
    net = nn.Sequential(nn.Linear(2, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 2))
    Trainer(net, train_data, valid_data).fit(8)
