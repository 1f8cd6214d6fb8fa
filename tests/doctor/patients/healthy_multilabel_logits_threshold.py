"""Tags of short notes: each note may carry several of five tags.

healthy: BCEWithLogits with float (N, 5) targets, sigmoid only at prediction, threshold 0.5, zero-initialised head
"""
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, TensorDataset

TAGS = ["home", "work", "travel", "health", "money"]


def write_notes(n, rng):
    tags = rng.random((n, len(TAGS))) < [0.5, 0.4, 0.35, 0.35, 0.3]
    topics = rng.dirichlet(np.full(30, 0.15), size=len(TAGS))
    common = rng.dirichlet(np.full(30, 2.0))
    mixture = tags @ topics + 0.3 * common
    mixture /= mixture.sum(axis=1, keepdims=True)
    return rng.multinomial(40, mixture), tags


def get_loaders(seed):
    counts, tags = write_notes(1500, np.random.default_rng(seed))
    x = torch.from_numpy(counts).float().div(4).sqrt()
    y = torch.from_numpy(tags).float()
    return (
        DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=50, shuffle=True),
        DataLoader(TensorDataset(x[1200:], y[1200:]), batch_size=100),
    )


class Tagger(nn.Module):
    def __init__(self, n_words, n_tags):
        super().__init__()
        self.hidden = nn.Linear(n_words, 32)
        self.head = nn.Linear(32, n_tags)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x)))


def predict(net, loader):
    preds, trues = [], []
    with torch.no_grad():
        for x, y in loader:
            preds.append((torch.sigmoid(net(x)) > 0.5).int())
            trues.append(y.int())
    return torch.cat(preds), torch.cat(trues)


torch.manual_seed(6)
train_loader, test_loader = get_loaders(seed=6)
net = Tagger(30, len(TAGS))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
for epoch in range(12):
    epoch_loss = 0.0
    for x, y in train_loader:
        loss = criterion(net(x), y)
        net.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * x.size(0)
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {epoch_loss / len(train_loader.dataset):.4f}")

pred, true = predict(net, test_loader)
print("exact matches", (pred == true).all(dim=1).float().mean().item())
print("label accuracy", (pred == true).float().mean().item())
for tag, f1 in zip(TAGS, f1_score(true.numpy(), pred.numpy(), average=None)):
    print(f"  {tag:7s} f1 {f1:.3f}")
