"""Five ordered satisfaction grades from a survey table, with cumulative logits (CORAL).

healthy: ordinal regression, one shared slope and K-1 thresholds under BCEWithLogits with cumulative 0/1 targets
"""
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split

GRADES = ["awful", "bad", "fair", "good", "great"]
rng = np.random.default_rng(12)
torch.manual_seed(12)

n = 1800
df = pd.DataFrame({
    "wait_minutes": rng.gamma(3.0, 8.0, n),
    "price": rng.normal(40, 12, n),
    "visits": rng.poisson(4, n),
    "staff": rng.uniform(0, 10, n),
})
mood = -0.06 * df.wait_minutes - 0.05 * df.price + 0.3 * np.sqrt(df.visits) + 0.5 * df.staff + rng.normal(0, 0.4, n)
df["grade"] = pd.qcut(mood, 5, labels=GRADES)

train_df, test_df = train_test_split(df, test_size=0.25, random_state=12)
features = ["wait_minutes", "price", "visits", "staff"]
mean, std = train_df[features].mean(), train_df[features].std()


def to_tensors(frame):
    x = torch.tensor(((frame[features] - mean) / std).to_numpy(), dtype=torch.float32)
    return x, torch.tensor(frame["grade"].cat.codes.to_numpy(), dtype=torch.long)


class Coral(nn.Module):
    def __init__(self, n_in, n_grades):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 24), nn.ReLU(), nn.Linear(24, 1, bias=False))
        self.thresholds = nn.Parameter(torch.linspace(-1, 1, n_grades - 1))

    def forward(self, x):
        return self.body(x) - self.thresholds


def levels(y, n_grades=5):
    return (y.unsqueeze(1) > torch.arange(n_grades - 1)).float()


x_train, y_train = to_tensors(train_df)
x_test, y_test = to_tensors(test_df)
net = Coral(4, 5)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
bce = nn.BCEWithLogitsLoss()

for epoch in range(20):
    losses = []
    for rows in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = bce(net(x_train[rows]), levels(y_train[rows]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 4 == 3:
        with torch.no_grad():
            grade = (net(x_test) > 0).sum(dim=1)
        mae = (grade - y_test).abs().float().mean().item()
        acc = (grade == y_test).float().mean().item()
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, off by {mae:.2f} grades, exact {acc:.2f} (chance 0.20)")
