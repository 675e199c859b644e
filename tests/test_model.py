"""Models: classifiers, blocked splits, and files that run no code."""

import dataclasses
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from seisml import terminal
from seisml.classfiles import load_classifier
from seisml.detecting import FittingTables
from seisml.errors import FeatureMismatchError, ModelError
from seisml.model import (
    CLASSIFIERS,
    Detector,
    check_table,
    event_probability,
    fit_classifier,
    load_detector,
    make_classifier,
    never_learnt,
    predict,
    save_detector,
)
from seisml.store import FeatureTable
from seisml.windows import WindowGrid

GRID = WindowGrid(6.0, 2.0)
STALTA = ("stalta_short_max.Z", "b.Z", "c.Z")


def feature_table(X, columns=("a.Z", "b.Z"), fingerprint="f") -> FeatureTable:
    """A table of one station."""
    time = pd.DatetimeIndex((np.arange(len(X)) * GRID.hop_ns).astype("datetime64[ns]"))
    index = pd.MultiIndex.from_arrays([["XX.A..HH"] * len(X), time], names=["station", "time"])
    frame = pd.DataFrame(np.asarray(X, np.float32), index=index, columns=list(columns))
    ones = np.ones(len(X), np.float32)
    return FeatureTable(frame, ones, ones.astype(np.uint8), {}, GRID, fingerprint, {})


def training_set(seed=0, n=400):
    """Two columns, NaN and infinity among them; the class is in the first."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2)).astype(np.float32)
    y = np.where(X[:, 0] > 0.8, "event", "noise")
    X[::17, 1] = np.nan
    X[::23, 1] = np.inf
    return X, y


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_take_nan_and_learn(name):
    """Every classifier fits data with NaN and infinity; all but the dummy learn the rule."""
    X, y = training_set()
    model = fit_classifier(name, X, y, columns=STALTA)
    table = feature_table(training_set(1)[0])
    score = event_probability(predict(model, ["a.Z", "b.Z"], table))
    truth = table.frame["a.Z"].to_numpy() > 0.8
    if name == "dummy":
        assert np.ptp(score) == 0
    else:
        assert np.mean((score > 0.5) == truth) > 0.85


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_same_seed_same_model(name):
    """Two fits with one seed give the same probabilities, bit for bit."""
    X, y = training_set()
    first, second = (
        fit_classifier(name, X, y, seed=3, columns=STALTA).predict_proba(X[1:5]) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_unknown_classifier():
    """A misspelt name gets a suggestion."""
    with pytest.raises(ModelError, match=r"(?s)'random_forrest'.*random_forest"):
        make_classifier("random_forrest")


def test_windows_without_features_have_no_probability():
    """A row of NaN is not predicted; missing columns are NaN, not an error."""
    X, y = training_set()
    model = fit_classifier("hist_gradient_boosting", X, y)
    table = feature_table([[1.0], [np.nan]], columns=["a.Z"])
    found = predict(model, ["a.Z", "b.Z"], table)
    assert np.isfinite(found.iloc[0]).all()
    assert found.iloc[1].isna().all()


def detector(name="hist_gradient_boosting") -> Detector:
    """A small fitted detector."""
    return Detector(
        estimator=fit_classifier(name, *training_set(), columns=STALTA),
        columns=("a.Z", "b.Z"),
        grid=GRID,
        fingerprint="f",
        plan={"band": {"f_min_hz": 1.0}},
        on=0.6,
        off=0.3,
        detection={"merge_gap_s": 2.0},
        card={"body": "earth", "seed": 0},
    )


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_detector_round_trip(tmp_path, name):
    """A saved detector gives the same probabilities and says which versions made it."""
    before = detector(name)
    save_detector(before, tmp_path / "m.skops")
    after = load_detector(tmp_path / "m.skops")
    table = feature_table(training_set(2)[0])
    pd.testing.assert_frame_equal(
        predict(before.estimator, before.columns, table),
        predict(after.estimator, after.columns, table),
    )
    assert (after.on, after.off, after.columns, after.grid) == (0.6, 0.3, ("a.Z", "b.Z"), GRID)
    assert "scikit-learn" in after.card["versions"]
    assert list(tmp_path.iterdir()) == [tmp_path / "m.skops"]


def test_table_of_other_features_is_refused():
    """Another fingerprint, or no column in common, names both sides."""
    table = feature_table([[1.0, 2.0]], fingerprint="g")
    with pytest.raises(FeatureMismatchError, match="trained on features f, the table holds g"):
        check_table(table, columns=("a.Z",), fingerprint="f")
    with pytest.raises(FeatureMismatchError, match=r"components U.*table.*Z"):
        check_table(table, columns=("a.U",), fingerprint="g")


@pytest.mark.parametrize("where", ["vertical", "median"])
def test_slower_records_are_refused_whatever_the_component(where):
    """A band that every window of the training had is above Nyquist here: refused."""
    columns = (f"kurtosis.{where}", f"band_kurtosis[8-16Hz].{where}")
    X = np.random.default_rng(0).standard_normal((40, 2))
    fast = feature_table(X, ("kurtosis.Z", "band_kurtosis[8-16Hz].Z"), "g")
    check_table(fast, columns=columns, fingerprint="g", always=columns)
    X[:, 1] = np.nan
    slow = feature_table(X, ("kurtosis.Z", "band_kurtosis[8-16Hz].Z"), "g")
    with pytest.raises(FeatureMismatchError, match="another sampling rate"):
        check_table(slow, columns=columns, fingerprint="g", always=columns)
    check_table(slow, columns=columns, fingerprint="g", always=columns[:1])
    # A feature that wants a longer record than there is says nothing of the rate.
    X = X[:, ::-1]
    short = feature_table(X, ("kurtosis.Z", "band_kurtosis[8-16Hz].Z"), "g")
    check_table(short, columns=columns, fingerprint="g", always=columns)


@pytest.mark.parametrize("where", ["Z", "vertical", "median"])
def test_faster_records_are_told_by_their_bands(where):
    """Only bands above all of the training tell it: not a component, not a longer record."""
    names = ("band_step[1-2Hz]", "band_step[8-16Hz]", "zscore_max", "band_rel_energy[1-2Hz]")
    columns = [f"{name}.{where}" for name in names] + ["dop.3C"]
    never = [columns[k] for k in (1, 2, 3, 4)]  # records of 20 Hz, short, of one component
    here = [f"{name}.Z" for name in names] + ["dop.3C"]
    table = feature_table(np.ones((3, 5)), here)
    assert never_learnt(columns, never, table.frame) == [columns[1]]
    assert never_learnt(columns, never[1:], table.frame) == []
    slow = table.frame.assign(**{here[1]: np.nan})
    assert never_learnt(columns, never, slow) == []


def test_detection_tells_faster_records(monkeypatch):
    """Once, with the number of stations; not where the rate is that of the training."""
    said = []
    monkeypatch.setattr(terminal, "say", said.append)
    columns = ("band_step[1-2Hz].vertical", "band_step[8-16Hz].vertical")
    names = [name.replace("vertical", "Z") for name in columns]
    card = {"body": "earth", "columns_without_values": [columns[1]]}
    slow = dataclasses.replace(detector(), columns=columns, card=card)
    tables = FittingTables([feature_table(np.ones((3, 2)), names)], slow)
    assert len(list(tables)) == 1
    tables.tell_kinship()
    assert len(said) == 1
    assert said[0].startswith("note: XX.A..HH: sampled faster than what the model was trained on")
    alike = [[1.0, np.nan]] * 3
    tables = FittingTables([feature_table(alike, names)], slow)
    assert len(list(tables)) == 1
    tables.tell_kinship()
    assert len(said) == 1


def test_columns_of_three_components_show_no_kinship():
    """They are in every table, if only as NaN: a model of other components is still refused."""
    frame = feature_table([[1.0, 2.0]], fingerprint="g").frame.rename(columns={"b.Z": "b.3C"})
    table = dataclasses.replace(feature_table([[1.0, 2.0]], fingerprint="g"), frame=frame)
    with pytest.raises(FeatureMismatchError, match=r"components U, the table Z\."):
        check_table(table, columns=("a.U", "b.3C"), fingerprint="g")
    check_table(table, columns=("a.Z", "b.3C"), fingerprint="g")
    check_table(table, columns=("b.3C",), fingerprint="g")


class _Evil:
    def __reduce__(self):
        return (print, ("code was run",))


def test_untrusted_files_run_nothing(tmp_path, capsys):
    """A pickle, a skops file with a function inside, and a foreign zip are refused."""
    import operator

    import skops.io

    path = tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(_Evil()))
    with pytest.raises(ModelError, match="no seisml model"):
        load_detector(path)
    content = {"schema": 1, "estimator": operator.methodcaller("upper"), "about": "{}"}
    skops.io.dump(content, path)
    with pytest.raises(ModelError, match=r"(?s)types that no seisml model has.*methodcaller"):
        load_detector(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps({"hello": 1}))
    with pytest.raises(ModelError, match="no seisml model"):
        load_detector(path)
    assert "code was run" not in capsys.readouterr().out


class _Shell:
    """What an attacker would put in: a command that runs when it is unpacked."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return (os.system, (f"touch {self.path}",))


def test_a_malicious_file_runs_nothing(tmp_path):
    """A shell command hidden in a model file is refused before anything is made of it."""
    import skops.io

    mark = tmp_path / "was_here"
    path = tmp_path / "m.skops"
    content = {"schema": 2, "estimator": _Shell(mark), "novelty": None, "about": "{}"}
    skops.io.dump(content, path)
    with pytest.raises(ModelError, match=r"(?s)types that no seisml model has.*not loaded"):
        load_detector(path)
    # A file whose schema was edited to call os.system itself.
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts["schema.json"])
    evil = {"__class__": "function", "__module__": "os", "__loader__": "FunctionNode"}
    evil |= {"__id__": 7, "content": {"module_path": "os", "function": "system"}}
    schema["content"]["estimator"] = evil
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, json.dumps(schema) if name == "schema.json" else data)
    with pytest.raises(ModelError, match=r"no seisml model has: os\.(function|system)"):
        load_detector(path)
    assert not mark.exists()


def test_an_event_classifier_is_no_detector(tmp_path):
    """Each verb says what the other's file is for."""
    import skops.io

    content = {"kind": "seisml event classifier", "schema": 1, "estimator": None, "about": "{}"}
    skops.io.dump(content, tmp_path / "c.skops")
    with pytest.raises(ModelError, match="names events, and finds none") as told:
        load_detector(tmp_path / "c.skops")
    assert "seisml classify" in told.value.hint
    save_detector(detector(), tmp_path / "d.skops")
    with pytest.raises(ModelError, match="no event classifier"):
        load_classifier(tmp_path / "d.skops")
    with pytest.raises(ModelError, match="earth-local: that is a detector"):
        load_classifier("earth-local")


def test_few_rows_are_learnt_in_silence(recwarn):
    """Fewer rows than quantiles are no matter for who trains."""
    X, y = training_set()
    fit_classifier("logistic", X[:50], y[:50])
    assert not [one for one in recwarn if "n_quantiles" in str(one.message)]


def test_a_model_of_another_package_needs_trust(tmp_path):
    """A classifier by import path is saved; its types are only loaded where they are named."""
    path = tmp_path / "m.skops"
    own = fit_classifier(f"{__name__}:Own", *training_set())
    save_detector(dataclasses.replace(detector(), estimator=own), path)
    with pytest.raises(ModelError, match=r"(?s)test_model\.Own.*--trust"):
        load_detector(path)
    again = load_detector(path, trusted=[f"{__name__}.Own"])
    X = np.nan_to_num(training_set()[0], posinf=0)
    np.testing.assert_array_equal(again.estimator.predict_proba(X), own.predict_proba(X))


class Own(DummyClassifier):
    """A classifier that is not scikit-learn's own."""


def test_missing_and_newer_model(tmp_path):
    """A missing file says how to make one; another schema is refused."""
    with pytest.raises(ModelError, match="seisml train"):
        load_detector(tmp_path / "none.skops")
    import skops.io

    about = json.dumps({"grid": dataclasses.asdict(GRID)})
    skops.io.dump({"schema": 99, "estimator": None, "about": about}, tmp_path / "new.skops")
    with pytest.raises(ModelError, match="schema 99"):
        load_detector(tmp_path / "new.skops")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_empty_columns_are_no_obstacle(name):
    """A column without a single value (a band above Nyquist) neither helps nor hurts."""
    X, y = training_set()
    X = np.column_stack([X, np.full(len(X), np.nan, np.float32)])
    model = fit_classifier(name, X, y, columns=STALTA)
    table = feature_table(X, columns=["a.Z", "b.Z", "c.Z"])
    assert np.isfinite(event_probability(predict(model, ["a.Z", "b.Z", "c.Z"], table))).all()


def test_models_that_come_with_seisml(tmp_path, monkeypatch):
    """A bare name is a shipped model, a misspelt one gets a suggestion, a file stays a file."""
    from seisml import model

    monkeypatch.setattr(model.files, "_MODELS", tmp_path)
    with pytest.raises(ModelError, match=r"(?s)'earth-local' comes with seisml.*seisml train"):
        load_detector("earth-local")
    save_detector(detector(), tmp_path / "earth-local.skops")
    assert model.shipped_models() == ["earth-local"]
    assert load_detector("earth-local").on == 0.6
    with pytest.raises(ModelError, match=r"(?s)'earth-locl'.*Did you mean 'earth-local'"):
        load_detector("earth-locl")
    about = load_detector("earth-local").about()
    assert about["thresholds"] == {"on": 0.6, "off": 0.3}
    assert json.loads(json.dumps(about))["classes"] == ["event"]


def test_models_go_into_the_wheel():
    """Git, and with it the wheel, leaves out models except those that seisml ships."""
    import subprocess
    from pathlib import Path

    root = Path(__file__).parents[1]
    run = subprocess.run(
        ["git", "check-ignore", "seisml/models/x.skops", "results/x.skops"],
        capture_output=True,
        text=True,
        cwd=root,
    )
    if "not a git repository" in run.stderr:
        pytest.skip("not a repository")
    assert run.stdout.split() == ["results/x.skops"]
