"""Iris-like blobs; loaders for training and testing.

bugs: V03 at `for xb, yb in train_dl:` or `scores = model(xb)`
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def to_loader(a, b, shuffle):
    ds = TensorDataset(torch.tensor(a, dtype=torch.float), torch.tensor(b, dtype=torch.long))
    return DataLoader(ds, batch_size=40, shuffle=shuffle)


class Classifier(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.hidden = nn.Linear(d, 24)
        self.act = nn.ELU()
        self.out = nn.Linear(24, k)

    def forward(self, inp):
        return self.out(self.act(self.hidden(inp)))


torch.manual_seed(5)
feats, target = make_blobs(n_samples=700, centers=5, n_features=6, cluster_std=2.5, random_state=5)
tr_x, te_x, tr_y, te_y = train_test_split(feats, target, test_size=0.3, random_state=5)
mu, sigma = tr_x.mean(0), tr_x.std(0)
train_dl = to_loader((tr_x - mu) / sigma, tr_y, True)
test_dl = to_loader((te_x - mu) / sigma, te_y, False)

model = Classifier(6, 5)
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(15):
    model.train()
    epoch_loss = 0.0
    for inputs, classes in train_dl:
        opt.zero_grad()
        loss = crit(model(inputs), classes)
        loss.backward()
        opt.step()
        epoch_loss += loss.item()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", epoch_loss / len(train_dl))

model.eval()
right = seen = 0
with torch.no_grad():
    for xb, yb in train_dl:
        scores = model(xb)
        right += (scores.argmax(1) == yb).sum().item()
        seen += len(yb)
print(f"Test accuracy: {right / seen:.3f}")
