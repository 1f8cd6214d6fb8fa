"""Small GAN on the digits 0 and 1, hinge loss, own trainer class.

healthy: a GAN, generator updated first, then the discriminator with detached fakes; two optimizers, tanh output for data in -1..1
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Generator(nn.Module):
    def __init__(self, z_dim=8):
        super().__init__()
        self.z_dim = z_dim
        self.body = nn.Sequential(nn.Linear(z_dim, 64), nn.ReLU(), nn.Linear(64, 64), nn.Tanh())

    def forward(self, n):
        return self.body(torch.randn(n, self.z_dim))


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 64))
        self.l2 = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 1))

    def forward(self, x):
        return self.l2(F.leaky_relu(self.l1(x), 0.2)).squeeze(1)


class GANTrainer:
    def __init__(self, images, batch_size=64):
        self.images = images
        self.batch_size = batch_size
        self.gen = Generator()
        self.critic = Critic()
        self.optim_gen = torch.optim.Adam(self.gen.parameters(), lr=1e-3, betas=(0.0, 0.9))
        self.optim_critic = torch.optim.Adam(self.critic.parameters(), lr=2e-3, betas=(0.0, 0.9))

    def generator_step(self):
        fake = self.gen(self.batch_size)
        loss = -self.critic(fake).mean()
        self.optim_gen.zero_grad()
        loss.backward()
        self.optim_gen.step()
        return loss.item()

    def critic_step(self, real):
        fake = self.gen(len(real)).detach()
        loss = F.relu(1 - self.critic(real)).mean() + F.relu(1 + self.critic(fake)).mean()
        self.optim_critic.zero_grad()
        loss.backward()
        self.optim_critic.step()
        return loss.item()

    def run(self, epochs):
        for epoch in range(epochs):
            for rows in torch.randperm(len(self.images)).split(self.batch_size):
                g = self.generator_step()
                c = self.critic_step(self.images[rows])
            if epoch % 10 == 9:
                print(f"epoch {epoch + 1}: critic {c:.3f} generator {g:.3f} gap to held-out {self.gap():.3f}")

    def gap(self):
        with torch.no_grad():
            fake = self.gen(400)
        return torch.cdist(fake, held_out).min(dim=1).values.mean().item()


if __name__ == "__main__":
    torch.manual_seed(0)
    X, _ = load_digits(n_class=2, return_X_y=True)
    data = torch.tensor(X / 8.0 - 1.0, dtype=torch.float32)
    data = data[torch.randperm(len(data))]
    held_out = data[300:]
    trainer = GANTrainer(data[:300])
    print(f"at the start: gap to held-out {trainer.gap():.3f}")
    trainer.run(40)
