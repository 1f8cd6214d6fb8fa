"""Will the loan be repaid? A pandas table with age, income, debt and years at job.

bugs: D04 at `features = torch.tensor(df[cols].values, dtype=torch.float32)` or `out = net(features[batch]).squeeze(1)`
"""
import numpy as np
import pandas as pd
import torch
from torch import nn

rng = np.random.default_rng(11)
torch.manual_seed(11)
n = 900
df = pd.DataFrame({
    "age": rng.uniform(20, 70, n),
    "income": rng.normal(52000, 14000, n).clip(9000),
    "debt": rng.normal(18000, 8000, n).clip(0),
    "years": rng.uniform(0, 30, n),
})
score = (df.income - 52000) / 14000 - (df.debt - 18000) / 8000 + (df.years - 15) / 6 + 0.05 * (df.age - 45)
df["repaid"] = (score + rng.normal(0, 0.4, n) > 0).astype(int)

cols = ["age", "income", "debt", "years"]
features = torch.tensor(df[cols].values, dtype=torch.float32)
labels = torch.tensor(df["repaid"].values, dtype=torch.float32)
idx = torch.randperm(n)
train_idx, test_idx = idx[:700], idx[700:]

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=0.003)

for epoch in range(30):
    shuffled = train_idx[torch.randperm(len(train_idx))]
    losses = []
    for batch in shuffled.split(32):
        out = net(features[batch]).squeeze(1)
        loss = bce(out, labels[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if (epoch + 1) % 6 == 0:
        print(epoch + 1, "loss", round(sum(losses) / len(losses), 3))

with torch.no_grad():
    guess = (net(features[test_idx]).squeeze(1) > 0).float()
    print("held-out accuracy", (guess == labels[test_idx]).float().mean().item())
