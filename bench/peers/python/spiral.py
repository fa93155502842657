"""Network-steps a second of training 2-w-w-w-1 networks on the Cubist Spiral's recipe (batch 128, SGD with momentum 0.9
and weight decay, binary cross-entropy), as bench/population-fused.ts measures ours: numpy with all networks in one
batched product, and PyTorch with one network at a time, compiled by nothing.

    python3 bench/peers/python/spiral.py --widths 3 8 16 --models 1024 --seconds 3        (needs numpy; torch if there)
"""

import argparse
import statistics
import time

import numpy as np

BATCH, RATE, MOMENTUM, DECAY = 128, 0.05, 0.9, 5e-4


def batch(generator):
    x = generator.standard_normal((BATCH, 2)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:] > 0).astype(np.float32)


class NumpyNets:
    """Weights [models, in, out], biases [models, 1, out]."""

    def __init__(self, width, models):
        generator = np.random.default_rng(1)
        sizes = [2, width, width, width, 1]
        draw = lambda shape, fan: generator.uniform(-1, 1, shape).astype(np.float32) / np.float32(fan**0.5)
        self.values = []
        for fan, out in zip(sizes, sizes[1:]):
            self.values += [draw((models, fan, out), fan), draw((models, 1, out), fan)]
        self.momenta = [np.zeros_like(v) for v in self.values]
        self.x, self.y = batch(generator)

    def step(self):
        inputs, h = [], np.broadcast_to(self.x, (len(self.values[0]), BATCH, 2))
        for layer in range(4):
            inputs.append(h)
            h = h @ self.values[2 * layer] + self.values[2 * layer + 1]
            if layer < 3:
                h = np.maximum(h, 0)
        g = (1 / (1 + np.exp(-h)) - self.y) / BATCH
        for layer in reversed(range(4)):
            weight = self.values[2 * layer]
            grads = inputs[layer].swapaxes(1, 2) @ g, g.sum(1, keepdims=True)
            if layer > 0:
                g = (g @ weight.swapaxes(1, 2)) * (inputs[layer] > 0)
            for at, grad in zip((2 * layer, 2 * layer + 1), grads):
                self.momenta[at] = MOMENTUM * self.momenta[at] + grad + DECAY * self.values[at]
                self.values[at] = self.values[at] - RATE * self.momenta[at]


class TorchNet:
    def __init__(self, width):
        import torch
        from torch import nn

        torch.set_num_threads(1)  # a network this small only waits for other threads
        layers = [nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
        self.optimiser = torch.optim.SGD(self.net.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY)
        self.loss = nn.BCEWithLogitsLoss()
        self.x, self.y = (torch.from_numpy(t) for t in batch(np.random.default_rng(1)))

    def step(self):
        self.optimiser.zero_grad()
        self.loss(self.net(self.x), self.y).backward()
        self.optimiser.step()


def rate(nets, models, seconds):
    """Median of five rounds."""
    nets.step()
    rounds = []
    for _ in range(5):
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < seconds / 5:
            nets.step()
            steps += 1
        rounds.append(models * steps / (time.perf_counter() - start))
    return statistics.median(rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--widths", type=int, nargs="*", default=[3, 8, 16])
    parser.add_argument("--models", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3)
    given = parser.parse_args()
    for width in given.widths:
        print(f"width {width}: numpy, {given.models} networks together: {rate(NumpyNets(width, given.models), given.models, given.seconds):,.0f} network-steps/s")
        try:
            print(f"width {width}: PyTorch, one network at a time: {rate(TorchNet(width), 1, given.seconds):,.0f} network-steps/s")
        except ImportError:
            print("PyTorch is not installed")
