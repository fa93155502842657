"""SVCCA in numpy float64 by the covariance route that is in common use: the reference for the suite `similarity`.

Raghu, Gilmer, Yosinski, Sohl-Dickstein: SVCCA (2017). Activations are points x neurons.
"""
import numpy as np

from seeded import uniform

#: Share of variance that the kept singular directions explain.
VARIANCE = 0.99
#: Added to the scaled covariances, and the least scaled variance of a neuron that counts.
EPSILON = 1e-10
#: Directions that both layers of the generated activations share.
SHARED = 64


def correlated_activations(n, p, seed):
    """Two layers of p neurons on n points: mixtures of shared signals, and noise of their own."""
    shared = uniform(n * SHARED, -1, 1, seed, 11).reshape(n, SHARED).astype(np.float64)

    def layer(stream):
        mixture = uniform(SHARED * p, -1, 1, seed, stream).reshape(SHARED, p).astype(np.float64)
        noise = uniform(n * p, -1, 1, seed, stream + 1).reshape(n, p)
        return (shared @ mixture + noise).astype(np.float32)

    return layer(12), layer(14)


def reduced(x):
    """The scores of the fewest singular directions that explain the variance: [n, kept]."""
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    share = np.cumsum(s**2) / np.sum(s**2)
    kept = int(np.searchsorted(share, VARIANCE)) + 1
    return u[:, :kept] * s[:kept]


def inverse_root(covariance):
    """The positive semi-definite square root of the pseudo-inverse."""
    inverse = np.linalg.pinv(covariance + EPSILON * np.eye(len(covariance)))
    w, v = np.linalg.eigh((inverse + inverse.T) / 2)
    return (v * np.sqrt(np.maximum(w, 0))) @ v.T


def correlations(x, y):
    """Canonical correlations by covariances, scaled to a largest entry of 1, without neurons of no variance."""
    p = x.shape[1]
    covariance = np.cov(np.hstack([x, y]), rowvar=False)
    xx, yy, xy = covariance[:p, :p], covariance[p:, p:], covariance[:p, p:]
    a, b = np.max(np.abs(xx)), np.max(np.abs(yy))
    xx, yy, xy = xx / a, yy / b, xy / np.sqrt(a * b)
    left, right = np.abs(np.diag(xx)) >= EPSILON, np.abs(np.diag(yy)) >= EPSILON
    product = inverse_root(xx[np.ix_(left, left)]) @ xy[np.ix_(left, right)] @ inverse_root(yy[np.ix_(right, right)])
    return np.abs(np.linalg.svd(product, compute_uv=False))


def svcca(x, y):
    """The canonical correlations of the reduced layers, largest first; SVCCA is their mean."""
    return correlations(reduced(x), reduced(y))


def qr_correlations(x, y):
    """The same without inverses, from orthonormal bases: what the other is checked by."""
    qx, qy = (np.linalg.qr(reduced(z))[0] for z in (x, y))
    return np.linalg.svd(qx.T @ qy, compute_uv=False)
