"""The block of a report that shows one whole day: the one with most events."""

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.codes import station_name
from seisml.page import Block, picture
from seisml.planets import get_body
from seisml.segments import Band
from seisml.training import Training

WIDTH_IN = 5.4
"""As wide as the other figures of a page."""


def day_blocks(archive: Archive | None, training: Training, band: Band) -> list[Block]:
    """Return the figure of the day, on Mars of the sol, with most events of expert and machine.

    Parameters
    ----------
    archive : Archive or None
    training : Training
    band : Band
        Filter of the waveform.

    Returns
    -------
    list of Block
        Empty without an archive, or where no event lies in its records.
    """
    body = training.machine.body
    events = pd.concat([training.test.expert, training.machine.events], ignore_index=True)
    found = None if archive is None else busiest_day(archive, events, body)
    if found is None:
        return []
    station, day, start_ns, end_ns = found
    spans = {
        who: table.loc[
            table["station"].map(station_name) == station_name(station), ["time_ns", "end_ns"]
        ]
        for who, table in (("expert", training.test.expert), ("machine", training.machine.events))
    }
    windows = training.windows[training.windows["station"] == station]
    index = pd.MultiIndex.from_arrays(
        [windows["station"], pd.to_datetime(windows["time_ns"])], names=["station", "time"]
    )
    name = "sol" if get_body(body).day_zero_ns else "day"
    said = (
        "what the model says of its windows, and its threshold"
        if training.validation
        else "what the model says of windows that it had not seen, and the threshold of the model "
        "that was trained on all"
    )
    figure = picture(
        f"The {name} with most events: {said}.",
        "plot_day",
        archive,
        station,
        day,
        band=band,
        body=body,
        start_ns=start_ns,
        end_ns=end_ns,
        probabilities=pd.DataFrame({"event": windows["probability"].to_numpy()}, index=index),
        grid=training.detector.grid,
        threshold=training.detector.on,
        width_in=WIDTH_IN,
        **{who: table.to_numpy() for who, table in spans.items()},
    )
    return [Block(f"A whole {name}", pictures=[figure])]


def busiest_day(
    archive: Archive, events: pd.DataFrame, body: str
) -> tuple[str, int, int, int] | None:
    """Return the sensor and the local day that have most events, and its part with records.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        Columns station and time_ns; an event in no record does not count.
    body : str

    Returns
    -------
    (station, day, start_ns, end_ns) or None
        Of equals the first by time; the day as `seisml.plots.plot_day` counts.
    """
    one = get_body(body)
    best = None
    for station, pieces in archive.pieces.groupby("station", sort=True):
        pieces = pieces.sort_values("start_ns", kind="stable")
        starts_ns = pieces["start_ns"].to_numpy()
        ends_ns = np.maximum.accumulate(pieces["end_ns"].to_numpy())
        mine = events["station"].map(station_name) == station_name(station)
        time_ns = events.loc[mine, "time_ns"].to_numpy(np.int64)
        at = np.searchsorted(starts_ns, time_ns, "right") - 1
        time_ns = time_ns[(at >= 0) & (time_ns < ends_ns[np.maximum(at, 0)])]
        days, counts = np.unique((time_ns - one.day_zero_ns) // one.day_ns, return_counts=True)
        if not len(days) or (best is not None and counts.max() <= best[0]):
            continue
        day = int(days[np.argmax(counts)])
        begin_ns = one.day_zero_ns + day * one.day_ns
        inside = (starts_ns < begin_ns + one.day_ns) & (pieces["end_ns"].to_numpy() > begin_ns)
        span_ns = (
            max(begin_ns, int(starts_ns[inside].min())),
            min(begin_ns + one.day_ns, int(pieces["end_ns"].to_numpy()[inside].max())),
        )
        best = counts.max(), str(station), day, *span_ns
    return None if best is None else best[1:]
