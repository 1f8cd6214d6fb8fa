"""Wine cultivars with own Dataset class.

bugs: D04 at `self.x = torch.tensor(frame_x, dtype=torch.float32)` or `data = load_wine()` or `logits = model(x)`
"""
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WineDataset(Dataset):
    def __init__(self, frame_x, frame_y):
        self.x = torch.tensor(frame_x, dtype=torch.float32)
        self.y = torch.tensor(frame_y, dtype=torch.long)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(0)
data = load_wine()
a, b, c, d = train_test_split(data.data, data.target, test_size=0.3, random_state=0, stratify=data.target)
train_loader = DataLoader(WineDataset(a, c), batch_size=16, shuffle=True)
test_loader = DataLoader(WineDataset(b, d), batch_size=64)

model = WineNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for epoch in range(40):
    model.train()
    total = 0.0
    for x, target in train_loader:
        optimizer.zero_grad()
        logits = model(x)
        loss = criterion(logits, target)
        loss.backward()
        optimizer.step()
        total += loss.item() * x.size(0)
    if epoch % 8 == 0:
        print(f"epoch {epoch} train loss {total / len(train_loader.dataset):.4f}")

model.eval()
hits = 0
with torch.no_grad():
    for xt, yt in test_loader:
        hits += (model(xt).argmax(1) == yt).sum().item()
print("test accuracy", hits / len(test_loader.dataset))
