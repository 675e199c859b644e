"""Report of a discovery as one self-contained HTML page."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from seisml.archive import Archive
from seisml.discovery import Discovery
from seisml.page import (
    Block,
    Cell,
    Picture,
    Table,
    chapter_of,
    columns_table,
    pairs_table,
    picture,
    write_page,
)
from seisml.segments import Band
from seisml.similarity import novelties
from seisml.times import NS_PER_S, iso

N_PICTURES = 12
LEAST_S = 5.0
"""What is shown before and after an item, at least."""


def discovery_report(
    path,
    found: Discovery,
    *,
    title: str,
    archive: Archive | None = None,
    band: Band | None = None,
    similar: pd.DataFrame | None = None,
    like: int | None = None,
) -> Path:
    """Write a report of groups, medoids, novelties and, where asked for, what is like one item.

    Parameters
    ----------
    path : path
    found : Discovery
    title : str
    archive : Archive, optional
        Waveforms of the galleries.
    band : Band, optional
        Filter of the waveforms.
    similar : pandas.DataFrame, optional
        From `seisml.similarity.more_like`.
    like : int, optional
        Row of the item that they are like.

    Returns
    -------
    pathlib.Path
    """
    scene = (archive, band) if archive is not None and band is not None else None
    lead = [
        f"{len(found.items)} items, {len(found.columns)} features, {found.Z.shape[1]} principal "
        f"components ({found.explained.sum():.0%} of the variance). No label was used: a group is "
        "a question to an analyst, not an answer.",
        *(f"{text[:1].upper()}{text[1:]}." for text in found.about),
    ]
    blocks = [_map_block(found)]
    blocks += [_group_block(found, kind, scene) for kind in ("hdbscan", "kmeans")]
    blocks.append(_novelty_block(found, scene))
    if similar is not None and like is not None:
        blocks.append(_similar_block(found, similar, like, scene))
    return write_page(
        path,
        title=title,
        lead=lead,
        chapters=[chapter_of("What there is", 0, [], blocks)],
        folds=list(_folds(found)),
    )


def _map_block(found: Discovery) -> Block:
    pictures = []
    for kind, name in (("hdbscan", "HDBSCAN"), ("kmeans", "k-means")):
        rows = found.medoids.loc[found.medoids["kind"] == kind, "row"].to_numpy()
        if not len(rows):  # nothing to tell apart
            continue
        caption = f"Items by group of {name}; circles: medoids, the most typical of each group."
        options = {"medoids": rows, "explained": found.explained, "seed": found.rule.seed}
        group = found.items[kind].to_numpy()
        pictures.append(picture(caption, "plot_groups", found.Z, group, **options))
        caption = f"When the groups of {name} are."
        pictures.append(picture(caption, "plot_groups_in_time", found.items, column=kind))
    return Block("Map", pictures=pictures)


def _group_block(found: Discovery, kind: str, scene) -> Block:
    mine = found.medoids[found.medoids["kind"] == kind]
    items = found.items.iloc[mine["row"]]
    rows = [
        [
            Cell(str(row.group), key=row.group),
            Cell(str(row.n), key=row.n),
            Cell(f"{row.share:.1%}", key=row.share),
            Cell(item.station),
            Cell(iso(int(item.time_ns))[:22].replace("T", " ")),
            Cell(row.traits),
        ]
        for row, item in zip(
            mine.itertuples(index=False), items.itertuples(index=False), strict=True
        )
    ]
    head = ["group", "items", "share", "medoid at", "time (UTC)", "median in robust units"]
    table = Table(head, rows, [True, True, True, False, False, False], sortable=True)
    name = {"hdbscan": "HDBSCAN", "kmeans": "k-means"}[kind]
    n_none = int((found.items[kind] < 0).sum())
    texts = [f"{len(mine)} groups" + (f"; {n_none} items in none." if kind == "hdbscan" else ".")]
    if not len(mine):
        texts = [
            f"No group is denser than the rest: all {n_none} items are in none. Smaller ones "
            "are found with a smaller --min-cluster, events with --events."
        ]
    pictures = []
    for group, item in zip(mine["group"], items.itertuples(index=False), strict=True):
        pictures += _pictures(scene, item, f"group {group}")[: N_PICTURES - len(pictures)]
    return Block(f"Groups of {name}: medoids", texts, [table] if rows else [], pictures)


def _novelty_block(found: Discovery, scene) -> Block:
    table = novelties(found)
    columns = {
        "time (UTC)": ("time", table["time_ns"]),
        "station": ("", table["station"]),
        "novelty": (".3f", table["novelty"]),
        "HDBSCAN": ("", table["hdbscan"].map(lambda k: "none" if k < 0 else str(k))),
        "k-means": (".0f", table["kmeans"]),
    }
    text = (
        "The items most unlike the rest (isolation forest; of those that overlap or follow one "
        "another the most novel). The list is in novelty.csv with a column for decisions."
    )
    pictures = [
        one for item in table.head(6).itertuples() for one in _pictures(scene, item, "novelty")
    ]
    return Block("Novelty", [text], [columns_table(columns)], pictures)


def _similar_block(found: Discovery, similar: pd.DataFrame, like: int, scene) -> Block:
    one = found.items.iloc[like]
    columns = {
        "time (UTC)": ("time", similar["time_ns"]),
        "station": ("", similar["station"]),
        "correlation": (".3f", similar["correlation"]),
        "lag (s)": (".2f", similar["lag_s"]),
        "distance of features": (".3f", similar["feature_distance"]),
    }
    text = (
        f"More like {one['station']} {iso(int(one['time_ns']))}: neighbours in features, ranked by "
        "the correlation of the waveforms where they are of the same station."
    )
    pictures = _pictures(scene, one, "the one")
    pictures += [p for item in similar.head(5).itertuples() for p in _pictures(scene, item, "like")]
    return Block("More like this", [text], [columns_table(columns)], pictures)


def _pictures(scene, item, what: str) -> list[Picture]:
    """Return the figure of an item, where there are waveforms."""
    if scene is None:
        return []
    archive, band = scene
    length_s = (int(item.end_ns) - int(item.time_ns)) / NS_PER_S
    caption = f"{what.capitalize()}: {item.station}, {iso(int(item.time_ns))[:22]}."
    drawn = picture(
        caption,
        "plot_event",
        archive,
        item.station if item.station in set(archive.pieces["station"]) else _sensor(archive, item),
        int(item.time_ns),
        band=band,
        machine=[(int(item.time_ns), int(item.end_ns))],
        before_s=max(0.5 * length_s, LEAST_S),
        after_s=max(1.5 * length_s, length_s + LEAST_S),
        what=what,
        called=("", "item: from, to"),
    )
    return [drawn]


def _sensor(archive: Archive, item) -> str:
    pieces = archive.pieces
    here = (pieces["start_ns"] <= item.time_ns) & (item.time_ns < pieces["end_ns"])
    names = [s for s in pieces["station"][here].unique() if f"{s}.".startswith(f"{item.station}.")]
    return sorted(names)[0] if names else item.station


def _folds(found: Discovery) -> Iterator[Block]:
    used = [(f"component {k + 1}", f"{share:.1%}") for k, share in enumerate(found.explained)]
    yield Block("Principal components", tables=[pairs_table(used)], fold=True)
    left = [(name, why) for name, why in found.left_out.items()]
    yield Block("Features left out", tables=[pairs_table(left)] if left else [], fold=True)
    rule = [(name, getattr(found.rule, name)) for name in found.rule.__dataclass_fields__]
    yield Block("Settings", tables=[pairs_table(rule)], fold=True)
