"""California-like housing: regression with a scaler for the inputs.

bugs: A07 at `X_test = scaler.fit_transform(X_test)`; V05 at `X_test = scaler.fit_transform(X_test)`
"""
import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(4)
torch.manual_seed(4)

n = 500
rooms = np.random.normal(5, 1.2, n)
income = np.random.gamma(3, 1.5, n)
age = np.random.uniform(1, 50, n)
distance = np.random.exponential(8, n)
X = np.column_stack([rooms, income, age, distance])
y = 0.3 * rooms + 0.5 * income - 0.01 * age - 0.08 * distance + np.random.normal(0, 0.2, n)
y = (y - 2.8) / 1.5

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=4)
scaler = MinMaxScaler((-1, 1))
X_train = scaler.fit_transform(X_train)
X_test = scaler.fit_transform(X_test)

tensors = [torch.tensor(a, dtype=torch.float32) for a in (X_train, y_train[:, None], X_test, y_test[:, None])]
X_train, y_train, X_test, y_test = tensors
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=30, shuffle=True)

reg = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
loss_func = nn.MSELoss()
optimizer = torch.optim.Adam(reg.parameters(), lr=0.01)
for epoch in range(30):
    total = 0.0
    for bx, by in loader:
        loss = loss_func(reg(bx), by)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 6 == 0:
        print("epoch", epoch, "train mse", round(total / len(loader), 4))

reg.eval()
with torch.no_grad():
    print("test mse", loss_func(reg(X_test), y_test).item(), "variance", y_test.var().item())
