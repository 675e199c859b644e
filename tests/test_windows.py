import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisml.errors import ConfigError
from seisml.times import DAY_NS, NS_PER_S
from seisml.windows import WindowGrid

GRIDS = [
    WindowGrid(6.0, 2.0),
    WindowGrid(51.2, 25.6),
    WindowGrid(30.0, 30.0),
    WindowGrid(0.4, 0.1),
    WindowGrid(100_000.0, 7.0 * 100_000 / 7),
    WindowGrid(7.7, 1.1),
]
DAYS = st.integers(-40_000, 40_000)
TIMES = st.integers(-(2**61), 2**61)


def test_lengths_are_whole_nanoseconds():
    """Length and hop are integers, the length a multiple of the hop."""
    grid = WindowGrid(51.2, 25.6)
    assert (grid.length_ns, grid.hop_ns, grid.n_hops) == (51_200_000_000, 25_600_000_000, 2)
    assert len(WindowGrid(6.0, 2.0).day_blocks(0)) == 43_200


@pytest.mark.parametrize("grid", GRIDS)
@given(day=DAYS)
def test_every_window_belongs_to_exactly_one_day(grid, day):
    """Days follow one another without gap or overlap, also before 1970 and with odd hops."""
    here, following = grid.day_blocks(day), grid.day_blocks(day + 1)
    assert here.stop == following.start
    times = grid.times(here)
    assert ((times >= day * DAY_NS) & (times < (day + 1) * DAY_NS)).all()
    assert len(here) in (math.floor(DAY_NS / grid.hop_ns), math.ceil(DAY_NS / grid.hop_ns))


def test_a_hop_that_does_not_divide_the_day():
    """With a hop of 25.6 s a year has as many windows as hops fit, in days of 3375 windows."""
    grid = WindowGrid(51.2, 25.6)
    counts = [len(grid.day_blocks(day)) for day in range(18_000, 18_365)]
    assert set(counts) == {3375}
    odd = WindowGrid(14.0, 7.0)
    counts = [len(odd.day_blocks(day)) for day in range(-365, 365)]
    assert set(counts) == {12_342, 12_343}
    start, stop = odd.day_blocks(-365).start, odd.day_blocks(364).stop
    assert sum(counts) == stop - start


@pytest.mark.parametrize("grid", GRIDS)
@given(time_ns=TIMES)
def test_block_of_holds_the_instant(grid, time_ns):
    """A block holds the instants from its start up to the next, before 1970 as after."""
    block = grid.block_of(time_ns)
    assert block * grid.hop_ns <= time_ns < (block + 1) * grid.hop_ns
    assert grid.blocks(block * grid.hop_ns, block * grid.hop_ns + 1) == range(block, block + 1)


@pytest.mark.parametrize("grid", GRIDS)
@given(start_ns=TIMES, span_ns=st.integers(0, 10**12), cut=st.floats(0, 1))
def test_blocks_of_a_span_are_those_of_its_parts(grid, start_ns, span_ns, cut):
    """A span that is cut anywhere has the same blocks, each once."""
    end_ns, middle_ns = start_ns + span_ns, start_ns + int(cut * span_ns)
    whole = grid.blocks(start_ns, end_ns)
    left, right = grid.blocks(start_ns, middle_ns), grid.blocks(middle_ns, end_ns)
    assert (whole.start, whole.stop) == (left.start, right.stop)
    assert left.stop == right.start
    for block in (whole.start, whole.stop - 1) if len(whole) else ():
        assert start_ns <= block * grid.hop_ns < end_ns


def test_times_are_int64_starts():
    """Times of blocks are exact, whatever their number."""
    grid = WindowGrid(51.2, 25.6)
    times = grid.times(range(-2, 2))
    assert times.dtype == np.int64
    assert times.tolist() == [-51_200_000_000, -25_600_000_000, 0, 25_600_000_000]
    assert grid.times(range(62_500_000, 62_500_001)).tolist() == [1_600_000_000 * NS_PER_S]
    assert len(grid.times(range(0))) == 0


@pytest.mark.parametrize(
    ("length_s", "hop_s"),
    [(6, 0), (6, -2), (6, math.nan), (math.nan, 2), (math.inf, 2), (6, math.inf), (6, 1e-10)],
)
def test_impossible_lengths_are_refused(length_s, hop_s):
    """Zero, negative, infinite and vanishing lengths are errors that show the values."""
    with pytest.raises(ConfigError, match="hop_s = ") as error:
        WindowGrid(length_s, hop_s)
    assert error.value.hint


@pytest.mark.parametrize(("length_s", "hop_s", "better"), [(5, 2, 4), (1, 2, 2), (-4, 2, 2)])
def test_length_must_be_a_multiple_of_the_hop(length_s, hop_s, better):
    """Otherwise the error names a length that would do."""
    with pytest.raises(ConfigError, match="not a multiple") as error:
        WindowGrid(length_s, hop_s)
    assert f"length_s = {better:g}." in error.value.hint
    assert WindowGrid(better, hop_s).n_hops >= 1
