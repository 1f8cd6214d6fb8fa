"""Spam or ham from bag-of-words counts.

bugs: L09 at `loss = criterion(labels, logits)`
"""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, random_split

WORDS = 25


class Mails(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.spam = rng.integers(0, 2, n)
        rates = np.full((2, WORDS), 0.8)
        rates[1, :6] = 1.8
        rates[0, 6:12] = 1.6
        self.counts = rng.poisson(rates[self.spam])

    def __len__(self):
        return len(self.spam)

    def __getitem__(self, i):
        x = torch.log1p(torch.tensor(self.counts[i], dtype=torch.float32))
        return x, torch.tensor([float(self.spam[i])])


class SpamFilter(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WORDS, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


torch.manual_seed(6)
train_ds, val_ds = random_split(Mails(800, seed=6), [640, 160])
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=160)

clf = SpamFilter()
criterion = nn.BCEWithLogitsLoss()
optimizer = optim.SGD(clf.parameters(), lr=0.03)
for epoch in range(6):
    total = 0.0
    for mails, labels in train_dl:
        logits = clf(mails)
        loss = criterion(labels, logits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / len(train_dl))

with torch.no_grad():
    for mails, labels in val_dl:
        print("val accuracy", ((clf(mails) > 0).float() == labels).float().mean().item())
