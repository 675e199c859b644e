"""Files of event classifiers: skops archives that hold data only."""

import json
from importlib.metadata import version
from pathlib import Path

from seisml.errors import ModelError
from seisml.eventclasses import EventClassifier
from seisml.model.files import MALFORMED, PACKAGES, read_skops, shipped_models, write_skops

KIND = "seisml event classifier"
SCHEMA = 1


def save_classifier(classifier: EventClassifier, path) -> Path:
    """Write an event classifier as a skops file: temporary name, synced, renamed.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    about = {
        "columns": list(classifier.columns),
        "names": list(classifier.names),
        "plan": dict(classifier.plan),
        "families": dict(classifier.families),
        "card": {**classifier.card, "versions": {name: version(name) for name in PACKAGES}},
    }
    text = json.dumps(about, sort_keys=True, default=str)
    content = {"kind": KIND, "schema": SCHEMA, "estimator": classifier.estimator, "about": text}
    return write_skops(content, path)


def load_classifier(path) -> EventClassifier:
    """Read an event classifier; no code of the file is run.

    Raises
    ------
    ModelError
        If there is no such file, it is no event classifier, or it holds types that seisml does
        not write.
    """
    path = Path(path)
    if not path.is_file():
        detector = ": that is a detector" if str(path) in shipped_models() else ""
        raise ModelError(
            f"There is no event classifier {path}{detector}.",
            "Train one with 'seisml train-classes'.",
        )
    hint = "It was not loaded. Use only models from people you trust."
    content = read_skops(path, hint=hint)
    try:
        if content.get("kind") != KIND or content["schema"] != SCHEMA:
            raise ModelError(
                f"{path} is no event classifier of this version.",
                "Detectors are for 'seisml detect'; train one with 'seisml train-classes'.",
            )
        about = json.loads(content["about"])
        about |= {name: tuple(about[name]) for name in ("columns", "names")}
        return EventClassifier(estimator=content["estimator"], **about)
    except MALFORMED as error:
        raise ModelError(f"{path} is no seisml model: {error}.", "Train a new one.") from error
