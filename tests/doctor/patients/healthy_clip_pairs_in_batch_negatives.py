"""Two towers that learn which measurement belongs to which word list, as CLIP does.

healthy: a contrastive loss over the batch (logits are N x N, targets arange); learnable temperature in the optimizer; two encoders
"""
import math

import torch
from torch import nn, optim

torch.manual_seed(17)

LATENT, VOCAB, WORDS = 6, 60, 10
to_signal = torch.randn(LATENT, 20)
word_direction = torch.randn(VOCAB, LATENT)


def make_pairs(n):
    z = torch.randn(n, LATENT)
    signal = torch.tanh(0.5 * z @ to_signal) + 0.1 * torch.randn(n, 20)
    words = (z @ word_direction.t() + torch.randn(n, VOCAB)).topk(WORDS, dim=1).indices
    return signal, words


class SignalTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, dim))

    def forward(self, s):
        return nn.functional.normalize(self.net(s), dim=-1)


class WordTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, 32, mode="mean")
        self.out = nn.Linear(32, dim)

    def forward(self, w):
        return nn.functional.normalize(self.out(self.bag(w)), dim=-1)


class TwoTower(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.signal_tower = SignalTower(dim)
        self.word_tower = WordTower(dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(8.0)))

    def forward(self, s, w):
        return self.log_scale.exp() * self.signal_tower(s) @ self.word_tower(w).t()


train_s, train_w = make_pairs(3000)
test_s, test_w = make_pairs(200)
model = TwoTower()
optimizer = optim.Adam(model.parameters(), lr=4e-3)
ce = nn.CrossEntropyLoss()

for epoch in range(12):
    epoch_loss, n = 0.0, 0
    for rows in torch.randperm(len(train_s)).split(100):
        logits = model(train_s[rows], train_w[rows])
        labels = torch.arange(len(rows))
        loss = (ce(logits, labels) + ce(logits.t(), labels)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss, n = epoch_loss + loss.item(), n + 1
    with torch.no_grad():
        ranks = model(test_s, test_w).topk(5, dim=1).indices
        top5 = (ranks == torch.arange(200)[:, None]).any(1).float().mean().item()
    print(f"epoch {epoch} loss {epoch_loss / n:.3f} held-out top-5 of 200: {top5:.2f}")
