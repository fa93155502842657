"""Trains ResNet-20 and a quarter-width VGG-11 on CIFAR-10 as bench/train-real.ts does, in PyTorch: the same recipe, so
that accuracies can be laid side by side. Needs torch and numpy.

    python3 bench/peers/python/train_real.py DIR/cifar10 resnet20 vgg11-quarter --epochs 3 --seed 1
"""

import argparse
import glob
import importlib.util
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BATCH = 125
#: Network, greatest learning rate, epochs.
RECIPES = {"resnet20": (lambda: resnet20(), 0.1, 3), "vgg11-quarter": (lambda: vgg11_bn(0.25), 0.05, 8)}
#: Channels of VGG-11's convolutions; 0 is a pooling.
VGG11 = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512)


def resnet20():
    """The ResNet-20 of the parity test, with an ordinary ReLU."""
    path = os.path.join(os.path.dirname(__file__), "../../../test/fixtures/parity/trace.py")
    spec = importlib.util.spec_from_file_location("parity", path)
    parity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parity)
    parity.relu = F.relu
    return parity.ResNet20()


def vgg11_bn(width):
    layers, channels = [], 3
    for planned in VGG11:
        if planned == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        outputs = round(width * planned)
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def initialise(model):
    """Kaiming's normal over the fan in, as our networks begin."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def read(pattern):
    files = [np.fromfile(path, dtype=np.uint8).reshape(-1, 3073) for path in sorted(glob.glob(pattern))]
    if not files:
        raise SystemExit(f"{pattern}: expected CIFAR-10 batches, found none")
    rows = np.concatenate(files)
    images = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255)
    return images, torch.from_numpy(rows[:, 0].astype(np.int64))


def augmented(images):
    """Each image shifted by up to four pixels over black, half of them mirrored; black is 0 before normalisation."""
    padded = F.pad(images, (4, 4, 4, 4))
    out = torch.empty_like(images)
    for i, (y, x) in enumerate(torch.randint(0, 9, (len(images), 2)).tolist()):
        out[i] = padded[i, :, y : y + 32, x : x + 32]
    mirror = torch.rand(len(images)) < 0.5
    out[mirror] = out[mirror].flip(3)
    return out


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    model.train()
    return right / len(labels)


def train(name, epochs, seed, root):
    make, lr, planned = RECIPES[name]
    epochs = epochs or planned
    torch.manual_seed(seed)
    images, labels = read(os.path.join(root, "data_batch_*.bin"))
    tests, answers = read(os.path.join(root, "test_batch.bin"))
    mean, deviation = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    tests = (tests - mean) / deviation
    model = initialise(make())
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    batches = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=epochs * batches, cycle_momentum=False)
    print(f"{name}: {len(images)} images, batch {BATCH}, seed {seed}, PyTorch {torch.__version__}")
    spent = 0.0
    for epoch in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        order = torch.randperm(len(images))
        for b in range(batches):
            rows = order[b * BATCH : (b + 1) * BATCH]
            loss = F.cross_entropy(model((augmented(images[rows]) - mean) / deviation), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        spent += time.perf_counter() - start
        right = 100 * accuracy(model, tests, answers)
        print(f"  epoch {epoch}: loss {total / batches:.4f}, test {right:.2f} %, {spent:.1f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root")
    parser.add_argument("names", nargs="*", default=list(RECIPES))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for each in given.names:
        train(each, given.epochs, given.seed, given.root)
