"""A generated month: whatever the chunks, files, workers and stops, the same rows and events."""

import dataclasses
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from waveform_data import DAY0, at, trace, write

from seisml.archive import open_archive
from seisml.detect import EventRule, events_from_windows
from seisml.extract import Plan, extract
from seisml.features import Settings
from seisml.model import event_probability, fit_classifier, predict
from seisml.segments import Band
from seisml.store import iter_tables, read_table
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

N_DAYS, RATE_HZ = 30, 4.0
GRID = WindowGrid(60.0, 20.0)
SETTINGS = Settings(
    GRID,
    (0.2, 1.6),
    ((0.2, 0.4), (0.4, 0.8), (0.8, 1.6)),
    sub_s=1.0,
    sta_lta_s=(("short", 5.0, 100.0), ("mid", 20.0, 400.0), ("long", 100.0, 1000.0)),
)
PLAN = Plan(Band(0.2, 1.6, 2), SETTINGS)


@cache
def month():
    """Samples of a month with 60 events, some of them over midnight; and their starts in s."""
    n = round(N_DAYS * 86_400 * RATE_HZ)
    rng = np.random.default_rng(7)
    x = 100 * rng.standard_normal(n)
    starts = np.sort(rng.choice(N_DAYS * 1440, 60, replace=False)) * 60.0 + 30
    starts[:10] = 86_400 * np.arange(1, 11) - 20.0
    t = np.arange(round(120 * RATE_HZ)) / RATE_HZ
    for start_s in starts:
        first = round(start_s * RATE_HZ)
        part = x[first : first + len(t)]
        part += (3000 * np.sin(2 * np.pi * 0.9 * t) * np.exp(-t / 30))[: len(part)]
    return np.round(x).astype(np.int32), np.sort(starts)


def write_month(folder, cuts_s):
    """Write the month as files that are cut anywhere, with an hour missing on the 12th day."""
    x, _ = month()
    gap = (11 * 86_400 + 5000, 11 * 86_400 + 8600)
    edges = sorted({0, N_DAYS * 86_400, *gap, *cuts_s})
    for i, (a, b) in enumerate(pairwise(edges)):
        if not gap[0] <= a < gap[1]:
            data = x[round(a * RATE_HZ) : round(b * RATE_HZ)]
            write(folder / f"{i:04d}.mseed", trace(data, at(a), RATE_HZ), reclen=4096)
    return open_archive(folder)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A fitted classifier and its columns."""

    model: object
    columns: tuple[str, ...]

    def events(self, store):
        """Return (start, end, score, ...) of the events, table by table as they are read."""
        chunks = (
            (one.time_ns, event_probability(predict(self.model, self.columns, one)))
            for one in iter_tables(store)
        )
        return list(events_from_windows(chunks, GRID, EventRule(on=0.8, off=0.4)))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Rows of the month from one file a day in chunks of a day, by one worker; a classifier."""
    root = tmp_path_factory.mktemp("month")
    archive = write_month(root / "days", range(0, N_DAYS * 86_400, 86_400))
    extract(archive, root / "store", dataclasses.replace(PLAN, chunk_s=86_400.0))
    table = read_table(root / "store")
    onset_ns = DAY0 + (month()[1] * NS_PER_S).astype(np.int64)
    middle_ns = table.time_ns + 30 * NS_PER_S
    last = np.maximum(np.searchsorted(onset_ns, middle_ns, side="right") - 1, 0)
    since_s = (middle_ns - onset_ns[last]) / NS_PER_S
    y = np.where((since_s >= 0) & (since_s < 60), "event", "noise")
    known = np.isfinite(table.frame.to_numpy()).any(axis=1)
    X = table.frame.to_numpy(np.float32)[known]
    trained = Trained(fit_classifier("hist_gradient_boosting", X, y[known]), list(table.frame))
    return table, trained, trained.events(root / "store")


def assert_same(store, reference):
    """The same rows (to the bit where float32 allows) and the same events, bit for bit."""
    wanted, trained, events = reference
    found = read_table(store)
    np.testing.assert_array_equal(found.time_ns, wanted.time_ns)
    np.testing.assert_array_equal(found.coverage, wanted.coverage)
    np.testing.assert_array_equal(found.flags, wanted.flags)
    np.testing.assert_allclose(found.frame.to_numpy(), wanted.frame.to_numpy(), rtol=1e-6)
    assert trained.events(store) == events


def test_the_events_are_those_that_were_planted(reference):
    """The month has most of its 60 events and few others, so that equality says something."""
    _, _, events = reference
    starts_ns = DAY0 + (month()[1] * NS_PER_S).astype(np.int64)
    found = [np.abs(starts_ns - start_ns).min() < 120 * NS_PER_S for start_ns, *_ in events]
    assert sum(found) >= 50
    assert len(found) <= 70


cuts = st.lists(st.floats(1.0, N_DAYS * 86_400 - 1.0), min_size=20, max_size=60)


@given(cuts, st.sampled_from([420.0, 3600.0, 86_400.0]), st.integers(0, N_DAYS - 1))
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.generate])
@example([], 420.0, 3)
@example([86_399.9, 951_234.5, 951_300.0, 2_500_000.25], 3600.0, 20)
def test_chunks_files_and_stops_leave_no_trace(reference, tmp_path_factory, cuts, chunk_s, stop):
    """Chunks of 7 min, 1 h, 1 day; files cut anywhere; stopped once and started again."""
    root = tmp_path_factory.mktemp("cut")
    whole_samples = [round(cut * RATE_HZ) / RATE_HZ for cut in cuts]
    archive = write_month(root / "files", whole_samples)
    plan = dataclasses.replace(PLAN, chunk_s=chunk_s)
    made = extract(archive, root / "store", plan, end=at(86_400 * (stop + 1)))
    rest = extract(archive, root / "store", plan)
    assert len(made) == stop + 1
    assert len(made) + len(rest) == N_DAYS
    assert_same(root / "store", reference)


def test_four_workers_leave_no_trace(reference, tmp_path):
    """Four processes that share the days write what one does."""
    archive = write_month(tmp_path / "files", range(0, N_DAYS * 86_400, 30_000))
    extract(archive, tmp_path / "store", dataclasses.replace(PLAN, chunk_s=3600.0), jobs=4)
    assert_same(tmp_path / "store", reference)
