"""A training that was stopped goes on where it was, and makes what one without a stop makes."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_data import (
    DETECTION,
    MATCHING,
    catalog_of,
    event_times,
    make_store,
    training_set,
)

from seisml import crossfit
from seisml.config import load_profile
from seisml.formats import write_catalog
from seisml.model import load_detector
from seisml.resuming import PATTERNS, digest_of, folder_of, forget
from seisml.setfiles import SetFiles, train_on
from seisml.store import read_table
from seisml.training import train
from seisml.trainingrule import TrainingRule

RULE = TrainingRule(
    model="hist_gradient_boosting", n_folds=3, search={"max_iter": [4, 8]}, calibration="isotonic"
)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    events = event_times(3, 4, 1)
    folder = make_store(tmp_path_factory.mktemp("one") / "s", events, n_days=3, per_day=4, seed=1)
    return training_set(folder, events)


def run(one, rule=RULE, **options):
    return train([one], rule=rule, detection=DETECTION, matching=MATCHING, **options)


def stopped(one, keep, after: int) -> list[str]:
    """Train until so many steps were told, as by Ctrl-C; return the steps."""
    told: list[str] = []

    def say(text: str) -> None:
        told.extend([text] * (not text.startswith("note: ")))
        if len(told) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(one, keep=keep, on_progress=say)
    return told


def same(a, b, one) -> None:
    """Assert that two trainings are the same, bit for bit."""
    assert a.detector.card == b.detector.card
    assert (a.detector.on, a.detector.off) == (b.detector.on, b.detector.off)
    assert a.detector.calibration == b.detector.calibration
    pd.testing.assert_frame_equal(a.windows, b.windows, check_exact=True)
    pd.testing.assert_frame_equal(a.machine.events, b.machine.events, check_exact=True)
    table = read_table(one.stores[0])
    p, q = a.detector.predict(table), b.detector.predict(table)
    np.testing.assert_array_equal(p.to_numpy(), q.to_numpy())


@pytest.fixture(scope="module")
def whole(one):
    return run(one)


@pytest.mark.parametrize("after", [4, 12])
def test_a_stopped_training_goes_on(one, whole, tmp_path, monkeypatch, after):
    """Within the first settings, and within the second."""
    keep = tmp_path / "m.skops.partial"
    told = stopped(one, keep, after)
    done = sum("without fold" in text for text in told[:-1])
    fits = []
    fit = crossfit.fit_classifier
    monkeypatch.setattr(crossfit, "fit_classifier", lambda *a, **k: fits.append(1) or fit(*a, **k))
    said: list[str] = []
    same(run(one, keep=keep, on_progress=said.append), whole, one)
    assert len(fits) == 2 * 3 + 1 - done
    assert any("going on" in text for text in said)
    fits.clear()
    same(run(one, keep=keep), whole, one)
    assert not fits


def test_what_has_changed_is_made_again(one, tmp_path, monkeypatch):
    """Other labels, another seed, features that were written anew: nothing of it is taken."""
    keep = tmp_path / "partial"
    rule = dataclasses.replace(RULE, model="logistic", search={})
    run(one, rule, keep=keep)
    fits = []
    fit = crossfit.fit_classifier
    monkeypatch.setattr(crossfit, "fit_classifier", lambda *a, **k: fits.append(1) or fit(*a, **k))
    run(one, dataclasses.replace(rule, seed=1), keep=keep)
    assert len(fits) == 4
    fewer = dataclasses.replace(one, signals=one.signals.iloc[1:])
    run(fewer, rule, keep=keep)
    assert len(fits) == 8
    shard = next(Path(one.stores[0]).rglob("*.h5"))
    shard.touch()
    run(one, rule, keep=keep)
    assert len(fits) == 12


def test_a_broken_part_is_made_again(one, whole, tmp_path):
    """A file that is no model (a full disk, a meddler) is not used."""
    keep = tmp_path / "partial"
    stopped(one, keep, 7)
    parts = sorted(keep.iterdir())
    assert {path.suffix for path in parts} == {".skops", ".npz"}
    for path, content in zip(parts, [b"no model", b"", b"PK\x03\x04broken"] * 9, strict=False):
        path.write_bytes(content)
    same(run(one, keep=keep), whole, one)


def test_nothing_is_left_but_what_is_not_ours(one, tmp_path):
    """The folder is gone when the model is there; a file of another hand stays."""
    config = load_profile("earth-local")
    training = dataclasses.replace(config.training, model="logistic", n_blocks=3, settings={})
    labels = dataclasses.replace(config.labels, rule="intervals")
    config = dataclasses.replace(config, training=training, labels=labels)
    events = event_times(3, 4, 1).assign(station="XX.A")
    write_catalog(catalog_of(events), tmp_path / "c.csv")
    files = SetFiles((str(one.stores[0]),), str(tmp_path / "c.csv"), labels=labels)
    output = tmp_path / "m.skops"
    train_on([files], config, output)
    assert load_detector(output).classes == ("event",)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.csv", "m.skops"]
    folder = folder_of(output)
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / PATTERNS[0].replace("*", "1")).write_text("")
    forget(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_digests_tell_all_apart():
    """Values, types, shapes, names and order all count."""
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    parts = (
        [np.arange(4)],
        [np.arange(4, dtype=np.int32)],
        [np.arange(4).reshape(2, 2)],
        [np.arange(2), np.arange(2, 4)],
        [table],
        [table.rename(columns={"b": "c"})],
        [table.assign(b=["y", "x"])],
        [{"a": 1}],
        [None],
        [],
    )
    assert len({digest_of(*some) for some in parts}) == len(parts)
    assert digest_of(table) == digest_of(table.assign(b=table["b"].astype("category")))
