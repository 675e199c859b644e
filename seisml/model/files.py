"""Model files: skops archives that hold data only, and the models that come with seisml."""

import dataclasses
import json
from collections.abc import Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from zipfile import ZIP_DEFLATED

from seisml.atomic import replacing
from seisml.errors import ModelError, did_you_mean
from seisml.model.calibration import from_dict
from seisml.model.detector import Detector
from seisml.model.verifier import Verifier
from seisml.windows import WindowGrid

PACKAGES = ("seisml", "scikit-learn", "skops", "numpy")
SCHEMA = 2
_MODELS = Path(str(resources.files("seisml") / "models"))
TRUSTED = (
    "numpy.dtype",
    "seisml.model.boosting.Boosting",
    "seisml.model.estimators.StaLtaThreshold",
    "seisml.model.estimators.StationScaler",
    "seisml.model.novelty.Novelty",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
"""Types beyond skops' own list that our classifiers are made of: data, no functions."""
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a file of another structure raises."""


def save_detector(detector: Detector, path) -> Path:
    """Write a Detector as a skops file: temporary name, synced, renamed.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "estimator": detector.estimator,
        "novelty": detector.novelty,
        "verifier": None if detector.verifier is None else detector.verifier.estimator,
        "about": json.dumps(_about(detector), sort_keys=True),
    }
    return write_skops(content, path)


def write_skops(content: dict, path) -> Path:
    """Write a skops file: temporary name, synced, renamed.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    import skops.io

    path = Path(path)
    try:
        with replacing(path) as part:
            skops.io.dump(content, part, compression=ZIP_DEFLATED)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error}.", "Choose another path.") from error
    return path


def read_skops(path: Path, *, trusted: Sequence[str] = (), hint: str) -> dict:
    """Read a skops file; no code of it is run.

    Parameters
    ----------
    path : pathlib.Path
    trusted : sequence of str
        Types that may be loaded besides those that seisml writes.
    hint : str
        What to do where the file holds others.

    Raises
    ------
    ModelError
        If it is no such file, or it holds types that are not trusted.
    """
    import zipfile

    import skops.io

    allowed = [*TRUSTED, *trusted]
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(allowed))
        if unknown:
            raise ModelError(
                f"{path} holds types that no seisml model has: {', '.join(unknown[:5])}.", hint
            )
        return skops.io.load(path, trusted=allowed)
    except (zipfile.BadZipFile, *MALFORMED) as error:
        raise ModelError(f"{path} is no seisml model: {error}.", "Train a new one.") from error


def _about(detector: Detector) -> dict:
    about = {
        field.name: getattr(detector, field.name)
        for field in dataclasses.fields(detector)
        if field.name not in ("estimator", "novelty", "grid", "calibration", "verifier")
    }
    if detector.verifier is not None:
        fields = dataclasses.fields(detector.verifier)[1:]
        about["verifier"] = {one.name: getattr(detector.verifier, one.name) for one in fields}
    for name in ("grid", "calibration"):
        about[name] = dataclasses.asdict(getattr(detector, name))
    about["versions"] = {name: version(name) for name in PACKAGES}
    return about


def shipped_models() -> list[str]:
    """Return the names of the models that come with seisml."""
    return sorted(p.stem for p in _MODELS.iterdir() if p.suffix == ".skops")


def find_model(model) -> Path:
    """Return the file of a model: a path as it is, a bare name from those that come with seisml.

    Raises
    ------
    ModelError
        If there is no such file and no such name.
    """
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) != 1:
        raise ModelError(f"There is no model {path}.", "Train one with 'seisml train'.")
    names = shipped_models()
    if path.name not in names:
        raise ModelError(
            f"No model {path.name!r} comes with seisml, and there is no such file.",
            did_you_mean(path.name, names) if names else "Train one with 'seisml train'.",
        )
    return _MODELS / f"{path.name}.skops"


def load_detector(path, *, trusted: Sequence[str] = ()) -> Detector:
    """Read a Detector; no code of the file is run.

    Parameters
    ----------
    path : path or str
        A file, or the bare name of a model that comes with seisml (`shipped_models`).
    trusted : sequence of str
        Further types that may be loaded, as "package.module.Class": those of a classifier that
        was trained by its import path. Only name what you know.

    Raises
    ------
    ModelError
        If there is no such file, it is no Detector, or it holds types that seisml does not write.
    """
    path = find_model(path)
    content = read_skops(
        path,
        trusted=trusted,
        hint="It was not loaded. If it is your own model of another package, name each type "
        "with --trust; else do not use it.",
    )
    try:
        if content.get("kind"):
            raise ModelError(
                f"{path} is no detector but a {content['kind']}: it names events, and finds none.",
                "Give it to 'seisml classify'; 'seisml train' makes detectors.",
            )
        if content["schema"] != SCHEMA:
            raise ModelError(f"{path} has schema {content['schema']}, not {SCHEMA}.", "Train anew.")
        about, estimator = json.loads(content["about"]), content["estimator"]
        about["grid"] = WindowGrid(**about["grid"])
        for name in ("columns", "always"):
            about[name] = tuple(about[name])
        if about.get("verifier"):
            given = {**about["verifier"], "columns": tuple(about["verifier"]["columns"])}
            about["verifier"] = Verifier(estimator=content["verifier"], **given)
        about["calibration"] = from_dict(about["calibration"])
        about["priors"] = {name: tuple(v) for name, v in about.get("priors", {}).items()}
        about["card"] = {**about["card"], "versions": about.pop("versions")}
    except MALFORMED as error:
        raise ModelError(f"{path} is no seisml model: {error}.", "Train a new one.") from error
    return Detector(estimator=estimator, novelty=content["novelty"], **about)
