"""The layers hold: arrows point one way, heavy packages have one home."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "seisml"
LAYERS = [
    {"errors", "iso8601"},
    {"codes", "times", "atomic", "fills", "executors", "remote"},
    {"rates"},
    {
        "config",
        "planets",
        "windows",
        "intervals",
        "catalog",
        "joining",
        "matched",
        "index",
        "terminal",
        "inventory",
    },
    {"filters", "marstime", "states", "insight", "glitches", "starts"},
    {
        "segments",
        "files",
        "miniseed",
        "metadata",
        "assignment",
        "comparison",
        "described",
        "magnitudes",
        "taxonomy",
        "occurrence",
    },
    {"changes"},
    {"matching", "statistics", "scores", "picker", "moveout", "pieces", "glitchfits"},
    {"cleaning", "classrules"},
    {"preparation"},
    {"sources", "deconvolution", "neighbours", "wavefront", "networkevents"},
    {"decoding", "shards", "voting", "grouping"},
    {
        "pooling",
        "features",
        "store",
        "formats",
        "travel_times",
        "synthetics",
        "waveforms",
        "response",
    },
    {"archive", "claims", "plan"},
    {"covariates", "cuts", "measures", "beforeafter", "donors"},
    {"stationday"},
    {
        "extract",
        "labels",
        "model",
        "onset",
        "outcomes",
        "associate",
        "coverage",
        "fetch",
        "importance",
        "eventfeatures",
        "discovery",
        "networkfeatures",
    },
    {"emergent", "classprobabilities", "warm", "ends"},
    {"tablecolumns"},
    {"compare", "tabular", "similarity", "detections", "eventsnr", "support", "chance"},
    {"suspicions", "templates", "candidates"},
    {"correlating", "verification"},
    {"repeats"},
    {"detect", "resampling", "evaluation"},
    {"metrics", "completeness", "audit", "eventclasses", "windowscores", "classscores"},
    {"classfiles"},
    {"plots"},
    {"trainingset", "trainingrule", "summaries", "curves"},
    {"baseline"},
    {"folds", "resuming"},
    {"crossfit", "labelcounts", "levels"},
    {"scoredlines", "transfer", "injection", "trainingcard"},
    {"thresholds"},
    {"heldout", "searching"},
    {"verifying"},
    {"training", "page", "scorer"},
    {"report", "settings", "applied"},
    {"project", "experts", "recipes", "generation"},
    {"pretraining"},
    {"catalog_files"},
    {"run", "setfiles"},
    {"demo", "classroom"},
    {"steps"},
    {"comparing", "telling", "preparing", "detecting"},
    {"judging"},
    {"storeevaluation"},
    {"cli"},
    {"__main__"},
]
HOMES = {
    "obspy": {
        "archive",
        "decoding",
        "waveforms",
        "miniseed",
        "formats",
        "travel_times",
        "synthetics",
        "detect",
        "inventory",
        "fetch",
        "injection",
    },
    "h5py": {"shards"},
    "sklearn": {"model", "evaluation", "discovery"},
    "skops": {"model", "eventclasses"},
    "matplotlib": {"plots"},
    "jinja2": {"page"},
    "rich": {"terminal"},
    "typer": {"cli"},
    "sqlite3": {"index"},
    "filelock": {"claims"},
    "distributed": {"executors"},
    "numba": {"features"},
    "fsspec": {"remote"},
    "jupytext": {"classroom"},
    "nbclient": {"classroom"},
    "nbformat": {"classroom"},
    "nbconvert": {"classroom"},
}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules() -> list[tuple[str, Path]]:
    """Return (top-level name, file) of every module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        name = relative.parts[0].removesuffix(".py")
        if name != "__init__":
            found.append((name, path))
    return found


def imports(path: Path) -> set[str]:
    """Return the dotted names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def test_every_module_has_a_layer():
    """A new module is put into the list on purpose."""
    assert {name for name, _ in modules()} == set(LEVEL)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: getattr(value, "stem", ""))
def test_imports_point_down(name, path):
    """A module imports only from layers above it in the list, never sideways."""
    for dotted in imports(path):
        parts = dotted.split(".")
        if parts[0] != "seisml" or len(parts) == 1 or parts[1] not in LEVEL:
            continue
        other = parts[1]
        assert other == name or LEVEL[other] < LEVEL[name], f"{path.name} imports {dotted}"


@pytest.mark.parametrize("package", sorted(HOMES))
def test_heavy_packages_have_one_home(package):
    """Only the homes of a heavy package import it."""
    users = {
        name
        for name, path in modules()
        for dotted in imports(path)
        if dotted.split(".")[0] == package
    }
    assert users <= HOMES[package]
    assert users


def loaded_after(statement: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_is_light():
    """``import seisml`` loads neither scikit-learn nor matplotlib nor ObsPy."""
    assert not loaded_after("import seisml") & {"sklearn", "matplotlib", "obspy", "h5py", "pandas"}


def test_features_work_without_obspy():
    """The feature functions need NumPy, SciPy and pandas only."""
    found = loaded_after("import seisml.features; seisml.features.resolve()")
    assert not found & {"obspy", "sklearn", "matplotlib", "h5py"}


def test_public_names_exist():
    """Every public name is there, sorted, and no name is hidden by a module of the same name."""
    import seisml

    assert seisml.__all__ == sorted(seisml.__all__)
    for name in seisml.__all__:
        assert getattr(seisml, name) is not None
        assert name not in LEVEL


def test_help_is_fast_to_import():
    """``seisml --help`` loads none of the scientific packages."""
    found = loaded_after("import seisml.cli")
    assert not found & {"numpy", "scipy", "pandas", "obspy", "sklearn", "matplotlib", "h5py"}
