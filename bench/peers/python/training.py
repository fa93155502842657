"""The training cases of peers/README.md on PyTorch: the networks of lib/networks.mjs, from the same initial values."""
import numpy as np
import torch
from torch.nn import functional

from seeded import integers, normal, uniform

CLASSES = 10
LOSS_TOLERANCE = 1e-4
#: Steps after the first over which the loss has to fall.
CHECK_STEPS = 2
INPUTS = {"mlp": (784,), "convnet": (28, 28, 1), "resnet20": (32, 32, 3)}
BATCHES = {"mlp": 1000, "convnet": 250, "resnet20": 32}
#: Name, channels in and out of each residual block of ResNet-20; where these differ, its stride is 2.
BLOCKS = [
    (f"s{stage}b{block}", width // 2 if stage > 0 and block == 0 else width, width)
    for stage, width in enumerate((16, 32, 64))
    for block in range(3)
]


def dense(fan_in, out):
    return [((fan_in, out), "uniform", fan_in), ((out,), "uniform", fan_in)]


def conv(size, channels, out):
    fan_in = size * size * channels
    return [((size, size, channels, out), "uniform", fan_in), ((out,), "uniform", fan_in)]


def parameters(name):
    """Shape, distribution and fan-in of every parameter, in the order of networks.mjs, which their streams follow."""
    if name == "mlp":
        return numbered(dense(784, 256), dense(256, 128), dense(128, CLASSES))
    if name == "convnet":
        return numbered(conv(5, 1, 24), conv(3, 24, 32), dense(5 * 5 * 32, 128), dense(128, CLASSES))
    found = {}

    def conv_norm(prefix, channels, width):
        found[f"{prefix}.w"] = ((3, 3, channels, width), "normal", 9 * channels)
        found[f"{prefix}.scale"] = ((width,), "ones", 0)
        found[f"{prefix}.shift"] = ((width,), "zeros", 0)

    conv_norm("stem", 3, 16)
    for block, channels, width in BLOCKS:
        conv_norm(f"{block}.1", channels, width)
        conv_norm(f"{block}.2", width, width)
    found["head.w"], found["head.b"] = dense(64, CLASSES)
    return found


def numbered(*layers):
    return {f"{kind}{i + 1}": spec for i, layer in enumerate(layers) for kind, spec in zip("wb", layer)}


def initial_values(name, seed):
    """Parameters as torch has them: convolutions [out, in, h, w], dense layers [out, in]."""
    values = {}
    for index, (key, (shape, init, fan_in)) in enumerate(parameters(name).items()):
        length = int(np.prod(shape))
        if init == "uniform":
            flat = uniform(length, -1 / np.sqrt(fan_in), 1 / np.sqrt(fan_in), seed, 10 + index)
        elif init == "normal":
            flat = normal(length, np.sqrt(2 / fan_in), seed, 10 + index)
        else:
            flat = np.full(length, 1 if init == "ones" else 0, dtype=np.float32)
        value = flat.reshape(shape)
        if len(shape) == 4:
            value = value.transpose(3, 2, 0, 1)
        elif len(shape) == 2:
            if (name, key) == ("convnet", "w3"):  # pixels come channel by channel here
                value = value.reshape(5, 5, 32, -1).transpose(2, 0, 1, 3).reshape(shape)
            value = value.T
        values[key] = np.ascontiguousarray(value)
    return values


def batch_of(name, batch, seed):
    """One batch: random images, channels first, and random labels."""
    length = batch * int(np.prod(INPUTS[name]))
    flat = normal(length, 1, seed, 1) if name == "resnet20" else uniform(length, 0, 1, seed, 1)
    images = flat.reshape(batch, *INPUTS[name])
    if images.ndim == 4:
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images, integers(batch, CLASSES, seed, 2).astype(np.int64)


def mlp(p, x):
    x = functional.relu(functional.linear(x, p["w1"], p["b1"]))
    x = functional.relu(functional.linear(x, p["w2"], p["b2"]))
    return functional.linear(x, p["w3"], p["b3"])


def convnet(p, x):
    x = functional.relu(functional.max_pool2d(functional.conv2d(x, p["w1"], p["b1"]), 2))
    x = functional.relu(functional.max_pool2d(functional.conv2d(x, p["w2"], p["b2"]), 2))
    x = functional.relu(functional.linear(x.flatten(1), p["w3"], p["b3"]))
    return functional.linear(x, p["w4"], p["b4"])


def resnet20(p, x):
    def conv_norm(x, prefix, stride):
        y = functional.conv2d(x, p[f"{prefix}.w"], stride=stride, padding=1)
        return functional.batch_norm(y, None, None, p[f"{prefix}.scale"], p[f"{prefix}.shift"], training=True)

    x = functional.relu(conv_norm(x, "stem", 1))
    for block, channels, width in BLOCKS:
        stride = 1 if channels == width else 2
        inner = functional.relu(conv_norm(x, f"{block}.1", stride))
        beside = x if stride == 1 else shortcut(x)
        x = functional.relu(conv_norm(inner, f"{block}.2", 1) + beside)
    return functional.linear(x.mean((2, 3)), p["head.w"], p["head.b"])


def shortcut(x):
    """Every second pixel, and as many channels of zeros again: a quarter of them in front, the rest behind."""
    channels = x.shape[1]
    return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, channels // 2, channels // 2))


FORWARD = {"mlp": mlp, "convnet": convnet, "resnet20": resnet20}


def training_step(name, params, seed, device):
    """One step on a fixed batch, which returns its loss, and the check of the first loss and of those after it."""
    batch = params.get("batch", BATCHES[name])
    if not isinstance(batch, int) or batch < 1:
        raise ValueError(f"batch must be a positive integer: {batch}")
    values = initial_values(name, seed)
    images, labels = batch_of(name, batch, seed)
    targets = torch.from_numpy(labels).to(device)
    x = torch.from_numpy(images).to(device)
    p = {key: torch.from_numpy(value).to(device).requires_grad_() for key, value in values.items()}
    rate = params.get("learningRate", 0.02 if name == "resnet20" else 1e-3)
    if name == "resnet20":
        optimiser = torch.optim.SGD(p.values(), lr=rate, momentum=0.9)
    else:
        optimiser = torch.optim.Adam(p.values(), lr=rate)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(FORWARD[name](p, x), targets)
        loss.backward()
        optimiser.step()
        return loss.detach()

    doubles = {key: torch.from_numpy(value).double() for key, value in values.items()}
    with torch.no_grad():
        logits = FORWARD[name](doubles, torch.from_numpy(images).double())
        expected = float(functional.cross_entropy(logits, torch.from_numpy(labels)))
    losses = [float(step()) for _ in range(1 + CHECK_STEPS)]
    error = abs(losses[0] / expected - 1)
    if not error <= LOSS_TOLERANCE:
        raise ArithmeticError(f"{name}: expected a first loss of {expected}, got {losses[0]}")
    if any(not after < before for before, after in zip(losses, losses[1:])):
        raise ArithmeticError(f"{name}: expected the loss to fall, got {losses}")
    return step, {"maxRelErr": error, "tolerance": LOSS_TOLERANCE, "losses": losses}
