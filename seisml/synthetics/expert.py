"""An expert's catalogue: the truth with weak events missing and picks that jitter."""

import dataclasses

import numpy as np
import pandas as pd

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError
from seisml.synthetics.noise import Draw, generator

WEAKEST_PICK_SNR = 1.2


def expert_copy(
    truth: Catalog,
    *,
    seed: int,
    missing_share: float = 0.25,
    pick_sd_s=0.08,
    half_snr: float = 4.0,
    time_phase: str = "",
) -> Catalog:
    """Return what an analyst would have made of the same record.

    Parameters
    ----------
    truth : Catalog
        With the column ``snr`` in events and picks.
    seed : int
    missing_share : float
        Share of the events that is left out, 0 to 1. They are drawn without replacement with
        weights 1/(1 + (snr/half_snr)²), so that weak events are missing first.
    pick_sd_s : float or array of shape (n_picks,)
        Standard deviation of the pick error of a strong arrival, s. It grows by (1 + 3/snr) for
        weak ones; the grown value is stated in the column ``uncertainty_s``.
    half_snr : float
        Ratio of signal to noise at which events begin to be safe.
    time_phase : str
        Phase whose pick is the time of the event ("start"); without it the event time is an
        origin time and jitters by twice the median pick error.

    Returns
    -------
    Catalog
        With the name "expert"; picks below an snr of 1.2 are missing, and the column ``snr`` too.

    Raises
    ------
    ConfigError
        If `missing_share` is not between 0 and 1.
    """
    if not 0.0 <= missing_share < 1.0:
        raise ConfigError(f"missing_share is {missing_share}.", "Use 0 <= share < 1.")
    if not len(truth):
        return dataclasses.replace(truth, name="expert")
    rng = generator(seed, Draw.EXPERT)
    weight = 1.0 / (1.0 + (truth.events["snr"].to_numpy() / half_snr) ** 2)
    n_missing = round(missing_share * len(truth))
    missing = rng.choice(len(truth), n_missing, replace=False, p=weight / weight.sum())
    picks = truth.picks
    sd = np.broadcast_to(np.asarray(pick_sd_s, dtype=float), len(picks))
    sd = sd * (1.0 + 3.0 / picks["snr"].to_numpy())
    error_ns = np.rint(sd * rng.standard_normal(len(picks)) * 1e6).astype(np.int64) * 1000
    picks = picks.assign(
        time_ns=picks["time_ns"] + error_ns, uncertainty_s=np.round(sd, 3), method="manual"
    )
    events = _perturbed(truth.events, float(np.median(sd)) if len(sd) else 0.0, rng)
    events = events.drop(index=missing)
    seen = picks["event_id"].isin(events["event_id"]) & (picks["snr"] >= WEAKEST_PICK_SNR)
    picks = picks[seen].drop(columns="snr")
    if time_phase:
        events = _timed_by_picks(events, picks, time_phase)
    return make_catalog(
        events.drop(columns="snr"),
        picks,
        name="expert",
        body=truth.body,
        source="seisml.synthetics",
        time_basis=truth.time_basis,
    )


def _perturbed(events: pd.DataFrame, pick_sd_s: float, rng) -> pd.DataFrame:
    """Return events with errors of location, magnitude and origin time."""
    n = len(events)
    error = rng.standard_normal((5, n))
    origin_ns = np.rint(2e6 * pick_sd_s * error[4]).astype(np.int64) * 1000
    return events.assign(
        time_ns=events["time_ns"] + origin_ns,
        uncertainty_s=round(2.0 * pick_sd_s, 3),
        latitude=(events["latitude"] + 0.01 * error[0]).round(4),
        longitude=(events["longitude"] + 0.01 * error[1]).round(4),
        depth_km=np.maximum(events["depth_km"] * (1.0 + 0.1 * error[2]), 0.0).round(1),
        magnitude=(events["magnitude"] + 0.1 * error[3]).round(1),
    )


def _timed_by_picks(events: pd.DataFrame, picks: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return events whose time and end are those of their picks."""
    start = picks[picks["phase"] == phase].set_index("event_id")
    end = picks[picks["phase"] == "end"].set_index("event_id")
    ids = events["event_id"]
    return events.assign(
        time_ns=ids.map(start["time_ns"]).astype(np.int64),
        uncertainty_s=ids.map(start["uncertainty_s"]),
        end_ns=ids.map(end["time_ns"]).astype(np.int64),
    )
