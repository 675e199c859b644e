"""Detection: the state machine, probabilities as traces, onsets."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.detect import EventRule, events_from_windows, probability_traces
from seisml.errors import ConfigError
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

S = NS_PER_S
GRID = WindowGrid(length_s=6.0, hop_s=2.0)


def events(score, rule, *, times=None, cuts=()) -> list[tuple]:
    """Events of scores at windows 0, 2, 4 ... s, cut into chunks; in seconds."""
    score = np.asarray(score, float)
    times = np.arange(len(score)) * GRID.hop_ns if times is None else np.asarray(times) * S
    bounds = [0, *sorted(cuts), len(score)]
    chunks = [(times[a:b].astype(np.int64), score[a:b]) for a, b in itertools.pairwise(bounds)]
    found = events_from_windows(chunks, GRID, rule)
    return [(a / S, b / S, peak, at / S, n) for a, b, peak, at, n in found]


def test_hysteresis_by_hand():
    """From the last hop of the first window at off to the first hop of the last one."""
    rule = EventRule(on=0.8, off=0.4)
    found = events([0, 0.5, 0.9, 0.7, 0.4, 0.1, 0.5, 0.5, 0], rule)
    # windows at 2, 4, 6, 8 s; the second run never reaches on
    assert found == [(6.0, 10.0, 0.9, 4.0, 4)]


def test_impulse_is_where_it_was():
    """All windows that hold an instant, and no other, give an event that begins there."""
    instant_s = 31.0
    start = np.arange(40) * 2.0
    score = ((start <= instant_s) & (instant_s < start + 6)).astype(float)
    [(begin, end, *_)] = events(score, EventRule(on=0.5, off=0.5))
    assert begin <= instant_s <= end
    assert end - begin <= 2 * GRID.hop_s


def test_merging_and_gaps():
    """Events nearer than the merge gap are one; a missing window is a border of its own."""
    score = [1, 0, 0, 0, 0, 0, 1, 0, 0]  # signals 4-6 s and 16-18 s
    apart = EventRule(on=0.5, off=0.5, merge_gap_s=9.0)
    merged = EventRule(on=0.5, off=0.5, merge_gap_s=10.0)
    assert len(events(score, apart)) == 2
    assert len(events(score, merged)) == 1
    times = [0, 2, 4, 40, 42]  # a gap of 36 s inside high scores
    assert len(events([1, 1, 1, 1, 1], apart, times=times)) == 2


def test_durations():
    """Short events are dropped, long ones are cut into pieces of the longest duration."""
    score = [1] * 20
    assert events(score, EventRule(on=0.5, off=0.5, min_duration_s=60)) == []
    pieces = events(score, EventRule(on=0.5, off=0.5, max_duration_s=10))
    assert [n for *_, n in pieces] == [5, 5, 5, 5]


def test_limits_of_durations_belong_to_what_is_kept():
    """As long as the shortest is an event; windows that begin a longest later are a new piece."""
    assert len(events([0, 1, 1, 1, 1, 0], EventRule(on=0.5, off=0.5, min_duration_s=4))) == 1
    assert events([0, 1, 1, 1, 1, 0], EventRule(on=0.5, off=0.5, min_duration_s=4.1)) == []
    longest = EventRule(on=0.5, off=0.5, max_duration_s=10)
    assert [n for *_, n in events([1] * 5, longest)] == [5]
    assert [n for *_, n in events([1] * 6, longest)] == [5, 1]


def test_nan_is_a_gap():
    """A window without a score ends a run."""
    rule = EventRule(on=0.5, off=0.5)
    assert len(events([1, 1, np.nan, np.nan, np.nan, np.nan, 1], rule)) == 2


def test_dead_time():
    """An event that begins within the dead time of the one before is dropped, pieces are not."""
    score = [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]  # signals 4-6, 16-18 and 32-34 s
    for dead_time_s, starts in ((0.0, [4, 16, 32]), (10.0, [4, 16, 32]), (10.5, [4, 32])):
        rule = EventRule(on=0.5, off=0.5, dead_time_s=dead_time_s)
        assert [start for start, *_ in events(score, rule)] == starts
    pieces = EventRule(on=0.5, off=0.5, dead_time_s=60.0, max_duration_s=10)
    assert len(events([1] * 20, pieces)) == 4


def test_smoothing_by_hand():
    """Scores are averaged over the windows there are; an unknown one stays unknown."""
    rule = EventRule(on=0.6, off=0.6, smooth_windows=3)
    # Averages: 0.3, 0.6, 0.6, 0.6, 0.3, -, 0.9
    found = events([0, 0.6, 1.2, 0, 0.6, np.nan, 0.9], rule)
    assert [(start, n) for start, _, _, _, n in found] == [(6.0, 3), (16.0, 1)]
    assert events([0, 0, 1, 0, 0], rule) == []
    with pytest.raises(ConfigError, match="smooth_windows = 2 is no odd number"):
        EventRule(on=0.6, off=0.6, smooth_windows=2)


def test_thresholds_in_order():
    """An off threshold above on is refused."""
    with pytest.raises(ConfigError, match=r"off threshold 0\.9 is above"):
        EventRule(on=0.5, off=0.9)


SCORES = st.lists(
    st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1), st.just(np.nan)), min_size=1, max_size=80
)


@settings(deadline=None)
@given(
    SCORES,
    st.sets(st.integers(0, 79), max_size=10),
    st.sampled_from([0.0, 3.0, 11.0]),
    st.sampled_from([np.inf, 9.0]),
    st.sets(st.integers(0, 79), max_size=20),
    st.sampled_from([(1, 0.0), (3, 0.0), (5, 7.0), (1, 12.0)]),
)
def test_chunks_do_not_matter(score, cuts, merge_gap_s, max_duration_s, lost, smooth_and_dead):
    """Cut anywhere, with windows lost anywhere: the same events, bit for bit."""
    smooth_windows, dead_time_s = smooth_and_dead
    rule = EventRule(
        0.6,
        0.3,
        merge_gap_s=merge_gap_s,
        max_duration_s=max_duration_s,
        dead_time_s=dead_time_s,
        smooth_windows=smooth_windows,
    )
    keep = [i for i in range(len(score)) if i not in lost]
    times, kept = [2 * i for i in keep], [score[i] for i in keep]
    whole = events(kept, rule, times=times)
    assert events(kept, rule, times=times, cuts={c for c in cuts if c <= len(kept)}) == whole


def test_probabilities_are_traces():
    """One trace a class and gap-free piece; a sample's time is the centre of its window."""
    time = (np.array([0, 2, 4, 20, 22]) * S).astype("datetime64[ns]")
    index = pd.MultiIndex.from_arrays(
        [["XX.A.00.HH"] * 5, pd.DatetimeIndex(time)], names=["station", "time"]
    )
    frame = pd.DataFrame({"event": np.arange(5.0), "noise": 1 - np.arange(5.0)}, index=index)
    stream = probability_traces(frame, GRID)
    assert len(stream) == 4
    first = stream[0]
    assert first.id == "XX.A.00.EVE"
    assert first.stats.starttime.timestamp == 3.0
    assert first.stats.sampling_rate == 0.5
    assert first.data.tolist() == [0.0, 1.0, 2.0]
    assert first.stats.seisml.label == "event"
    assert len(stream.select(channel="NOI")) == 2


def test_pieces_of_a_long_run_need_a_peak_of_their_own():
    """Cut by the longest duration, only pieces that reach the on threshold are events."""
    score = [0.4] * 12 + [0.9] + [0.4] * 12
    rule = EventRule(on=0.8, off=0.3, max_duration_s=10)
    assert [peak for *_, peak, _, _ in events(score, rule)] == [0.9]


def test_two_peaks_of_a_run_are_two_events():
    """Where the score falls below half of the lower peak; a shallow dip does not split."""
    score = [0, 0.9, 0.3, 0.8, 0.7, 0.8, 0]
    whole, apart = EventRule(0.5, 0.25), EventRule(0.5, 0.25, split_ratio=0.5)
    assert len(events(score, whole)) == 1
    assert [event[2:4] for event in events(score, apart)] == [(0.9, 2.0), (0.8, 6.0)]
    assert len(events(score, EventRule(0.5, 0.25, split_ratio=0.3))) == 1
    with pytest.raises(ConfigError, match="split_ratio = 1 is no share"):
        EventRule(0.5, 0.25, split_ratio=1.0)


def test_a_dip_counts_against_the_higher_of_the_peaks_before_it():
    """What falls to the share itself is one; a higher peak takes the place of the one before."""
    apart = EventRule(0.5, 0.25, split_ratio=0.5)
    assert len(events([0, 0.75, 0.375, 0.75, 0], apart)) == 1
    assert len(events([0, 0.75, 0.374, 0.75, 0], apart)) == 2
    # 0.4 is no dip below half of 0.5, but below that of 0.9 on both sides of it.
    found = events([0, 0.5, 0.4, 0.9, 0.4, 0.9, 0], apart)
    assert [event[2:4] for event in found] == [(0.9, 6.0), (0.9, 10.0)]


def test_the_peak_is_weighted_by_squared_scores():
    """Of windows about it: (0.6^2 (-2 s) + 0.8^2 2 s) / (0.6^2 + 1 + 0.8^2) off the highest."""
    rule = EventRule(0.5, 0.25, begin="peak")
    [(start, *_)] = events([0, 0, 0.6, 1.0, 0.8, 0], rule)
    assert start == pytest.approx(6.0 + 3.0 + 2 * (0.64 - 0.36) / 2.0, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.9]), min_size=1, max_size=40), st.data())
def test_splits_do_not_depend_on_chunks(score, data):
    """A run is split once it is whole."""
    cuts = data.draw(st.lists(st.integers(0, len(score)), max_size=4))
    rule = EventRule(0.5, 0.25, split_ratio=0.5, begin="peak", smooth_windows=3)
    assert events(score, rule, cuts=cuts) == events(score, rule)


def test_a_split_run_begins_at_its_peak():
    """Candidates have a low threshold: the slope that leads up to the peak is not the onset."""
    score = [0, 0.25, 0.25, 0.25, 0.3, 0.3, 0.9, 0.3, 0]
    slope = EventRule(0.2, 0.1, begin="peak")
    [early], [right] = (
        events(score, rule) for rule in (slope, EventRule(0.2, 0.1, begin="peak", split_ratio=0.5))
    )
    middle_s = 12.0 + GRID.length_s / 2
    assert right[0] == pytest.approx(middle_s, abs=0.5)
    assert early[0] < middle_s - 2.0
