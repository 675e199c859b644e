"""Layouts of tables: what the columns mean, as data.

`KNOWN` holds those of programmes whose header is known; a ``catalog.toml`` states others
(`seisml.formats.catalog_toml`). `seisml.formats.mapped` reads tables through them.
"""

import dataclasses
from collections.abc import Iterable, Mapping


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the columns of a table mean.

    Attributes
    ----------
    columns : mapping of str to str or tuple of str
        From what is meant (keys of `seisml.formats.columns.ALIASES`, phases, for picks also phase
        and method) to names in the header; several columns are joined by a blank.
    rows : str
        What a row is: events or picks.
    zone : str or None
        Time zone of times that state none.
    time_format : str
        See `seisml.times.parse_times`.
    time_basis : str
        See `seisml.catalog.TIME_BASES`; found by `seisml.formats.table` without it.
    header : tuple of str
        Names of the columns, where the file does not begin with them.
    missing : mapping of str to tuple of str
        Texts that mean "nothing", by column.
    scores : mapping of str to str
        Columns of the scores of picks, by the column of their times.
    constants : mapping of str to str
        Values that hold for all rows, by what they mean.
    strict : bool
        Whether only `columns` count, and names do not speak for themselves.
    """

    columns: Mapping[str, str | tuple[str, ...]] = dataclasses.field(default_factory=dict)
    rows: str = "events"
    zone: str | None = None
    time_format: str = ""
    time_basis: str = ""
    header: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, str] = dataclasses.field(default_factory=dict)
    constants: Mapping[str, str] = dataclasses.field(default_factory=dict)
    strict: bool = False


@dataclasses.dataclass(frozen=True)
class Known:
    """A layout that is recognised by its header.

    Attributes
    ----------
    description : str
        One line for lists and messages.
    needs : str
        Names that all stand in the header, separated by blanks.
    may_have : str or None
        The only other names there may be; None where any may.
    columns : tuple of (str, str or tuple of str)
        As in `Layout`; where one meaning has several columns, the first that is there counts.
    layout : Layout
        All else.
    """

    description: str
    needs: str
    columns: tuple[tuple[str, str | tuple[str, ...]], ...]
    layout: Layout
    may_have: str | None = None


def _picks(**options) -> Layout:
    """Return the layout of a programme's picks; their times are those of the records, UTC."""
    return Layout(rows="picks", zone="UTC", time_basis="first_pick", strict=True, **options)


def _events(time_basis: str, **options) -> Layout:
    return Layout(zone="UTC", time_basis=time_basis, strict=True, **options)


_DATE_PARTS = ("year", "month", "day", "hour", "minute", "second")
_PLACE = (("latitude", "latitude"), ("longitude", "longitude"))

KNOWN = {
    "eqtransformer": Known(
        "EQTransformer, X_prediction_results.csv: detections with P and S",
        "network station event_start_time event_end_time detection_probability p_arrival_time",
        (
            ("time", "event_start_time"),
            ("end_time", "event_end_time"),
            ("network", "network"),
            ("station", "station"),
            ("score", "detection_probability"),
            ("P", "p_arrival_time"),
            ("S", "s_arrival_time"),
        ),
        _events(
            "detection_on",
            scores={"p_arrival_time": "p_probability", "s_arrival_time": "s_probability"},
        ),
    ),
    "phasenet": Known(
        "PhaseNet picks, also those of QuakeFlow and GaMMA",
        "station_id phase_time phase_score phase_type",
        (
            ("station", "station_id"),
            ("time", "phase_time"),
            ("phase", "phase_type"),
            ("score", "phase_score"),
        ),
        _picks(),
    ),
    "pyocto-picks": Known(
        "PyOcto assignments of picks",
        "event_idx pick_idx residual station time phase",
        (
            ("station", "station"),
            ("time", "time"),
            ("phase", "phase"),
            ("score", "probability"),
        ),
        _picks(time_format="unix"),
    ),
    "pyocto-input": Known(
        "PyOcto picks before association",
        "station phase time probability",
        (
            ("station", "station"),
            ("time", "time"),
            ("phase", "phase"),
            ("score", "probability"),
        ),
        _picks(time_format="unix"),
        may_have="pick_idx idx",
    ),
    "gamma-picks": Known(
        "GaMMA picks before association",
        "id timestamp type prob",
        (
            ("station", "id"),
            ("time", "timestamp"),
            ("phase", "type"),
            ("score", "prob"),
        ),
        _picks(),
    ),
    "seisbench": Known(
        "SeisBench picks",
        "station time probability phase",
        (
            ("station", "station"),
            ("time", "time"),
            ("phase", "phase"),
            ("score", "probability"),
        ),
        _picks(missing={"time": ("NaT",)}),
    ),
    "seisbench-detections": Known(
        "SeisBench detections",
        "station start_time end_time probability",
        (
            ("station", "station"),
            ("time", "start_time"),
            ("end_time", "end_time"),
            ("score", "probability"),
        ),
        _events("detection_on"),
        may_have="index column_1",
    ),
    "gamma": Known(
        "GaMMA events",
        "time gamma_score event_index",
        (
            ("time", "time"),
            ("event_id", "event_index"),
            ("score", "gamma_score"),
            ("uncertainty_s", "sigma_time"),
            *_PLACE,
            ("depth_km", "depth_km"),
            ("depth_km", "depth(m)"),
            ("depth_km", "z(km)"),
            ("magnitude", "magnitude"),
        ),
        _events("origin", missing={"magnitude": ("999", "999.0")}),
    ),
    "pyocto": Known(
        "PyOcto events",
        "idx time x y z picks",
        (("time", "time"), ("event_id", "idx"), *_PLACE, ("depth_km", "depth"), ("depth_km", "z")),
        _events("origin", time_format="unix"),
    ),
    "quakemigrate": Known(
        "QuakeMigrate .event",
        "EventID DT X Y Z COA TRIG_COA",
        (
            ("time", "DT"),
            ("event_id", "EventID"),
            ("longitude", "X"),
            ("latitude", "Y"),
            ("depth_km", "Z"),
            ("score", "COA"),
            ("magnitude", "ML"),
        ),
        _events("origin", constants={"magnitude_type": "ML"}),
    ),
    "quakemigrate-trigger": Known(
        "QuakeMigrate TriggeredEvents.csv",
        "EventID CoaTime TRIG_COA COA_X COA_Y COA_Z",
        (
            ("time", "CoaTime"),
            ("event_id", "EventID"),
            ("longitude", "COA_X"),
            ("latitude", "COA_Y"),
            ("depth_km", "COA_Z"),
            ("score", "TRIG_COA"),
        ),
        _events("origin"),
    ),
    "quakemigrate-picks": Known(
        "QuakeMigrate .picks",
        "Station Phase ModelledTime PickTime PickError SNR Residual",
        (
            ("station", "Station"),
            ("time", "PickTime"),
            ("phase", "Phase"),
            ("uncertainty_s", "PickError"),
        ),
        _picks(missing={"PickTime": ("-1",), "PickError": ("-1",)}),
    ),
    "aaa": Known(
        "AAA labels (Malfante), one line a label",
        "class year month day hour minute second length path f0 f1",
        (("start", _DATE_PARTS), ("duration_s", "length"), ("label", "class")),
        # no program writes these times: people do, and do not say in which zone
        Layout(
            time_format="%Y %m %d %H %M %S.%f",
            time_basis="label_start",
            missing={"f0": ("None",), "f1": ("None",)},
            strict=True,
        ),
    ),
}
"""Layouts by the name of the format; those that need more columns stand before the others."""


def known_layout(header: Iterable[str]) -> str | None:
    """Return the name of the known layout that a header belongs to, or None.

    Examples
    --------
    >>> known_layout(["station_id", "phase_time", "phase_score", "phase_type"])
    'phasenet'
    """
    names = {name.strip() for name in header} - {""}
    for format_name, known in KNOWN.items():
        needed = set(known.needs.split())
        others = names - needed
        if needed <= names and (known.may_have is None or others <= set(known.may_have.split())):
            return format_name
    return None


def layout_of(format_name: str, header: Iterable[str]) -> Layout:
    """Return a known layout with the columns that are there."""
    known, names = KNOWN[format_name], set(header)
    columns: dict[str, str | tuple[str, ...]] = {}
    for meaning, column in known.columns:
        parts = (column,) if isinstance(column, str) else column
        if names.issuperset(parts):
            columns.setdefault(meaning, column)
    return dataclasses.replace(known.layout, columns=columns)
