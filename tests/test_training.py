"""Training: several sets at once, each with its own expert, tested on what was held out."""

import dataclasses

import numpy as np
import pytest
from training_data import (
    COLUMNS,
    DAY0,
    DETECTION,
    MATCHING,
    catalog_of,
    event_times,
    make_store,
    training_set,
)

from seisml import crossfit
from seisml.errors import ConfigError, ModelError
from seisml.labels import EVENT
from seisml.metrics import metrics
from seisml.training import train
from seisml.trainingrule import TrainingRule

QUICK = TrainingRule(model="logistic", n_folds=4)


@pytest.fixture(scope="session")
def two_networks(tmp_path_factory):
    """Two networks at one time, with other events, components and station names."""
    folder = tmp_path_factory.mktemp("networks")
    a, b = event_times(4, 8, 1), event_times(4, 8, 2)
    make_store(folder / "a", a, seed=1)
    other = ("stalta_short_max.U", "kurtosis.Z", "useless.Z")
    make_store(folder / "b", b, stations=("YY.B.00.EH",), seed=2, columns=other)
    return (
        training_set(folder / "a", a, name="first"),
        training_set(folder / "b", b, stations=("YY.B",), name="second"),
    )


def run(sets, rule=QUICK, **options):
    """Train with the settings of the tests."""
    return train(sets, rule=rule, detection=DETECTION, matching=MATCHING, **options)


@pytest.fixture(scope="session")
def both(two_networks):
    """One model of the two."""
    return run(two_networks)


def test_two_networks_are_learnt_at_once(both, two_networks):
    """All planted events are found, at their own stations, by models that did not see them."""
    assert both.detector.columns == (*COLUMNS, "stalta_short_max.U")
    assert len(both.test.expert) == sum(len(one.signals) for one in two_networks)
    assert metrics(both.test)["f1"] > 0.9
    assert set(both.machine.events["station"]) == {"XX.A", "YY.B"}
    sets = both.detector.card["sets"]
    assert [one["name"] for one in sets] == ["first", "second"]
    assert [one["stations"] for one in sets] == [["XX.A.00.HH"], ["YY.B.00.EH"]]
    assert both.detector.card["n_events"] == sum(one["n_events"] for one in sets)


def test_an_expert_says_nothing_of_another_network(both, two_networks):
    """Windows of a network are events only by its own catalogue."""
    for number, one in enumerate(two_networks):
        mine = both.windows[both.windows["set"] == number]
        events = mine.loc[mine["state"] == EVENT, "event_id"].astype(str)
        assert set(events) == {f"{number}:{name}" for name in one.signals["event_id"]}


def test_sets_at_one_time_share_their_blocks(both):
    """Two networks may see one event: a day is in one fold at both."""
    days = both.windows["time_ns"] // (86_400 * 10**9)
    assert (both.windows.groupby(days)["fold"].nunique() == 1).all()


def test_leaving_a_network_out(two_networks):
    """Split by set: each network is scored by a model of the other alone."""
    rule = dataclasses.replace(QUICK, split="set")
    labelled = crossfit.label(two_networks, rule)
    assert labelled.n_folds == 2
    kept = crossfit.rows_without(labelled, 0, rule)
    assert set(labelled.windows["set"].iloc[labelled.chosen[kept]]) == {1}
    with pytest.raises(ModelError, match=r"1 of 1 training sets hold event windows"):
        crossfit.label(two_networks[:1], rule)
    with pytest.raises(ConfigError, match="Did you mean 'station'"):
        TrainingRule(split="stations")


def test_a_station_in_two_sets_at_one_time_is_refused(two_networks):
    """Its windows would be learnt and tested under two sets of labels."""
    with pytest.raises(ModelError, match=r"XX\.A is in several training sets at the same time"):
        crossfit.label([two_networks[0], two_networks[0]], QUICK)


def test_sets_of_two_bodies_are_refused(two_networks, tmp_path):
    """A catalogue of another planet is told."""
    events = event_times(4, 8, 2)
    mars = training_set(tmp_path, events, expert=catalog_of(events, body="mars"))
    with pytest.raises(ModelError, match=r"different bodies: expert of earth, expert of mars"):
        run([two_networks[0], mars])
    with pytest.raises(ModelError, match="no training set"):
        run([])


def test_weight_of_a_set(two_networks):
    """A set of next to no weight is next to not learnt from; none and less are refused."""
    light = dataclasses.replace(two_networks[1], weight=1e-6)
    labelled = crossfit.label([two_networks[0], light], QUICK)
    weights = labelled.windows.groupby("set")["weight"].unique()
    assert [np.round(w, 9).tolist() for w in weights] == [[1.0], [pytest.approx(1e-6)]]
    alone = crossfit.fit(crossfit.label(two_networks[:1], QUICK), QUICK)
    with_it = crossfit.fit(labelled, QUICK)
    X = labelled.X[:50].copy()
    X[:, 3:] = np.nan
    known = alone.predict_proba(X[:, :3])[:, 0]
    np.testing.assert_allclose(with_it.predict_proba(X)[:, 0], known, atol=0.1)
    with pytest.raises(ModelError, match="weight of the training set 'first' is 0"):
        dataclasses.replace(two_networks[0], weight=0.0)


def test_stores_of_other_settings_are_refused(two_networks, tmp_path):
    """One plan for all sets."""
    events = event_times(4, 8, 3, day0=DAY0 + 9)
    other = make_store(tmp_path, events, day0=DAY0 + 9, fingerprint="g")
    with pytest.raises(ModelError, match=r"different settings \(f and g\)"):
        crossfit.label([two_networks[0], training_set(other, events)], QUICK)
