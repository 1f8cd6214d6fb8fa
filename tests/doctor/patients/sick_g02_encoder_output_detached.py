"""Parity of three symbols: embedding and GRU encoder, then a classifier.

bugs: G02 at `features = self.encoder(tokens).detach()`
"""
import torch
from torch import nn

torch.manual_seed(60)


def sentences(n):
    tokens = torch.randint(0, 12, (n, 6))
    return tokens, (tokens[:, -3:] < 6).sum(1) % 2


class Encoder(nn.Module):
    def __init__(self, dim=12, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(12, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)

    def forward(self, tokens):
        _, last = self.gru(self.embed(tokens))
        return last.squeeze(0)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.mlp = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 2))

    def forward(self, tokens):
        features = self.encoder(tokens).detach()
        return self.mlp(features)


train_tok, train_lab = sentences(1200)
test_tok, test_lab = sentences(300)
clf = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(clf.parameters(), lr=0.01)
for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(1200).split(60):
        loss = criterion(clf(train_tok[idx]), train_lab[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "loss", total / 20)
with torch.no_grad():
    print("test accuracy", (clf(test_tok).argmax(1) == test_lab).float().mean().item())
