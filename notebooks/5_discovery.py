# %% [markdown]
# # 5 · Discovery
#
# **Time:** 60 minutes.
#
# **You learn**
#
# - to group events without any labels: k-means, written by hand,
# - to choose the number of groups, and to doubt it,
# - to find out *what a group is*: look, count hours, compare,
# - to search for what resembles one event,
# - the limits: clusters are found in anything.
#
# Bergen et al. (2019) name three uses of learning in Earth science: *automation* (notebook 3),
# *modelling* (notebook 1), and *discovery*: nobody has told us what is in the records. We start from
# everything that made STA/LTA trigger in three days and forget the catalogue.

# %%
import matplotlib.pyplot as plt
import numpy as np
import obspy
import pandas as pd

from seisml.classroom import data, features
from seisml.classroom.checks import given, same, task
from seisml.plots.classroom import use_style

use_style()
records = data.earth_records()
record = obspy.read(str(records / "waveforms/2024/XX/DEMA/HHZ.D/*"))
record.merge(fill_value="interpolate")
trace = record[0].detrend("demean").filter("bandpass", freqmin=1, freqmax=9)
ratio = features.sta_lta(trace.data, 20.0, sta_s=1, lta_s=30)
first = features.triggers(ratio, on=5, off=1.5)[:, 0]
first = first[np.concatenate([[True], np.diff(first) > 20 * 20])]  # one in 20 s
first = first[(first > 100) & (first < len(trace.data) - 500)]
pieces = np.array([trace.data[k - 100 : k + 500] for k in first])
hour = first / 20 / 3600 % 24
print(f"{len(pieces)} triggers in three days")

# %%
rng = np.random.default_rng(4)
some = rng.choice(len(pieces), 12, replace=False)
fig, axes = plt.subplots(4, 3, figsize=(11, 6.5), sharex=True)
for ax, k in zip(axes.ravel(), some, strict=True):
    ax.plot(np.arange(600) / 20 - 5, pieces[k] / np.abs(pieces[k]).max(), color="black", lw=0.7)
    ax.set_yticks([])
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
plt.show()

# %% [markdown]
# Earthquakes, surely. Blasts? Cars, steps, spikes? How many *kinds* do you see?
#
# ## Features without amplitude
#
# A near small event and a far large one shall be the same kind. So we take features that do not change
# with the gain.

# %%
frequency_hz, power = features.power_spectrum(pieces, 20.0)
energy = np.cumsum(pieces**2, axis=1)
energy /= energy[:, -1:]
low = features.band_energy(frequency_hz, power, 1, 3)
high = features.band_energy(frequency_hz, power, 5, 9)
table = pd.DataFrame(
    {
        "centroid (Hz)": features.centroid(frequency_hz, power),
        "bandwidth (Hz)": features.bandwidth(frequency_hz, power),
        "entropy": features.spectral_entropy(power),
        "log kurtosis": np.log10(features.kurtosis(pieces)),
        "log duration": np.log10(
            (energy < 0.95).sum(axis=1) / 20 - (energy < 0.05).sum(axis=1) / 20
        ),
        "log low/high": np.log10(low / high),
        "time to half energy (s)": (energy < 0.5).sum(axis=1) / 20 - 5,
    }
)
table.describe().loc[["mean", "std"]].round(2)

# %% [markdown]
# **Task 5.1** Distances between rows mix Hz, seconds and logarithms: the feature with the largest
# numbers would decide alone. *Standardise* the columns: mean 0, standard deviation 1.


# %% tags=["stub"]
def standardise(X):
    """Return the columns of X with mean 0 and standard deviation 1."""
    return ...


# %% tags=["wrong"]
def standardise(X):
    """Use one mean and one deviation for all columns."""
    return (X - X.mean()) / X.std()


# %% tags=["wrong"]
def standardise(X):
    """Standardise rows instead of columns."""
    return (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)


# %% tags=["solution"]
def standardise(X):
    """Return the columns of X with mean 0 and standard deviation 1."""
    return (X - X.mean(axis=0)) / X.std(axis=0)


# %% tags=["check"]
with task("5.1"):
    Z = standardise(np.array([[1.0, 100.0, 2.0], [2.0, 300.0, 2.5], [3.0, 800.0, 9.0]]))
    given(standardise=Z)
    assert np.allclose(np.mean(Z, axis=0), 0), "the mean of each *column* is to be 0."
    assert np.allclose(np.std(Z, axis=0), 1), "the standard deviation of each column is to be 1."

# %%
X = standardise(table.to_numpy())

# %% [markdown]
# ## k-means by hand
#
# Two steps, again and again: give each point to the nearest centre; move each centre to the mean of
# its points.
#
# **Task 5.2** Write both. `X` has shape (n, d), `centres` (k, d).
#
# *Hint: `((X[:, np.newaxis] - centres) ** 2).sum(axis=2)` holds all squared distances, shape (n, k).*


# %% tags=["stub"]
def assign(X, centres):
    """Return the number of the nearest centre of each point."""
    return ...


def move(X, group, k):
    """Return the means of the k groups."""
    return ...


# %% tags=["wrong"]
def assign(X, centres):
    """Take the farthest centre."""
    return ((X[:, np.newaxis] - centres) ** 2).sum(axis=2).argmax(axis=1)


def move(X, group, k):
    """Right."""
    return np.array([X[group == j].mean(axis=0) for j in range(k)])


# %% tags=["wrong"]
def assign(X, centres):
    """Right."""
    return ((X[:, np.newaxis] - centres) ** 2).sum(axis=2).argmin(axis=1)


def move(X, group, k):
    """Forget the groups."""
    return np.array([X.mean(axis=0) for j in range(k)])


# %% tags=["solution"]
def assign(X, centres):
    """Return the number of the nearest centre of each point."""
    return ((X[:, np.newaxis] - centres) ** 2).sum(axis=2).argmin(axis=1)


def move(X, group, k):
    """Return the means of the k groups."""
    return np.array([X[group == j].mean(axis=0) for j in range(k)])


# %% tags=["check"]
with task("5.2"):
    dots = np.array([[0.0, 0.0], [0.0, 1.0], [5.0, 5.0], [6.0, 5.0]])
    group = assign(dots, np.array([[0.0, 0.5], [5.0, 4.0]]))
    given(assign=group, move=move(dots, np.array([0, 0, 1, 1]), 2))
    assert np.array_equal(group, [0, 0, 1, 1]), "each point belongs to the *nearest* centre."
    means = move(dots, np.array([0, 0, 1, 1]), 2)
    assert np.allclose(means, [[0, 0.5], [5.5, 5]]), "the mean of the points of each group."


# %%
def k_means(X, k, seed, n_steps=30):
    """Return the groups and their centres, from k random points as first centres."""
    rng = np.random.default_rng(seed)
    centres = X[rng.choice(len(X), k, replace=False)]
    for _ in range(n_steps):
        group = assign(X, centres)
        if len(np.unique(group)) < k:  # an empty group: draw new first centres
            centres = X[rng.choice(len(X), k, replace=False)]
            continue
        centres = move(X, group, k)
    return group, centres


group, centres = k_means(X, 4, seed=0)
np.bincount(group)

# %% [markdown]
# ## In two dimensions
#
# Seven features cannot be drawn. The *principal components* are the directions in which the points
# spread most.

# %%
from sklearn.decomposition import PCA

pca = PCA(2).fit(X)
XY = pca.transform(X)


def scatter(ax, XY, labels, title):
    """Draw points with a colour and a marker for each label."""
    for label, marker in zip(np.unique(labels), "o^s*Dv", strict=False):
        mine = labels == label
        ax.plot(XY[mine, 0], XY[mine, 1], marker, ms=5, alpha=0.7, label=str(label))
    ax.set(title=title, xlabel="component 1 (standard deviations)")


fig, ax = plt.subplots(figsize=(7.5, 5))
scatter(ax, XY, group, "four groups by k-means")
ax.set_ylabel("component 2 (standard deviations)")
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% [markdown]
# ## How many groups?
#
# The **silhouette** of a point compares its distance to its own group with that to the next group: 1
# is inside, 0 on the border. The mean over all points judges a number of groups.

# %%
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

ks = np.arange(2, 9)
silhouette = np.array(
    [silhouette_score(X, KMeans(k, n_init=10, random_state=0).fit_predict(X)) for k in ks]
)
agreement = []
for k in ks:
    runs = [KMeans(k, n_init=1, init="random", random_state=s).fit_predict(X) for s in range(8)]
    pairs = [adjusted_rand_score(runs[0], other) for other in runs[1:]]
    agreement.append(np.mean(pairs))

fig, ax = plt.subplots()
ax.plot(ks, silhouette, "o-", label="mean silhouette")
ax.plot(ks, agreement, "s--", label="agreement between random starts")
ax.set(xlabel="number of groups", ylabel="0: none, 1: perfect", ylim=(0, 1.02))
ax.legend()
plt.show()

# %% [markdown]
# **Task 5.3** Choose the number of groups with the largest mean silhouette.

# %% tags=["stub"]
n_groups = ...

# %% tags=["wrong"]
n_groups = 8

# %% tags=["solution"]
n_groups = int(ks[silhouette.argmax()])

# %% tags=["check"]
with task("5.3"):
    given(n_groups=n_groups)
    assert n_groups in ks, "a number from 2 to 8."
    assert silhouette[n_groups - 2] == silhouette.max(), "where is the curve highest?"

# %% [markdown]
# It is a suggestion, no law: the curve is nearly flat from four to six. We take four groups, because
# they fit on a page.
#
# ## What is in a group?
#
# A group has a number, not a name. Names come from looking: at typical members, at the mean features,
# and at *when* they happen.

# %%
four = KMeans(4, n_init=10, random_state=0).fit(X)
group = four.labels_
distance = np.linalg.norm(X - four.cluster_centers_[group], axis=1)
fig, axes = plt.subplots(4, 3, figsize=(11.5, 8), width_ratios=[2, 2, 1.2])
for g in range(4):
    mine = np.flatnonzero(group == g)
    for ax, k in zip(axes[g], mine[np.argsort(distance[mine])[:2]], strict=False):
        x = pieces[k] / np.abs(pieces[k]).max()
        ax.plot(np.arange(600) / 20 - 5, x, color=f"C{g}", lw=0.7)
        ax.set_yticks([])
    axes[g, 0].set_ylabel(f"group {g}\n({len(mine)})")
    axes[g, 2].hist(hour[mine], bins=np.arange(0, 25, 2), color=f"C{g}")
    axes[g, 2].set(xlim=(0, 24), xticks=[0, 6, 12, 18, 24])
for ax, label in zip(axes[-1], ("time (s)", "time (s)", "hour (UTC)"), strict=True):
    ax.set_xlabel(label)
axes[0, 0].set_title("the two most typical members")
axes[0, 2].set_title("when")
plt.show()

# %%
means = pd.DataFrame(X, columns=table.columns).groupby(group).mean()
fig, ax = plt.subplots(figsize=(10, 4))
image = ax.imshow(means, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
for (r, c), value in np.ndenumerate(means.to_numpy()):
    ax.text(
        c,
        r,
        f"{value:+.1f}",
        ha="center",
        va="center",
        color="white" if abs(value) > 1.3 else "black",
    )
ax.set_xticks(
    range(X.shape[1]), [name.replace(" ", "\n", 1) for name in means.columns], fontsize=11
)
ax.set_yticks(range(4), [f"group {g}" for g in range(4)])
fig.colorbar(image, label="standard deviations")
plt.show()

# %% [markdown]
# **Task 5.4** Quarries blast by day, and send out low frequencies. Which group (0 to 3) holds the
# blasts?

# %% tags=["stub"]
blast_group = ...

# %% tags=["wrong"]
blast_group = int(means["centroid (Hz)"].idxmax())

# %% tags=["solution"]
blast_group = int(means["log low/high"].idxmax())

# %% tags=["check"]
with task("5.4"):
    given(blast_group=blast_group)
    assert blast_group in range(4), "a number from 0 to 3."
    by_day = (hour[group == blast_group] > 7) & (hour[group == blast_group] < 17)
    assert by_day.mean() > 0.8, "this group happens by night, too."
    assert means.loc[blast_group, "log low/high"] > 0.8, "blasts have low frequencies."

# %% [markdown]
# ## Ask the truth
#
# In real life nobody can. Here we can count which kinds are in which group.

# %%
truth = pd.read_csv(records / "truth.csv", parse_dates=["time"])
start = pd.Timestamp(trace.stats.starttime.datetime, tz="UTC")
at_s = (truth["time"] - start).dt.total_seconds().to_numpy()
nearest = np.abs(first[:, np.newaxis] / 20 - at_s).argmin(axis=1)
near_s = first / 20 - at_s[nearest]
kind = np.where((near_s > -2) & (near_s < 12), truth["label"].to_numpy()[nearest], "no event")
counts = pd.crosstab(kind, group, rownames=["truth"], colnames=["group"])
print(f"adjusted Rand index with the truth: {adjusted_rand_score(kind, group):.2f}")
counts

# %%
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.8), sharey=True)
scatter(axes[0], XY, group, "groups")
scatter(axes[1], XY, kind, "truth")
axes[0].set_ylabel("component 2 (standard deviations)")
for ax in axes:
    ax.legend(loc="best", fontsize=11)
plt.show()

# %% [markdown]
# The groups are *real differences between records*. They need not be the differences that you care
# about: one kind may be cut in two (here what is no event: long and short noises), and two kinds may share a
# group.
#
# ## Search for what is similar
#
# Often one event is known and the question is: **are there more of this kind?**
#
# **Task 5.5** Return the numbers of all other rows of `X`, the most similar first.
#
# *Hint: distances to row `query`, `np.argsort`, and leave out the query itself.*


# %% tags=["stub"]
def similar(X, query):
    """Return the rows in the order of their distance to one row, without it."""
    return ...


# %% tags=["wrong"]
def similar(X, query):
    """Keep the query: nothing resembles it as much as itself."""
    return np.argsort(np.linalg.norm(X - X[query], axis=1))


# %% tags=["wrong"]
def similar(X, query):
    """Begin with the least similar."""
    return np.argsort(-np.linalg.norm(X - X[query], axis=1))[:-1]


# %% tags=["solution"]
def similar(X, query):
    """Return the rows in the order of their distance to one row, without it."""
    order = np.argsort(np.linalg.norm(X - X[query], axis=1))
    return order[order != query]


# %% tags=["check"]
with task("5.5"):
    line = np.array([[0.0], [10.0], [4.0], [5.5]])
    answer = similar(line, 3)
    given(similar=answer)
    assert 3 not in list(answer), "leave out the query itself."
    assert list(answer) == [2, 1, 0], "from 5.5: 4 is nearest, then 10, then 0."

# %%
query = np.flatnonzero(kind == "blast")[3]
found = similar(X, query)
fig, axes = plt.subplots(6, 1, figsize=(9.5, 7), sharex=True)
for ax, k in zip(axes, [query, *found[:5]], strict=True):
    colour = "black" if k == query else "C0" if kind[k] == "blast" else "C1"
    ax.plot(np.arange(600) / 20 - 5, pieces[k] / np.abs(pieces[k]).max(), color=colour, lw=0.7)
    ax.set_yticks([])
    ax.set_ylabel(
        "query" if k == query else kind[k].replace(" ", "\n"), rotation=0, ha="right", va="center"
    )
axes[-1].set_xlabel("time (s)")
plt.show()

# %%
n_blasts = (kind == "blast").sum()
hits = np.cumsum(kind[found] == "blast") / np.arange(1, len(found) + 1)
fig, ax = plt.subplots()
ax.plot(np.arange(1, 101), hits[:100])
ax.axhline(n_blasts / len(kind), color="C1", ls="--", label="chance")
ax.axvline(n_blasts - 1, color="C2", ls=":", label="number of other blasts")
ax.set(xlabel="length of the list", ylabel="share of blasts in it", ylim=(0, 1.02))
ax.legend()
plt.show()

# %% [markdown]
# ## Clusters in nothing
#
# Take points *without any groups*: one cloud with the same covariance as our features. k-means divides
# it all the same.

# %%
cloud = np.random.default_rng(0).multivariate_normal(np.zeros(7), np.cov(X.T), size=len(X))
cloud_group = KMeans(4, n_init=10, random_state=0).fit_predict(cloud)
cloud_silhouette = silhouette_score(cloud, cloud_group)
fig, axes = plt.subplots(1, 2, figsize=(11.5, 4.6), sharex=True, sharey=True)
scatter(axes[0], XY, group, f"records: silhouette {silhouette_score(X, group):.2f}")
scatter(axes[1], pca.transform(cloud), cloud_group, f"one cloud: silhouette {cloud_silhouette:.2f}")
axes[0].set_ylabel("component 2 (standard deviations)")
plt.show()

# %% [markdown]
# **Task 5.6** What may you conclude from "k-means found four groups" alone? Write `"a"`, `"b"` or `"c"`.
#
# - a. There are four kinds of events.
# - b. There are at least four kinds.
# - c. Nothing about kinds: it would have found four groups in one cloud, too.

# %% tags=["stub"]
conclusion = ...

# %% tags=["wrong"]
conclusion = "a"

# %% tags=["wrong"]
conclusion = "b"

# %% tags=["solution"]
conclusion = "c"

# %% tags=["check"]
with task("5.6"):
    given(conclusion=conclusion)
    assert same(conclusion, "2e7d2c03a9"), "look at the figure on the right."

# %% [markdown]
# ## Questions
#
# 1. Add the logarithm of the amplitude as an eighth feature. What becomes of the groups, and why?
# 2. Spikes and steps are few. Which method would keep small groups, or say "this is none of them"?
#    (Look for *density-based* clustering.)
# 3. Repeating earthquakes have nearly the same *waveform*. When is correlation better than features,
#    and what does it cost for a year of records?
# 4. You have found a new kind of event. What must you show before you may call it a discovery?
#
# ## References
#
# - Bergen et al. (2019), Machine learning for data-driven discovery in solid Earth geoscience,
#   *Science* 363, eaau0323. [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
# - Rousseeuw (1987), Silhouettes: a graphical aid to the interpretation and validation of cluster
#   analysis, *J. Comput. Appl. Math.* 20, 53-65.
#   [doi:10.1016/0377-0427(87)90125-7](https://doi.org/10.1016/0377-0427(87)90125-7)
# - Yoon, O'Reilly, Bergen and Beroza (2015), Earthquake detection through computationally efficient
#   similarity search, *Sci. Adv.* 1, e1501057.
#   [doi:10.1126/sciadv.1501057](https://doi.org/10.1126/sciadv.1501057)
