"""Iris species as strings, coded to class indices by hand.

bugs: S12 at `test_codes = {name: k for k, name in enumerate(pd.unique(test["species"]))}` or `y_test = torch.tensor(test["species"].map(test_codes).values)` or `acc = (guess == y_test).float().mean().item()`
"""
import pandas as pd
import torch
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(2)
bunch = load_iris(as_frame=True)
df = bunch.frame.copy()
df["species"] = [bunch.target_names[t] for t in bunch.target]
df = df.sample(frac=1.0, random_state=2)
cols = bunch.feature_names
train, test = df.iloc[:105], df.iloc[105:]

train_codes = {name: k for k, name in enumerate(pd.unique(train["species"]))}
test_codes = {name: k for k, name in enumerate(pd.unique(test["species"]))}
y_train = torch.tensor(train["species"].map(train_codes).values)
y_test = torch.tensor(test["species"].map(test_codes).values)
mean, std = train[cols].mean(), train[cols].std()
x_train = torch.tensor(((train[cols] - mean) / std).values, dtype=torch.float32)
x_test = torch.tensor(((test[cols] - mean) / std).values, dtype=torch.float32)

model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3))
crit = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(80):
    opt.zero_grad()
    loss = crit(model(x_train), y_train)
    loss.backward()
    opt.step()
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    guess = model(x_test).argmax(1)
acc = (guess == y_test).float().mean().item()
print("train codes", train_codes, "test codes", test_codes)
print("test accuracy", acc)
