# %% [markdown]
# # 3 · Detect and classify
#
# **Time:** 120 minutes.
#
# **You learn**
#
# - to make labels of windows from an expert's catalogue,
# - why a *random split* of overlapping windows lies, and by how much,
# - what class imbalance does to accuracy,
# - to go from probabilities of windows to **events**, and to score events: recall, precision, false
#   alarms a day, a confusion matrix,
# - to choose among algorithms, and to ask a model what it looks at.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seisml.classroom import data
from seisml.classroom.checks import given, task
from seisml.plots.classroom import use_style

use_style()
records = data.earth_records()

# %% [markdown]
# ## Features of every window
#
# Windows of 12 s that begin every 2 s: three days have 129 600 of them, and each sample is in six
# windows. seisml computes 22 features of the vertical component in a second or two.

# %%
table = data.feature_table(
    records / "waveforms",
    channels=["HHZ"],
    length_s=12,
    hop_s=2,
    spectrum_s=6.0,
    bands_hz=((1.0, 2.0), (2.0, 4.0), (4.0, 7.5)),
    names=[
        "log_energy",
        "crest",
        "kurtosis",
        "zero_crossing_rate",
        "duration_5_95",
        "env_rise_fraction",
        "stalta_short_max",
        "stalta_mid_max",
        "stalta_mid_mean",
        "rel_energy",
        "dlog_energy",
        "band_log_energy",
        "frequency_index",
        "f_centroid",
        "f_bandwidth",
        "f_peak",
        "spec_entropy",
        "spec_flatness",
        "spec_slope",
        "spec_distance",
    ],
)
frame = table.frame.dropna()
start_s = frame.index.get_level_values("time").astype("datetime64[ns]").astype(np.int64) / 1e9
start_s = start_s.to_numpy()
print(frame.shape)

# %% [markdown]
# ## Labels from a catalogue
#
# The expert gives onset and end of each event. A window is
#
# - an **event** if the event covers at least half of the window, or the window half of the event,
# - **noise** if no event (nor its last ten seconds of coda) touches it,
# - **neither** in between: we do not teach what we do not know.
#
# **Task 3.1** Write the overlap in seconds of two intervals (0 if they do not touch). All arguments may
# be arrays.
#
# *Hint: it begins at the later start and ends at the earlier end.*


# %% tags=["stub"]
def overlap_s(start_a, end_a, start_b, end_b):
    """Return the length of the intersection of two intervals."""
    return ...


# %% tags=["wrong"]
def overlap_s(start_a, end_a, start_b, end_b):
    """Forget that it cannot be negative."""
    return np.minimum(end_a, end_b) - np.maximum(start_a, start_b)


# %% tags=["wrong"]
def overlap_s(start_a, end_a, start_b, end_b):
    """Return the union."""
    return np.maximum(end_a, end_b) - np.minimum(start_a, start_b)


# %% tags=["solution"]
def overlap_s(start_a, end_a, start_b, end_b):
    """Return the length of the intersection of two intervals."""
    return np.maximum(np.minimum(end_a, end_b) - np.maximum(start_a, start_b), 0)


# %% tags=["check"]
with task("3.1"):
    value = overlap_s(
        0.0, 12.0, np.array([3.0, 10.0, 20.0, -5.0]), np.array([5.0, 40.0, 30.0, 50.0])
    )
    given(overlap_s=value)
    assert np.all(np.asarray(value) >= 0), "intervals that do not touch overlap by 0, not less."
    assert np.allclose(value, [2.0, 2.0, 0.0, 12.0]), "later start, earlier end."

# %%
expert = pd.read_csv(records / "expert.csv", parse_dates=["time", "end_time"])
onset_s = expert["time"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy() / 1e9
end_s = expert["end_time"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy() / 1e9
LENGTH_S, HOP_S = 12, 2


def label_windows(start_s, onset_s, end_s, kind):
    """Return "noise", the kind of event, or "" (neither) for each window."""
    label = np.full(len(start_s), "noise", dtype=object)
    for on, off, name in zip(onset_s, end_s, kind, strict=True):
        near = np.flatnonzero((start_s + LENGTH_S > on - 1) & (start_s < off + 10))
        shared = overlap_s(start_s[near], start_s[near] + LENGTH_S, on, off)
        is_event = shared >= 0.5 * min(LENGTH_S, off - on)
        label[near] = np.where(is_event, name, np.where(label[near] == "noise", "", label[near]))
    return label


label = label_windows(start_s, onset_s, end_s, expert["label"])
pd.Series(label).replace("", "(neither)").value_counts()

# %% [markdown]
# ## Imbalance
#
# **Task 3.2** A detector that *always says noise*: what is its accuracy (share of right answers) among
# the labelled windows?

# %% tags=["stub"]
lazy_accuracy = ...

# %% tags=["wrong"]
lazy_accuracy = 0.5

# %% tags=["wrong"]
lazy_accuracy = np.mean(label != "noise")

# %% tags=["solution"]
lazy_accuracy = np.mean(label[label != ""] == "noise")
print(f"{lazy_accuracy:.1%} right, no event found")

# %% tags=["check"]
with task("3.2"):
    given(lazy_accuracy=lazy_accuracy)
    n_noise, n_labelled = (label == "noise").sum(), (label != "").sum()
    assert lazy_accuracy > 0.9, "noise is by far the most frequent."
    assert np.isclose(lazy_accuracy, n_noise / n_labelled), "leave out windows without a label."

# %% [markdown]
# So accuracy is the wrong number. We need numbers in which the many easy noise windows do not count.
#
# ## Why a random split lies
#
# For training we keep all event windows and draw 8000 of noise. Then the usual recipe: shuffle, four
# folds, train on three, test on the fourth. And the careful recipe: *blocks* of three hours go to the
# folds as a whole.
#
# **Task 3.3** Give each window the number of its fold (0 to 3) by blocks of three hours: the first
# three hours are 0, the next 1, ... after 3 comes 0 again.
#
# *Hint: `//` and `%`.*

# %%
rng = np.random.default_rng(0)
is_event = (label == "earthquake") | (label == "blast")
keep = np.concatenate(
    [np.flatnonzero(is_event), rng.choice(np.flatnonzero(label == "noise"), 8000, replace=False)]
)
keep.sort()
X, y, t = frame.to_numpy()[keep], label[keep].astype(str), start_s[keep]
shuffled_fold = rng.permutation(len(y)) % 4


# %% tags=["stub"]
def block_fold(t):
    """Return the fold of each window that starts at t (seconds)."""
    return ...


# %% tags=["wrong"]
def block_fold(t):
    """Deal single windows in turn: neighbours land in different folds."""
    return np.arange(len(t)) % 4


# %% tags=["wrong"]
def block_fold(t):
    """Forget to start again at 0."""
    return (t - t[0]) // (3 * 3600)


# %% tags=["solution"]
def block_fold(t):
    """Return the fold of each window that starts at t (seconds)."""
    return (t - start_s[0]) // (3 * 3600) % 4


# %% tags=["check"]
with task("3.3"):
    hours = start_s[0] + 3600 * np.array([0.0, 2.9, 3.1, 6.5, 11.9, 12.1])
    given(block_fold=block_fold(hours))
    assert np.array_equal(block_fold(hours), [0, 0, 1, 2, 3, 0]), "3 h are 0, then 1, 2, 3, then 0."

# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score


def class_score(true, said):
    """Return the mean of the F1 of both classes, of event windows."""
    f1 = []
    for kind in ("earthquake", "blast"):
        right = np.sum((true == kind) & (said == kind))
        f1.append(2 * right / (np.sum(true == kind) + np.sum(said == kind)))
    return np.mean(f1)


# %%
def cross_validate(fold, model):
    """Return P(event) and the class of each window, by a model that has not seen its fold."""
    p, said = np.zeros(len(y)), np.empty(len(y), dtype=y.dtype)
    for k in range(4):
        train, test = fold != k, fold == k
        model.fit(X[train], y[train])
        p[test] = 1 - model.predict_proba(X[test])[:, list(model.classes_).index("noise")]
        said[test] = model.predict(X[test])
    return p, said


def scores(p, said, rows=slice(None)):
    """Return the detection score and the class score of some windows."""
    events = y[rows] != "noise"
    found = average_precision_score(events, p[rows])
    return np.array([found, class_score(y[rows][events], said[rows][events])])


forest = RandomForestClassifier(60, random_state=0)
lie = scores(*cross_validate(shuffled_fold, forest))
honest = scores(*cross_validate(block_fold(t), forest))

# %%
fig, ax = plt.subplots(figsize=(8.5, 4.5))
place = np.arange(2)
for shift, name, value, colour in ((-0.2, "shuffled", lie, "C1"), (0.2, "blocks", honest, "C0")):
    bars = ax.bar(place + shift, 1 - value, 0.36, color=colour, label=name)
    ax.bar_label(bars, fmt="{:.3f}", padding=3)
ax.set_xticks(place, ["detection\n(average precision)", "classes of events\n(mean F1)"])
ax.set(ylabel="error: 1 - score", ylim=(0, 0.13))
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# Same data, same model, same score: only the split differs. With shuffled windows the forest has
# *seen the same event* two seconds earlier; it recognises the event, not its kind. Detection hardly
# suffers here: onsets of different events resemble each other.
#
# (We score all windows *together*, not fold by fold: blasts are by day, so some blocks have none, and
# the F1 of a class that is not there is 0 or undefined. Averaging such folds would be another lie.)
#
# **Task 3.4** How many times larger is the *error* of the classes (1 - score) with the honest split?

# %% tags=["stub"]
times_larger = ...

# %% tags=["wrong"]
times_larger = lie[1] / honest[1]

# %% tags=["wrong"]
times_larger = (1 - lie[1]) / (1 - honest[1])

# %% tags=["solution"]
times_larger = (1 - honest[1]) / (1 - lie[1])
print(f"{times_larger:.1f} times")

# %% tags=["check"]
with task("3.4"):
    given(times_larger=times_larger)
    assert times_larger > 1, "divide the honest error by the other one."
    assert np.isclose(times_larger * (1 - lie[1]), 1 - honest[1]), "the errors of the classes."

# %% [markdown]
# ## Train on two days, test on the third
#
# Detection is a job over time. We learn on days 1 and 2, choose a threshold *there*, and touch day 3
# once.

# %%
day = ((start_s - start_s[0]) // 86_400).astype(int)
learn = day[keep] < 2


def fit(rows):
    """Return a forest fitted to some of the kept windows."""
    return RandomForestClassifier(100, min_samples_leaf=2, random_state=0).fit(X[rows], y[rows])


def p_event(model, windows):
    """Return the probability of an event in windows (rows of frame)."""
    noise = list(model.classes_).index("noise")
    return 1 - model.predict_proba(frame.to_numpy()[windows])[:, noise]


day_2 = np.flatnonzero(day == 1)
day_3 = np.flatnonzero(day == 2)
probability_2 = p_event(fit(day[keep] == 0), day_2)  # a model that has not seen day 2
model = fit(learn)
probability_3 = p_event(model, day_3)

# %%
fourth_s = onset_s[np.searchsorted(onset_s, start_s[day_3[0]]) + 3]
first = np.searchsorted(start_s[day_3], fourth_s - 600)
span = slice(first, first + 3600)
minutes = (start_s[day_3][span] - start_s[day_3][first]) / 60
fig, ax = plt.subplots(figsize=(9.5, 3.6))
ax.plot(minutes, probability_3[span])
for on in onset_s:
    m = (on - start_s[day_3][first]) / 60
    if 0 < m < minutes[-1]:
        ax.axvline(m, color="C1", ls="--", lw=1.5)
ax.set(xlabel="time on day 3 (minutes)", ylabel="P(event)", ylim=(0, 1.02), xlim=(0, minutes[-1]))
ax.set_title("dashed: the expert's onsets")
plt.show()

# %% [markdown]
# ## From windows to events
#
# Windows that follow one another above the threshold are *one* event. The first such window is the
# one into which the event has just come: its last hop holds what is new.
#
# **Task 3.5** Return the onsets (seconds): for each run of windows at or above the threshold,
# `start of the first window + LENGTH_S - HOP_S`.
#
# *Hint: `above & ~before`, where `before` is `above` moved by one: `np.concatenate([[False],
# above[:-1]])`.*


# %% tags=["stub"]
def onsets(start, probability, threshold):
    """Return the onset of each run of windows at or above a threshold, s."""
    return ...


# %% tags=["wrong"]
def onsets(start, probability, threshold):
    """Return every window, not the first of each run."""
    return start[probability >= threshold] + LENGTH_S - HOP_S


# %% tags=["wrong"]
def onsets(start, probability, threshold):
    """Return the start of the window: ten seconds early."""
    above = probability >= threshold
    return start[above & ~np.concatenate([[False], above[:-1]])]


# %% tags=["solution"]
def onsets(start, probability, threshold):
    """Return the onset of each run of windows at or above a threshold, s."""
    above = probability >= threshold
    first = above & ~np.concatenate([[False], above[:-1]])
    return start[first] + LENGTH_S - HOP_S


# %% tags=["check"]
with task("3.5"):
    p = np.array([0.9, 0.1, 0.6, 0.7, 0.2, 0.5])
    value = onsets(2.0 * np.arange(6), p, 0.5)
    given(onsets=value)
    assert len(value) == 3, "three runs: one event each."
    assert np.allclose(value, [10.0, 14.0, 20.0]), "start of the first window + LENGTH_S - HOP_S."

# %% [markdown]
# ## Score events, not windows
#
# One detection belongs to one event at most. seisml finds the pairs (most first, then nearest).

# %%
from seisml.matching import match


def score(found_s, true_s, tolerance_s=10.0):
    """Return recall, precision and the numbers of the pairs."""
    found_ns, true_ns = (np.rint(np.asarray(x) * 1e9).astype(np.int64) for x in (found_s, true_s))
    i, j = match(true_ns, found_ns, tolerance_ns=round(tolerance_s * 1e9))
    return len(i) / len(true_ns), len(i) / max(len(found_ns), 1), i, j


truth_2 = onset_s[(onset_s >= start_s[day_2[0]]) & (onset_s < start_s[day_2[-1]])]
truth_3 = onset_s[(onset_s >= start_s[day_3[0]]) & (onset_s < start_s[day_3[-1]])]
levels = np.linspace(0.05, 0.95, 37)
curve = np.array([score(onsets(start_s[day_2], probability_2, x), truth_2)[:2] for x in levels])
n_found = np.array([len(onsets(start_s[day_2], probability_2, x)) for x in levels])
n_false = n_found * (1 - curve[:, 1])

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4))
left.plot(levels, curve[:, 0], label="recall")
left.plot(levels, curve[:, 1], "--", label="precision")
left.set(xlabel="threshold", ylabel="share, day 2", ylim=(0, 1.02))
left.legend(loc="lower center")
right.semilogx(np.maximum(n_false, 0.5), curve[:, 0], "o-", ms=4)
right.set(xlabel="unmatched detections a day", ylabel="recall", ylim=(0, 1.02))
right.set_xticks([0.5, 1, 10, 100, 1000], ["0", 1, 10, 100, 1000])
plt.show()

# %% [markdown]
# **Task 3.6** Choose the threshold with the largest F1 = 2 P R/(P + R) **on day 2**.

# %% tags=["stub"]
threshold = ...

# %% tags=["wrong"]
threshold = levels[np.argmax(curve[:, 0])]

# %% tags=["wrong"]
threshold = levels[np.argmax(curve[:, 1])]

# %% tags=["solution"]
f1 = 2 * curve[:, 0] * curve[:, 1] / (curve[:, 0] + curve[:, 1])
threshold = levels[np.argmax(f1)]
print(f"threshold {threshold:.2f}, F1 on day 2 {f1.max():.2f}")

# %% tags=["check"]
with task("3.6"):
    given(threshold=threshold)
    r, p = curve[np.argmin(np.abs(levels - threshold))]
    best = max(2 * a * b / (a + b) for a, b in curve if a + b > 0)
    assert np.isclose(2 * r * p / (r + p), best), "neither recall nor precision alone: F1."

# %%
found_s = onsets(start_s[day_3], probability_3, threshold)
recall, precision, i, j = score(found_s, truth_3)
print(
    f"day 3: recall {recall:.2f}, precision {precision:.2f}, "
    f"{len(found_s) - len(j)} unmatched a day, "
    f"median onset error {np.median(np.abs(found_s[j] - truth_3[i])):.1f} s"
)

# %% [markdown]
# And STA/LTA, under the same rules: its threshold on day 2, its test on day 3.

# %%
ratio = frame["stalta_mid_max.Z"].to_numpy()
ratio_levels = np.quantile(ratio[day_2], np.linspace(0.9, 0.9995, 60))


def f1_of(found_s, truth_s):
    """Return F1 of detections."""
    r, p, *_ = score(found_s, truth_s)
    return 2 * r * p / max(r + p, 1e-9)


best_ratio = max(
    ratio_levels, key=lambda x: f1_of(onsets(start_s[day_2], ratio[day_2], x), truth_2)
)
base_s = onsets(start_s[day_3], ratio[day_3], best_ratio)
print(f"STA/LTA: recall {score(base_s, truth_3)[0]:.2f}, precision {score(base_s, truth_3)[1]:.2f}")

# %% [markdown]
# ## What it calls them
#
# The label of a detection is the most probable kind of event over its run. The **confusion matrix**
# has a column for what was missed, and a row for what the expert does not have.

# %%
kinds = ["earthquake", "blast"]
columns = [list(model.classes_).index(kind) for kind in kinds]
all_p = model.predict_proba(frame.to_numpy()[day_3])[:, columns]


def kind_of(onset):
    """Return the kind with the largest mean probability in the 12 s after an onset."""
    first = np.searchsorted(start_s[day_3], onset - LENGTH_S + HOP_S)
    return kinds[all_p[first : first + 6].mean(axis=0).argmax()]


said = np.array([kind_of(s) for s in found_s])
true = expert["label"].to_numpy()[(onset_s >= start_s[day_3[0]]) & (onset_s < start_s[day_3[-1]])]
matrix = np.zeros((3, 3), dtype=int)
for a, b in zip(i, j, strict=True):
    matrix[kinds.index(true[a]), kinds.index(said[b])] += 1
for a in np.setdiff1d(np.arange(len(true)), i):
    matrix[kinds.index(true[a]), 2] += 1
for b in np.setdiff1d(np.arange(len(said)), j):
    matrix[2, kinds.index(said[b])] += 1

fig, ax = plt.subplots(figsize=(6.5, 4.8))
ax.imshow(np.sqrt(matrix), cmap="Blues")
for (r, c), n in np.ndenumerate(matrix):
    ax.text(
        c,
        r,
        "" if (r, c) == (2, 2) else n,
        ha="center",
        va="center",
        fontsize=16,
        color="white" if n > 0.4 * matrix.max() else "black",
    )
ax.set_xticks(range(3), ["earthquake", "blast", "(missed)"])
ax.set_yticks(range(3), ["earthquake", "blast", "(unmatched)"])
ax.set(xlabel="the forest says", ylabel="the expert says")
plt.show()

# %% [markdown]
# ## Unmatched is not false
#
# The expert of these generated records missed one event in five. We know the truth, for once:
#
# **Task 3.7** How many of the *unmatched* detections are events of the truth? `truth_all_s` are the
# true onsets on day 3, `alone_s` the unmatched detections.

# %%
true_table = pd.read_csv(records / "truth.csv", parse_dates=["time"])
truth_all_s = true_table["time"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy() / 1e9
truth_all_s = truth_all_s[(truth_all_s >= start_s[day_3[0]]) & (truth_all_s < start_s[day_3[-1]])]
alone_s = np.delete(found_s, j)

# %% tags=["stub"]
n_real = ...

# %% tags=["wrong"]
n_real = len(alone_s) + 1

# %% tags=["wrong"]
n_real = len(score(found_s, truth_all_s)[3])

# %% tags=["solution"]
n_real = len(score(alone_s, truth_all_s)[3])
print(f"{n_real} of {len(alone_s)} unmatched detections are real events")

# %% tags=["check"]
with task("3.7"):
    given(n_real=n_real)
    assert n_real <= len(alone_s), "only unmatched detections are asked for."
    assert n_real == len(score(alone_s, truth_all_s)[2]), "match alone_s with truth_all_s."

# %%
recall_true, precision_true, *_ = score(found_s, truth_all_s)
print(f"against the expert: recall {recall:.2f}, precision {precision:.2f}")
print(f"against the truth:  recall {recall_true:.2f}, precision {precision_true:.2f}")

# %% [markdown]
# Against an incomplete catalogue, precision is a *lower bound*; and recall is flattered, because what
# the expert missed is what is hard.
#
# ## What does it look at?
#
# Shuffle one column of the test windows and see how much the score falls: *permutation importance*.
# (Features that resemble each other share their importance.)

# %%
from sklearn.inspection import permutation_importance

held = (day[keep] == 2) & ((y != "noise") | (rng.random(len(y)) < 0.3))
importance = permutation_importance(
    model, X[held], y[held], scoring="f1_macro", n_repeats=3, random_state=0
)
order = np.argsort(importance.importances_mean)[-10:]
fig, ax = plt.subplots(figsize=(9.5, 4.8))
ax.barh(range(10), importance.importances_mean[order], xerr=importance.importances_std[order])
ax.set_yticks(range(10), [frame.columns[k].removesuffix(".Z") for k in order])
ax.set_xlabel("loss of mean F1 when shuffled")
plt.show()

# %% [markdown]
# ## Which algorithm?
#
# scikit-learn's [map](https://scikit-learn.org/stable/machine_learning_map.html) asks how much data
# there is, whether it is labelled, and what should be predicted. Then: try several, on the same
# blocks.

# %%
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

algorithms = {
    "dummy": DummyClassifier(strategy="stratified", random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
    "forest": RandomForestClassifier(60, min_samples_leaf=2, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=40, random_state=0),
}
blocks = (t - start_s[0]) // (3 * 3600)
rows = {}
for name, algorithm in algorithms.items():
    began = time.perf_counter()
    p, named = cross_validate(block_fold(t), algorithm)
    spent_s = time.perf_counter() - began
    value, again = scores(p, named), []
    for _ in range(100):  # draw the 24 blocks of time anew: how sure is the score?
        drawn = rng.integers(24, size=24)
        picked = np.concatenate([np.flatnonzero(blocks == k) for k in drawn])
        again.append(scores(p, named, picked))
    sd = np.std(again, axis=0)
    rows[name] = {"detection": value[0], "± ": sd[0], "classes": value[1], "±": sd[1]}
    rows[name]["time (s)"] = spent_s
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# ± is the standard deviation when whole blocks of time are drawn anew: events come in clusters, so
# windows are no independent samples. Compare the differences with it before you call a winner.

# %% [markdown]
# ## Now you: the exercise
#
# Your teacher has a package for you (`seisml class make`): four new days, two of them without a
# catalogue. Hand in a CSV `time,end_time,label` with times in UTC, for example:

# %%
found = pd.DataFrame(
    {
        "time": pd.to_datetime(found_s, unit="s", utc=True),
        "end_time": pd.to_datetime(found_s + 20, unit="s", utc=True),  # better: the end of the run
        "label": said,
    }
)
text = found.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
print(text[:200])

# %% [markdown]
# Write it to a file and ask `seisml class check team.csv` whether the form is right.

# %% [markdown]
# ## Questions
#
# 1. An observatory can check twenty detections a day. Which threshold do you set, and which events
#    will be missing?
# 2. You test on day 3, are not content, change the features, and test on day 3 again. What is day 3
#    now?
# 3. All blasts come from two quarries. What will the model say about a third quarry?
# 4. Which of the scores on this page would you print in a paper, and which must stand beside it?
#
# ## References
#
# - Breiman (2001), Random forests, *Machine Learning* 45, 5-32.
#   [doi:10.1023/A:1010933404324](https://doi.org/10.1023/A:1010933404324)
# - Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial, hierarchical,
#   or phylogenetic structure, *Ecography* 40, 913-929.
#   [doi:10.1111/ecog.02881](https://doi.org/10.1111/ecog.02881)
# - Bergen et al. (2019), Machine learning for data-driven discovery in solid Earth geoscience,
#   *Science* 363, eaau0323. [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
