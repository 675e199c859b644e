"""What README says works as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pandas as pd
import pytest

from seisml.extract import extract
from seisml.formats import write_catalog
from seisml.project import open_project
from seisml.settings import plan_of
from seisml.synthetics import make_archive_small

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the code blocks of README in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


@pytest.fixture(scope="module")
def demo_like(tmp_path_factory) -> Path:
    """A small archive where README's example expects the demonstration."""
    folder = tmp_path_factory.mktemp("docs")
    earth = folder / "seisml-demo" / "earth"
    truth = make_archive_small(earth / "archive")
    write_catalog(truth.expert, earth / "expert.xml")
    (earth / "seisml.toml").write_text('profile = "earth-local"\n[archive]\npath = "archive"\n')
    project = open_project(earth / "seisml.toml")
    extract(project.open_archive(index=False), project.store, plan_of(project.config), jobs=2)
    return folder


def test_python_example_runs(demo_like):
    """The example in Python runs where the demonstration was run."""
    code = next(block for block in blocks("python") if "open_archive(" in block)
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=demo_like, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert "f_centroid.Z" in run.stdout


def test_shard_opens_with_three_lines(demo_like):
    """A shard opens with plain h5py and pandas, as README says."""
    code = next(block for block in blocks("python") if "h5py.File(shard)" in block)
    shard = next((demo_like / "seisml-demo/earth/results/features").glob("*/*.h5"))
    names = {"h5py": h5py, "pd": pd, "shard": shard}
    exec(code, names)
    assert len(names["table"]) > 1000
    assert "f_centroid.Z" in names["table"].columns
    assert str(names["table"].index.dtype).startswith("datetime64")


def test_user_feature_works():
    """The feature that README adds is computed like any other."""
    code = next(block for block in blocks("python") if "peak_factor" in block)
    from seisml.features import REGISTRY, compute

    try:
        exec(code, {"__name__": "user_code"})
        rng_free = [float((i * 7919) % 101) for i in range(4000)]
        found = compute(rng_free, 100.0, length_s=10, hop_s=5, names=["peak_factor"])
        assert found["peak_factor"].iloc[0] == pytest.approx(50 / 29.15, rel=0.02)
    finally:
        REGISTRY.pop("peak_factor", None)


def test_commands_of_readme_exist():
    """Every verb and profile that README names is there."""
    from seisml.config import profile_names

    helped = subprocess.run(
        [sys.executable, "-m", "seisml.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for verb in set(re.findall(r"^seisml ([a-z]+)", "\n".join(blocks("bash")), flags=re.M)):
        assert re.search(rf"\b{verb}\b", helped), verb
    for name in profile_names():
        assert f"`{name}`" in README


def test_the_table_of_features_is_that_of_the_registry():
    """README's table is what ``seisml features --markdown`` prints."""
    from seisml.features.explain import markdown

    _, _, rest = README.partition("<!-- features: seisml features --markdown -->\n")
    table, _, _ = rest.partition("\n<!-- end of features -->")
    assert table == markdown(), "seisml features --markdown"
    assert table.count("\n") >= 80


def test_a_plugin_joins_by_its_entry_point(tmp_path):
    """A package that names a module in the group seisml.features adds its features; also to -j."""
    (tmp_path / "my_plugin.py").write_text(
        "from seisml.features import feature\n"
        "@feature('', group='user', formula='max/rms', invariances='GO')\n"
        "def my_plugin_crest(w):\n"
        "    'Ratio of the largest sample to the RMS amplitude.'\n"
        "    return w.sums('max').max(axis=1) / w.moments[1] ** 0.5\n"
    )
    info = tmp_path / "my_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n")
    points = info / "entry_points.txt"
    points.write_text("[seisml.features]\nmine = my_plugin\n")
    run = [sys.executable, "-m", "seisml.cli", "features", "my_plugin_crest"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    options = {"env": environment, "capture_output": True, "text": True}
    found = subprocess.run(run, check=True, **options)
    assert "max/rms" in found.stdout
    points.write_text("[seisml.features]\nmine = my_plugim\n")
    failed = subprocess.run(run, check=False, **options)
    assert failed.returncode == 2
    assert "plug-in mine = my_plugim" in failed.stderr
    assert "Traceback" not in failed.stderr
