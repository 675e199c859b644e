"""What is said of a catalogue in a few lines: how much it holds, and what was dropped."""

from seisml.catalog import Catalog
from seisml.times import iso


def describe_catalog(catalog: Catalog) -> list[tuple[str, str]]:
    """Return a summary of a catalogue as (name, text) rows."""
    events, picks = catalog.events, catalog.picks

    def counted(column: str, table=events) -> str:
        counts = table[column][table[column] != ""].value_counts()
        return ", ".join(f"{n} {name}" for name, n in counts.items()) or "-"

    span = "-"
    if len(events):
        span = f"{iso(int(events['time_ns'].min()))} to {iso(int(events['time_ns'].max()))}"
    magnitude = events["magnitude"].dropna()
    size = f"{magnitude.min():g} to {magnitude.max():g}" if len(magnitude) else "-"
    return [
        ("events", str(len(events))),
        ("picks", str(len(picks))),
        ("time", span),
        ("time basis", catalog.time_basis),
        ("body", catalog.body),
        ("classes", counted("label")),
        ("qualities", counted("quality")),
        ("magnitudes", size),
        ("phases", counted("phase", picks)),
        ("stations", str(len((set(picks["station"]) | set(events["station"])) - {""}))),
        ("rows dropped", dropped_text(catalog) or "none"),
    ]


def dropped_text(catalog: Catalog) -> str:
    """Return how many rows of the source were dropped, why, and where they stand."""
    return ", ".join(
        f"{n} x {reason}{_where(catalog.dropped_lines.get(reason, ()), n)}"
        for reason, n in catalog.dropped.items()
    )


def _where(lines: tuple[int, ...], count: int) -> str:
    """Return in which lines of the file the dropped rows stand."""
    if not lines:
        return ""
    more = ", ..." if count > len(lines) else ""
    return f" (line{'s' if count > 1 else ''} {', '.join(map(str, lines))}{more})"
