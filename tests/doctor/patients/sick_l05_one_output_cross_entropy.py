"""Titanic-like table: who survives? Pandas to tensors.

bugs: L05 at `loss = criterion(output, target)` or `nn.Linear(16, 1),`
"""
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def passengers(n=700, seed=4):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({
        "pclass": rng.integers(1, 4, n),
        "female": rng.integers(0, 2, n),
        "age": rng.normal(32, 12, n).clip(1, 80),
        "fare": rng.lognormal(3, 0.6, n),
    })
    z = 2.2 * df.female - 0.9 * (df.pclass - 2) - 0.03 * (df.age - 32) - 1.0 + rng.normal(0, 0.4, n)
    df["survived"] = (z > 0).astype(int)
    return df


torch.manual_seed(4)
df = passengers()
train_df = df.sample(frac=0.8, random_state=4)
test_df = df.drop(train_df.index)
cols = ["pclass", "female", "age", "fare"]
mean, std = train_df[cols].mean(), train_df[cols].std()


def to_tensors(frame):
    x = torch.tensor(((frame[cols] - mean) / std).to_numpy(), dtype=torch.float32)
    y = torch.tensor(frame[["survived"]].to_numpy(), dtype=torch.float32)
    return x, y


model = nn.Sequential(
    nn.Linear(4, 16),
    nn.ReLU(),
    nn.Linear(16, 1),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
train_loader = DataLoader(TensorDataset(*to_tensors(train_df)), batch_size=28, shuffle=True)

for epoch in range(10):
    losses = []
    for data, target in train_loader:
        optimizer.zero_grad()
        output = model(data)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print("epoch", epoch, "train loss", np.mean(losses))

x_test, y_test = to_tensors(test_df)
with torch.no_grad():
    survived = (model(x_test) > 0).float()
print("accuracy", (survived == y_test).float().mean().item(), "base", y_test.mean().item())
