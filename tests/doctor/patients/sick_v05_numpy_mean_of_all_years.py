"""Forecast of a trending series with an LSTM: the last quarter is the future.

bugs: V05 at `values = (series - series.mean()) / series.std()`
"""
import numpy as np
import torch
from torch import nn

LOOK_BACK = 12


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, seq):
        out, _ = self.lstm(seq)
        return self.head(out[:, -1])


def make_series(n=400, seed=6):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    return 50 + 0.03 * t + 9 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 1.0, n)


def windows(a):
    xs = np.stack([a[i:i + LOOK_BACK] for i in range(len(a) - LOOK_BACK)])
    ys = a[LOOK_BACK:]
    return torch.tensor(xs, dtype=torch.float32).unsqueeze(-1), torch.tensor(ys, dtype=torch.float32).unsqueeze(-1)


torch.manual_seed(6)
series = make_series()
values = (series - series.mean()) / series.std()
split = int(0.75 * len(values))
X_train, y_train = windows(values[:split])
X_test, y_test = windows(values[split - LOOK_BACK:])

model = Forecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(25):
    epoch_loss = 0.0
    for ids in torch.randperm(len(X_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(X_train[ids]), y_train[ids])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(ids)
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "mse", round(epoch_loss / len(X_train), 4))

with torch.no_grad():
    forecast = model(X_test)
    print("test mse", criterion(forecast, y_test).item(), "naive", criterion(X_test[:, -1], y_test).item())
