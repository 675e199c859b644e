import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisml.errors import ConfigError
from seisml.intervals import (
    at_elapsed,
    contains,
    elapsed_ns,
    index_pairs,
    intersect,
    subtract,
    total_s,
    union,
)

TOP = 40
SETS = st.lists(
    st.tuples(st.integers(0, TOP), st.integers(0, 12)).map(lambda pair: [pair[0], sum(pair)]),
    max_size=6,
)
GRID = np.arange(-2, TOP + 15)


def members(intervals) -> set:
    return {t for start, end in intervals for t in range(start, end)}


def is_normal(intervals) -> bool:
    flat = intervals.ravel()
    return intervals.dtype == np.int64 and intervals.shape[1:] == (2,) and (np.diff(flat) > 0).all()


@given(SETS, SETS)
def test_set_algebra_agrees_with_sets_of_instants(one, two):
    a, b = members(one), members(two)
    for result, expected in (
        (union(one, two), a | b),
        (intersect(one, two), a & b),
        (subtract(one, two), a - b),
    ):
        assert is_normal(result)
        assert members(result) == expected
    assert contains(one, GRID).tolist() == [t in a for t in GRID]
    assert round(total_s(one) * 1e9) == len(a)


@given(SETS)
def test_live_time_counts_the_instants_before_and_inverts(one):
    inside = sorted(members(one))
    assert elapsed_ns(one, GRID).tolist() == [sum(t < g for t in inside) for g in GRID]
    assert at_elapsed(one, np.arange(len(inside))).tolist() == inside


def test_real_nanoseconds_stay_exact():
    start = 1_700_000_000_000_000_001
    assert intersect([[start, start + 5]], [[start + 3, start + 9]]).tolist() == [
        [start + 3, start + 5]
    ]


def test_arguments_are_not_changed():
    one, two = np.array([[5, 9], [0, 6]]), np.array([[1, 2]])
    before = one.copy(), two.copy()
    union(one, two), intersect(one, two), subtract(one, two), contains(one, [1])
    np.testing.assert_array_equal(one, before[0])
    np.testing.assert_array_equal(two, before[1])


def test_empty_sets():
    assert union().shape == intersect([], [[0, 1]]).shape == subtract([], []).shape == (0, 2)
    assert total_s([]) == 0
    assert contains([], [1, 2]).tolist() == [False, False]
    assert elapsed_ns([], [1, 2]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("bad", "words"),
    [([[5, 2]], "ends before"), ([[0.5, 1.0]], "integers"), ([1, 2], "shape")],
)
def test_bad_intervals_are_refused(bad, words):
    with pytest.raises(ConfigError, match=words):
        union(bad)


def test_live_time_outside_the_set_is_refused():
    with pytest.raises(ConfigError, match="less than 5"):
        at_elapsed([[0, 5]], [5])


def test_index_pairs_with_backward_ranges():
    i, j = index_pairs([3, 2, 0], [5, 1, 1])
    assert i.tolist() == [0, 0, 2]
    assert j.tolist() == [3, 4, 0]
