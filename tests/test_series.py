"""Moving sums, means and quantiles of series are those of slow Python, wherever values lack."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.features import ranks, ratios, series

shapes = st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(1, 40), st.integers(0, 10**6))
quick = settings(max_examples=60, deadline=None)


def made(steps, blocks, seed, *, gaps=False):
    """Return a series whose values differ by up to 12 powers of ten, and the same in time order."""
    rng = np.random.default_rng(seed)
    x = 10.0 ** rng.uniform(-6, 6, (steps, blocks))
    if gaps:
        x[rng.random(x.shape) < 0.3] = np.nan
    return x, x.T.ravel()


@given(shapes)
@quick
def test_trailing_sums(shape):
    """Sums over steps and blocks equal math.fsum, though values differ by 10¹²."""
    steps, blocks, n, seed = shape
    x, flat = made(steps, blocks, seed)
    wanted = [math.fsum(flat[max(0, i - n + 1) : i + 1]) for i in range(len(flat))]
    np.testing.assert_allclose(series.Series(x).sum(n).T.ravel(), wanted, rtol=1e-14)


@given(shapes, st.integers(0, 5))
@quick
def test_sums_do_not_depend_on_where_the_series_begins(shape, before):
    """A sum of n values has the same bits after other blocks."""
    steps, blocks, n, seed = shape
    x, _ = made(steps, before + blocks, seed)
    whole = series.Series(x).sum(n)[:, before:].T.ravel()
    alone = series.Series(x[:, before:]).sum(n).T.ravel()
    np.testing.assert_array_equal(whole[n - 1 :], alone[n - 1 :])


@given(shapes, st.sampled_from([0.3, 0.5, 1.0]))
@quick
def test_trailing_means(shape, share):
    """Means are of what is known, and NaN where too little is."""
    steps, blocks, n, seed = shape
    for gaps in (False, True):
        x, flat = made(steps, blocks, seed, gaps=gaps)
        found = series.Series(x).mean(n, min_share=share).T.ravel()
        for i, one in enumerate(found):
            known = [v for v in flat[max(0, i - n + 1) : i + 1] if np.isfinite(v)]
            if len(known) >= max(1.0, share * n):
                assert one == pytest.approx(math.fsum(known) / len(known), rel=1e-13)
            else:
                assert np.isnan(one)


@given(shapes)
@quick
def test_delays(shape):
    """What is and what was n values before meet, and there is NaN before the start."""
    steps, blocks, n, seed = shape
    x, flat = made(steps, blocks, seed)
    wanted = flat - np.concatenate([np.full(n, np.nan), flat])[: len(flat)]
    found = series.against_past(np.subtract, x, x, n=n)
    np.testing.assert_array_equal(found.T.ravel(), wanted)


@given(st.integers(1, 80), st.integers(2, 30), st.floats(0, 1), st.integers(0, 10**6))
@quick
def test_trailing_quantiles(n_values, n, q, seed):
    """Quantiles are those of pandas, in whole stretches and beside gaps."""
    _, values = made(1, n_values, seed)
    values[: seed % 7] = np.nan
    values[n_values - seed % 4 :] = np.nan
    for holes in (0.0, 0.05):
        values[np.random.default_rng(seed).random(n_values) < holes] = np.nan
        wanted = pd.Series(values).rolling(n, min_periods=2).quantile(q)
        np.testing.assert_allclose(ranks.trailing_quantile(values, n, q), wanted, rtol=1e-12)


@given(st.integers(1, 12), st.integers(0, 10**6))
@quick
def test_columns_are_sorted(n, seed):
    """Few values of many columns, NaN last, as numpy.sort; the array given stays as it is."""
    x, _ = made(n, 20, seed, gaps=True)
    before = x.copy()
    np.testing.assert_array_equal(ranks.sorted_columns(x), np.sort(x, axis=0))
    np.testing.assert_array_equal(x, before)


@given(shapes, st.integers(2, 60))
@quick
def test_pieces_are_the_whole(shape, room):
    """A series in pieces gives the same bits as at once."""
    steps, blocks, n, seed = shape
    x, _ = made(steps, blocks + 20, seed)

    def means(part):
        return (series.Series(part).mean(n, min_share=1.0),)

    before, ratios.CACHE = ratios.CACHE, room
    try:
        [found] = ratios.in_pieces(means, x, n)
    finally:
        ratios.CACHE = before
    np.testing.assert_array_equal(found, means(x)[0])
