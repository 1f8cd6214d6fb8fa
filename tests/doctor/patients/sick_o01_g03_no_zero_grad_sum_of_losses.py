"""California-like house prices in the style of a course notebook.

bugs: O01 at `optimizer.step()`; G03 at `epoch_loss += loss`
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_regression
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)

X, y = make_regression(n_samples=600, n_features=8, n_informative=6, noise=12.0, random_state=2)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=2)
y_mean, y_std = y_train.mean(), y_train.std()
train_ds = TensorDataset(torch.Tensor(X_train), torch.Tensor((y_train - y_mean) / y_std).unsqueeze(1))
test_x, test_y = torch.Tensor(X_test), torch.Tensor((y_test - y_mean) / y_std).unsqueeze(1)
train_loader = DataLoader(train_ds, batch_size=30, shuffle=True)


class HousePriceModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.layers(x)


model = HousePriceModel()
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.005)

for epoch in range(20):
    epoch_loss = 0
    for x, y in train_loader:
        pred = model(x)
        loss = loss_fn(pred, y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss
    if epoch % 4 == 0:
        print(f"Epoch {epoch}: loss = {epoch_loss / len(train_loader):.4f}")

with torch.no_grad():
    print("test loss", loss_fn(model(test_x), test_y).item())
