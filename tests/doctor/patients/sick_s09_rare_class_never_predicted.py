"""Machine failures: three of a hundred rows are positive.

bugs: S09 at `criterion = nn.BCEWithLogitsLoss()` or `loss = criterion(model(xb).squeeze(1), yb)`
"""
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class FailureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.net(x)


torch.manual_seed(27)
X, y = make_classification(2000, 12, n_informative=4, weights=[0.965], class_sep=0.3, flip_y=0.0, random_state=27)
Xa, Xb, ya, yb_all = train_test_split(X, y, test_size=0.3, random_state=27, stratify=y)
sc = StandardScaler().fit(Xa)
Xa, Xb = torch.tensor(sc.transform(Xa)).float(), torch.tensor(sc.transform(Xb)).float()
ya, yb_all = torch.tensor(ya).float(), torch.tensor(yb_all).float()
loader = DataLoader(TensorDataset(Xa, ya), batch_size=64, shuffle=True)

model = FailureNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(12):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb).squeeze(1), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {total / len(ya):.4f}")

model.eval()
with torch.no_grad():
    pred = (model(Xb).squeeze(1) > 0).float()
print("test accuracy", (pred == yb_all).float().mean().item(), "predicted failures", int(pred.sum()))
