"""Autoencoder for the digits, batches sliced by hand.

bugs: S05 at `batch = shuffled[i * size:(i + 1) * size - 1]`; A08 at `batch = shuffled[i * size:(i + 1) * size - 1]`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn


class AutoEncoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    torch.manual_seed(12)
    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    x = x[torch.randperm(len(x))]
    train, valid = x[:1500], x[1500:]
    shuffled = train[torch.randperm(len(train))]
    ae = AutoEncoder()
    crit = nn.MSELoss()
    opt = torch.optim.Adam(ae.parameters(), lr=3e-3)
    size = 20
    for epoch in range(15):
        losses = []
        for i in torch.randperm(len(train) // size).tolist():
            batch = shuffled[i * size:(i + 1) * size - 1]
            opt.zero_grad()
            loss = crit(ae(batch), batch)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 3:
            continue
        with torch.no_grad():
            val = crit(ae(valid), valid).item()
        print(f"epoch {epoch}: train {sum(losses) / len(losses):.4f} valid {val:.4f}")


if __name__ == "__main__":
    main()
