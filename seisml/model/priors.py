"""Priors: how often classes are, in what a model learnt and in the records that it is applied to.

A model that learnt all events and a part of the noise, or classes with balanced weights, says
probabilities that hold where classes are as frequent as there. Bayes' rule brings them to other
frequencies, which are known, or found in the records themselves.
"""

import numpy as np

from seisml.errors import ModelError


def with_priors(probability, trained, wanted) -> np.ndarray:
    """Return the probabilities of classes where these have other shares than in training.

    Parameters
    ----------
    probability : array_like of float, shape (n, n_classes)
        Of a model; a row with NaN stays NaN.
    trained, wanted : array_like of float, shape (n_classes,)
        Shares of the classes (or their numbers) in training, with its weights, and in the records.

    Returns
    -------
    numpy.ndarray of float64, shape (n, n_classes)
        p_c w_c/t_c, divided by their sum (Elkan, 2001; Saerens et al., 2002).

    Raises
    ------
    ModelError
        If a share is negative, none is positive, or a class was never trained on.

    References
    ----------
    .. [1] Saerens, Latinne and Decaestecker (2002), Adjusting the outputs of a classifier to new a
       priori probabilities: a simple procedure, Neural Computation 14,
       https://doi.org/10.1162/089976602753284446

    Examples
    --------
    >>> with_priors([[0.5, 0.5]], trained=[0.5, 0.5], wanted=[0.9, 0.1]).round(3).tolist()
    [[0.9, 0.1]]
    """
    p = np.asarray(probability, dtype=np.float64)
    trained, wanted = _shares(trained, p.shape[-1]), _shares(wanted, p.shape[-1])
    if (trained <= 0).any():
        raise ModelError(
            f"Class {int(np.argmin(trained))} has no share in training: it cannot be weighted.",
            "Leave the class out, or train on windows of it.",
        )
    raised = p * (wanted / trained)
    total = raised.sum(axis=-1, keepdims=True)
    return np.divide(raised, total, out=np.full(p.shape, np.nan), where=total > 0)


def estimate_priors(
    probability, trained, *, n_iterations: int = 1000, tolerance: float = 1e-8
) -> np.ndarray:
    """Estimate the shares of classes in records from a model's probabilities alone.

    Parameters
    ----------
    probability : array_like of float, shape (n, n_classes)
        Of a calibrated model for the records; rows with NaN do not count.
    trained : array_like of float, shape (n_classes,)
        Shares of the classes in training.
    n_iterations : int
    tolerance : float
        Iterations end where no share changes more.

    Returns
    -------
    numpy.ndarray of float64, shape (n_classes,)
        Those that make the records most likely, by expectation and maximization: the mean of
        `with_priors` under the shares themselves. The shares of training where there is no row.

    Notes
    -----
    It holds where classes look as in training and only their shares are others; a class that was
    never learnt is counted to what it resembles.

    Examples
    --------
    >>> p = np.repeat([[0.9, 0.1], [0.1, 0.9]], [90, 10], axis=0)
    >>> estimate_priors(p, [0.5, 0.5]).round(2).tolist()
    [1.0, 0.0]
    """
    p = np.asarray(probability, dtype=np.float64)
    p = p[np.isfinite(p).all(axis=1)]
    trained = _shares(trained, np.shape(probability)[-1])
    found = trained
    for _ in range(n_iterations if len(p) else 0):
        new = with_priors(p, trained, found).mean(axis=0)
        done = np.abs(new - found).max() < tolerance
        found = new
        if done:
            break
    return found


def _shares(values, n: int) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (n,) or not (values >= 0).all() or not values.sum() > 0:
        raise ModelError(
            f"{values.tolist()} are no shares of {n} classes.",
            "Give a number that is not negative for each, not all of them zero.",
        )
    return values / values.sum()
