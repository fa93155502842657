"""The cases of peers/README.md on numpy, scipy and torch: inputs, the call that is timed, and a check of its result.

A library has a method a case, which takes host arrays and returns `run` (one complete call, its result left where it
is) and `result` (the same, as numpy arrays).
"""
import os

import numpy as np

from seeded import sparse_matrix, uniform
from svcca import correlated_activations, qr_correlations, svcca

#: Largest error of an entry, relative to the sum of its absolute products.
PRODUCT_TOLERANCE = 1e-5
#: Largest entry of U S V' - A and of U'U - 1, relative to the largest singular value.
SVD_TOLERANCE = 1e-3
#: Largest difference of a canonical correlation between two ways to compute it in float64.
CORRELATION_TOLERANCE = 1e-6


def positive(params, *names):
    for name in names:
        if not isinstance(params.get(name), int) or params[name] < 1:
            raise ValueError(f"{name} must be a positive integer: {params.get(name)}")
    return [params[name] for name in names]


def product_check(a, b, c):
    """Against float64, on whole rows spread over the product: both ends and up to fourteen between."""
    rows = np.unique(np.linspace(0, a.shape[0] - 1, 16).astype(int))
    left, right = a[rows].astype(np.float64), b.astype(np.float64)
    error = np.abs(c[rows] - left @ right)
    size = np.abs(left) @ np.abs(right)
    return verdict("product", np.max(error / np.where(size == 0, 1, size)), PRODUCT_TOLERANCE)


def verdict(what, error, tolerance):
    if not error <= tolerance:
        raise ArithmeticError(f"{what}: expected an error of at most {tolerance}, got {error}")
    return {"maxRelErr": float(error), "tolerance": tolerance}


def prepare(library, case, params, seed):
    """The work of a case as a function that does it once, and the check that its result has passed."""
    if case not in library.cases:
        raise NotImplementedError(f"{library.name} does not do {case}")
    return CASES[case](library, params, seed)


def prepare_matmul(library, params, seed):
    (n,) = positive(params, "n")
    a, b = (uniform(n * n, -1, 1, seed, stream).reshape(n, n) for stream in (1, 2))
    run, result = library.matmul(a, b)
    return run, product_check(a, b, result())


def prepare_spmm(library, params, seed):
    if "file" in params:
        (n,) = positive(params, "n")
        weights = read_matrix(params["file"], seed)
    else:
        m, k, n = positive(params, "m", "k", "n")
        weights = sparse_matrix(m, k, params["sparsity"], seed)
    b = uniform(weights.shape[1] * n, -1, 1, seed, 2).reshape(-1, n)
    run, result = library.spmm(weights, b)
    return run, product_check(weights, b, result())


def prepare_topk(library, params, seed):
    n, k = positive(params, "n", "k")
    x = uniform(n, -1, 1, seed, 1)
    run, result = library.topk(x, k)
    expected = np.sort(np.abs(x))[n - k]
    return run, verdict("k-th magnitude", abs(float(result()) - float(expected)), 0)


def prepare_svd(library, params, seed):
    m, n = positive(params, "m", "n")
    a = uniform(m * n, -1, 1, seed, 1).reshape(m, n)
    run, result = library.svd(a)
    u, s, vt = (x.astype(np.float64) for x in result())
    rebuilt = np.max(np.abs((u * s) @ vt - a)) / s[0]
    orthogonal = max(np.max(np.abs(x - np.eye(len(s)))) for x in (u.T @ u, vt @ vt.T))
    return run, verdict("singular value decomposition", max(rebuilt, orthogonal), SVD_TOLERANCE)


def prepare_svcca(library, params, seed):
    n, p = positive(params, "n", "p")
    x, y = correlated_activations(n, p, seed)
    run, result = library.svcca(x, y)
    rho = result()
    expected = qr_correlations(x, y)
    if len(rho) != len(expected):
        raise ArithmeticError(f"svcca: expected {len(expected)} coefficients, got {len(rho)}")
    return run, verdict("svcca", np.max(np.abs(rho - expected)), CORRELATION_TOLERANCE)


def prepare_training(name):
    return lambda library, params, seed: library.training(name, params, seed)


CASES = {
    **{name: prepare_training(name) for name in ("mlp", "convnet", "resnet20")},
    "matmul": prepare_matmul,
    "spmm": prepare_spmm,
    "topk": prepare_topk,
    "svd": prepare_svd,
    "svcca": prepare_svcca,
}


def read_matrix(path, seed):
    """A dense float32 array of an .smtx or .mtx file; values that the file lacks are drawn."""
    if path.endswith(".mtx"):
        from scipy.io import mmread

        return np.asarray(mmread(path).todense(), dtype=np.float32)
    with open(path, encoding="ascii") as file:
        rows, cols, nnz = (int(x) for x in file.readline().split(","))
        offsets, columns = (np.array(file.readline().split(), dtype=np.int64) for _ in range(2))
    weights = np.zeros((rows, cols), dtype=np.float32)
    weights[np.repeat(np.arange(rows), np.diff(offsets)), columns] = uniform(nnz, -1, 1, seed, 1)
    return weights


class Numpy:
    """Products by the BLAS that numpy was built with, on its own number of threads."""

    name = "numpy"
    adapter = "cpu"
    cases = ["matmul", "spmm", "topk", "svd", "svcca"]

    def __init__(self):
        self.version = np.__version__
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    def matmul(self, a, b):
        return both(lambda: a @ b)

    def spmm(self, weights, b):
        """The dense product, zeros and all."""
        return both(lambda: weights @ b)

    def topk(self, x, k):
        """The k-th largest magnitude by partial sorting."""
        return both(lambda: np.partition(np.abs(x), len(x) - k)[len(x) - k])

    def svd(self, a):
        return both(lambda: np.linalg.svd(a, full_matrices=False))

    def svcca(self, x, y):
        return both(lambda: svcca(x, y))


class Scipy(Numpy):
    """Compressed sparse rows, on one thread as scipy has it."""

    name = "scipy"
    cases = ["spmm"]

    def __init__(self):
        import scipy

        self.version = scipy.__version__
        self.threads = 1

    def spmm(self, weights, b):
        from scipy.sparse import csr_matrix

        s = csr_matrix(weights)
        return both(lambda: s @ b)


class Torch:
    """PyTorch on a GPU where it has one, with TF32 off; sparse products are dense ones here."""

    name = "torch"
    cases = ["matmul", "mlp", "convnet", "resnet20", "spmm", "topk", "svd"]

    def __init__(self):
        import torch

        self.torch = torch
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.version = torch.__version__
        self.adapter = torch.cuda.get_device_name() if self.device == "cuda" else "cpu"
        self.threads = 0 if self.device == "cuda" else torch.get_num_threads()

    def on_device(self, *arrays):
        return [self.torch.from_numpy(x).to(self.device) for x in arrays]

    def timed(self, call):
        """The call until the device is done, and the call with its results on the host."""

        def run():
            call()
            if self.device == "cuda":
                self.torch.cuda.synchronize()

        def result():
            found = call()
            host = [x.cpu().numpy() for x in (found if isinstance(found, (tuple, list)) else [found])]
            return host if len(host) > 1 else host[0]

        return run, result

    def matmul(self, a, b):
        left, right = self.on_device(a, b)
        return self.timed(lambda: self.torch.matmul(left, right))

    def spmm(self, weights, b):
        return self.matmul(weights, b)

    def topk(self, x, k):
        (values,) = self.on_device(x)
        return self.timed(lambda: self.torch.kthvalue(values.abs(), len(x) - k + 1).values)

    def training(self, name, params, seed):
        from training import training_step  # needs torch

        step, check = training_step(name, params, seed, self.device)
        run, _ = self.timed(step)
        return run, check

    def svd(self, a):
        (matrix,) = self.on_device(a)
        return self.timed(lambda: tuple(self.torch.linalg.svd(matrix, full_matrices=False)))


class TorchSparse(Torch):
    """PyTorch's sparse product of compressed rows: cuSPARSE on NVIDIA's GPUs."""

    name = "torch-sparse"
    cases = ["spmm"]

    def spmm(self, weights, b):
        left, right = self.on_device(weights, b)
        s = left.to_sparse_csr()
        return self.timed(lambda: self.torch.sparse.mm(s, right))


def both(call):
    """Where results are on the host anyway, what is timed and what is checked are the same call."""
    return call, call


def open_library(name):
    return {library.name: library for library in (Numpy, Scipy, Torch, TorchSparse)}[name]()
