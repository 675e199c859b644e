"""Evaluation of tables: planted truth, chance, leaks, blocks, intervals, audit."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from seisml.audit import disagreements, read_review, write_review
from seisml.cli import app
from seisml.errors import ModelError, TableError
from seisml.evaluation import EvaluationRule, evaluate_table, numbers, read_groups
from seisml.importance import kin_groups, permutation_importance
from seisml.report import evaluation_report
from seisml.scores import block_counts, paired_differences, rates_of, score_table
from seisml.suspicions import alone_scores
from seisml.tabular import Columns, read_frame, samples_of

FAST = EvaluationRule(models=("dummy", "logistic"), n_repeats=2, n_boot=200)
TWO_FOLDS = EvaluationRule(n_folds=2)


def planted(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return a table: "a" tells the class, "twin" repeats it, "b" is noise; ten a block of time."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=n)
    a = label + 0.2 * rng.standard_normal(n)
    start = pd.Timestamp("2020-01-01T00:00:00Z")
    return pd.DataFrame(
        {
            "time": [(start + pd.Timedelta(hours=2.4 * k)).isoformat() for k in range(n)],
            "a": a,
            "twin": -(a**3) + 1e-3 * rng.standard_normal(n),
            "b": rng.standard_normal(n),
            "label": np.where(label, "icequake", "earthquake"),
        }
    )


@pytest.fixture(scope="module")
def result():
    return evaluate_table(samples_of(planted(), Columns("label", time="time")), FAST)


def test_planted_class_is_learnt_and_dummy_is_at_chance(result):
    """A model that sees the class is right; the dummy is at chance, and the pair says so."""
    scores = result.scores.set_index("model")["balanced_accuracy"]
    assert scores["logistic"] > 0.9
    assert scores["dummy"] == 0.5
    pair = result.differences.iloc[0]
    assert pair["low"] > 0.3
    assert pair["share_better"] == 1.0


def test_brier_is_the_sum_over_the_classes(result):
    """Of two classes it is twice the mean square of one; from 0 to 2."""
    p, classes = result.probability["logistic"], np.array(result.classes)
    exact = result.samples.y[:, None] == classes
    assert result.scores.set_index("model").loc["logistic", "brier"] == pytest.approx(
        2 * np.mean((p[:, 0] - exact[:, 0]) ** 2)
    )


def test_models_get_the_seed_and_balanced_classes(monkeypatch):
    """In every fold, whatever the model is."""
    import seisml.evaluation as module

    got, fit = [], module.fit_classifier

    def spied(name, X, y, **options):
        got.append((name, options))
        return fit(name, X, y, **options)

    monkeypatch.setattr(module, "fit_classifier", spied)
    rule = dataclasses.replace(FAST, seed=11, n_repeats=0, n_folds=3, n_boot=10)
    evaluate_table(samples_of(planted(200), Columns("label", time="time")), rule)
    assert [name for name, _ in got] == ["dummy"] * 3 + ["logistic"] * 3
    assert all(options == {"class_weight": "balanced", "seed": 11} for _, options in got)


def test_importance_names_the_planted_feature(result):
    """Twins share what they say; together they carry it all, and noise carries nothing."""
    each = result.importance.set_index("name")["importance"]
    groups = result.group_importance.set_index("name")
    assert groups.index[0] == "a + 1"
    assert groups.loc["a + 1", "low"] > 0.3
    assert groups.loc["a + 1", "importance"] > each["a"] + 0.05
    assert abs(each["b"]) < 0.03


def test_permuted_labels_are_at_chance():
    """Labels that say nothing are not learnt: no leak through the blocks."""
    table = planted(600)
    table["label"] = np.random.default_rng(5).permutation(table["label"].to_numpy())
    rule = EvaluationRule(models=("logistic", "hist_gradient_boosting"), n_repeats=0, n_boot=200)
    scores = evaluate_table(samples_of(table, Columns("label", time="time")), rule).scores
    assert (scores["balanced_accuracy"] - 0.5).abs().max() < 0.08


def test_the_dummy_has_no_say_in_the_audit(result):
    """Doubt is of the models that learn; the surest doubt comes first."""
    table = disagreements(result, n=len(result.samples.y))
    p = pd.Series(result.probability["logistic"][np.arange(len(result.truth)), result.truth])
    p.index = result.samples.row
    np.testing.assert_allclose(table["p_label"], p[table["row"]], atol=1e-6)
    assert table["p_label"].is_monotonic_increasing


@pytest.mark.parametrize("role", ["time", "group", ""])
def test_a_block_is_never_on_both_sides(role):
    """Rows of a block share a fold."""
    table = planted().assign(group=np.arange(400) // 7)
    columns = Columns("label", **({role: role} if role else {}), drop=("group", "time"))
    samples = samples_of(table, columns)
    found = evaluate_table(samples, EvaluationRule(models=("dummy",), n_repeats=0, n_boot=10))
    assert len(set(zip(samples.block, found.fold, strict=True))) == len(set(samples.block))
    assert set(samples.X.columns) == {"a", "twin", "b"}


def test_rows_near_a_tested_one_are_not_learnt():
    """Two rows of one event, 40 s apart at midnight: with a purge none tells of the other."""
    rng = np.random.default_rng(2)
    midnight = pd.Timestamp("2020-01-01T00:00:00Z") + pd.to_timedelta(np.arange(80), "D")
    times = np.ravel(
        [midnight - pd.Timedelta(seconds=20), midnight + pd.Timedelta(seconds=20)], "F"
    )
    label = np.repeat(rng.permutation(["a", "b"] * 40), 2)
    values = np.repeat(rng.standard_normal((80, 3)), 2, axis=0)
    values += 1e-6 * rng.standard_normal(values.shape)
    table = pd.DataFrame(values, columns=list("xyz")).assign(time=times.astype(str), label=label)
    samples = samples_of(table, Columns("label", time="time"))
    neighbour = "sklearn.tree:DecisionTreeClassifier"  # learns by heart
    rule = EvaluationRule(models=(neighbour,), n_repeats=0, n_boot=10)
    free = evaluate_table(samples, dataclasses.replace(rule, purge_s=0.0)).scores
    kept = evaluate_table(samples, rule).scores
    assert free["balanced_accuracy"][0] > 0.75
    assert abs(kept["balanced_accuracy"][0] - 0.5) < 0.15


def test_folds_and_purges_that_cannot_be_are_told():
    """More folds than rows of any class, one fold, a purge longer than the table."""
    table = planted(40)
    by_time = samples_of(table, Columns("label", time="time"), block_s=8640.0, n_folds=2)
    rule = EvaluationRule(models=("dummy",), n_repeats=0, n_boot=10, n_folds=2)
    for n_folds in (1, 39):
        with pytest.raises(ModelError, match=rf"{n_folds} folds of table, whose largest class has"):
            evaluate_table(by_time, dataclasses.replace(rule, n_folds=n_folds))
    with pytest.raises(ModelError, match=r"purge of 1e\+09 s about fold 1 leaves no two classes"):
        evaluate_table(by_time, dataclasses.replace(rule, purge_s=1e9))


def test_serial_numbers_and_rubbish_are_no_features():
    """What runs with the rows, says nothing or is no number is left out, with the reason."""
    table = planted().sort_values("label", kind="stable", ignore_index=True)
    table["serial"] = table.groupby("label").cumcount() + 100
    table["empty"], table["same"], table["copy"] = np.nan, 3.0, table["a"]
    table["tiny"] = np.where(np.arange(400) % 2, 6e-323, 0.0)
    table["word"] = "x"
    samples = samples_of(table, Columns("label", time="time"))
    left_out = dict(samples.left_out)
    assert set(samples.X.columns) == {"a", "twin", "b"}
    assert left_out["serial"].startswith("runs with the rows")
    assert left_out["empty"] == "no value"
    assert left_out["same"] == "always 3"
    assert left_out["tiny"] == "always 0"
    assert left_out["copy"] == "the same as a"
    assert left_out["word"] == "text"
    assert any("serial" in note for note in samples.notes)
    assert any("tiny" in note and "sub-normal" in note for note in samples.notes)
    kept = samples_of(table, Columns("label", time="time", keep=("serial",)))
    assert "serial" in kept.X


def test_a_column_that_holds_the_label_is_told():
    """A column that alone gives the class is named, and so is a telling gap."""
    table = planted()
    is_ice = (table["label"] == "icequake").to_numpy()
    table["code"] = np.where(is_ice, 7.0, 3.0) + np.random.default_rng(1).random(400)
    table["gappy"] = np.where(is_ice, np.nan, table["b"])
    notes = evaluate_table(samples_of(table, Columns("label", time="time")), FAST).notes
    assert any(note.startswith("code alone") for note in notes)
    assert any(note.startswith("gappy: missing") for note in notes)


def test_one_column_alone_is_judged_out_of_fold():
    """Columns of noise are at chance, however few rows there are in a bin."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((120, 40)))
    truth, fold = rng.integers(2, size=120), np.arange(120) % 5
    assert alone_scores(X, truth, fold, 2).mean() == pytest.approx(0.5, abs=0.03)


def test_copies_are_counted_and_left_out():
    """A copied row would be on both sides; one with two classes is nobody's."""
    table = planted()
    again = table.iloc[:30].copy()
    again.loc[again.index[:5], "label"] = np.where(
        again["label"].iloc[:5] == "icequake", "earthquake", "icequake"
    )
    both = pd.concat([table, again], ignore_index=True)
    samples = samples_of(both, Columns("label", time="time"))
    assert samples.dropped == {"copy of another row": 25, "copy of a row of another class": 10}
    assert len(samples) == 395


def test_labels_are_renamed_and_rest_is_a_class():
    """Patterns join labels; rows without a label can be a class or are left out."""
    table = planted()
    table["label"] = np.where(np.arange(400) % 4 == 0, np.nan, table["label"] + " I")
    columns = Columns("label", time="time", rename={"ice*": "ice", "earth*": "earth"})
    assert samples_of(table, columns).classes == ("earth", "ice")
    assert samples_of(table, columns).dropped == {"no label": 100}
    rest = Columns("label", time="time", rename={"ice*": "ice"}, rest="other")
    assert "other" in samples_of(table, rest).classes


def test_bad_tables_say_what_to_do():
    """One class, a rare class, a missing column, one block, no feature."""
    table = planted()
    with pytest.raises(TableError, match="no column 'lable'"):
        samples_of(table, Columns("lable"))
    with pytest.raises(TableError, match="1 class with at least 10 rows"):
        samples_of(table.assign(label="one"), Columns("label"))
    numbers = table.assign(label=np.linspace(0, 1, len(table)))
    with pytest.raises(TableError, match="397 more") as told:
        samples_of(numbers, Columns("label"))
    assert len(told.value.problem) < 500
    rare = table.assign(label=np.where(np.arange(400) < 3, "rare", table["label"]))
    samples = samples_of(rare, Columns("label", time="time"))
    assert samples.dropped == {"class rare has fewer than 10 rows": 3}
    with pytest.raises(TableError, match="no column that can be a feature"):
        samples_of(table[["label", "time"]].assign(word="x"), Columns("label", time="time"))
    one = samples_of(table.assign(group="same"), Columns("label", group="group"))
    with pytest.raises(ModelError, match="1 block of rows") as told:
        evaluate_table(one, FAST)
    assert "--block-days" not in told.value.hint  # there are no days
    wrong = {"drop": ("nois*",), "keep": ("nosie",), "rename": {"sgnal": "one"}}
    for option, value in wrong.items():
        columns = Columns("label", **{option: value})
        with pytest.raises(TableError, match=r"nois\*|nosie|sgnal"):
            samples_of(table, columns)
    both = Columns("label", time="time", group="group")
    with pytest.raises(TableError, match="cannot be of both"):
        samples_of(table.assign(group="same"), both)
    split = table.assign(group=table["label"])
    with pytest.raises(ModelError, match="All rows of the class"):
        evaluate_table(
            samples_of(split, Columns("label", group="group")), EvaluationRule(n_folds=2)
        )
    with pytest.raises(TableError, match="no ISO 8601 times"):
        samples_of(table.assign(time="soon"), Columns("label", time="time"))


def test_files_beside_must_have_the_same_rows(tmp_path):
    """Columns of a second file are joined only where the rows agree."""
    table = planted(50).assign(event=[f"e{k}" for k in range(50)])
    table[["event", "a", "b"]].to_csv(tmp_path / "a.csv", index=False)
    table[["event", "label"]].to_csv(tmp_path / "b.csv", index=False)
    assert list(read_frame(tmp_path / "a.csv", beside=[tmp_path / "b.csv"])) == [
        "event",
        "a",
        "b",
        "label",
    ]
    table[["event", "label"]][::-1].to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(TableError, match="Row 1: event is 'e0'"):
        read_frame(tmp_path / "a.csv", beside=[tmp_path / "c.csv"])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=60
    )
)
def test_counts_of_blocks_add_up(rows):
    """The confusion of blocks sums to the confusion; scores agree with their definitions."""
    truth, predicted, block = map(np.array, zip(*rows, strict=True))
    total = block_counts(truth, predicted, block, 3).sum(axis=0)
    for i in range(3):
        for j in range(3):
            assert total[i, j] == ((truth == i) & (predicted == j)).sum()
    assert rates_of(total)["accuracy"] == pytest.approx((truth == predicted).mean())


def test_intervals_cover_and_pairs_are_narrower():
    """95 % intervals of a share over blocks hold the true share about so often."""
    rng = np.random.default_rng(0)
    inside, widths = 0, []
    for k in range(60):
        hard = np.repeat(rng.normal(0.8, 0.08, 25).clip(0, 1), 20)
        truth, block = rng.integers(2, size=500), np.repeat(np.arange(25), 20)
        right = rng.random(500) < hard
        counts = {"a": block_counts(truth, np.where(right, truth, 1 - truth), block, 2)}
        also = right & (rng.random(500) < 0.97)
        counts["b"] = block_counts(truth, np.where(also, truth, 1 - truth), block, 2)
        row = score_table(counts, n_boot=300, seed=k).iloc[0]
        inside += row["accuracy_low"] <= 0.8 <= row["accuracy_high"]
        pair = paired_differences(counts, score="accuracy", n_boot=300, seed=k).iloc[0]
        widths.append((pair["high"] - pair["low"], row["accuracy_high"] - row["accuracy_low"]))
    assert 50 <= inside <= 60
    assert np.mean([pair < alone for pair, alone in widths]) > 0.95


def test_importance_is_zero_for_what_is_not_used():
    """A model that looks at one column has that importance only; two columns permute together."""
    X = np.random.default_rng(0).standard_normal((400, 3))
    truth, block = (X[:, 0] * X[:, 1] > 0).astype(int), np.arange(400) // 20
    groups = {"first": [0], "both": [0, 1], "none": [2]}
    found = permutation_importance(
        lambda X: (X[:, 0] * X[:, 1] > 0).astype(int), X, truth, block, groups, n_classes=2
    ).set_index("name")
    assert found.loc["none", ["importance", "low", "high"]].tolist() == [0, 0, 0]
    assert found.loc["first", "importance"] > 0.4
    assert kin_groups(pd.DataFrame(X, columns=list("xyz"))) == {"x": [0], "y": [1], "z": [2]}


def test_columns_of_a_group_are_permuted_as_one():
    """What a group says of itself is kept; the interval is of pairs of the same blocks."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    X[:, 1] = X[:, 0]
    truth, block = (rng.random(400) < 0.5).astype(int), np.arange(400) // 20
    truth[block % 3 == 0] = 1  # blocks differ

    def same(X):
        return (X[:, 0] == X[:, 1]).astype(int)

    groups = {"twins": [0, 1], "one": [0]}
    found = permutation_importance(same, X, truth, block, groups, n_classes=2, score="accuracy")
    found = found.set_index("name")
    assert found.loc["twins", ["importance", "low", "high"]].tolist() == [0, 0, 0]
    assert found.loc["one", "importance"] > 0.2
    # What is lost in each resample is one number of each block: as wide as these differ.
    lost = 2 * truth.reshape(-1, 20).mean(axis=1) - 1
    width = found.loc["one", "high"] - found.loc["one", "low"]
    assert width == pytest.approx(3.92 * lost.std() / np.sqrt(20), rel=0.2)


def test_a_class_without_rows_has_no_balanced_accuracy():
    """In a resample without a class there is no such score, rather than one of the others."""
    rates = rates_of(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    assert np.isnan(rates["balanced_accuracy"])
    assert np.isnan(rates["macro_f1"])
    assert rates["accuracy"] == 7 / 8


def test_wrong_labels_lead_the_audit_and_are_read_back(tmp_path):
    """Planted wrong labels are the least likely ones; decisions of a reviewer are taken."""
    table = planted(300)
    wrong = np.arange(15, 300, 40)
    other = {"icequake": "earthquake", "earthquake": "icequake"}
    table.loc[wrong, "label"] = table.loc[wrong, "label"].map(other)
    samples = samples_of(table, Columns("label", time="time"))
    found = evaluate_table(samples, FAST)
    listed = disagreements(found)
    assert len(set(listed["row"].head(10)) & set(wrong + 1)) >= len(wrong) - 1
    listed.loc[0, "decision"] = listed.loc[0, "suggested"]
    listed.loc[1, "decision"] = "?"
    write_review(tmp_path / "review.csv", listed)
    decided = read_review(tmp_path / "review.csv")
    assert len(decided) == 2
    again = samples_of(table, Columns("label", time="time"), corrections=decided)
    assert len(again) == 299
    assert listed.loc[1, "row"] not in again.row
    at = list(again.row).index(listed.loc[0, "row"])
    assert again.y[at] == listed.loc[0, "suggested"]
    listed.assign(decision="?").drop(columns="row").to_csv(tmp_path / "bad.csv")
    with pytest.raises(TableError, match="no column row"):
        read_review(tmp_path / "bad.csv")


def test_verb_writes_page_numbers_and_lists(tmp_path, result):
    """One command: the page, JSON, predictions, review; the same input gives the same bytes."""
    planted(150).to_csv(tmp_path / "t.csv", index=False)
    command = ["evaluate", str(tmp_path / "t.csv"), "--label", "label", "--time", "time"]
    command += ["--models", "dummy,logistic", "--repeats", "1", "-o"]
    for name in ("one", "two"):
        done = CliRunner().invoke(app, [*command, str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    assert "balanced_accuracy" in done.output
    names = ["evaluation.html", "evaluation.json", "predictions.csv", "review.csv"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    found = json.loads((tmp_path / "one/evaluation.json").read_text())
    assert found["scores"][0]["balanced_accuracy"] == 0.5
    assert found["versions"]["scikit-learn"]
    page = evaluation_report(tmp_path / "page.html", result).read_text()
    assert "Label audit" in page
    assert numbers(result)["n_rows"] == 400
    bad = CliRunner().invoke(app, [*command, str(tmp_path / "x"), "--rename", "odd"])
    assert bad.exit_code == 2
    assert "PATTERN=CLASS" in bad.output


def test_groups_are_read_from_a_file(tmp_path):
    """Features without a group are one of their own; a wrong name is suggested."""
    path = tmp_path / "groups.csv"
    path.write_text("feature,group\na,wave\ntwin,wave\n")
    assert read_groups(path, ["a", "twin", "b"]) == {"wave": ["a", "twin"], "(no group)": ["b"]}
    path.write_text("feature,group\ntwim,wave\n")
    with pytest.raises(TableError, match="Did you mean 'twin'"):
        read_groups(path, ["a", "twin", "b"])


@pytest.mark.real
def test_icequakes_and_whillans(shared_data):
    """Tables of others: well above chance, and what is odd in them is left out."""
    rule = EvaluationRule(models=("dummy", "random_forest"), n_repeats=0, n_boot=200)
    frame = read_frame(shared_data / "tables_icequake_features/Physical_features_1_25_FID.csv")
    samples = samples_of(frame, Columns("label", rename={"1": "icequake", "0": "earthquake"}))
    assert "serial_no" in dict(samples.left_out)
    assert dict(samples.left_out)["Gamma"] == "no value"
    found = evaluate_table(samples, rule)
    assert found.scores["balanced_accuracy"][1] > 0.96
    folder = shared_data / "tables_whillans"
    frame = read_frame(
        folder / "ReferenceFeatureDatasetWhillans.csv",
        beside=[folder / "ReferenceEventCatalogueWhillans_MultiSTALTA_KnownSeismicity.csv"],
    )
    rename = {"STICK-SLIP*": "stick-slip", "TELESEISM*": "teleseism"}
    columns = Columns("known_seismicity_labels", time="ref_time", rename=rename)
    found = evaluate_table(samples_of(frame, columns), rule)
    assert found.scores["balanced_accuracy"][1] > 0.9
    assert found.scores["balanced_accuracy_low"][1] > 0.5
