"""Minibatches by slicing a big blob data set.

bugs: S05 at `for step in range(10):`
"""
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

torch.manual_seed(30)
X, y = make_blobs(3000, n_features=5, centers=6, cluster_std=2.0, random_state=30)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.2, random_state=30)
mean, std = Xtr.mean(0), Xtr.std(0)
Xtr = torch.tensor((Xtr - mean) / std, dtype=torch.float32)
Xte = torch.tensor((Xte - mean) / std, dtype=torch.float32)
ytr, yte = torch.tensor(ytr), torch.tensor(yte)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(5, 20)
        self.l2 = nn.Linear(20, 6)

    def forward(self, x):
        return self.l2(functional.relu(self.l1(x)))


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
bs = 64
for epoch in range(25):
    net.train()
    total = 0.0
    for step in range(10):
        xb = Xtr[step * bs:(step + 1) * bs]
        yb = ytr[step * bs:(step + 1) * bs]
        opt.zero_grad()
        loss = functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item()
    if epoch % 5 == 0:
        print(f"epoch {epoch} loss {total / 10:.4f}")

net.eval()
with torch.no_grad():
    print("test acc", (net(Xte).argmax(1) == yte).float().mean().item())
