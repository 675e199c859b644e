"""Windows that lie shortly after the start of a record are learnt, whatever the records' length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisml.errors import ConfigError
from seisml.model import fit_classifier
from seisml.starts import Starts
from seisml.trainingrule import TrainingRule

HOP_NS = 5


def record(n: int, ages: tuple[int, ...], *, first_ns: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Windows of one record whose columns come so many windows after its start."""
    return first_ns + HOP_NS * np.arange(n), np.arange(n)[:, np.newaxis] >= np.array(ages)


def counted(*records) -> Starts:
    """Starts of records."""
    starts = Starts(HOP_NS)
    for time_ns, known in records:
        starts.add(time_ns, known)
    return starts


@settings(max_examples=25, deadline=None)
@given(
    ages=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    lengths=st.lists(st.integers(40, 80), min_size=1, max_size=4),
)
def test_what_is_lacking_is_read_off_the_starts(ages, lengths):
    """In one table with gaps or in several: the same; no window is looked at before it has any."""
    ages = (0, *ages)
    apart = [record(n, ages, first_ns=1000 * HOP_NS * k) for k, n in enumerate(lengths)]
    starts = counted(*apart)
    assert np.array_equal(starts.lacking, np.arange(max(ages))[:, np.newaxis] < np.array(ages))
    assert starts.share == pytest.approx(max(ages) * len(lengths) / sum(lengths))
    together = counted(tuple(np.concatenate(part) for part in zip(*apart, strict=True)))
    assert np.array_equal(together.lacking, starts.lacking)


def test_a_shard_that_goes_on_from_another_has_no_start():
    """Nor do columns that never come, nor windows without features: dead channels, gaps."""
    time_ns, known = record(50, (0, 10))
    never = np.column_stack([known, np.zeros(50, bool)])
    going_on = (time_ns + 1000 * HOP_NS, np.tile([True, True, False], (50, 1)))
    starts = counted((time_ns, never), going_on, going_on, going_on)
    assert starts.lacking.tolist() == 10 * [[False, True, False]]
    assert starts.share == pytest.approx(10 / 200)
    silent = never.copy()
    silent[:5] = False
    assert len(counted((time_ns, silent)).lacking) == 5
    assert not len(counted(going_on).lacking)


def test_only_what_is_missing_to_the_share_is_added():
    """Short records have starts enough; no row is changed in another way."""
    starts = counted(record(1000, (0, 10)))
    X = np.ones((20_000, 2), np.float32)
    told = starts.told(X, 0.11, np.random.default_rng(0))
    assert np.isfinite(told[:, 0]).all()
    assert np.isnan(told[:, 1]).mean() == pytest.approx(0.1, abs=0.01)
    assert starts.told(X, 0.01, np.random.default_rng(0)) is X
    assert counted(record(50, (0,))).told(X, 0.5, np.random.default_rng(0)) is X


def test_events_after_a_start_are_found_by_a_model_of_long_records():
    """The column that lacks a past tells most, another one enough: planted means 4, 2.5 and 0."""
    rng = np.random.default_rng(1)
    y = np.where(rng.random(6000) < 0.1, "event", "noise")
    X = np.column_stack([2.5 * (y == "event") + rng.standard_normal(6000) for _ in range(2)])
    X[:, 1] = 4 * (y == "event") + 0.5 * rng.standard_normal(6000)
    starts = counted(record(100_000, (0, 20)))
    at_start = np.array([[3.5, np.nan]])
    found = {}
    for share in (0.0, 0.15):
        rows = starts.told(X.astype(np.float32), share, np.random.default_rng(0))
        model = fit_classifier("hist_gradient_boosting", rows, y, columns=("a", "b"), seed=0)
        p = model.predict_proba(at_start.astype(np.float32))[0]
        found[share] = p[list(model.classes_).index("event")]
    assert found[0.0] < 0.1
    assert found[0.15] > 0.5


def test_a_share_is_a_share():
    with pytest.raises(ConfigError, match=r"starts = 1.5 is no share"):
        TrainingRule(starts=1.5)
