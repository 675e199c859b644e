"""Tables of picks whose header speaks for itself: station, phase, time, perhaps event and more."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from seisml.catalog import Catalog
from seisml.errors import CatalogError
from seisml.formats.columns import ALIASES, delimiter, plain, read_rows
from seisml.formats.layouts import Layout
from seisml.formats.mapped import catalog_of_rows

_ALIASES = {
    "time": ("pick_time", "phase_time", "arrival_time", "arrival", *ALIASES["time"]),
    "phase": ("phase", "phase_hint", "phase_type", "phase_name"),
    "station": (*ALIASES["station"], "station_id"),
    "network": ALIASES["network"],
    "score": ("phase_score", *ALIASES["score"]),
    "uncertainty_s": ("pick_error", "pick_uncertainty_s", *ALIASES["uncertainty_s"]),
    "method": ("method", "evaluation_mode"),
    "event": ALIASES["event_id"],
}


def _roles(header: Iterable[str]) -> dict[str, str]:
    by_name = {plain(name): name for name in reversed(list(header))}
    found = {role: [by_name[n] for n in names if n in by_name] for role, names in _ALIASES.items()}
    return {role: names[0] for role, names in found.items() if names}


def sniff(head: str, path: Path) -> bool:
    """Tell whether the first line of a text names columns of picks."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    header = [word.strip().strip('"') for word in first.lstrip("#").split(delimiter(first))]
    return {"time", "phase", "station"} <= set(_roles(header))


def read(
    path: Path,
    *,
    zone: str | None = None,
    body: str | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = "",
) -> Catalog:
    """Read a table of picks.

    Parameters
    ----------
    path : path-like
        UTF-8 text, separated by comma, semicolon or tab.
    zone : str, optional
        Time zone of times that state none; without it they are an error.
    body : str, optional
        earth, mars or moon; earth without it.
    columns : mapping of str to str, optional
        From time, phase, station, network, score, uncertainty_s, method, event to names in the
        header.
    name : str
        Name of the catalogue.

    Returns
    -------
    Catalog
        Of picks only; ``source_event_id`` says of which events they are, where the table does
        (see `seisml.catalog.join_picks`).

    Raises
    ------
    CatalogError
        If a column is missing, or a time or number is unreadable.
    """
    path = Path(path)
    table, lines = read_rows(path)
    roles = _roles(table.columns) | dict(columns or {})
    missing = {"time", "phase", "station"} - set(roles)
    if missing:
        raise CatalogError(
            f"{path}: as a table of picks it lacks the columns {', '.join(sorted(missing))}.",
            "Name them in a catalog.toml with rows = 'picks'.",
        )
    event = roles.pop("event", None)
    if event is not None:
        table = table.rename(columns={event: "source_event_id"})
    layout = Layout(columns=roles, rows="picks")
    return catalog_of_rows(table, lines, layout, path, zone=zone, body=body, name=name)
