"""Discovery: what kinds of events or windows there are, without any label.

Robust scaling, PCA, then two clusterings that fail in different ways (k-means divides everything,
HDBSCAN leaves alone what belongs to nothing) and a ranking of what is unlike the rest. All is
learnt on a drawn sample; then every window is placed: a million need a minute and the sample's
memory.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from seisml.errors import NoDataError
from seisml.store import FeatureTable

CLIP = 8.0
"""Robust units beyond which a value is as far away as it can be."""
TELL_EVERY = 100_000
"""Items after which progress is told."""
FOUND_IN = 3000
"""Rows of the sample on which the number of clusters is chosen."""


@dataclasses.dataclass(frozen=True)
class DiscoveryRule:
    """How items are grouped and ranked.

    Attributes
    ----------
    n_clusters : int
        Of k-means; 0 takes the number from 2 to 10 with the best silhouette.
    min_cluster_size : int
        Of HDBSCAN; 0 takes a fiftieth of the rows it looks at, at least 5.
    max_components : int
        Of the PCA; fewer where they hold 95 % of the variance.
    max_rows : int
        Rows that scaling, PCA, k-means and the ranking are learnt on.
    max_density_rows : int
        Rows that HDBSCAN looks at; the others take the group of their nearest one.
    seed : int
    """

    n_clusters: int = 0
    min_cluster_size: int = 0
    max_components: int = 12
    max_rows: int = 50_000
    max_density_rows: int = 8_000
    seed: int = 0


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Discovery:
    """Items with their groups and how unlike the rest they are.

    Attributes
    ----------
    items : pandas.DataFrame
        One row an item: station, time_ns, end_ns, what else was known, and kmeans, hdbscan (-1:
        in no group), novelty (larger is rarer), distance (from the middle of its k-means group).
    Z : numpy.ndarray of float32, shape (n_items, n_components)
        Places in the space of the PCA.
    medoids : pandas.DataFrame
        The item nearest to the middle of each group: kind (kmeans or hdbscan), group, n, share,
        row (of the items), traits (the features that set it apart).
    columns : tuple of str
        Features that were used.
    left_out : dict of str to str
        Features that were not, and why.
    explained : numpy.ndarray, shape (n_components,)
        Share of the variance of each component.
    about : tuple of str
        What was learnt on which rows: for the page.
    rule : DiscoveryRule
    """

    items: pd.DataFrame
    Z: np.ndarray
    medoids: pd.DataFrame
    columns: tuple[str, ...]
    left_out: dict
    explained: np.ndarray
    about: tuple[str, ...]
    rule: DiscoveryRule


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Space:
    """Scaling and PCA, learnt on the sample."""

    columns: tuple[str, ...]
    middle: np.ndarray
    spread: np.ndarray
    pca: object

    def scaled(self, frame: pd.DataFrame) -> np.ndarray:
        X = frame.reindex(columns=list(self.columns)).to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            X = np.clip((X - self.middle) / self.spread, -CLIP, CLIP)
        return np.nan_to_num(X, nan=0.0)  # not known: as in the middle, so that it says nothing

    def place(self, frame: pd.DataFrame) -> np.ndarray:
        return self.pca.transform(self.scaled(frame)).astype(np.float32)


def discover(
    parts: Callable[[], Iterable[tuple[pd.DataFrame, pd.DataFrame]]],
    rule: DiscoveryRule | None = None,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> Discovery:
    """Group items and rank what is unlike the rest.

    Parameters
    ----------
    parts : callable
        Gives, each time it is called, the same (items, features) part by part: `items` has
        station, time_ns, end_ns; `features` one row an item. See `window_parts`.
    rule : DiscoveryRule, optional
    on_progress : callable, optional

    Returns
    -------
    Discovery

    Raises
    ------
    NoDataError
        If there are fewer than ten items with features, or no feature varies.
    """
    rule, say = rule or DiscoveryRule(), on_progress or (lambda text: None)
    rng = np.random.default_rng(rule.seed)
    say("counting items with features")
    usable = [np.isfinite(X.to_numpy(np.float32)).any(axis=1) for _, X in parts()]
    n = int(sum(map(np.count_nonzero, usable)))
    if n < 10:
        raise NoDataError(
            f"{n} items have features: too few to find groups in.", "Ten are needed at least."
        )
    drawn = np.sort(rng.choice(n, min(n, rule.max_rows), replace=False))
    sample = _rows(parts, usable, drawn)
    space, left_out = _learn_space(sample, rule)
    Z = space.place(sample)
    say(f"grouping {len(Z)} of {n} items")
    with threadpool_limits(1):
        models, about = _learn_groups(Z, rule, rng)
        items, places = _placed(parts, usable, space, models, say)
    about = [
        f"scaling, PCA, k-means and novelty learnt on {len(Z)} of {n} items (drawn evenly)",
        *about,
    ]
    medoids = _medoids(items, places, sample, drawn, space)
    return Discovery(
        items=items,
        Z=places,
        medoids=medoids,
        columns=space.columns,
        left_out=left_out,
        explained=np.asarray(space.pca.explained_variance_ratio_),
        about=tuple(about),
        rule=rule,
    )


def window_parts(
    tables: Callable[[], Iterable[FeatureTable]],
) -> Callable[[], Iterable[tuple[pd.DataFrame, pd.DataFrame]]]:
    """Return the windows of feature tables as the parts that `discover` takes."""

    def parts():
        for table in tables():
            if len(table):
                items = pd.DataFrame({"station": table.stations, "time_ns": table.time_ns})
                items["end_ns"] = items["time_ns"] + table.grid.length_ns
                yield items, table.frame.reset_index(drop=True)

    return parts


def _rows(parts, usable, drawn: np.ndarray) -> pd.DataFrame:
    """Return the features of drawn items, by their number among the usable ones."""
    frames, start = [], 0
    for (_, X), good in zip(parts(), usable, strict=True):
        rows = np.flatnonzero(good)
        mine = drawn[(drawn >= start) & (drawn < start + len(rows))] - start
        frames.append(X.iloc[rows[mine]])
        start += len(rows)
    return pd.concat(frames, ignore_index=True)


def _learn_space(sample: pd.DataFrame, rule: DiscoveryRule) -> tuple[_Space, dict]:
    from sklearn.decomposition import PCA

    X = sample.to_numpy(np.float64)
    X = np.where(np.isinf(X), np.nan, X)
    known = np.isfinite(X).mean(axis=0)
    left_out, keep = {}, []
    for k, name in enumerate(sample.columns):
        if known[k] < 0.5:
            left_out[str(name)] = f"known in {known[k]:.0%} of the items"
            continue
        low, high = np.nanpercentile(X[:, k], [25, 75])
        if high > low:
            keep.append(k)
        else:
            left_out[str(name)] = "half of the items have one value"
    if not keep:
        raise NoDataError("No feature varies over the items.", "Extract more features.")
    quartiles = np.nanpercentile(X[:, keep], [25, 50, 75], axis=0)
    columns = tuple(str(sample.columns[k]) for k in keep)
    n_most = min(rule.max_components, len(keep), len(sample) - 1)
    space = _Space(columns, quartiles[1], (quartiles[2] - quartiles[0]) / 1.349, None)
    scaled = space.scaled(sample)
    with threadpool_limits(1):
        pca = PCA(n_components=n_most, svd_solver="full", random_state=rule.seed).fit(scaled)
    enough = int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), 0.95)) + 1
    if enough < n_most:
        pca = PCA(n_components=enough, svd_solver="full", random_state=rule.seed).fit(scaled)
    return dataclasses.replace(space, pca=pca), left_out


def _learn_groups(Z: np.ndarray, rule: DiscoveryRule, rng) -> tuple[tuple, list[str]]:
    from sklearn.cluster import HDBSCAN, KMeans
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    few = Z[np.sort(rng.choice(len(Z), min(len(Z), FOUND_IN), replace=False))]
    n_clusters, about = rule.n_clusters, []
    if not n_clusters:
        tried = {}
        for k in range(2, min(10, len(few) - 1) + 1):
            label = KMeans(k, n_init=4, random_state=rule.seed).fit_predict(few)
            tried[k] = float(silhouette_score(few, label))
        n_clusters = max(tried, key=tried.__getitem__)
        about.append(
            f"k-means with {n_clusters} groups: the best silhouette ({tried[n_clusters]:.2f}) of "
            f"2 to {max(tried)}, on {len(few)} items"
        )
    kmeans = KMeans(min(n_clusters, len(Z)), n_init=4, random_state=rule.seed).fit(Z)
    dense = Z[np.sort(rng.choice(len(Z), min(len(Z), rule.max_density_rows), replace=False))]
    size = max(2, rule.min_cluster_size or max(5, len(dense) // 50))
    label = HDBSCAN(min_cluster_size=min(size, len(dense)), copy=True).fit_predict(dense)
    nearest = NearestNeighbors(n_neighbors=1).fit(dense)
    # How far neighbours of one group are apart: what is further from all of them is in none.
    gaps = NearestNeighbors(n_neighbors=2).fit(dense).kneighbors(dense)[0][:, 1]
    reach = float(np.quantile(gaps[label >= 0], 0.99)) if (label >= 0).any() else 0.0
    forest = IsolationForest(n_estimators=200, random_state=rule.seed).fit(Z)
    about.append(
        f"HDBSCAN (smallest group {size}: rarer kinds, below {size / len(dense):.1%} of the items, "
        f"are in none) on {len(dense)} items; the others are in the group of the nearest one, "
        "unless it is further than neighbours in groups are"
    )
    return (kmeans, nearest, label, reach, forest), about


def _placed(parts, usable, space: _Space, models, say) -> tuple[pd.DataFrame, np.ndarray]:
    """Place every item: groups and novelty, part by part."""
    n, done, told = sum(map(np.count_nonzero, usable)), 0, 0
    kmeans, nearest, dense_label, reach, forest = models
    frames, places = [], []
    for (items, X), good in zip(parts(), usable, strict=True):
        if not good.any():
            continue
        Z = space.place(X[good])
        distance, at = (found[:, 0] for found in nearest.kneighbors(Z))
        group = np.where(distance <= max(reach, 1e-6), dense_label[at], -1)
        centre = kmeans.predict(Z)
        frames.append(
            items[good].assign(
                kmeans=centre,
                hdbscan=group,
                novelty=-forest.score_samples(Z),
                distance=np.linalg.norm(Z - kmeans.cluster_centers_[centre], axis=1),
            )
        )
        places.append(Z)
        done += len(Z)
        if done - told >= TELL_EVERY:
            told = done
            say(f"placed {done} of {n} items")
    return pd.concat(frames, ignore_index=True), np.concatenate(places)


def _medoids(items, Z, sample, drawn, space: _Space) -> pd.DataFrame:
    """Return the item nearest to the middle of each group, and what sets the group apart."""
    scaled = space.scaled(sample)
    rows = []
    for kind in ("hdbscan", "kmeans"):
        label = items[kind].to_numpy()
        for group in np.unique(label[label >= 0]):
            mine = np.flatnonzero(label == group)
            middle = np.median(Z[mine], axis=0)
            row = int(mine[np.argmin(((Z[mine] - middle) ** 2).sum(axis=1))])
            inside = label[drawn] == group
            apart = np.median(scaled[inside], axis=0) if inside.any() else np.zeros(0)
            strong = np.argsort(-np.abs(apart), kind="stable")[:4]
            traits = ", ".join(f"{space.columns[k]} {apart[k]:+.1f}" for k in strong)
            share = len(mine) / len(items)
            rows.append((kind, int(group), len(mine), share, row, traits))
    return pd.DataFrame(rows, columns=["kind", "group", "n", "share", "row", "traits"])
