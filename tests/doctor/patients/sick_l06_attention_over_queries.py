"""Attention from scratch: look up values by their keys in a short list of pairs.

bugs: L06 at `weights = torch.softmax(scores, dim=1)`
"""
import math

import torch
from torch import nn

KEYS, VALUES, ASKED = 6, 5, 4


def make_lists(n, gen):
    keys = torch.rand(n, KEYS, generator=gen).argsort(1)
    values = torch.randint(0, VALUES, (n, KEYS), generator=gen)
    where = torch.randint(0, KEYS, (n, ASKED), generator=gen)
    return keys, values, keys.gather(1, where), values.gather(1, where)


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, q, k, v):
        scores = torch.bmm(self.to_q(q), self.to_k(k).transpose(1, 2)) / math.sqrt(q.size(-1))
        weights = torch.softmax(scores, dim=1)
        return torch.bmm(weights, self.to_v(v))


class Lookup(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.key_emb = nn.Embedding(KEYS, dim)
        self.value_emb = nn.Embedding(VALUES, dim)
        self.attention = Attention(dim)
        self.head = nn.Linear(dim, VALUES)

    def forward(self, keys, values, asked):
        return self.head(self.attention(self.key_emb(asked), self.key_emb(keys), self.value_emb(values)))


torch.manual_seed(30)
gen = torch.Generator().manual_seed(30)
train, test = make_lists(1500, gen), make_lists(300, gen)
model = Lookup()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(12):
    total = 0.0
    for i in torch.randperm(1500).split(50):
        keys, values, asked, answer = (part[i] for part in train)
        optimizer.zero_grad()
        logits = model(keys, values, asked)
        loss = criterion(logits.flatten(0, 1), answer.flatten())
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "loss", round(total / 30, 4))
with torch.no_grad():
    keys, values, asked, answer = test
    print("test accuracy", (model(keys, values, asked).argmax(-1) == answer).float().mean().item())
