"""The folders of catalogs/: each explains itself, and what is shipped is read whole."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seisml import demo
from seisml.formats import catalog_files, catalog_from_frame, read_catalog
from seisml.formats.catalog_toml import read_catalog_toml
from seisml.synthetics import earth, mars
from seisml.times import NS_PER_S, to_ns

CATALOGS = Path(__file__).parents[1] / "catalogs"
FOLDERS = sorted(path.name for path in CATALOGS.iterdir() if path.is_dir())
SHIPPED = [name for name in FOLDERS if (CATALOGS / name / "catalog.csv").exists()]


def test_every_folder_is_in_the_table_of_the_readme():
    listed = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\|.*\|$", readme(), flags=re.M)))
    assert set(FOLDERS) <= set(listed)
    assert set(SHIPPED) == {"apollo_impacts", "demo_earth", "demo_mars"}


def readme(folder: str = "") -> str:
    return (CATALOGS / folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_says_what_it_is(name):
    card = read_catalog_toml(CATALOGS / name)
    for key in ("description", "source", "licence", "body"):
        assert card.texts[key], key
    assert readme(name).startswith("# ")
    if name not in SHIPPED:
        assert card.texts["url"].startswith("https://")
        assert card.file.name in readme(name)
        assert f"seisml catalog catalogs/{name}" in readme(name)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_is_read_without_a_row_dropped(name):
    catalog = read_catalog(CATALOGS / name)
    assert catalog.name == name
    assert catalog.dropped == {}
    rows = len((CATALOGS / name / "catalog.csv").read_text().splitlines()) - 1
    assert len(catalog) == rows > 0
    assert all(file.exists() for file in catalog_files(CATALOGS / name)[:2])


def test_impacts_on_the_moon_are_those_of_apollo_12_to_17():
    catalog = read_catalog(CATALOGS / "apollo_impacts")
    assert (catalog.body, catalog.time_basis) == ("moon", "origin")
    assert catalog.events["label"].value_counts().to_dict() == {"S-IVB": 5, "LM": 4}
    first = catalog.events.iloc[0]
    assert first["event_id"] == "A12-LM"
    assert first["time_ns"] == to_ns("1969-11-20T22:17:17.7Z")
    assert (first["latitude"], first["longitude"]) == (-3.92, -21.172)
    # a third stage hits steeply and fast, an ascent stage from its low orbit
    speed = catalog.events.groupby("label")["velocity_m_s"].agg(["min", "max"])
    assert speed.loc["LM"].tolist() == [1670, 1700]
    assert speed.loc["S-IVB"].tolist() == [2543, 2655]
    near_side = catalog.events["longitude"].abs().max() < 40
    assert near_side


@pytest.mark.real
def test_impacts_are_in_the_event_list_of_the_seismometers(shared_data):
    """Nakamura's list has the same nine, to the minute, once the waves have arrived."""
    text = (shared_data / "lunar_apollo/catalogs/levent.1008.dat").read_text()
    cards = [line for line in text.splitlines() if line[76:77] in ("L", "S")]
    times = [f"19{c[2:4]} {c[5:8].strip().zfill(3)} {c[9:13]}" for c in cards]
    listed = pd.to_datetime(times, format="%Y %j %H%M").astype("datetime64[ns]").astype("int64")
    impacts = read_catalog(CATALOGS / "apollo_impacts").events
    assert len(cards) == len(impacts) == 9
    assert [card[76] for card in cards] == [label[0] for label in impacts["label"]]
    late_s = (np.asarray(listed) - impacts["time_ns"].to_numpy()) / NS_PER_S
    assert late_s.min() > -60  # minutes are cut, not rounded
    assert late_s.max() < 240


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The projects of the demonstration without their waveforms."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        for module in (earth, mars):
            patch.setattr(module, "run_tasks", lambda *args, **options: None)
        demo.make_projects(folder)
    return folder


@pytest.mark.parametrize(("name", "file"), [("earth", "truth.xml"), ("mars", "truth.csv")])
def test_the_truth_of_the_demonstration_is_the_one_that_it_plants(planned, name, file):
    kept, made = read_catalog(CATALOGS / f"demo_{name}"), read_catalog(planned / name / file)
    assert (kept.body, kept.time_basis) == (made.body, made.time_basis)
    for table in ("events", "picks"):
        pd.testing.assert_frame_equal(
            getattr(kept, table), getattr(made, table), check_dtype=False, check_like=True
        )
    expert = read_catalog(next(planned.glob(f"{name}/expert.{file[-3:]}")))
    assert 0 < len(expert) < len(kept)


def test_the_example_for_frames_runs():
    code = re.search(r"```python\n(.*?)```", readme(), flags=re.S)[1]
    names = {"frame": pd.DataFrame({"when": ["2020-01-01T00:00:00"], "score": [1.0]})}
    exec(code, names)
    assert len(names["catalog"]) == 1
    assert names["catalog"].body == "moon"
    assert catalog_from_frame is names["catalog_from_frame"]


def test_the_example_of_a_map_is_read(tmp_path):
    code = next(block for block in re.findall(r"```toml\n(.*?)```", readme(), flags=re.S))
    (tmp_path / "catalog.toml").write_text(code)
    (tmp_path / "labels.csv").write_text(
        "Fecha,Hora,Dur,Tipo,Prof (m),Mag\n29/02/2020,23:59:59,60,TR,1500,-9\n"
    )
    event = read_catalog(tmp_path).events.iloc[0]
    assert (event["label"], event["source_label"], event["depth_km"]) == ("tremor", "TR", 1.5)
    assert np.isnan(event["magnitude"])
