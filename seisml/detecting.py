"""Steps of the verbs that detect and associate: which tables, whose level, network features."""

from seisml import terminal
from seisml.steps import settings_of


class FittingTables:
    """Feature tables that a detector can use; the stations of the others are told and counted.

    Parameters
    ----------
    tables : iterable of FeatureTable
    detector : Detector
    """

    def __init__(self, tables, detector):
        self._tables, self._detector = tables, detector
        self.n_windows, self.n_in_sample, self.stations, self.unfit = 0, 0, set(), {}
        self.faster = {}

    def __iter__(self):
        import numpy as np
        import pandas as pd

        from seisml.applied import faster_than_trained, kinship
        from seisml.errors import FeatureMismatchError

        detector = self._detector
        for table in self._tables:
            if not len(table):
                continue
            station = str(table.stations[0])
            try:
                detector.check(table)
            except FeatureMismatchError as error:
                if station not in self.unfit:
                    terminal.say(f"left out: {station}: {error.problem}")
                self.unfit[station] = error
                continue
            self.stations.add(station)
            if above := faster_than_trained(table, detector):
                self.faster[station] = above
            usable = np.isfinite(table.frame.to_numpy()).any(axis=1)
            self.n_windows += int(usable.sum())
            windows = pd.DataFrame({"station": table.stations, "time_ns": table.time_ns})[usable]
            self.n_in_sample += kinship(detector.card, windows).n_in_sample
            yield table

    def __str__(self) -> str:
        return f"{self.n_windows} windows with features at {len(self.stations)} stations"

    def tell_kinship(self) -> None:
        """Say where records are sampled faster than the model's, and where they are its own."""
        from seisml.applied import told_faster

        if self.faster:
            terminal.say(f"note: {told_faster(self.faster)}")
        if self.n_in_sample:
            terminal.say(
                f"note: IN-SAMPLE: {self.n_in_sample} of {self.n_windows} windows are of stations "
                "and times that the model was trained on: a comparison of these detections with "
                "the expert says how well it remembers"
            )

    def require(self, store) -> None:
        """Raise where not one window could be looked at."""
        from seisml.errors import NoDataError

        if self.unfit and not self.stations:
            raise next(iter(self.unfit.values()))
        if not self.n_windows:
            raise NoDataError(
                f"No window of {store} has features in this time: nothing was looked at.",
                "See 'seisml scan' for rates and gaps, and whether the model fits these records.",
            )


def coordinates_of(path, metadata, stations=()):
    """Return where stations are: of a table, else of metadata; None where neither says so.

    A table may leave out the networks of the stations; what it lacks of them is said.
    """
    import pandas as pd

    from seisml.codes import station_name
    from seisml.experts import read_stations, with_networks

    files = metadata if path is None else [path]
    found = [read_stations(one) for one in files]
    if not any(map(len, found)):
        return None
    places = with_networks(pd.concat(found).drop_duplicates("station"), stations)
    names = sorted({station_name(station) for station in stations})
    lost = [name for name in names if name not in set(places["station"])]
    if lost:
        terminal.say(
            f"{len(lost)} of {len(names)} stations have no coordinates, and go with their network "
            f"code: {', '.join(lost[:6])}{' ...' if len(lost) > 6 else ''}"
        )
    return places


def without_repeats(detector):
    """Return a detector that does not look for repeats of what it found."""
    import dataclasses

    return dataclasses.replace(detector, detection={**detector.detection, "repeats": {}})


def repeats_among(found) -> str:
    """Say how many detections are new repeats, where these were looked for."""
    if "repeat" not in found.events:
        return ""
    words = found.events["repeat"]
    return f" ({(words == 'new').sum()} new repeats, {(words == 'known').sum()} repeat another)"


def adapted_to(detector, tables):
    """Return a detector that is scaled by the level of the stations of tables, and say so."""
    from seisml.applied import fitting
    from seisml.model import adapted

    detector, counts = adapted(detector, fitting(tables, detector, {}))
    few = [station for station, n in counts.items() if not n]
    terminal.say(f"scaled by the level of {len(counts) - len(few)} stations")
    for station in few:
        terminal.say(f"{station}: too few windows to know its level, scaled as in training")
    return detector


def write_about(output, detector, model: str, *, archive: str, stations, **records):
    """Write beside detections what they were made with: the same run, the same bytes.

    Parameters
    ----------
    output : pathlib.Path
        Of the detections; this stands in ``<stem>.about.json``.
    detector : Detector
        As it was applied, adapted or not.
    model : str
        Name or file that it was read from.
    archive : str
    stations : iterable of str
        That were looked at.
    **records
        What else was asked for: start, end, beside, coordinates.
    """
    import json
    from importlib.metadata import version

    from seisml.atomic import write_atomic
    from seisml.model import PACKAGES
    from seisml.summaries import plain

    about = {
        "model": model,
        "features": detector.fingerprint,
        "thresholds": {"on": detector.on, "off": detector.off},
        "detection": dict(detector.detection),
        "trained": {k: detector.card.get(k) for k in ("expert", "start", "end", "seed")},
        "adapted_to": detector.card.get("adapted_to"),
        "archive": archive,
        "stations": sorted(stations),
        **{name: value for name, value in records.items() if value},
        "versions": {name: version(name) for name in PACKAGES},
    }
    path = output.with_suffix(".about.json")
    write_atomic(path, json.dumps(plain(about), indent=1) + "\n")
    return path


def tell_picks(catalog, output) -> None:
    """Say how many picks an associator gets, what is left out, and how it has to call stations."""
    from seisml.formats.associators import body_waves

    picks = body_waves(catalog, output)
    rest = len(catalog.picks) - len(picks)
    left = f"; {rest} of other phases left out" if rest else ""
    terminal.say(
        f"{len(picks)} picks at {picks['station'].nunique()} stations{left}. Its table of stations "
        f"needs the same names, as {picks['station'].iloc[0]}"
    )
    terminal.line(str(output))


def tell_too_few(catalog, least: int) -> None:
    """Say that no event can be found where fewer stations have detections than must take part."""
    from seisml.associate import detections_of

    names = sorted(set(detections_of(catalog).events["station"]) - {""})
    if len(names) < least:
        terminal.say(
            f"note: {len(names)} station{'s have' if len(names) != 1 else ' has'} detections "
            f"({', '.join(names[:4]) or 'none is named'}), {least} must take part in an event: "
            "there can be none. Take fewer (--min-stations), or detections of more stations"
        )


def with_network_features(network, detections, opened, profile: str, stations, **limits):
    """Return network events with the features of group I as columns."""
    import dataclasses

    from seisml.associate import detections_of, limits_of
    from seisml.networkfeatures import network_features
    from seisml.planets import get_body
    from seisml.settings import plan_of

    detections = detections_of(detections)
    moveout = limits_of(detections, stations=stations, **limits)
    options = {"stations": stations, "archive": opened, "slowest_km_s": limits["slowest_km_s"]}
    options["radius_km"] = get_body(network.body).radius_km
    band = plan_of(settings_of(profile)).band
    with terminal.bars() as progress:
        task = progress.add_task("network features", total=len(network))
        options["on_progress"] = lambda done, total: progress.update(task, completed=done)
        table = network_features(network, detections, moveout, band=band, **options)
    table = table.dropna(axis=1, how="all")  # what cannot be told has no column
    return dataclasses.replace(network, events=network.events.join(table))
