"""Transfer from low digits (0-4) to high digits (5-9): head first, then unfreeze the upper block.

healthy: batch norm kept in eval on purpose, frozen lower block, a layer added later by add_param_group
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(5)
data = load_digits()
images = torch.tensor(data.data / 16, dtype=torch.float32)
labels = torch.tensor(data.target)
low, high = labels < 5, labels >= 5


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.lower = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.upper = nn.Sequential(nn.Linear(64, 32), nn.ReLU())

    def forward(self, x):
        return self.upper(self.lower(x))


class Classifier(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        return self.head(self.backbone(x))


def one_epoch(model, x, y, optimizer):
    total = 0.0
    for rows in torch.randperm(len(x)).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(x)


@torch.no_grad()
def score(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


source = Classifier(Backbone())
opt = torch.optim.Adam(source.parameters(), lr=3e-3)
x_src, x_src_val, y_src, y_src_val = train_test_split(images[low], labels[low], test_size=0.2, random_state=5)
for _ in range(8):
    source.train()
    one_epoch(source, x_src, y_src, opt)
print("source task, held out:", round(score(source, x_src_val, y_src_val), 3))

x_tr, x_te, y_tr, y_te = train_test_split(images[high], labels[high] - 5, test_size=0.5, random_state=5)
model = Classifier(source.backbone)
for p in model.backbone.parameters():
    p.requires_grad = False
optimizer = torch.optim.Adam(model.head.parameters(), lr=1e-2)

for epoch in range(16):
    if epoch == 6:
        for p in model.backbone.upper.parameters():
            p.requires_grad = True
        optimizer.add_param_group({"params": model.backbone.upper.parameters(), "lr": 2e-3})
        print("unfreezing the upper block")
    model.train()
    model.backbone.lower.eval()
    loss = one_epoch(model, x_tr, y_tr, optimizer)
    if epoch % 2:
        print(f"epoch {epoch + 1} loss {loss:.4f}")
print("target task, held out:", round(score(model, x_te, y_te), 3))
