"""House prices in dollars from five standardised features; a Trainer of my own.

bugs: D05 at `price = torch.tensor(dollars, dtype=torch.float32).unsqueeze(1)` or `loss = self.loss_fn(self.model(xb), yb)`
"""
import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.loss_fn = nn.MSELoss()
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)

    def fit(self, loader, epochs):
        for e in range(epochs):
            self.model.train()
            seen, total = 0, 0.0
            for xb, yb in loader:
                self.opt.zero_grad()
                loss = self.loss_fn(self.model(xb), yb)
                loss.backward()
                self.opt.step()
                seen += len(xb)
                total += loss.item() * len(xb)
            if e % 5 == 4:
                print(f"[{e + 1}] mse {total / seen:.3e}")

    def score(self, x, y):
        self.model.eval()
        with torch.no_grad():
            err = ((self.model(x) - y) ** 2).mean()
        return (1 - err / y.var()).item()


def main():
    rng = np.random.default_rng(5)
    torch.manual_seed(5)
    raw = rng.normal([120, 3, 15, 8, 2], [35, 1, 9, 4, 0.7], size=(800, 5))
    dollars = 40000 + 1900 * raw[:, 0] + 21000 * raw[:, 1] - 2500 * raw[:, 2] - 3000 * raw[:, 3] + 15000 * raw[:, 4] ** 2
    dollars = dollars + rng.normal(0, 8000, 800)
    scaler = StandardScaler().fit(raw[:600])
    x = torch.tensor(scaler.transform(raw), dtype=torch.float32)
    price = torch.tensor(dollars, dtype=torch.float32).unsqueeze(1)
    loader = DataLoader(TensorDataset(x[:600], price[:600]), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    trainer = Trainer(model, lr=0.003)
    trainer.fit(loader, epochs=25)
    print("R2 on the held-out houses:", round(trainer.score(x[600:], price[600:]), 3))


main()
