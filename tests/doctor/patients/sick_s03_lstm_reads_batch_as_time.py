"""Does the sum of the sequence end above zero? An LSTM classifier.

bugs: S03 at `self.lstm = nn.LSTM(input_size=1, hidden_size=hidden)` or `out, (h, c) = self.lstm(x)`
"""
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class SeqClassifier(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return self.fc(out[:, -1, :])


def make(n, length=10):
    x = torch.randn(n, length, 1)
    y = (x.sum(dim=(1, 2)) > 0).long()
    return x, y


torch.manual_seed(19)
x_train, y_train = make(800)
x_test, y_test = make(200)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=40, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=40)

model = SeqClassifier()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.01)
for epoch in range(8):
    model.train()
    total = 0.0
    for seq, lab in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(seq), lab)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / len(train_loader))

model.eval()
correct = 0
with torch.no_grad():
    for seq, lab in test_loader:
        correct += (model(seq).argmax(1) == lab).sum().item()
print("accuracy", correct / len(x_test))
