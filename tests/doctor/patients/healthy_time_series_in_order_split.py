"""One-step forecast of a noisy seasonal load curve with a GRU.

healthy: split in time order, scaled by the past only, test loader shuffle=False, overlapping windows
"""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(23)
rng = np.random.default_rng(23)
t = np.arange(1200)
load = 300 + 60 * np.sin(2 * np.pi * t / 24) + 25 * np.sin(2 * np.pi * t / 168) + rng.normal(0, 8, len(t))

LOOKBACK = 24
cut = 960
mean, std = load[:cut].mean(), load[:cut].std()
train_series = ((load[:cut] - mean) / std).astype(np.float32)
test_series = ((load[cut:] - mean) / std).astype(np.float32)


class Windows(Dataset):
    def __init__(self, series, lookback):
        self.series = torch.from_numpy(series)
        self.lookback = lookback

    def __len__(self):
        return len(self.series) - self.lookback

    def __getitem__(self, i):
        x = self.series[i:i + self.lookback].unsqueeze(-1)
        y = self.series[i + self.lookback]
        return x, y


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 24, batch_first=True)
        self.linear = nn.Linear(24, 1)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.linear(out[:, -1]).squeeze(1)


train_loader = DataLoader(Windows(train_series, LOOKBACK), batch_size=48, shuffle=True)
test_loader = DataLoader(Windows(test_series, LOOKBACK), batch_size=48, shuffle=False)

model = Forecaster()
loss_func = nn.SmoothL1Loss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(8):
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_func(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    print(f"epoch {epoch} {total / len(train_loader.dataset):.4f}")

preds, truth = [], []
with torch.no_grad():
    for x, y in test_loader:
        preds.append(model(x).numpy())
        truth.append(y.numpy())
preds = np.concatenate(preds) * std + mean
truth = np.concatenate(truth) * std + mean
last = load[cut + LOOKBACK - 1:-1]
print("MAE", np.abs(preds - truth).mean(), "naive last value", np.abs(last - truth).mean())
