"""Verification: the detector takes more candidates than there are events, a second look decides.

The first look sees a few seconds, every half second, of years. The second sees the minute before
and the half minute after each candidate, from its picked onset on (`seisml.candidates`): enough to
tell the S of an event from the P of the next, and a spike from an onset that something follows.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.candidates import candidate_features
from seisml.catalog import Catalog
from seisml.codes import sensor_of
from seisml.model import Verifier
from seisml.preparation import NOTHING, Preparation
from seisml.support import CANDIDATE, supported

SHARE = 0.2
"""Candidates are events from this share of the detector's threshold on."""


def verified(
    candidates: Catalog,
    archive: Archive,
    verifier: Verifier,
    *,
    preparation: Preparation = NOTHING,
    window_s: float = 0.0,
    live: Mapping[str, np.ndarray] | None = None,
    groups: Mapping[str, str] | None = None,
) -> Catalog:
    """Return the candidates that a second look takes for events, with its probability as score.

    Parameters
    ----------
    candidates : Catalog
        Detections from `Verifier.share` of the threshold on, with picked onsets; their score is 1
        at the threshold, see `seisml.model.over_threshold`.
    archive : Archive
    verifier : Verifier
    preparation : Preparation
        As in extraction.
    window_s, live, groups
        Of the support of other stations, see `seisml.support.supported`; 0: none.

    Returns
    -------
    Catalog
    """
    found = candidate_features(archive, candidates.events, preparation=preparation)
    p = verifier.probability(found)
    limit = np.full(len(p), verifier.on)
    return chosen(candidates, p, limit, window_s=window_s, live=live or {}, groups=groups)


def chosen(
    candidates: Catalog,
    p: np.ndarray,
    limit: np.ndarray,
    *,
    window_s: float,
    live: Mapping[str, np.ndarray],
    groups: Mapping[str, str] | None = None,
) -> Catalog:
    """Return the candidates whose probability reaches the limit of each, supported or alone.

    Parameters
    ----------
    candidates : Catalog
    p, limit : numpy.ndarray, shape (n_candidates,)
    window_s, live, groups
        See `seisml.support.supported`.

    Returns
    -------
    Catalog
        With the probability, after support, as score.
    """
    events = candidates.events
    raw = pd.DataFrame({"station": events["event_id"].map(sensor_of), "peak": p, "limit": limit})
    raw["start_ns"] = events["time_ns"].to_numpy()
    raw["row"] = np.arange(len(raw))
    if window_s > 0:
        raw = raw[p >= CANDIDATE * limit]
        raw = supported(raw, raw["limit"].to_numpy(), live, window_s=window_s, groups=groups)
    else:
        raw = raw[p >= limit]
    kept = events.iloc[raw["row"].to_numpy()].assign(score=raw["peak"].to_numpy())
    kept = kept.reset_index(drop=True)
    picks = candidates.picks
    score = dict(zip(kept["event_id"], kept["score"], strict=True))
    picks = picks[picks["event_id"].isin(score)].reset_index(drop=True)
    picks = picks.assign(score=picks["event_id"].map(score))
    return dataclasses.replace(candidates, events=kept, picks=picks)
