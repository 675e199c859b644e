"""Starts of records: the first seconds, in which features that look back have no past yet.

A model that learnt from days of record has hardly seen such windows: a tree that never met a
column without a value sends it where most windows went, to the noise. So some of the windows that
are learnt lack what a window so soon after a start would lack. What that is, the records tell
themselves, at each of their starts.
"""

import numpy as np

LONGEST = 1000
"""Windows after a start that are looked at."""


class Starts:
    """What windows lack so and so long after a start, counted over the starts of records.

    Parameters
    ----------
    hop_ns : int
        Between windows.

    Examples
    --------
    >>> starts = Starts(1)
    >>> starts.add(np.arange(4), np.array([[0, 1], [0, 1], [1, 1], [1, 1]], bool))
    >>> starts.lacking.tolist(), starts.share
    ([[True, False], [True, False]], 0.5)
    """

    def __init__(self, hop_ns: int):
        self._hop_ns = hop_ns
        self._lacks = np.zeros((0, 0), dtype=np.int64)
        self._seen = np.zeros(LONGEST, dtype=np.int64)
        self._n_windows = 0

    def add(self, time_ns: np.ndarray, known: np.ndarray) -> None:
        """Count the starts in windows of one station, in order of time.

        Parameters
        ----------
        time_ns : numpy.ndarray of int64, shape (n_windows,)
        known : numpy.ndarray of bool, shape (n_windows, n_columns)
            Which columns have a value.
        """
        if not self._lacks.size:
            self._lacks = np.zeros((LONGEST, known.shape[1]), dtype=np.int64)
        there = known.any(axis=1)
        self._n_windows += int(there.sum())
        gap = np.r_[True, np.diff(time_ns) != self._hop_ns] if len(there) else there
        first = np.flatnonzero(there & (gap | ~np.r_[False, there[:-1]]))
        for a, b in zip(first, np.r_[first[1:], len(known)], strict=True):
            run = known[a:b][there[a:b]][:LONGEST]
            came = np.logical_or.accumulate(run)
            lacks = came[-1] & ~came  # other columns never come
            if lacks.any():  # the run does not go on from an earlier one
                self._lacks[: len(run)] += lacks
                self._seen[: len(run)] += 1

    @property
    def lacking(self) -> np.ndarray:
        """Columns that are lacking so many windows after most starts, shape (n_ages, n_columns).

        As many ages as there are until nothing is lacking; none where no record has a start.
        """
        most = 2 * self._lacks > self._seen[: len(self._lacks), np.newaxis]
        some = np.flatnonzero(most.any(axis=1))
        return most[: some[-1] + 1] if len(some) else most[:0]

    @property
    def share(self) -> float:
        """Share of the windows that are so soon after a start that something is lacking."""
        return float(self._seen[: len(self.lacking)].sum() / max(self._n_windows, 1))

    def told(self, X: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
        """Return rows of which a share are, or look as if they were, soon after a start.

        Parameters
        ----------
        X : numpy.ndarray, shape (n_rows, n_columns)
            Drawn from the windows that were counted.
        share : float
            Where as many windows are so already, nothing is changed. Else the rest is drawn, each
            row with an age of its own, all ages being as likely.
        rng : numpy.random.Generator
        """
        lacking = self.lacking
        if not len(lacking) or share <= self.share:
            return X
        chosen = np.flatnonzero(rng.random(len(X)) < share - self.share)
        age, X = rng.integers(len(lacking), size=len(chosen)), X.copy()
        X[chosen] = np.where(lacking[age], np.nan, X[chosen])
        return X
