"""The registry: a feature is a function of `Windows` and the statement of what it means."""

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points

import numpy as np

from seisml.errors import FeatureError, did_you_mean
from seisml.features.blocks import NEEDS
from seisml.features.frames import Windows
from seisml.features.sets import SETS
from seisml.features.settings import Settings

INVARIANCES = {
    "G": "gain",
    "L": "window length",
    "R": "sampling rate",
    "O": "offset",
}


COSTS = {
    "S": "sample-level series, exact in a stream",
    "H": "sums of hop blocks",
    "B": "batched per window, cheap",
    "C": "batched per window, dearer: opt-in for detection",
    "V": "only on a detected segment",
}


@dataclasses.dataclass(frozen=True)
class Feature:
    """One column, or a few, found by name.

    Attributes
    ----------
    name : str
    function : callable
        ``function(windows) -> array``, shape (n_windows,) or (n_windows, n_parts).
    unit : str
        "input" is the unit of the samples; "" is a pure number.
    group : str
        Letter of `seisml.features.explain.GROUPS`, or "user".
    formula : str
    invariances : str
        Letters of `INVARIANCES`; each is a promise that a test checks.
    reference : str
        Paper with DOI, or "-" for what is common knowledge.
    min_rate_hz : float
        Smallest sampling rate at which the feature is defined at all.
    version : int
        Grows when values change; part of every fingerprint.
    parts : callable or None
        ``parts(settings) -> names`` of the columns of a feature that has several.
    cost : str
        Letter of `COSTS`.
    needs : tuple of str
        What has to be computed of the blocks beside moments, energies and spectra, see
        `seisml.features.blocks.NEEDS`.
    per : str
        "channel", "station" for ``function(components) -> array`` of all three together, "event"
        for ``function(span) -> float`` of an event's limits, see `seisml.features.event`, or
        "network" for that of an event at several stations, see `seisml.features.network`.
    """

    name: str
    function: Callable[[Windows], np.ndarray]
    unit: str
    group: str
    formula: str
    invariances: str = ""
    reference: str = "-"
    min_rate_hz: float = 0.0
    version: int = 1
    parts: Callable[[Settings], Sequence[str]] | None = None
    cost: str = "B"
    needs: tuple[str, ...] = ()
    per: str = "channel"

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def columns(self, settings: Settings) -> list[str]:
        """Names of the columns, without the component."""
        if self.parts is None:
            return [self.name]
        return [f"{self.name}[{part}]" for part in self.parts(settings)]


REGISTRY: dict[str, Feature] = {}
_BUILT_IN = (
    "amplitude",
    "distribution",
    "envelope",
    "ratios",
    "bands",
    "contrast",
    "spectrum",
    "lines",
    "tracks",
    "correlation",
    "cepstrum",
    "polarization",
    "network",
    "event",
)


def feature(unit: str, *, group: str, formula: str, name: str = "", **details) -> Callable:
    """Register a function of `Windows` as a feature (decorator).

    Parameters
    ----------
    unit, group, formula
        See `Feature`.
    name : str, optional
        Default: the name of the function.
    **details
        Other attributes of `Feature`.

    Raises
    ------
    FeatureError
        If another function has the name, or an invariance letter is unknown.

    Examples
    --------
    >>> from seisml.features import feature, REGISTRY
    >>> @feature("", group="user", formula="max/rms", invariances="GO")
    ... def my_crest(w):
    ...     '''Ratio of the largest sample to the RMS amplitude.'''
    ...     return w.sums("max").max(axis=1) / w.moments[1] ** 0.5
    >>> REGISTRY.pop("my_crest").unit
    ''
    """

    def register(function: Callable) -> Callable:
        found = Feature(
            name=name or function.__name__,
            function=function,
            unit=unit,
            group=group,
            formula=formula,
            **details,
        )
        for what, given, allowed in (
            ("invariance", found.invariances, INVARIANCES),
            ("cost", (found.cost,), COSTS),
            ("need", found.needs, NEEDS),
            ("per", (found.per,), ("channel", "station", "event", "network")),
        ):
            unknown = sorted(set(given) - set(allowed))
            if unknown:
                raise FeatureError(
                    f"{found.name}: unknown {what} {unknown[0]!r}.",
                    f"It must be of {sorted(allowed)}.",
                )
        known = REGISTRY.get(found.name)
        if known is not None and known.function.__module__ != function.__module__:
            raise FeatureError(f"There is a feature {found.name!r} already.", "Choose a new name.")
        REGISTRY[found.name] = found
        return function

    return register


def load_features() -> dict[str, Feature]:
    """Import the built-in features and those of installed plug-ins; return them all.

    Their order does not depend on what was imported before. A plug-in is a package whose entry
    points of the group "seisml.features" name modules that register features when imported.

    Raises
    ------
    FeatureError
        If a plug-in cannot be imported.
    """
    order = {f"seisml.features.{module}": i for i, module in enumerate(_BUILT_IN)}
    for module in order:
        importlib.import_module(module)
    _load_plugins()
    place = {name: order.get(one.function.__module__, len(order)) for name, one in REGISTRY.items()}
    return {name: REGISTRY[name] for name in sorted(place, key=place.__getitem__)}


@functools.cache
def _load_plugins() -> None:
    for found in entry_points(group="seisml.features"):
        try:
            found.load()
        except (ImportError, AttributeError) as error:
            raise FeatureError(
                f"The plug-in {found.name} = {found.value} of features cannot be loaded: {error}.",
                "Mend or uninstall the package that brings it.",
            ) from error


def get_feature(name: str) -> Feature:
    """Return the feature of that name.

    Raises
    ------
    FeatureError
        If there is none, with a suggestion.

    Examples
    --------
    >>> get_feature("f_centroid").unit
    'Hz'
    """
    if name in REGISTRY:  # a hundred names are asked for: no need to load for each
        return REGISTRY[name]
    registry = load_features()
    if name not in registry:
        raise FeatureError(
            f"There is no feature {name!r}.", did_you_mean(name, [*registry, *SETS, "all"])
        )
    return registry[name]


def resolve(names: Iterable[str] | str = "all") -> list[Feature]:
    """Return the features of a list of names, in the order of the registry.

    Parameters
    ----------
    names : str or iterable of str
        Names of features or of `SETS`; "all" is every feature there is.

    Raises
    ------
    FeatureError
        If a name is unknown or the list is empty.

    Examples
    --------
    >>> [one.name for one in resolve(["course", "crest"])][:3]
    ['rms', 'crest', 'skewness']
    """
    registry = load_features()
    wanted = set()
    for name in [names] if isinstance(names, str) else names:
        if name == "all":
            wanted.update(registry)
        elif name in SETS:
            members = SETS[name].members
            wanted.update(one for one in registry if registry[one].group in members)
            wanted.update(get_feature(one).name for one in members if len(one) > 1)
        else:
            wanted.add(get_feature(name).name)
    if not wanted:
        raise FeatureError("The list of features is empty.", "Name at least one, or take 'all'.")
    return [found for name, found in registry.items() if name in wanted]
