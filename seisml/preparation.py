"""Preparation: what is taken off records, or marked in them, before features are computed.

A stage between `seisml.segments.segments` and `seisml.response.to_motion`: it works on raw
samples. Steps look at pieces of half an hour that end where the absolute grid says, so that no
value depends on how the record was cut into chunks.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from seisml.cleaning import FoundGlitch, Glitches, Tick
from seisml.errors import ConfigError, did_you_mean
from seisml.pieces import staged
from seisml.segments import Segment

GLITCHES = ("none", "flag", "remove")
BESIDE = {"wind": "wind", "glitches": "glitches", "pressure": "pressure=XB.ELYSE.*.BDO"}


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Which steps are done; by default none.

    Attributes
    ----------
    tick : bool
        Take off what repeats every second (`seisml.insight.mean_second`).
    glitches : str
        ``none``; ``flag``: windows with a glitch are marked; ``remove``: and its template is
        taken off where it fits (`seisml.glitches.fit_glitches`).
    wind : bool
        Keep the level near 4 Hz over that at 2.4 Hz beside the features.
    pressure : str
        Channel or pattern, as "XB.ELYSE.*.BDO": its RMS is kept beside the features.

    Raises
    ------
    ConfigError
        If ``glitches`` or ``pressure`` cannot be understood.

    Examples
    --------
    >>> Preparation(tick=True).as_dict()
    {'tick': True}
    """

    tick: bool = False
    glitches: str = "none"
    wind: bool = False
    pressure: str = ""

    def __post_init__(self):
        if self.glitches not in GLITCHES:
            raise ConfigError(
                f"glitches = {self.glitches!r} is no way to treat glitches.",
                did_you_mean(self.glitches, GLITCHES),
            )
        if self.pressure and self.pressure.count(".") != 3:
            raise ConfigError(
                f"pressure = {self.pressure!r} is no channel.",
                "Write network, station, location and channel, as XB.ELYSE.*.BDO.",
            )

    def as_dict(self) -> dict:
        """Return the steps that are done, ready for JSON."""
        default = Preparation()
        steps = dataclasses.asdict(self).items()
        return {name: value for name, value in steps if value != getattr(default, name)}

    @property
    def needs_pieces(self) -> bool:
        """Whether samples are looked at in pieces."""
        return self.tick or self.glitches != "none"


NOTHING = Preparation()


def with_beside(preparation: Preparation, words: Iterable[str]) -> Preparation:
    """Return a preparation that keeps more beside the features, which stay as they are.

    Parameters
    ----------
    preparation : Preparation
    words : iterable of str
        wind, glitches, pressure=CHANNEL.

    Raises
    ------
    ConfigError
        If a word is none of these.

    Examples
    --------
    >>> with_beside(NOTHING, ["wind", "pressure=XB.ELYSE.*.BDO"]).as_dict()
    {'wind': True, 'pressure': 'XB.ELYSE.*.BDO'}
    """
    changes: dict = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in BESIDE or bool(value) != (name == "pressure"):
            raise ConfigError(
                f"{word!r} is nothing that can stand beside the features.",
                did_you_mean(name, BESIDE) if name not in BESIDE else f"As: {BESIDE[name]}.",
            )
        changes[name] = value or True
    if changes.pop("glitches", False) and preparation.glitches == "none":
        changes["glitches"] = "flag"
    return dataclasses.replace(preparation, **changes)


def sample_steps(steps: Mapping) -> dict:
    """Return those of some steps that change samples, and therefore features.

    Examples
    --------
    >>> sample_steps({"tick": True, "glitches": "flag", "wind": True})
    {'tick': True}
    """
    changing = {"tick": True, "glitches": "remove"}
    return {name: value for name, value in steps.items() if changing.get(name) == value}


def preparation_of(plan: Mapping) -> Preparation:
    """Return the steps of a plan as a detector keeps it."""
    return Preparation(**plan.get("preparation", {}))


def prepared(
    parts: Iterable[Segment],
    preparation: Preparation,
    *,
    span: tuple[int, int] | None = None,
    counts: Counter | None = None,
    found: list[FoundGlitch] | None = None,
) -> Iterator[Segment]:
    """Take off the tick and glitches.

    Parameters
    ----------
    parts : iterable of Segment
        From `seisml.segments.segments`: one channel each, several may be interleaved.
    preparation : Preparation
    span : (int, int), optional
        Instants between which samples and glitches are counted.
    counts : collections.Counter, optional
        Is increased by ``samples_without_tick``, ``samples_tick_not_removed`` (too short, or no
        whole number of samples a second, or 2 of them), ``glitches``, ``glitches_removed`` and
        ``glitches_not_removed`` (the template leaves too much) and
        ``samples_glitches_not_sought`` (below 0.4 Hz).
    found : list, optional
        Takes the glitches of all channels.

    Yields
    ------
    Segment
        float64 where a step is done, else as they come.
    """
    counts = Counter() if counts is None else counts
    found = [] if found is None else found
    limits = span or (-(2**63), 2**63)
    if preparation.tick:
        parts = staged(parts, lambda part: Tick(part, limits, counts))
    if preparation.glitches != "none":
        remove = preparation.glitches == "remove"
        parts = staged(parts, lambda part: Glitches(part, limits, counts, found, remove))
    return iter(parts)


def prepare(
    samples: np.ndarray, rate_hz: float, preparation: Preparation, *, start_ns: int = 0
) -> tuple[np.ndarray, list[FoundGlitch]]:
    """Take the tick and glitches off one gap-free record.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Raw: not filtered, the response in them.
    rate_hz : float
    preparation : Preparation
    start_ns : int
        Instant of the first sample.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)
    list of FoundGlitch

    Examples
    --------
    >>> x = np.tile([1.0, 0.0, -1.0, 0.0], 400)
    >>> after, found = prepare(x, 4.0, Preparation(tick=True))
    >>> float(np.abs(after).max()), found
    (0.0, [])
    """
    found: list[FoundGlitch] = []
    one = Segment("", ("",), start_ns, rate_hz, np.asarray(samples, np.float64)[np.newaxis])
    parts = [part.data[0] for part in prepared([one], preparation, found=found)]
    return np.concatenate([np.zeros(0), *parts]), sorted(found, key=lambda g: g.onset_ns)
