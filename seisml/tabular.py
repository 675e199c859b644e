"""Tables that seisml did not make: a CSV of features and labels becomes samples to learn from.

What cannot be a feature is left out with its reason: text, constants, columns that count the rows.
Nothing is filled: a missing value stays missing.
"""

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.errors import TableError, did_you_mean
from seisml.model import make_blocks
from seisml.tablecolumns import MIN_ROWS, Columns, numbers_of, without_constants

N_BLOCKS = 20
"""Blocks of rows where neither times nor groups are known."""
UNSURE = "?"
"""What a reviewer writes for a row that should not count."""


@dataclasses.dataclass(frozen=True)
class Samples:
    """Rows with features, a class and a block each.

    Attributes
    ----------
    name : str
    X : pandas.DataFrame of float64, shape (n_rows, n_features)
    y : numpy.ndarray of str, shape (n_rows,)
    block : numpy.ndarray of int64, shape (n_rows,)
        Rows of one block are never on both sides of a split.
    time_ns : numpy.ndarray of int64, shape (n_rows,), or None
    row : numpy.ndarray of int64, shape (n_rows,)
        Line of the row in the file, the first after the head being 1.
    blocks_are : str
        What a block is, in words.
    left_out : tuple of (str, str)
        Columns that are no features, and why.
    dropped : dict of str to int
        Rows that are not used, by reason.
    notes : tuple of str
        What is odd in the table.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    block: np.ndarray
    time_ns: np.ndarray | None
    row: np.ndarray
    blocks_are: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in order of their names."""
        return tuple(sorted(set(self.y.tolist())))

    def __len__(self) -> int:
        return len(self.y)


def read_frame(path, *, beside: Sequence = ()) -> pd.DataFrame:
    """Read a CSV, with the columns of further files that have the same rows.

    Parameters
    ----------
    path : path
    beside : sequence of path
        CSV files with the same rows in the same order. A column that both have must agree.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    TableError
        If a file cannot be read, or the rows are not the same.
    """
    frame = _read_csv(path)
    for other in beside:
        more = _read_csv(other)
        if len(more) != len(frame):
            raise TableError(
                f"{other} has {len(more)} rows, {path} has {len(frame)}.",
                "Files beside a table need the same rows in the same order.",
            )
        for name in frame.columns.intersection(more.columns):
            mine, theirs = frame[name], more[name]
            differ = np.flatnonzero((mine != theirs) & mine.notna() & theirs.notna())
            if len(differ):
                at = differ[0]
                raise TableError(
                    f"Row {at + 1}: {name} is {mine[at]!r} in {path}, {theirs[at]!r} in {other}.",
                    "Files beside a table need the same rows in the same order.",
                )
            frame = frame.assign(**{name: mine.where(mine.notna(), theirs)})
        frame = pd.concat([frame, more.drop(columns=frame.columns, errors="ignore")], axis=1)
    return frame


def _read_csv(path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, low_memory=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.", "Check the path.") from error


def samples_of(
    frame: pd.DataFrame,
    columns: Columns,
    *,
    name: str = "table",
    block_s: float = 86_400.0,
    n_folds: int = 5,
    corrections: Mapping[int, str] | None = None,
) -> Samples:
    """Turn a table into samples: features, classes and blocks.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : Columns
    name : str
    block_s : float, s
        Length of a block where there are times.
    n_folds : int
        Folds that the blocks must suffice for.
    corrections : mapping of int to str, optional
        Corrected label by row, see `seisml.audit.read_review`; "?" leaves the row out.

    Returns
    -------
    Samples

    Raises
    ------
    TableError
        If a named column is not there, a pattern fits nothing, blocks are asked for by time and by
        group, fewer than two classes have enough rows, or no feature is left.
    """
    if columns.time and columns.group:
        raise TableError(
            f"Blocks are of {columns.time} or of {columns.group}: they cannot be of both.",
            "Name --time, or --group; leave the other out of the features with --drop.",
        )
    for one in (columns.label, columns.time, columns.group):
        if one and one not in frame.columns:
            raise TableError(f"{name} has no column {one!r}.", did_you_mean(one, frame.columns))
    for pattern in (*columns.drop, *(one for one in columns.keep if one != "*")):
        if not fnmatch.filter(map(str, frame.columns), pattern):
            raise TableError(
                f"{name} has no column {pattern!r} to drop or keep.",
                did_you_mean(pattern, frame.columns),
            )
    notes: list[str] = []
    label = _labels(frame[columns.label], columns, corrections or {})
    X, left_out = numbers_of(frame, columns, label.to_numpy(), notes)
    _some_features(X, left_out, name)
    keep, dropped = _rows(frame, columns, X, label, notes)
    X, left_out = without_constants(X[keep], columns, left_out)
    _some_features(X, left_out, name)
    y = label[keep].to_numpy(str)
    block, time_ns, words = _blocks(frame[keep], columns, y, block_s, n_folds)
    return Samples(
        name=name,
        X=X.reset_index(drop=True),
        y=y,
        block=block,
        time_ns=time_ns,
        row=np.flatnonzero(keep) + 1,
        blocks_are=words,
        left_out=tuple(left_out),
        dropped=dropped,
        notes=tuple(notes),
    )


def _some_features(X: pd.DataFrame, left_out, name: str) -> None:
    if X.shape[1] == 0:
        raise TableError(
            f"{name} has no column that can be a feature.",
            "; ".join(f"{column}: {why}" for column, why in left_out[:5]) + ".",
        )


def _labels(values: pd.Series, columns: Columns, corrections: Mapping[int, str]) -> pd.Series:
    """Return the class of each row as text, "" for none."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    label = values.astype("string").fillna("").str.strip()
    known = label.unique()
    for pattern in columns.rename:
        if not fnmatch.filter(known, pattern):
            raise TableError(
                f"No label is like {pattern!r}, which --rename names.",
                did_you_mean(pattern.rstrip("*"), [one for one in known if one]),
            )
    meaning = {}
    for one in known:
        fits = (to for pattern, to in columns.rename.items() if fnmatch.fnmatchcase(one, pattern))
        meaning[one] = next(fits, one)
    label = label.map(meaning).astype(object)
    if columns.rest:
        label[label == ""] = columns.rest
    for row, decision in corrections.items():
        if not 1 <= row <= len(label):
            raise TableError(f"The review names row {row}, the table has {len(label)}.")
        label.iloc[row - 1] = "" if decision == UNSURE else decision
    return label


def _rows(frame, columns: Columns, X: pd.DataFrame, label: pd.Series, notes: list[str]):
    """Return which rows count, and how many do not for which reason."""
    dropped: dict[str, int] = {}
    keep = np.ones(len(frame), dtype=bool)

    def leave(rows: np.ndarray, why: str) -> None:
        n = int((keep & rows).sum())
        if n:
            dropped[why] = dropped.get(why, 0) + n
        keep[rows] = False

    leave((label == "").to_numpy(), "no label")
    empty = X.isna().all(axis=1).to_numpy()
    if empty.all():
        raise TableError(
            f"None of the {len(X)} rows has a value in any of the {X.shape[1]} features.",
            "Check how the table was made, and what --drop leaves.",
        )
    leave(empty, "no features")
    odd, copies = _copies(X[keep], label[keep])
    # A copy would stand on both sides of a split. Two classes for one row: neither counts.
    at, every = np.flatnonzero(keep), np.arange(len(frame))
    leave(np.isin(every, at[odd]), "copy of a row of another class")
    leave(np.isin(every, at[copies]), "copy of another row")
    if columns.time:
        leave(frame[columns.time].isna().to_numpy(), "no time")
    if columns.group:
        leave(frame[columns.group].isna().to_numpy(), "no group")
    sizes = label[keep].value_counts()
    for name in sorted(sizes.index[sizes < MIN_ROWS]):
        leave((label == name).to_numpy(), f"class {name} has fewer than {MIN_ROWS} rows")
        n = f"{sizes[name]} row{'s' * int(sizes[name] > 1)}"
        notes.append(f"the class {name} has {n}: too few to learn or to score")
    sizes = label[keep].value_counts()
    if len(sizes) < 2:
        have = ", ".join(f"{name}: {n}" for name, n in sizes.items()) or "none"
        told = [f"{n} {reason}" for reason, n in dropped.items()] or ["none left out"]
        more = len(told) - 3
        why = "; ".join(told[:3] + ([f"{more} more such reasons"] if more > 0 else []))
        raise TableError(
            f"{columns.label} has {len(sizes) or 'no'} class with at least {MIN_ROWS} rows "
            f"({have}); rows: {why}.",
            "Two are needed: label more, or join rare ones (of a table --rename and --rest, of "
            "events --taxonomy and --level 1).",
        )
    return keep, dropped


def _copies(X: pd.DataFrame, label: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows have the features of a row of another class, and of an earlier row."""
    key = pd.util.hash_pandas_object(X, index=False).to_numpy()
    n_labels = label.groupby(key).transform("nunique").to_numpy()
    return n_labels > 1, pd.Series(key).duplicated().to_numpy() & (n_labels == 1)


def _blocks(frame: pd.DataFrame, columns: Columns, y: np.ndarray, block_s: float, n_folds: int):
    """Return the block and the time of each row, and what a block is."""
    if columns.time:
        return _blocks_of_time(frame[columns.time], columns, block_s, n_folds)
    if columns.group:
        groups = frame[columns.group].astype(str)
        block = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        return block, None, f"a {columns.group}"
    # Rows mostly stand in order of time: neighbours in a class stay together.
    block = np.zeros(len(y), dtype=np.int64)
    for name in np.unique(y):
        rows = np.flatnonzero(y == name)
        block[rows] = np.arange(len(rows)) * min(N_BLOCKS, len(rows)) // len(rows)
    words = f"consecutive rows of each class (1/{N_BLOCKS} of them; no time or group was named)"
    return block, None, words


def _blocks_of_time(values: pd.Series, columns: Columns, block_s: float, n_folds: int):
    if pd.api.types.is_numeric_dtype(values):
        rank = values.rank(method="dense").to_numpy(np.int64) - 1
        n = int(rank.max()) + 1
        block = rank * min(N_BLOCKS, n) // n
        return block, None, f"consecutive values of {columns.time} (1/{N_BLOCKS} of them)"
    when = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    if when.isna().any():
        bad = values[when.isna()].iloc[0]
        raise TableError(
            f"{columns.time} has {int(when.isna().sum())} values that are no ISO 8601 times, as "
            f"{bad!r}.",
            "Name another column, or numbers that give the order.",
        )
    time_ns = when.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    block = make_blocks(time_ns, block_s=block_s, min_blocks=2 * n_folds)
    n_blocks = int(block.max()) + 1
    length = "a day" if block_s == 86_400 else f"{block_s / 86_400:g} days"
    return block, time_ns, f"{n_blocks} block{'s' * (n_blocks > 1)} of time (of {length})"
