"""LabelRule: how long an event lasts at a station, and how much its windows weigh."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.errors import CatalogError, ConfigError, did_you_mean

RULES = ("auto", "picks", "intervals", "origins", "delay")
WEIGHTS = ("none", "quality", "magnitude")
QUALITY_WEIGHTS = {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25}


@dataclasses.dataclass(frozen=True)
class LabelRule:
    """How long an event lasts at a station, and how sure its limits are.

    Attributes
    ----------
    rule : str
        ``picks``: from P to S + coda_factor (S - P); ``intervals``: the catalogue's start and
        end; ``origins``: travel times of P and S; ``delay``: origin + delay_s at every station
        (a network a few kilometres wide); ``auto``: the first of picks, intervals, origins that
        the catalogue allows.
    delay_s : float, s
        Travel time of the rule ``delay``.
    uncertainty_s : float, s
        Standard deviation of an onset for which the catalogue states none.
    min_duration_s : float, s
        Shortest event; also the duration where there is no S.
    coda_factor : float
        How many times S - P an event lasts after S.
    event_share : float
        A window is an event if the event covers this share of the window (or the window this
        share of the event, whichever is shorter).
    ignore_after_s : float, s
        Coda after the end that is neither event nor noise.
    onset_s : float, s
        Where it is more than 0, only windows of an event whose middle is this near its onset are
        events. What follows the onset, S and coda, is no other onset: after `ignore_after_s` it is
        noise. The model learns how events begin, so that events in each other's coda stay apart.
    start, end : str
        The time that the expert looked at (ISO 8601); windows outside are neither. "" is open.
    noise_labels : tuple of str
        The expert's classes that are no events: glitches, dust devils, blasts. For detection
        they are noise; for a classifier of several classes they are the classes
        "noise: glitch" and so on.
    unsure_labels : tuple of str
        The expert's classes that may be anything, such as suspicious signals: windows that touch
        them are neither event nor noise.
    weight_by : str
        What an event's windows weigh in training: ``none``, ``quality`` or ``magnitude``, see
        `event_weights`.
    quality_weights : mapping of str to float
        Weight of each of the expert's grades.
    """

    rule: str = "auto"
    delay_s: float = 0.0
    uncertainty_s: float = 0.5
    min_duration_s: float = 3.0
    coda_factor: float = 1.5
    event_share: float = 0.5
    ignore_after_s: float = 10.0
    onset_s: float = 0.0
    start: str = ""
    end: str = ""
    noise_labels: tuple[str, ...] = ()
    unsure_labels: tuple[str, ...] = ()
    weight_by: str = "none"
    quality_weights: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(QUALITY_WEIGHTS)
    )

    def __post_init__(self):
        if self.rule not in RULES:
            raise ConfigError(
                f"There is no label rule {self.rule!r}.", did_you_mean(self.rule, RULES)
            )
        if self.weight_by not in WEIGHTS:
            raise ConfigError(
                f"Windows cannot be weighed by {self.weight_by!r}.",
                did_you_mean(self.weight_by, WEIGHTS),
            )
        if not all(0 < w < np.inf for w in self.quality_weights.values()):
            raise ConfigError(
                f"quality_weights = {dict(self.quality_weights)} must all be more than 0.",
                "Give a grade that should not be learnt from a small weight.",
            )

    def is_noise(self, labels: pd.Series) -> pd.Series:
        """Return which labels are of ``noise_labels``, joined ones if all of their parts are.

        Examples
        --------
        >>> rule = LabelRule(noise_labels=("GLITCH", "DONK"))
        >>> rule.is_noise(pd.Series(["GLITCH", "DONK;GLITCH", "GLITCH;QUAKE", ""])).tolist()
        [True, True, False, False]
        """
        return _all_of(labels, self.noise_labels)

    def is_unsure(self, labels: pd.Series) -> pd.Series:
        """Return which labels are of ``unsure_labels``, joined ones if one of their parts is.

        Examples
        --------
        >>> rule = LabelRule(unsure_labels=("ODD",))
        >>> rule.is_unsure(pd.Series(["ODD", "QUAKE;ODD", "QUAKE"])).tolist()
        [True, True, False]
        """
        known = set(self.unsure_labels)
        unsure = {label for label in labels.unique() if known & set(str(label).split(";"))}
        return labels.isin(unsure)

    def is_event(self, labels: pd.Series) -> pd.Series:
        """Return which labels are events: neither of ``noise_labels`` nor ``unsure_labels``."""
        return ~self.is_noise(labels) & ~self.is_unsure(labels)


def _all_of(labels: pd.Series, known) -> pd.Series:
    known = set(known)
    every = {label for label in labels.unique() if known.issuperset(str(label).split(";"))}
    return labels.isin(every)


def event_weights(events: pd.DataFrame, rule: LabelRule) -> np.ndarray:
    """Return how much the windows of each event weigh in training.

    Parameters
    ----------
    events : pandas.DataFrame
        Of a catalogue: columns quality and magnitude.
    rule : LabelRule
        ``quality``: ``quality_weights`` of the event's grade; ``magnitude``: 10^((M - m)/2) with m
        the median magnitude, from 1/4 to 4, so that an event two magnitudes above the median
        counts four times. An event without grade or magnitude weighs 1.

    Returns
    -------
    numpy.ndarray of float, shape (n_events,)

    Raises
    ------
    CatalogError
        If no event has a grade of the table, or a magnitude.

    Examples
    --------
    >>> events = pd.DataFrame({"quality": ["A", "D", ""], "magnitude": np.nan})
    >>> event_weights(events, LabelRule(weight_by="quality")).tolist()
    [1.0, 0.25, 1.0]
    """
    if rule.weight_by == "none" or not len(events):
        return np.ones(len(events))
    if rule.weight_by == "quality":
        weights = events["quality"].map(dict(rule.quality_weights)).to_numpy(float)
        stated = ", ".join(sorted(set(events["quality"]) - {""})) or "none"
        problem = f"No event has a grade of {', '.join(rule.quality_weights)}; stated: {stated}."
        hint = "Give quality_weights for the catalogue's grades, or weight_by = none."
    else:
        magnitude = events["magnitude"].to_numpy(float)
        known = magnitude[np.isfinite(magnitude)]
        weights = 10 ** ((magnitude - np.median(known if len(known) else 0.0)) / 2)
        weights = np.clip(weights, 0.25, 4.0)
        problem, hint = "No event has a magnitude.", "Choose weight_by = none."
    if not np.isfinite(weights).any():
        raise CatalogError(problem, hint)
    return np.where(np.isfinite(weights), weights, 1.0)
