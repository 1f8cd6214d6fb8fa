"""Handwritten digits, a class with dropout.

bugs: L01 at `return F.softmax(self.fc3(x), dim=1)`; V01 at `output = model(images)`
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 10)
        self.drop = nn.Dropout(p=0.3)

    def forward(self, x):
        x = x.view(-1, 64)
        x = self.drop(F.relu(self.fc1(x)))
        x = self.drop(F.relu(self.fc2(x)))
        return F.softmax(self.fc3(x), dim=1)


torch.manual_seed(1)
digits = load_digits()
dataset = TensorDataset(torch.tensor(digits.images / 16.0, dtype=torch.float32), torch.tensor(digits.target))
train_set, test_set = random_split(dataset, [1437, 360])
trainloader = DataLoader(train_set, batch_size=32, shuffle=True)
testloader = DataLoader(test_set, batch_size=60, shuffle=False)

model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)

epochs = 12
for e in range(epochs):
    running_loss = 0
    for inputs, labels in trainloader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    if e % 3 == 2:
        print("Training loss:", running_loss / len(trainloader))

correct, total = 0, 0
with torch.no_grad():
    for images, labels in testloader:
        output = model(images)
        _, predicted = torch.max(output, 1)
        total += labels.size(0)
        correct += (predicted == labels).sum().item()
print(f"Accuracy: {100 * correct / total:.1f} %")
