"""Variational autoencoder on 8x8 digits.

healthy: sigmoid output with BCE summed over pixels, KL term, noise by randn_like, sampling under no_grad at the end
"""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(1)


class VAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.fc3 = nn.Linear(latent, 64)
        self.fc4 = nn.Linear(64, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 64))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def elbo(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.view(-1, 64), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


images = (load_digits().images / 16.0).astype("float32")
train_img, test_img = train_test_split(images, test_size=0.2, random_state=1)
train_loader = DataLoader(torch.from_numpy(train_img), batch_size=64, shuffle=True)
test_loader = DataLoader(torch.from_numpy(test_img), batch_size=128)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


def train(epoch):
    model.train()
    train_loss = 0
    for data in train_loader:
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = elbo(recon, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    if epoch % 4 == 0:
        print(f"====> epoch {epoch} average loss {train_loss / len(train_loader.dataset):.3f}")


def test():
    model.eval()
    test_loss = 0
    with torch.no_grad():
        for data in test_loader:
            recon, mu, logvar = model(data)
            test_loss += elbo(recon, data, mu, logvar).item()
    return test_loss / len(test_loader.dataset)


print("before", round(test(), 3))
for epoch in range(1, 17):
    train(epoch)
print("after", round(test(), 3))
with torch.no_grad():
    sample = model.decode(torch.randn(2, 4)).view(2, 8, 8)
for row in sample[0]:
    print("".join(" .:*#"[min(4, int(v * 5))] for v in row.tolist()))
