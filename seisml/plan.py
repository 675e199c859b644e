"""Plan: what an extraction computes, and the stretch of record that a station-day needs for it."""

import dataclasses

import numpy as np

from seisml import shards
from seisml.deconvolution import corners_of, reach_s
from seisml.errors import ConfigError
from seisml.features import Feature, Settings, needs_of, part_bands, resolve
from seisml.insight import GROUND_HZ, WIND_HZ
from seisml.metadata import Metadata
from seisml.pieces import whole_pieces
from seisml.preparation import NOTHING, Preparation
from seisml.response import check_units
from seisml.segments import FORGOTTEN, Band
from seisml.times import NS_PER_S


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is computed; two runs with equal plans give equal shards.

    Attributes
    ----------
    band : Band
        Causal filter before everything else.
    settings : Settings
        Grid and settings of the features.
    names : tuple of str
        Features or sets of features, see `seisml.features.resolve`.
    chunk_s : float, s
        How much is read at once; no value depends on it.
    units : str
        ``counts``, ``sensitivity`` or ``motion``, see `seisml.response.to_motion`.
    metadata : Metadata, optional
        Of the stations; needed for units other than counts.
    preparation : Preparation
        What is taken off the samples, marked in them, or kept beside the features.
    """

    band: Band
    settings: Settings
    names: tuple[str, ...] = ("detect-fast",)
    chunk_s: float = 10800.0
    units: str = "counts"
    metadata: Metadata | None = None
    preparation: Preparation = NOTHING

    def __post_init__(self):
        if check_units(self.units) != "counts" and self.metadata is None:
            raise ConfigError(
                f"The units {self.units!r} need station metadata.",
                "Name StationXML or dataless files: --metadata FILE, or metadata under [data].",
            )
        low_hz, high_hz = self.settings.band_hz
        if self.preparation.wind and not (low_hz <= GROUND_HZ[0] and WIND_HZ[1] <= high_hz):
            raise ConfigError(
                f"The band {low_hz:g}-{high_hz:g} Hz does not hold the lander's mode near 4 Hz, "
                "by which wind is told.",
                f"Take f_min_hz <= {GROUND_HZ[0]:g} and f_max_hz >= {WIND_HZ[1]:g}, or no wind.",
            )

    @property
    def features(self) -> list[Feature]:
        """The features in the order of their columns; those of a network have none."""
        return [one for one in resolve(self.names) if one.per != "network"]

    def as_dict(self) -> dict:
        """Return all that the values depend on besides records and metadata, ready for JSON."""
        # What is not done is not named: settings of before have the same fingerprint.
        steps = self.preparation.as_dict()
        return {
            **({"preparation": steps} if steps else {}),
            "schema": shards.SCHEMA,
            "units": self.units,
            "band": dataclasses.asdict(self.band),
            "settings": dataclasses.asdict(self.settings),
            "features": {one.name: one.version for one in self.features},
        }

    @property
    def forgotten_s(self) -> float:
        """Time after which it does not matter where the filters were started, s."""
        bands = [self.band]
        if "bands" in needs_of(self.features):
            bands += [Band(*hz) for hz in part_bands(self.settings).values()]
        return sum(sorted(band.settle_s(FORGOTTEN) for band in bands)[-2:])

    @property
    def fingerprint(self) -> str:
        """Return a short hash of `as_dict`."""
        return shards.fingerprint_of(self.as_dict())


def time_range(plan: Plan, day: int) -> tuple[range, int, int]:
    """Return the blocks that a station-day needs and the instants that have to be read.

    The past that features look back to and the time in which the filter forgets where it was
    started lie before the day; the last windows reach over its end. Deconvolution needs
    neighbours on both sides.
    """
    grid, settings = plan.settings.grid, plan.settings
    windows = grid.day_blocks(day)
    history = int(np.ceil(settings.history_s / grid.hop_s))
    after = int(np.ceil(settings.longest_s / grid.hop_s)) + settings.spectrum_hops
    blocks = range(windows.start - history, windows.stop + after)
    pad_ns = round(plan.forgotten_s * NS_PER_S)
    reach_ns = 0
    if plan.units == "motion":
        # A sample more, as the reach is rounded up: no sub-block is shorter than a sample.
        reach_ns = round((reach_s(corners_of(plan.band)) + 2 * settings.sub_s) * NS_PER_S)
    start_ns = blocks.start * grid.hop_ns - pad_ns - reach_ns
    end_ns = blocks.stop * grid.hop_ns + reach_ns
    if plan.preparation.needs_pieces:
        start_ns, end_ns = whole_pieces(start_ns, end_ns)
    return blocks, start_ns, end_ns
