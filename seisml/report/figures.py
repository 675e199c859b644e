"""Figures of events: waveform, spectrogram and score of what was found, missed or unmatched."""

import dataclasses
import math

import pandas as pd

from seisml.archive import Archive
from seisml.codes import station_name
from seisml.page import Block, Picture, cell_of, picture
from seisml.segments import Band
from seisml.windows import WindowGrid


@dataclasses.dataclass(frozen=True)
class Scene:
    """What figures of events are drawn from.

    Attributes
    ----------
    archive : Archive or None
        Without it there are no figures.
    band : Band
        Filter of the waveforms.
    expert, machine : pandas.DataFrame
        Events that are marked.
    before_s, after_s : float, s
        What is shown before and after an onset.
    grid : WindowGrid, optional
    windows : pandas.DataFrame, optional
        Scores of windows: station, time_ns, score.
    """

    archive: Archive | None
    band: Band
    expert: pd.DataFrame
    machine: pd.DataFrame
    before_s: float = 30.0
    after_s: float = 60.0
    grid: WindowGrid | None = None
    windows: pd.DataFrame | None = None


def with_pictures(scene: Scene, block: Block, events: pd.DataFrame, what) -> Block:
    """Return the block with a figure of each event, where the archive has its station."""
    words = [what] * len(events) if isinstance(what, str) else what
    pictures = [
        picture
        for row, word in zip(events.itertuples(index=False), words, strict=True)
        if (picture := _event_picture(scene, row, word)) is not None
    ]
    return dataclasses.replace(block, pictures=pictures)


def _event_picture(scene: Scene, event, what: str) -> Picture | None:
    time_ns = int(event.time_ns)
    sensor = _sensor(scene.archive, event)
    if sensor is None:
        return None
    score = None
    if scene.windows is not None:
        windows = scene.windows[scene.windows["station"] == sensor]
        score = windows["time_ns"].to_numpy(), windows["score"].to_numpy()
    spans = {}
    for who, table in (("expert", scene.expert), ("machine", scene.machine)):
        names = table["station"].map(station_name)
        here = table[(names == station_name(sensor)) | (names == "")]
        spans[who] = here[["time_ns", "end_ns"]].to_numpy()
    where = event.station or station_name(sensor)
    about = [event.label, f"at {where}, {cell_of('time', time_ns).text} UTC"]
    about += [f"score {event.score:.5g}"] * math.isfinite(event.score)
    about += [f"magnitude {event.magnitude:g}"] * math.isfinite(event.magnitude)
    return picture(
        f"{what.capitalize()}: {', '.join(text for text in about if text)}.",
        "plot_event",
        scene.archive,
        sensor,
        time_ns,
        band=scene.band,
        grid=scene.grid,
        score=score,
        before_s=scene.before_s,
        after_s=scene.after_s,
        what=what,
        **spans,
    )


def _sensor(archive: Archive | None, event) -> str | None:
    """Return the sensor of an event's station: its own, else the first that was recording.

    An event of a whole network is shown at the first station that was recording.
    """
    if archive is None:
        return None
    pieces = archive.pieces
    if event.station:
        pieces = pieces[pieces["station"].map(station_name) == station_name(event.station)]
    here = (pieces["start_ns"] <= event.time_ns) & (event.time_ns < pieces["end_ns"])
    names = [*pieces["station"][here].unique(), *pieces["station"].unique()]
    own = [name for name in names if event.event_id.startswith(f"{name}.")]
    return next(iter([*own, *names]), None)
