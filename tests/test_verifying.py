"""The second look is judged on candidates that it did not learn, and by limits of other folds."""

import dataclasses
import types

import numpy as np
import pandas as pd
import pytest

from seisml import verifying
from seisml.candidates import COLUMNS, MEASURES
from seisml.catalog import make_catalog
from seisml.detections import FOLD
from seisml.labels import EVENT, IGNORE, NOISE
from seisml.model import Verifier
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

S = NS_PER_S
GRID = WindowGrid(4.0, 2.0)
DETECTOR = types.SimpleNamespace(grid=GRID, detection={}, plan={"preparation": {}})
ONE = types.SimpleNamespace(name="one", weight=1.0, archive=object())


def planted(n_of_fold, *, first=1.5):
    """Candidates of each fold, half of them events, a minute apart; the first look takes all."""
    fold = np.repeat(np.arange(len(n_of_fold)), n_of_fold)
    y = np.arange(len(fold)) % 2
    time_ns = (10 + 60 * np.arange(len(fold))) * S
    ids = [f"XX.A.00.HH.{k}" for k in range(len(fold))]
    rows = {"event_id": ids, "station": "XX.A", "time_ns": time_ns, "end_ns": time_ns + S}
    picks = {"event_id": ids, "station": "XX.A", "time_ns": time_ns, "phase": "P"}
    found = make_catalog(pd.DataFrame(rows).assign(score=first), pd.DataFrame(picks))
    table = pd.DataFrame(0.0, index=range(len(fold)), columns=list(COLUMNS))
    table = table.assign(score=first, y=y, **{FOLD: fold})
    windows = {
        "set": 0,
        "line": "0:XX.A",
        "station": "XX.A.00.HH",
        "time_ns": time_ns,
        "fold": fold,
    }
    windows = pd.DataFrame(windows).assign(
        state=np.where(y == 1, EVENT, NOISE), event_id=np.where(y == 1, ids, ""), probability=0.5
    )
    return found, table, windows


def looked(monkeypatch, parts, said) -> verifying.SecondLook:
    """A second look that says what `said` says of (trained folds, candidates)."""
    found, table, windows = parts

    def fitted(some, weights, seed):
        folds = frozenset(some[FOLD])
        return Stub(None, COLUMNS, 0.2, 0.5, folds, said)

    monkeypatch.setattr(verifying, "_fitted", fitted)
    monkeypatch.setattr(verifying, "candidates", lambda *args, **options: found)
    monkeypatch.setattr(verifying, "_told", lambda *args: table)
    return verifying.second_look([ONE], windows, DETECTOR, judge=None)


@dataclasses.dataclass(frozen=True)
class Stub(Verifier):
    """A verifier whose probabilities are stated."""

    folds: frozenset = frozenset()
    said: object = None

    def probability(self, features):
        return np.asarray(self.said(self.folds, features), float)


def taken(look, parts) -> pd.Series:
    """Whether each candidate is among the held-out detections."""
    return parts[0].events["event_id"].isin(look.machine.events["event_id"]).to_numpy()


def test_what_it_remembers_is_no_help(monkeypatch):
    """It knows the candidates that it learnt, and says nothing of others: it is not taken."""
    parts = planted([80, 80, 80])
    coin = np.random.default_rng(0).random(len(parts[1]))

    def said(folds, rows):
        return np.where(rows[FOLD].isin(folds), rows["y"], coin[rows.index])

    look = looked(monkeypatch, parts, said)
    assert look.verifier is None
    assert not look.about["used"]
    assert taken(look, parts).all()  # what the first look says


def test_a_fold_has_the_limit_of_the_others(monkeypatch):
    """In the largest fold all is less sure: its own limit would be another one."""
    parts = planted([80, 80, 240])
    high, low = np.array([0.6, 0.9]), np.array([0.1, 0.5])

    def said(folds, rows):
        y = rows["y"].to_numpy()
        return np.where(rows[FOLD] == 2, low[y], high[y])

    look = looked(monkeypatch, parts, said)
    assert look.about["used"]
    fold = parts[1][FOLD].to_numpy()
    assert not taken(look, parts)[fold == 2].any()
    assert taken(look, parts)[fold < 2].all()
    assert 0.1 < look.verifier.on <= 0.5
    # The score is 1 at the limit of the fold: odds of 0.6 or 0.9 over those of the limit.
    assert (look.machine.events["score"] >= 1).all()


def test_a_fold_that_only_itself_is_helped_keeps_the_first_look(monkeypatch):
    """Three better candidates of 160 are chance; that the tested fold is perfect does not count."""
    parts = planted([80, 80, 80])
    y, fold = parts[1]["y"].to_numpy(), parts[1][FOLD].to_numpy()
    p = np.where(fold == 2, y, 0.5)
    p[np.flatnonzero((y == 0) & (fold < 2))[:3]] = 0.0
    look = looked(monkeypatch, parts, lambda folds, rows: p[rows.index])
    assert taken(look, parts)[fold == 2].all()
    assert look.about["f1_second_look"] > look.about["f1_first_look"]


def test_candidates_weigh_as_their_sets_do(monkeypatch):
    """Each set has its weight however many candidates it has; what nobody knows is not learnt."""
    table = pd.DataFrame(0.0, index=range(50), columns=list(COLUMNS))
    table = table.assign(set=np.repeat([0, 1], [40, 10]), y=np.arange(50) % 3 - 1)
    table["score"] = np.arange(50.0)
    got = {}

    def fit(name, X, y, *, sample_weight, **options):
        got.update(X=X, y=y, weight=sample_weight, options=options)

    monkeypatch.setattr(verifying, "fit_classifier", fit)
    verifying._fitted(table, [1.0, 3.0], 7)
    known = table[table["y"] >= 0]
    assert got["y"].tolist() == (known["y"] == 1).tolist()
    assert got["X"][:, list(COLUMNS).index("score")].tolist() == known["score"].tolist()
    of_set = [got["weight"][known["set"] == k].sum() for k in (0, 1)]
    assert of_set[1] / of_set[0] == pytest.approx(3.0)
    assert got["weight"].mean() == pytest.approx(1.0)
    assert got["options"]["seed"] == 7


def test_only_what_is_known_to_be_noise_is_no_event(monkeypatch):
    """Unmatched candidates where nobody knows teach nothing, nor those without a window."""
    time_ns = np.arange(10) * GRID.hop_ns
    state = np.array([NOISE] * 3 + [IGNORE] * 3 + [EVENT] * 2 + [NOISE] * 2)
    windows = {"line": "0:XX.A", "station": "XX.A.00.HH", "time_ns": time_ns, "state": state}
    at = np.array([1, 4, 7, 8, 60])
    ids = [f"XX.A.00.HH.{k}" for k in at]
    events = pd.DataFrame({"event_id": ids, "time_ns": at * GRID.hop_ns + GRID.length_ns // 2})
    events = events.assign(score=1.0, **dict.fromkeys(MEASURES, 0.0), **{FOLD: 0})
    some = types.SimpleNamespace(events=events)
    told = types.SimpleNamespace(
        unmatched=events[["event_id"]].drop(2), matched=pd.DataFrame({"machine_id": [ids[2]]})
    )
    features = pd.DataFrame(0.0, index=events.index, columns=list(COLUMNS))
    monkeypatch.setattr(verifying, "candidate_features", lambda *args, **options: features)
    monkeypatch.setattr(verifying, "preparation_of", lambda plan: None)
    table = verifying._told(some, ONE, pd.DataFrame(windows), DETECTOR, lambda *args: told)
    assert table["y"].tolist() == [0, -1, 1, 0, -1]
