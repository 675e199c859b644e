"""Folds: windows get blocks of time, stations or sets, these are dealt out, and rows are drawn.

Blocks of days stand apart; blocks with events are dealt first, so that every fold has some.
"""

import numpy as np
import pandas as pd

from seisml.codes import station_name
from seisml.errors import ModelError
from seisml.labels import EVENT, NOISE
from seisml.model import NOISE_CLASS, SOL_S, SOL_ZERO_NS, make_blocks
from seisml.times import NS_PER_S
from seisml.trainingrule import TrainingRule

EVEN_ODD = ("even_odd", "even-odd-sols")
BLOCKS = {"set": "training sets", "station": "stations"}
"""Splits whose blocks are no times, and what they are called."""
MIN_BLOCKS = 3
MIN_NOISE = 1000


def deal(windows: pd.DataFrame, rule: TrainingRule) -> pd.DataFrame:
    """Return labelled windows with their block and fold.

    Raises
    ------
    ModelError
        If fewer than two blocks hold events, or noise.
    """
    windows = windows.assign(block=_blocks(windows, rule))
    windows["fold"] = _folds(windows, rule)
    for name in ("line", "station", "y", "event_id"):  # a few texts, repeated a million times
        windows[name] = windows[name].astype("category")
    return windows


def _blocks(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Return the validation block of each window; sets that overlap in time share theirs."""
    time_ns = windows["time_ns"].to_numpy()
    if rule.split in BLOCKS:
        names = windows["set"]
        if rule.split == "station":  # its sensors feel the same ground
            names = windows["station"].astype(str).map(station_name)
        return pd.factorize(names, sort=True)[0].astype(np.int64)
    if rule.split == "even-odd-sols":
        sol = (time_ns - SOL_ZERO_NS) // round(SOL_S * NS_PER_S)
        return sol - sol.min() // 2 * 2  # an even sol stays even
    spans = windows.groupby("set")["time_ns"].agg(["min", "max"]).sort_values("min")
    new = spans["min"].to_numpy()[1:] > spans["max"].cummax().to_numpy()[:-1]
    era = dict(zip(spans.index, np.cumsum(np.r_[0, new]), strict=True))
    eras = windows["set"].map(era).to_numpy()
    length = {"block_s": rule.block_s, "zero_ns": rule.zero_ns}
    blocks, n_blocks = np.zeros(len(windows), dtype=np.int64), 0
    for number in range(max(era.values()) + 1):
        mine = eras == number
        found = make_blocks(time_ns[mine], min_blocks=MIN_BLOCKS, **length)
        blocks[mine] = n_blocks + found
        n_blocks += int(found.max()) + 1
    return blocks


def _folds(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Deal the blocks to folds in turn."""
    blocks = windows["block"].to_numpy()
    state = windows["state"].to_numpy()
    n_blocks = int(blocks.max()) + 1
    two = dict.fromkeys(EVEN_ODD, 2)
    n_folds = ({"blocks": min(rule.n_folds, n_blocks)} | two).get(rule.split, n_blocks)
    with_events = np.isin(np.arange(n_blocks), blocks[state == EVENT])
    # Blocks with events are dealt first, so that no fold goes without while another has two.
    if rule.split == "blocks":
        dealt = np.argsort(~with_events, kind="stable")
    else:
        dealt = np.arange(n_blocks)
    fold = np.empty(n_blocks, dtype=np.int64)
    fold[dealt] = np.arange(n_blocks) % n_folds
    called = BLOCKS.get(rule.split, "blocks of time")
    for what, wanted in (("event", EVENT), ("noise", NOISE)):
        n_with = len(np.unique(fold[blocks[state == wanted]]))
        if n_with < 2:
            raise ModelError(
                f"{n_with} of {n_blocks} {called} hold {what} windows; two are needed to train on "
                "one and test on the other.",
                _more(rule),
            )
    return fold[blocks]


def _more(rule: TrainingRule) -> str:
    """Return what to do where too few blocks hold what is to be learnt."""
    if rule.split in BLOCKS:
        other = "take another split (blocks)"
    else:
        other = "take shorter blocks (block_days)"
    return (
        "'seisml labels' counts events and what was ignored. Check that the catalogue covers the "
        f"archive's time and stations, or {other}."
    )


def short_of_blocks(windows: pd.DataFrame, rule: TrainingRule) -> str:
    """Say where the records are too short for the wanted blocks or folds; "" where they are not."""
    if rule.split != "blocks":
        return ""
    n_blocks, days = int(windows["block"].max()) + 1, rule.block_s / 86_400
    days = f"{days:g} day{'s' * (days != 1)}"
    wanted = (windows["time_ns"].to_numpy() - rule.zero_ns) // round(rule.block_s * NS_PER_S)
    n_wanted = len(np.unique(wanted))
    if n_wanted < MIN_BLOCKS:
        return (
            f"the records lie in {n_wanted} of the blocks of {days}: {n_blocks} parts of "
            "them are the blocks of the validation, which says less of other days"
        )
    if n_blocks < rule.n_folds:
        return f"there are {n_blocks} blocks of {days}: as many folds, not {rule.n_folds}"
    return ""


def draw(windows: pd.DataFrame, rule: TrainingRule) -> np.ndarray:
    """Return rows for training: all events and named noise, and noise from all blocks."""
    rng = np.random.default_rng(rule.seed)
    state, number = windows["state"].to_numpy(), windows["set"].to_numpy()
    named = (windows["y"] != NOISE_CLASS).to_numpy()
    block, drawn = windows["block"].to_numpy(), []
    total = max(int((state == EVENT).sum()), 1)
    for k in np.unique(number):
        mine = number == k
        event = np.flatnonzero(mine & (state == EVENT))
        # Limits are shared out as the sets' events are.
        limit = max(round(rule.max_windows * len(event) / total), 2)
        if len(event) > limit // 2:
            event = rng.choice(event, limit // 2, replace=False)
        special = np.flatnonzero(mine & (state == NOISE) & named)
        if len(special) > limit - len(event):  # from all blocks, not from the first days
            special = _from_blocks(special, block[special], limit - len(event), rng)
        noise = np.flatnonzero(mine & (state == NOISE) & ~named)
        n_noise = max(round(rule.noise_per_event * len(event)), MIN_NOISE)
        n_noise = max(min(n_noise, limit - len(event) - len(special)), min(MIN_NOISE, len(noise)))
        drawn += [event, special, _from_blocks(noise, block[noise], n_noise, rng)]
    return np.sort(np.concatenate(drawn))


def _from_blocks(rows: np.ndarray, block: np.ndarray, n: int, rng) -> np.ndarray:
    """Draw n rows, from each block in proportion to its size."""
    if n >= len(rows):
        return rows
    order = rng.permutation(len(rows))
    order = order[np.argsort(block[order], kind="stable")]
    # Every (rows/n)-th of the shuffled blocks one after the other.
    return rows[order[np.floor((np.arange(n) + rng.random()) * len(rows) / n).astype(int)]]
