"""Blocks of a report on what it is of: the archive, and the model with its settings."""

import json
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from seisml.archive import Archive
from seisml.coverage import summary
from seisml.page import Block, columns_table, pairs_table
from seisml.training import Training


def archive_block(
    archive: Archive | None, scan: pd.DataFrame | None, counts: Mapping[str, int]
) -> Block:
    """Return what the archive holds, and what was rejected of it: see `seisml.report.Section`."""
    reasons = Counter({str(reason): int(n) for reason, n in counts.items() if n})
    if archive is not None:
        scan = summary(archive) if scan is None else scan
        rejected = archive.files["reason"]
        reasons.update(f"file: {reason}" for reason in rejected[rejected != ""])
    tables = []
    if scan is not None and len(scan):
        columns = dict(_scan_column(str(name), scan[name]) for name in scan)
        tables.append(columns_table(columns, "What the archive holds"))
    if reasons:
        names = sorted(reasons)
        columns = {"reason": ("", names), "number": (".0f", [reasons[name] for name in names])}
        tables.append(columns_table(columns, "Rejections and oddities"))
    return Block("Archive", [] if reasons else ["Nothing was rejected."], tables)


def _scan_column(name: str, values: pd.Series) -> tuple[str, tuple[str, pd.Series]]:
    """Return the heading of a column of a scan, and how its values are written."""
    kind = ".6g" if pd.api.types.is_numeric_dtype(values) else ""
    kind = {"start": "iso", "end": "iso"}.get(name, kind)
    for ending, unit in (("_hz", " (Hz)"), ("_s", " (s)"), ("_%", " (%)")):
        if name.endswith(ending):
            name = name.removesuffix(ending) + unit
    return name.replace("_", " "), (kind, values)


def card_blocks(training: Training) -> list[Block]:
    """Return the model's card and its settings, folded."""
    detector = training.detector
    card = [("features", f"{len(detector.columns)}, settings {detector.fingerprint}")]
    card += [("windows", f"{detector.grid.length_s:g} s every {detector.grid.hop_s:g} s")]
    card += [("thresholds", f"on {detector.on:.4g}, off {detector.off:.4g}")]
    card += _flat(detector.card)
    about = {"plan": dict(detector.plan), "detection": dict(detector.detection)}
    code = json.dumps({**about, "columns": list(detector.columns)}, indent=1, default=str)
    return [
        Block("Model card", tables=[pairs_table(card)], fold=True),
        Block("Settings and features of the model", code=code, fold=True),
    ]


def _flat(card: Mapping, name: str = "") -> list[tuple[str, object]]:
    rows = []
    for key, value in card.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}{key}: ")
        else:
            is_list = isinstance(value, (list, tuple))
            rows.append((f"{name}{key}", ", ".join(map(str, value)) if is_list else value))
    return rows
