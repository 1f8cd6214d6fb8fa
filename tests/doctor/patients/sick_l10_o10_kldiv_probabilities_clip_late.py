"""Learn a whole distribution: how do votes split between five parties in a district?

bugs: L10 at `loss = kl(pred, shares)` or `return torch.softmax(self.out(h), dim=1)`; O10 at `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`
"""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(24)
districts = torch.randn(700, 6)
taste = torch.randn(6, 5) * 0.8
votes = torch.softmax(districts @ taste + 0.3 * torch.randn(700, 5), dim=1)
train_set, held_out = random_split(TensorDataset(districts, votes), [560, 140])


class VoteShare(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.inp = nn.Linear(6, hidden)
        self.out = nn.Linear(hidden, 5)

    def forward(self, x):
        h = torch.tanh(self.inp(x))
        return torch.softmax(self.out(h), dim=1)


model = VoteShare()
kl = nn.KLDivLoss(reduction="batchmean")
opt = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(12):
    total = 0.0
    for x, shares in DataLoader(train_set, batch_size=28, shuffle=True):
        pred = model(x)
        loss = kl(pred, shares)
        opt.zero_grad()
        loss.backward()
        opt.step()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        total += loss.item()
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "kl", total / 20)

x, shares = held_out[:]
with torch.no_grad():
    pred = model(x)
    uniform = torch.full_like(shares, 0.2)
    print("mean abs error", (pred - shares).abs().mean().item(), "uniform", (uniform - shares).abs().mean().item())
