"""Autoencoder out of two modules: compress twenty correlated sensors to three numbers.

bugs: O04 at `optimizer = torch.optim.Adam(decoder.parameters(), lr=5e-3)` or `optimizer.step()`
"""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(40)
torch.manual_seed(40)

# three hidden causes, twenty sensors
causes = rng.normal(size=(900, 3))
sensors = np.tanh(causes @ rng.normal(size=(3, 20)) * 0.6) + 0.05 * rng.normal(size=(900, 20))
train, valid = sensors[:700], sensors[700:]
mu, sd = train.mean(0), train.std(0)
train = torch.tensor((train - mu) / sd, dtype=torch.float32)
valid = torch.tensor((valid - mu) / sd, dtype=torch.float32)

encoder = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 3))
decoder = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 20))
optimizer = torch.optim.Adam(decoder.parameters(), lr=5e-3)
criterion = nn.MSELoss()

for epoch in range(15):
    losses = []
    for (x,) in DataLoader(TensorDataset(train), batch_size=35, shuffle=True):
        code = encoder(x)
        rebuilt = decoder(code)
        loss = criterion(rebuilt, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "mse", np.mean(losses))

with torch.no_grad():
    print("valid mse", criterion(decoder(encoder(valid)), valid).item())
