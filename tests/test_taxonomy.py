"""Taxonomies: labels of different catalogues meet in one class, and classes have parents."""

import json
import subprocess
import sys

import pytest

from seisml.catalog import make_catalog
from seisml.catalog_files import compare_files
from seisml.config import load_profile
from seisml.errors import ConfigError
from seisml.experts import expert_of
from seisml.formats import read_catalog, write_catalog
from seisml.taxonomy import PRESETS, below, class_of, classify, lineage, load_taxonomy
from seisml.times import NS_PER_S


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_trees(preset):
    taxonomy = load_taxonomy(preset)
    assert len(taxonomy.parents) > 10
    for name in taxonomy.parents:
        line = lineage(taxonomy, name)
        assert line[-1] == name
        assert taxonomy.parents[line[0]] == ""
        assert class_of(taxonomy, name) == name
        assert name in below(taxonomy, line[0])
    assert any(len(lineage(taxonomy, name)) > 1 for name in taxonomy.parents)


@pytest.mark.parametrize(
    ("preset", "label", "line"),
    [
        ("mars", "2.4_HZ", ("high-frequency family", "2.4 Hz")),
        ("mars", "DL-24", ("high-frequency family", "2.4 Hz")),
        ("mars", "VERY_HIGH_FREQUENCY", ("high-frequency family", "VF")),
        ("mars", "LOW_FREQUENCY", ("low-frequency family", "LF")),
        ("mars", "ONE-SIDED_PULSE_SINGLE_COMPONENT", ("not seismic", "glitch")),
        ("moon", "A", ("moonquake", "deep")),
        ("moon", "impact_mq", ("impact",)),
        ("moon", "L", ("impact", "artificial impact", "LM")),
        ("volcano", "Volcano-Tectonic", ("brittle", "VT")),
        ("volcano", "tremor", ("fluid", "TR")),
        ("regional", "quarry blast", ("explosion", "quarry blast")),
        ("regional", "ice quake", ("surface process", "icequake")),
    ],
)
def test_known_labels_have_their_class(preset, label, line):
    taxonomy = load_taxonomy(preset)
    assert lineage(taxonomy, class_of(taxonomy, label)) == line


def test_joined_labels_mean_what_their_parts_have_in_common():
    mars = load_taxonomy("mars")
    dust, gust = "PRESSURE_DROP_DUST_DEVIL", "PRESSURE_FLUCTUATION_HF_WEATHER"
    glitch, odd = "ONE-SIDED_PULSE_SINGLE_COMPONENT", "SUSPICIOUS_SEISMIC_SIGNAL"
    assert class_of(mars, f"{dust};{gust}") == "weather"
    assert class_of(mars, f"{glitch};TEMPERATURE_GLITCH") == "glitch"
    assert class_of(mars, f"{dust};{glitch}") == "not seismic"
    assert class_of(mars, f"{odd};BROADBAND") == class_of(mars, f"{dust};strange") == ""
    rows = [{"time_ns": k, "label": x} for k, x in enumerate((f"{odd};BROADBAND", f"{dust};x"))]
    found, unknown = classify(make_catalog(rows), mars)
    assert found.events["label"].tolist() == ["suspicious;BB", f"{dust};x"]
    assert unknown == {f"{dust};x": 1}


def test_grades_are_a_second_level():
    rows = [("BROADBAND", "B"), ("DONKS", "A"), ("2.4_HZ", ""), ("strange", "C")]
    events = [{"time_ns": k, "label": a, "quality": b} for k, (a, b) in enumerate(rows)]
    found, _ = classify(
        make_catalog(events), load_taxonomy("mars"), level=1, grades=True, whole=["not seismic"]
    )
    assert found.events["label"].tolist() == [
        *("low-frequency family: B", "donk", "high-frequency family", "strange")
    ]


def test_an_expert_s_notes_stand_beside_the_catalogue(tmp_path):
    """Glitches become noise classes; what else is noted is unsure, or counted as dropped."""
    start = "2019-05-23T02:00:00Z"
    text = "time,end_time,label,quality\n"
    (tmp_path / "quakes.csv").write_text(f"{text}{start},2019-05-23T02:20:00Z,BROADBAND,A\n")
    notes = ("DONKS", "SUSPICIOUS_SEISMIC_SIGNAL", "HIGH_FREQUENCY", "")
    lines = [f"{start},2019-05-23T02:01:00Z,{label},\n" for label in notes]
    (tmp_path / "notes.csv").write_text(text + "".join(lines))
    labels = load_profile("mars-insight").labels
    catalog, labels = expert_of(
        labels, tmp_path / "quakes.csv", body="mars", epochs=tmp_path / "notes.csv"
    )
    assert sorted(catalog.events["label"]) == ["donk", "low-frequency family", "suspicious"]
    assert {"donk", "glitch", "SF"} <= set(labels.noise_labels)
    assert labels.unsure_labels == ("suspicious",)
    assert catalog.dropped["event among the epochs"] == 1
    assert catalog.dropped["epoch without a class"] == 1
    assert catalog.events["event_id"].is_unique


def test_labels_are_kept_beside_classes_and_unknown_ones_are_counted():
    labels = ["2.4_HZ", "HIGH_FREQUENCY", "LOW_FREQUENCY", "strange", "strange", ""]
    catalog = make_catalog([{"time_ns": k, "label": label} for k, label in enumerate(labels)])
    taxonomy = load_taxonomy("mars")
    fine, unknown = classify(catalog, taxonomy)
    assert fine.events["label"].tolist() == ["2.4 Hz", "HF", "LF", "strange", "strange", ""]
    assert fine.events["source_label"].tolist() == labels
    assert unknown == {"strange": 2}
    coarse, _ = classify(catalog, taxonomy, level=1)
    assert coarse.events["label"].tolist()[:2] == ["high-frequency family"] * 2
    assert catalog.events["label"].tolist() == labels


OWN = """
[classes.quake]
[classes.deep]
parent = "quake"
names = ["A", "deep quake"]
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[classes", "no TOML"),
        ("x = 1", "no classes"),
        (OWN.replace('parent = "quake"', 'parent = "quak"'), "has the parent 'quak'"),
        (OWN.replace("parent", "parents"), "has 'parents'"),
        (OWN + '[classes.other]\nnames = ["a"]\n', "means both"),
        (OWN.replace("[classes.quake]", '[classes.quake]\nparent = "deep"'), "of itself"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, words):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_taxonomy(path)


def test_wrong_names_get_a_suggestion(tmp_path):
    with pytest.raises(ConfigError, match="no taxonomy 'marz'") as caught:
        load_taxonomy("marz")
    assert "mars" in caught.value.hint
    with pytest.raises(ConfigError, match="cannot be read"):
        load_taxonomy(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="level is 0"):
        classify(make_catalog(), load_taxonomy("mars"), level=0)
    with pytest.raises(ConfigError, match="no class 'blorb'"):
        below(load_taxonomy("mars"), "blorb")


def test_files_are_compared_in_one_set_of_classes(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    for name, labels in (("machine", ["deep", "deep", "odd"]), ("expert", ["A", "a", "quake"])):
        events = [{"time_ns": k * 100 * NS_PER_S, "label": one} for k, one in enumerate(labels)]
        write_catalog(make_catalog(events), tmp_path / f"{name}.csv")
    paths = tmp_path / "machine.csv", tmp_path / "expert.csv"
    said = []
    options = {"tolerance_s": 5.0, "taxonomy": load_taxonomy(own), "on_message": said.append}
    c = compare_files(*paths, **options)
    assert c.matched["expert_label"].tolist() == ["deep", "deep", "quake"]
    assert said == ["machine: not in the taxonomy " + str(own) + ", kept as they are: 'odd' (1)"]
    c = compare_files(*paths, **options, level=1)
    assert c.matched["expert_label"].tolist() == ["quake"] * 3
    c = compare_files(*paths, **options, labels=["deep quake"])
    assert len(c.expert) == 2
    assert c.outside["expert_other_label"] == 1
    c = compare_files(*paths, **options, labels=["quake"])
    assert len(c.expert) == 3


@pytest.mark.real
def test_every_label_of_the_marsquake_service_is_known(shared_data):
    path = shared_data / "mars_insight/catalogs/mqs_catalog_20191002.xml"
    found, unknown = classify(read_catalog(path), load_taxonomy("mars"), level=1)
    assert not unknown
    counts = found.events["label"].value_counts().to_dict()
    assert counts == {"high-frequency family": 113, "low-frequency family": 28}


@pytest.mark.real
def test_mars_is_compared_by_class_from_the_command_line(shared_data, tmp_path):
    path = shared_data / "mars_insight/catalogs/mqs_catalog_20191002.xml"
    words = ["compare", path, path, "--taxonomy", "mars", "--level", 1]
    words += ["--by", "class,quality,hour", "--mode", "iou", "--overlap", 0.5]
    words += ["--json", tmp_path / "c.json"]
    command = [sys.executable, "-m", "seisml.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "high-frequency family" in done.stdout
    out = json.loads((tmp_path / "c.json").read_text())
    assert out["metrics"]["recall"] == 1
    assert list(out["by"]) == ["class", "quality", "hour"]
    assert {row["quality"]: row["n_expert"] for row in out["by"]["quality"]} == {
        "A": 3,
        "B": 6,
        "C": 76,
        "D": 56,
    }
    assert out["confusion"]["low-frequency family"]["low-frequency family"] == 28
