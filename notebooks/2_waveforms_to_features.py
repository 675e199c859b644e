# %% [markdown]
# # 2 · From waveforms to features
#
# **Time:** 60 minutes.
#
# **You learn**
#
# - to read and plot records with ObsPy,
# - to write STA/LTA, the detector that observatories have used for fifty years,
# - to turn a spectrum into numbers that mean something,
# - to measure how well *one* feature separates two classes.
#
# The records are generated (seed 2012): one station in a valley, three days, local earthquakes,
# quarry blasts, traffic. They are made in a few seconds the first time and then kept.

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
stream = obspy.read(str(records / "waveforms/2024/XX/DEMA/*/*.061"))
stream.merge()
print(stream)

# %% [markdown]
# ## Look at an earthquake
#
# The expert's catalogue has the onset of P at this station.

# %%
expert = pd.read_csv(records / "expert.csv", parse_dates=["time", "end_time"])
expert["label"].value_counts()

# %%
strong = expert[expert["label"] == "earthquake"]
lasts_s = (strong["end_time"] - strong["time"]).dt.total_seconds()
on_day_1 = strong["time"] < "2024-03-01T23:00Z"
quake_time = obspy.UTCDateTime(strong.loc[lasts_s[on_day_1].idxmax(), "time"].timestamp())
cut = stream.slice(quake_time - 10, quake_time + 40).copy()
cut.detrend("demean").filter("highpass", freq=1.0)

fig, axes = plt.subplots(3, 1, figsize=(9.5, 6), sharex=True)
for ax, trace in zip(axes, cut.select(channel="HHZ") + cut.select(channel="HH[NE]"), strict=True):
    ax.plot(trace.times() - 10, trace.data, color="black", lw=0.8)
    ax.axvline(0, color="C1", ls="--")
    ax.set_ylabel(f"{trace.stats.channel}\n(counts)")
axes[0].set_title("dashed: P, as the expert has it")
axes[-1].set(xlabel="time after P (s)", xlim=(-10, 40))
plt.show()

# %% [markdown]
# **Task 2.1** P moves the ground along the ray, which comes from below; S moves it across. On which
# component is **S** larger than P by more: `"vertical"` or `"horizontal"`? And how many seconds after
# P does S arrive (to a second or two)? With P at 6 km/s and S at 3.5 km/s each second of S-P is about
# 8 km of distance.

# %% tags=["stub"]
s_is_on = ...  # "vertical" or "horizontal"
s_minus_p = ...  # seconds, read from the figure

# %% tags=["wrong"]
s_is_on = "vertical"
s_minus_p = 5.0

# %% tags=["wrong"]
s_is_on = "horizontal"
s_minus_p = 20.0

# %% tags=["solution"]
horizontal = np.hypot(*[trace.data for trace in cut.select(channel="HH[NE]")])
after_s = np.arange(len(horizontal)) / 20.0 - 10
s_is_on = "horizontal"
s_minus_p = after_s[np.argmax(horizontal > 0.5 * horizontal.max())]  # first strong motion
print(f"S - P about {s_minus_p:.1f} s: {8.4 * s_minus_p:.0f} km")

# %% tags=["check"]
with task("2.1"):
    given(s_is_on=s_is_on, s_minus_p=s_minus_p)
    assert same(s_is_on, "69b273a2e9"), "S shakes across the ray; the ray comes from below."
    motion = np.hypot(*[trace.data for trace in cut.select(channel="HH[NE]")])
    first_strong_s = np.argmax(motion > 0.5 * motion.max()) / 20.0 - 10
    assert abs(s_minus_p - first_strong_s) < 2, "look for the second, larger step on HHN and HHE."

# %% [markdown]
# ## STA/LTA by hand
#
# A short-term average over a long-term average of the squared record: 1 on steady noise, large where
# it suddenly becomes stronger. Both averages end at the present sample.
#
# **Task 2.2** Write it with `np.cumsum`: the sum over the last $n$ samples is
# `total[k] - total[k - n]`. Where no long window fits yet, write `np.nan`.
#
# *Hint: let `total` start with a 0, so that `total[k]` is the sum of the first k values.*


# %% tags=["stub"]
def sta_lta(x, n_sta, n_lta):
    """Return the ratio at each sample; x is filtered, n_sta and n_lta count samples."""
    return ...


# %% tags=["wrong"]
def sta_lta(x, n_sta, n_lta):
    """Forget the square: averages of a wiggle are zero."""
    total = np.concatenate([[0.0], np.cumsum(x)])
    ratio = np.full(len(x), np.nan)
    end = np.arange(n_lta, len(x) + 1)
    sta, lta = (total[end] - total[end - n_sta]) / n_sta, (total[end] - total[end - n_lta]) / n_lta
    ratio[n_lta - 1 :] = sta / lta
    return ratio


# %% tags=["wrong"]
def sta_lta(x, n_sta, n_lta):
    """Use sums where averages are asked for."""
    total = np.concatenate([[0.0], np.cumsum(x**2)])
    ratio = np.full(len(x), np.nan)
    end = np.arange(n_lta, len(x) + 1)
    ratio[n_lta - 1 :] = (total[end] - total[end - n_sta]) / (total[end] - total[end - n_lta])
    return ratio


# %% tags=["solution"]
def sta_lta(x, n_sta, n_lta):
    """Return the ratio at each sample; x is filtered, n_sta and n_lta count samples."""
    total = np.concatenate([[0.0], np.cumsum(x**2)])
    ratio = np.full(len(x), np.nan)
    end = np.arange(n_lta, len(x) + 1)
    sta = (total[end] - total[end - n_sta]) / n_sta
    lta = (total[end] - total[end - n_lta]) / n_lta
    ratio[n_lta - 1 :] = sta / lta
    return ratio


# %% tags=["check"]
with task("2.2"):
    step = np.array([1.0, -1, 1, -1, 1, -1, 1, -1, 3, -3])
    ratio = sta_lta(step, 2, 4)
    given(sta_lta=ratio)
    assert len(ratio) == 10, "one value a sample."
    assert np.isnan(ratio[:3]).all(), "nan until a whole long window has passed."
    assert np.isclose(ratio[5], 1.0), "steady noise has a ratio of 1: squares, and averages."
    assert np.isclose(ratio[9], 9 / 5), "at the end: (9 + 9)/2 over (1 + 1 + 9 + 9)/4."

# %%
day = stream.select(channel="HHZ")[0].copy()
day.detrend("demean").filter("bandpass", freqmin=2, freqmax=8)
day_data = np.ma.filled(day.data, 0.0)
ratio = sta_lta(day_data, n_sta=20, n_lta=600)

first = int((quake_time - 60 - day.stats.starttime) * 20)
span = slice(first, first + 20 * 150)
t = np.arange(span.stop - span.start) / 20 - 60
fig, (top, bottom) = plt.subplots(2, 1, figsize=(9.5, 5), sharex=True)
top.plot(t, day_data[span], color="black", lw=0.8)
top.set_ylabel("velocity\n(counts)")
bottom.plot(t, ratio[span])
bottom.axhline(4, color="C1", ls="--", label="on")
bottom.axhline(1.5, color="C2", ls=":", label="off")
bottom.set(xlabel="time after P (s)", ylabel="STA/LTA", xlim=(-60, 90))
bottom.legend()
plt.show()

# %% [markdown]
# Why does the ratio fall *below* 1 after the earthquake? The long window still contains it: for 30 s
# the detector is nearly blind. That is how aftershocks are missed.
#
# The function in seisml does the same:

# %%
same_ratio = features.sta_lta(day_data, 20.0, sta_s=1.0, lta_s=30.0)
print("largest difference:", np.nanmax(np.abs(same_ratio - ratio)))

# %% [markdown]
# ## Thresholds
#
# **Task 2.3** Count how many triggers a day each threshold in `levels` gives.
#
# *Hint: `features.triggers(ratio, on=..., off=1.5)` returns one row a trigger.*

# %% tags=["stub"]
levels = [2, 3, 4, 6, 8, 12, 20]
n_triggers = ...  # a list, one number a level

# %% tags=["wrong"]
n_triggers = [int((ratio > level).sum()) for level in levels]

# %% tags=["solution"]
levels = [2, 3, 4, 6, 8, 12, 20]
n_triggers = [len(features.triggers(ratio, on=level, off=1.5)) for level in levels]

# %% tags=["check"]
with task("2.3"):
    given(n_triggers=n_triggers)
    assert len(n_triggers) == len(levels), "one number a level."
    above = int((ratio > levels[2]).sum())
    assert n_triggers[2] != above, "count triggers (rows), not samples above the level."
    assert n_triggers[2] == len(features.triggers(ratio, on=4, off=1.5)), "use off=1.5."

# %%
known = int((expert["time"] < "2024-03-02T00:00Z").sum())
fig, ax = plt.subplots()
ax.loglog(levels, n_triggers, "o-")
ax.axhline(known, color="C1", ls="--", label="events in the expert's catalogue")
ax.set_xticks(levels, levels)
ax.set_xticks([], minor=True)
ax.set(xlabel="threshold of STA/LTA", ylabel="triggers a day")
ax.legend()
plt.show()

# %% [markdown]
# No threshold is right: where the number of triggers is that of the events, many triggers are traffic
# and many events are missing. STA/LTA knows that it became *stronger*. It does not know *what* it was.
#
# ## The spectrum as numbers
#
# Cut thirty seconds around each event of the catalogue (the **truth** this time, because we study
# features, not detection), and as many pieces of noise.

# %%
truth = pd.read_csv(records / "truth.csv", parse_dates=["time", "end_time"])
whole = obspy.read(str(records / "waveforms/2024/XX/DEMA/HHZ.D/*"))
whole.merge(fill_value="interpolate")  # one gap of 2 s; seisml itself never fills gaps
record = whole[0].detrend("demean").filter("bandpass", freqmin=1, freqmax=8)
start = pd.Timestamp(record.stats.starttime.datetime, tz="UTC")

at_s = (truth["time"] - start).dt.total_seconds().to_numpy()
rng = np.random.default_rng(0)
noise_s = rng.uniform(100, 3 * 86400 - 100, 2000)
noise_s = noise_s[np.abs(noise_s[:, np.newaxis] - at_s).min(axis=1) > 90][:150]
label = np.concatenate([truth["label"], np.full(len(noise_s), "noise")])
begin = (np.concatenate([at_s, noise_s]) - 5) * 20
fits = (begin > 0) & (begin < len(record.data) - 600)
pieces = np.array([record.data[int(b) : int(b) + 600] for b in begin[fits]])
label = label[fits]
print(pieces.shape, pd.Series(label).value_counts().to_dict())

# %% [markdown]
# **Task 2.4** Write the **centroid** of a power spectrum: the mean frequency, weighted by power,
# $f_c = \sum f p / \sum p$. `power` may have several rows (one a window).


# %% tags=["stub"]
def centroid(frequency_hz, power):
    """Return the centroid of each row of power, Hz."""
    return ...


# %% tags=["wrong"]
def centroid(frequency_hz, power):
    """Forget to divide by the whole power."""
    return np.sum(frequency_hz * power, axis=-1)


# %% tags=["wrong"]
def centroid(frequency_hz, power):
    """Sum over all windows."""
    return np.sum(frequency_hz * power) / np.sum(power)


# %% tags=["solution"]
def centroid(frequency_hz, power):
    """Return the centroid of each row of power, Hz."""
    return np.sum(frequency_hz * power, axis=-1) / np.sum(power, axis=-1)


# %% tags=["check"]
with task("2.4"):
    f, p = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 4.0]])
    value = centroid(f, p)
    given(centroid=value)
    assert np.shape(value) == (2,), "one value a row: sum over the last axis."
    assert np.allclose(value, [2.0, 3.0]), "divide by the sum of the power."

# %%
frequency_hz, power = features.power_spectrum(pieces, 20.0)
table = pd.DataFrame(
    {
        "log RMS (counts)": np.log10(features.rms(pieces)),
        "kurtosis": features.kurtosis(pieces),
        "crest": features.crest(pieces),
        "zero crossings (Hz)": features.zero_crossing_rate(pieces, 20.0),
        "centroid (Hz)": centroid(frequency_hz, power),
        "bandwidth (Hz)": features.bandwidth(frequency_hz, power),
        "entropy": features.spectral_entropy(power),
        "largest STA/LTA": [
            np.nanmax(features.sta_lta(x, 20.0, sta_s=0.5, lta_s=5)) for x in pieces
        ],
        "low/high energy": features.band_energy(frequency_hz, power, 1, 3)
        / features.band_energy(frequency_hz, power, 4, 8),
    }
)

# %%
kinds = ["earthquake", "blast", "noise"]
shown = ["log RMS (counts)", "centroid (Hz)", "largest STA/LTA", "low/high energy"]
fig, axes = plt.subplots(1, 4, figsize=(12.5, 4.6))
for ax, name in zip(axes, shown, strict=True):
    groups = [table.loc[label == kind, name] for kind in kinds]
    box = ax.boxplot(
        groups,
        widths=0.6,
        showfliers=False,
        patch_artist=True,
        medianprops={"color": "black", "lw": 2},
    )
    for patch, colour in zip(box["boxes"], ("C0", "C1", "#c9ced3"), strict=True):
        patch.set_facecolor(colour)
    ax.set_xticks([1, 2, 3], ["quake", "blast", "noise"])
    ax.set_title(name)
    if name == "low/high energy":
        ax.set_yscale("log")
        ax.set_yticks([0.1, 0.3, 1, 3, 10], [0.1, 0.3, 1, 3, 10])
plt.show()

# %% [markdown]
# Quarry blasts are shallow: they send out a surface wave at low frequencies, and weak S waves.
#
# ## How well does one feature separate?
#
# Take one blast and one earthquake at random. The **AUC** is the probability that the feature of the
# first is the larger one: 1/2 says nothing, 0 and 1 separate perfectly.
#
# **Task 2.5** Compute it from two arrays. Compare every value of one with every value of the other.
#
# *Hint: `a[:, np.newaxis] > b` is a table of all comparisons.*


# %% tags=["stub"]
def auc(a, b):
    """Return the share of pairs in which the value of a is larger than that of b."""
    return ...


# %% tags=["wrong"]
def auc(a, b):
    """Compare means only."""
    return float(np.mean(a) > np.mean(b))


# %% tags=["wrong"]
def auc(a, b):
    """Compare the wrong way round."""
    return np.mean(a[:, np.newaxis] < b)


# %% tags=["solution"]
def auc(a, b):
    """Return the share of pairs in which the value of a is larger than that of b."""
    return np.mean(a[:, np.newaxis] > b)


# %% tags=["check"]
with task("2.5"):
    high, low = np.array([3.0, 1.0]), np.array([0.0, 2.0])
    given(auc=auc(high, low))
    assert np.isclose(auc(high, low), 0.75), "3 beats both, 1 beats one of two: 3 of 4 pairs."
    assert np.isclose(auc(low, high), 0.25), "the other way round it is 1 - 0.75."


# %%
def separation(one, other):
    """Return the AUC of each feature, as a distance from chance."""
    pairs = {
        n: auc(table.loc[label == one, n].to_numpy(), table.loc[label == other, n].to_numpy())
        for n in table
    }
    return pd.Series(pairs).sub(0.5).abs().add(0.5)


both = pd.DataFrame(
    {
        "event or noise": separation("earthquake", "noise"),
        "blast or earthquake": separation("blast", "earthquake"),
    }
).sort_values("blast or earthquake")
fig, ax = plt.subplots(figsize=(9.5, 5))
y = np.arange(len(both))
ax.barh(y + 0.2, both["blast or earthquake"], 0.38, label="blast or earthquake")
ax.barh(y - 0.2, both["event or noise"], 0.38, color="C1", hatch="//", label="earthquake or noise")
ax.set_yticks(y, both.index)
ax.set(xlabel="AUC (0.5: nothing, 1: perfect)", xlim=(0.5, 1))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
plt.show()

# %% [markdown]
# The features that *detect* are not those that *classify*. That is why a detector that knows only
# amplitudes can never tell a blast from an earthquake.
#
# ## The same in seisml
#
# seisml computes features of all windows in one pass; `seisml features NAME` on the command line
# explains each with its formula.

# %%
from seisml.features import compute

quick = compute(
    record.data[: 20 * 3600],
    20.0,
    length_s=30,
    hop_s=10,
    names=["f_centroid", "kurtosis", "stalta_mid_max"],
    band_hz=(1, 8),
)
quick.describe().round(2)

# %% [markdown]
# ## Questions
#
# 1. Which STA/LTA lengths would you take for marsquakes that last fifteen minutes?
# 2. *log RMS* separates earthquakes from noise well here. Would you use it at another station,
#    with another sensor?
# 3. The hour of the day would separate blasts from earthquakes very well: quarries work by day. Is it
#    a good feature?
# 4. What does a two-second gap in the record do to your STA/LTA if it is filled with zeros?
#
# ## References
#
# - Allen (1978), Automatic earthquake recognition and timing from single traces, *Bull. Seismol. Soc.
#   Am.* 68, 1521-1532. [doi:10.1785/BSSA0680051521](https://doi.org/10.1785/BSSA0680051521)
# - Withers et al. (1998), A comparison of select trigger algorithms for automated global seismic phase
#   and event detection, *Bull. Seismol. Soc. Am.* 88, 95-106.
#   [doi:10.1785/BSSA0880010095](https://doi.org/10.1785/BSSA0880010095)
# - Hibert et al. (2017), Automatic identification of rockfalls and volcano-tectonic earthquakes at the
#   Piton de la Fournaise volcano using a random forest algorithm, *J. Volcanol. Geotherm. Res.* 340,
#   130-142. [doi:10.1016/j.jvolgeores.2017.04.015](https://doi.org/10.1016/j.jvolgeores.2017.04.015)
