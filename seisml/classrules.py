"""One state machine a class: tremor may be long and low, an earthquake in it short and high.

Classes with a rule of their own leave the score of the others: a window's score for such a class is
the probability of that class, and for all others together what is left of the event probability.
Each of them goes through the machine of `seisml.states` by itself, so events of different classes
may overlap.
"""

import dataclasses
import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from seisml.errors import ConfigError, did_you_mean
from seisml.states import EventRule, event_rule, events_from_windows
from seisml.windows import WindowGrid

OTHERS = ""
"""Stands for all classes without a rule of their own."""
ROUNDING = 1e-6
"""What is left by less is nothing: models give numbers of single precision."""
KEYS = ("on", "off_ratio", *[field.name for field in dataclasses.fields(EventRule)][2:])
"""What a class may have of its own."""


def class_rules(
    on: float, detection: Mapping, *, known: Sequence[str] | None = None
) -> dict[str, EventRule]:
    """Return the rule of each class that has one of its own, and of the others.

    Parameters
    ----------
    on : float
        Threshold of the detector; that of a class which states none.
    detection : mapping
        See `seisml.states.event_rule`; ``classes`` maps names to what differs for them, of `KEYS`.
    known : sequence of str, optional
        Classes of the detector.

    Returns
    -------
    dict of str to EventRule
        `OTHERS` first.

    Raises
    ------
    ConfigError
        If the detector does not know a class, or a rule has an unknown key or impossible values.

    Examples
    --------
    >>> own = {"off_ratio": 0.5, "classes": {"TR": {"on": 0.3, "min_duration_s": 60.0}}}
    >>> rules = class_rules(0.8, own)
    >>> rules["TR"].on, rules["TR"].off, rules["TR"].min_duration_s, rules[""].on
    (0.3, 0.15, 60.0, 0.8)
    """
    rules = {OTHERS: event_rule(on, detection)}
    for name, own in detection.get("classes", {}).items():
        where = f"[detection.classes.{name}]"
        if known is not None and name not in known:
            raise ConfigError(
                f"{where}: the detector knows no class {name!r}.", did_you_mean(name, known)
            )
        if not isinstance(own, Mapping):
            raise ConfigError(f"{where} must be a table, not {own!r}.", "For example: on = 0.4.")
        for key, value in own.items():
            if key not in KEYS:
                raise ConfigError(f"{where}: unknown key {key!r}.", did_you_mean(key, KEYS))
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number == (key == "begin"):
                raise ConfigError(f"{where}: {key} = {value!r} has the wrong type.")
        rules[name] = event_rule(own.get("on", on), {**detection, **own})
    return rules


def scores_by_class(
    event: np.ndarray, by_class: Mapping[str, np.ndarray], names: Iterable[str]
) -> dict[str, np.ndarray]:
    """Return the score of each class with a rule of its own, and what is left for the others.

    Parameters
    ----------
    event : numpy.ndarray, shape (n_windows,)
        Event probability.
    by_class : mapping of str to numpy.ndarray, shape (n_windows,)
        Probability of each class.
    names : iterable of str
        Of `class_rules`.
    """
    own = {name: np.asarray(by_class[name], np.float64) for name in names if name != OTHERS}
    left = np.asarray(event, np.float64) - sum(own.values(), np.zeros(len(event)))
    left = np.where(left < ROUNDING, 0.0, left) if own else left
    return {OTHERS: left, **own}


def events_by_class(
    chunks: Iterable[tuple[np.ndarray, Mapping[str, np.ndarray]]],
    grid: WindowGrid,
    rules: Mapping[str, EventRule],
) -> Iterator[tuple]:
    """Turn the scores of one station's windows into events of each class, chunk by chunk.

    Parameters
    ----------
    chunks : iterable of (time_ns, scores)
        Starts of windows in order of time, and the scores of each class of `rules`.
    grid : WindowGrid
    rules : mapping of str to EventRule
        From `class_rules`.

    Yields
    ------
    name, start_ns, end_ns, peak, peak_ns, n_windows
        Name of the class, `OTHERS` for those without a rule; see `seisml.states.RAW_COLUMNS`. In
        order of start as far as the machines have it: the same from any chunks.
    """

    def of_class(name: str, mine) -> Iterator[tuple]:
        scored = ((time_ns, scores[name]) for time_ns, scores in mine)
        for event in events_from_windows(scored, grid, rules[name]):
            yield name, *event

    copies = itertools.tee(chunks, len(rules))
    machines = [of_class(name, mine) for name, mine in zip(rules, copies, strict=True)]
    yield from heapq.merge(*machines, key=lambda event: (event[1], event[0]))
