"""Matching against the full-matrix Hungarian, as a ratio that no machine's speed changes.

Run with ``pytest tests/benchmarks/bench_compare.py --benchmark-only -o addopts=``.
"""

import time

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from seisml.matching import match
from seisml.times import DAY_NS, NS_PER_S

TOLERANCE = 5 * NS_PER_S


def events(n: int, span_ns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, span_ns, n)


def full_hungarian(a, b) -> int:
    difference = np.abs(a[:, None] - b[None, :]).astype(float)
    cost = np.where(difference <= TOLERANCE, difference, 1e15)
    i, j = linear_sum_assignment(cost)
    return int((cost[i, j] < 1e15).sum())


@pytest.mark.parametrize("density", [0.1, 1, 10])
def test_two_thousand_against_the_full_matrix(benchmark, density):
    n = 2000
    span = int(n * TOLERANCE / density)
    a, b = events(n, span, 0), events(n, span, 1)
    start = time.perf_counter()
    n_pairs = full_hungarian(a, b)
    full_s = time.perf_counter() - start
    index_a, _ = benchmark(match, a, b, tolerance_ns=TOLERANCE)
    assert len(index_a) == n_pairs
    ratio = benchmark.stats.stats.median / full_s
    benchmark.extra_info["ratio_to_full_hungarian"] = ratio
    assert ratio < 0.5


@pytest.mark.parametrize("span_days", [365, 11, 1, 0.04])
def test_two_hundred_thousand(benchmark, span_days):
    span = int(span_days * DAY_NS)
    a, b = events(200_000, span, 2), events(200_000, span, 3)
    benchmark.pedantic(match, (a, b), {"tolerance_ns": TOLERANCE}, rounds=2)
