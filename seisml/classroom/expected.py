"""What a teacher can expect: simulated submissions on several seeds, with their spread."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from seisml.classroom.baselines import NAMES, baselines
from seisml.classroom.exercise import make_exercise, read_key
from seisml.classroom.lessons import numbers
from seisml.classroom.scoring import leaderboard, score_files

_SHOWN = ("score", "recall", "precision", "f1", "class_score", "onset_error_s")


def spread(
    seeds: Iterable[int],
    *,
    folder=None,
    names=NAMES,
    on_progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return mean and standard deviation over seeds of what simulated teams reach.

    Parameters
    ----------
    seeds : iterable of int
    folder : path-like, optional
        Where exercises, submissions and leaderboards are kept, by default nowhere.
    names : sequence of str
        Of `seisml.classroom.baselines.NAMES`.
    on_progress : callable, optional
        Called with what is being done.

    Returns
    -------
    pandas.DataFrame
        One row a team: "mean ± standard deviation" of each measure.
    """
    say = on_progress or (lambda text: None)
    boards = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in seeds:
            say(f"seed {seed}")
            home = Path(folder or scratch) / f"seed-{seed}"
            student, path = make_exercise(home, seed=seed)
            key = read_key(path)
            files = baselines(student, key, home / "submissions", names=names)
            board = leaderboard(score_files(files, key))
            board.to_csv(home / "leaderboard.csv", index=False, float_format="%.4f")
            boards.append(board.assign(seed=seed))
    every = pd.concat(boards)
    rows = []
    for name in names:
        mine = every[every["team"] == name]
        rows.append({"team": name, **{m: _spread(mine[m]) for m in _SHOWN}})
    return pd.DataFrame(rows)


def lessons(
    seeds: Iterable[int], *, on_progress: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Return mean and standard deviation over seeds of what the notebooks come to.

    Parameters
    ----------
    seeds : iterable of int
    on_progress : callable, optional
        Called with what is being done.

    Returns
    -------
    pandas.DataFrame
        Columns notebook, result, value ("mean ± standard deviation").
    """
    say, found = on_progress or (lambda text: None), []
    for seed in seeds:
        say(f"lessons, seed {seed}")
        found.append(numbers(seed))
    table = pd.DataFrame(found)
    rows = [(*name.split(": ", 1), _spread(table[name])) for name in table]
    return pd.DataFrame(rows, columns=["notebook", "result", "value"])


def _spread(values: pd.Series) -> str:
    known = values.dropna().to_numpy()
    if not len(known):
        return "-"
    text = f"{known.mean():.3f}"
    return f"{text} ± {np.std(known, ddof=1):.3f}" if len(known) > 1 else text
