"""Seeded inputs: the same numbers as bench/peers/lib/random.mjs and bench/patterns.ts."""
import numpy as np

MASK = 0xFFFFFFFF


def _mix(x):
    """Mixes 32 bits so that neighbouring counters give unrelated values."""
    x = np.asarray(x, dtype=np.uint32)
    h = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x735A2D97)
    return h ^ (h >> np.uint32(15))


def _stream(length, seed, stream):
    """Uniform numbers in [0, 1) as float64."""
    with np.errstate(over="ignore"):
        key = (int(_mix(seed)) + stream * 0x9E3779B9) & MASK
        key = _mix(np.array([key]))
        return _mix(key ^ _mix(np.arange(length))) / 2.0**32


def uniform(length, low, high, seed, stream):
    return (low + (high - low) * _stream(length, seed, stream)).astype(np.float32)


def normal(length, deviation, seed, stream):
    """Normal numbers with mean 0 (Box-Muller)."""
    draws = _stream(2 * length, seed, stream)
    return (deviation * np.sqrt(-2 * np.log(1 - draws[::2])) * np.cos(2 * np.pi * draws[1::2])).astype(np.float32)


def integers(length, bound, seed, stream):
    return np.floor(bound * _stream(length, seed, stream)).astype(np.int32)


def chosen(size, count, seed):
    """Which of `size` places stay when `count` do: the smallest keys, the lower place first where they are equal."""
    order = np.argsort(integers(size, 2**31, seed, 7), kind="stable")
    kept = np.zeros(size, dtype=bool)
    kept[order[:count]] = True
    return kept


def sparse_matrix(rows, cols, sparsity, seed):
    """A dense float32 array of the generated matrix: zeros off the pattern, values drawn in row order."""
    # As JavaScript rounds: halves go up.
    kept = chosen(rows * cols, int(np.floor((1 - sparsity) * rows * cols + 0.5)), seed)
    weights = np.zeros(rows * cols, dtype=np.float32)
    weights[kept] = uniform(int(kept.sum()), -1, 1, seed, 1)
    return weights.reshape(rows, cols)
