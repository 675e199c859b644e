"""Report of the statistics of one catalogue as one self-contained HTML page."""

from pathlib import Path

from seisml.page import Block, chapter_of, columns_table, pairs_table, picture, write_page
from seisml.statistics import Statistics, statistics_table


def catalog_report(path, found: Statistics, *, title: str) -> Path:
    """Write a report of one catalogue: rates, hours, waiting times, magnitudes, duplicates.

    Parameters
    ----------
    path : path
    found : Statistics
    title : str

    Returns
    -------
    pathlib.Path

    Raises
    ------
    SeismlError
        If the file cannot be written.
    """
    blocks = [
        Block("Numbers", tables=[pairs_table(statistics_table(found))]),
        _rates_block(found),
        _magnitudes_block(found),
        _duplicates_block(found),
    ]
    name = found.catalog.name or found.catalog.source or "catalogue"
    chapter = chapter_of(name, 0, [], blocks)
    return write_page(path, title=title, lead=[], chapters=[chapter], folds=[])


def _rates_block(found: Statistics) -> Block:
    if not len(found.catalog):
        return Block("Rates", ["There are no events."])
    day = "sol" if found.catalog.body == "mars" else "day"
    live = "" if found.live_known else " The live time is not known: all time is taken."
    hours = (
        f"Rate by the hour of the {day} ({found.hour_name}), by the live time in that hour; "
        "intervals as if events were independent."
    )
    pictures = [
        picture(f"Events per {day}, by live time, and their number.{live}", "plot_rates", found),
        picture(hours, "plot_hours", found),
    ]
    if len(found.waiting_s) > 1:
        waiting = (
            "Time to the next event, without gaps, beside random times of the same rate: more "
            "short times mean clusters, or duplicates."
        )
        pictures.append(picture(waiting, "plot_waiting", found))
    return Block("Rates", pictures=pictures)


def _magnitudes_block(found: Statistics) -> Block:
    if not len(found.magnitudes):
        return Block("Magnitudes", ["No event has a magnitude."])
    caption = (
        "Number of events by magnitude, with the law of Gutenberg and Richter from each magnitude "
        "of completeness on."
    )
    return Block("Magnitudes", pictures=[picture(caption, "plot_magnitudes", found)])


def _duplicates_block(found: Statistics) -> Block:
    table = found.duplicates
    if table.empty:
        return Block("Duplicates", ["No event stands twice."])
    columns = {
        "time (UTC)": ("time", table["time_ns"]),
        "station": ("", table["station"]),
        "event": ("", table["event_id"]),
        "duplicate": ("", table["duplicate_id"]),
        "difference (s)": ("+.3f", table["difference_s"]),
    }
    text = f"{len(table)} events are close to another of the same station."
    return Block("Duplicates", [text], [columns_table(columns)])
