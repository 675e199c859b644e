# %% [markdown]
# # 4 · An expert-detected marsquake, and unseen data
#
# **Time:** 90 minutes.
#
# **You learn**
#
# - to think in sols and local time,
# - what a single station on a windy planet records: wind, glitches, and rarely a marsquake,
# - to train where labels are plentiful (generated records) and to detect where there are none,
# - to compare with an expert's catalogue, and to look at what the catalogue missed,
# - if your teacher has them: to run the detector on real hours of InSight.
#
# InSight listened to Mars from 2018 to 2022. The Marsquake Service, a team of experts, went through
# every sol. The records here are *InSight-like*: generated, with the wind of the day, the 1 Hz tick of
# the electronics, glitches and marsquakes as published. The truth is known.

# %%
import matplotlib.pyplot as plt
import numpy as np
import obspy
import pandas as pd

from seisml.classroom import data, features
from seisml.classroom.checks import given, same, task
from seisml.plots.classroom import use_style

use_style()
records = data.mars_records()
stream = obspy.read(str(records / "waveforms/2021/XB/ELYSE/BHV.D/*"))
stream.merge()
trace = stream[0]
print(trace)

# %% [markdown]
# ## Sols
#
# A *sol*, a day on Mars, has 88 775.244 s. Local mean solar time (LMST) divides it into 24 hours of
# Mars. Sol 0 of InSight began at 1 543 209 050.335 s of Unix time (26 November 2018).
#
# **Task 4.1** Write the conversion. `unix_s` may be an array.
#
# *Hint: seconds since sol 0, divided by the length of a sol: the whole part is the sol, the rest times
# 24 the hour.*

# %%
SOL_S = 88_775.244
SOL_0_S = 1_543_209_050.335


# %% tags=["stub"]
def sol_and_hour(unix_s):
    """Return the number of the sol, and the LMST in hours (0 to 24)."""
    return ...


# %% tags=["wrong"]
def sol_and_hour(unix_s):
    """Use hours of 3600 s: the day would have 24.66 of them."""
    since = unix_s - SOL_0_S
    return np.floor(since / SOL_S), since % SOL_S / 3600


# %% tags=["wrong"]
def sol_and_hour(unix_s):
    """Use days of the Earth."""
    since = unix_s - SOL_0_S
    return np.floor(since / 86400), since % 86400 / 3600


# %% tags=["solution"]
def sol_and_hour(unix_s):
    """Return the number of the sol, and the LMST in hours (0 to 24)."""
    sols = (unix_s - SOL_0_S) / SOL_S
    return np.floor(sols), sols % 1 * 24


# %% tags=["check"]
with task("4.1"):
    when = SOL_0_S + SOL_S * np.array([0.0, 0.5, 235.75])
    answer = sol_and_hour(when)
    given(sol_and_hour=answer)
    sol, hour = answer
    assert np.allclose(sol, [0, 0, 235]), "the whole part of the number of sols."
    assert np.allclose(hour, [0, 12, 18], atol=1e-3), "24 hours of Mars are one sol."

# %% [markdown]
# ## A sol in one picture
#
# The energy in 2.2 to 2.8 Hz, minute by minute, over the local hour. (There the lander has a
# resonance that makes weak motion of the ground visible.)

# %%
filtered = trace.copy().detrend("demean").filter("bandpass", freqmin=2.2, freqmax=2.8)
minute = 600  # samples
n = len(filtered.data) // minute
level = np.std(np.asarray(filtered.data[: n * minute]).reshape(n, minute), axis=1)
minute_s = trace.stats.starttime.timestamp + 60 * np.arange(n)
sol, hour = sol_and_hour(minute_s)

expert = pd.read_csv(records / "expert.csv", parse_dates=["time", "end_time"])
event_s = expert["time"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy() / 1e9
event_sol, event_hour = sol_and_hour(event_s)

fig, axes = plt.subplots(4, 1, figsize=(10, 7.5), sharex=True, sharey=True)
for ax, s in zip(axes, np.unique(sol), strict=True):
    ax.semilogy(hour[sol == s], level[sol == s], lw=0.8, color="black")
    for h in event_hour[event_sol == s]:
        ax.axvline(h, color="C1", ls="--")
    ax.set_ylabel(f"sol {s:.0f}")
fig.supylabel("RMS in 2.2-2.8 Hz (counts)", fontsize=14)
axes[0].set_title("dashed: marsquakes of the expert's catalogue")
axes[-1].set(xlabel="local mean solar time (hours)", xlim=(0, 24), xticks=range(0, 25, 3))
plt.show()

# %% [markdown]
# **Task 4.2** In which three hours is it quietest, by the median of `level`? Give the first of them as
# a multiple of 3 (0, 3, ..., 21). And: are marsquakes *rarer* by day, or are they *not seen*?

# %% tags=["stub"]
quietest_from = ...

# %% tags=["wrong"]
quietest_from = 12

# %% tags=["solution"]
medians = {h: np.median(level[(hour >= h) & (hour < h + 3)]) for h in range(0, 24, 3)}
quietest_from = min(medians, key=medians.get)
print(
    f"from {quietest_from} h on; by day the wind is {max(medians.values()) / min(medians.values()):.0f} times as strong"
)

# %% tags=["check"]
with task("4.2"):
    given(quietest_from=quietest_from)
    assert quietest_from in range(0, 24, 3), "one of 0, 3, ..., 21."
    by_three = [np.median(level[(hour >= h) & (hour < h + 3)]) for h in range(0, 24, 3)]
    assert by_three[quietest_from // 3] < 1.15 * min(by_three), (
        "there it is noisier than elsewhere."
    )

# %% [markdown]
# ## A marsquake, and what is none
#
# Left: an event of the expert's catalogue; it lasts ten minutes and more. Right: a *glitch*, a sudden
# tilt of the sensor when something relaxes in the cold.

# %%
wide = trace.copy().detrend("demean").filter("highpass", freq=0.3)
high = expert[expert["label"].isin(["HIGH_FREQUENCY", "2.4_HZ"])]
best = expert.loc[high["magnitude"].idxmax()]
quake = wide.slice(
    obspy.UTCDateTime(best["time"].timestamp()) - 300,
    obspy.UTCDateTime(best["time"].timestamp()) + 1200,
)
slow = trace.copy().detrend("demean").filter("bandpass", freqmin=0.02, freqmax=0.4)
peak = np.abs(np.asarray(slow.data)).copy()
for s in event_s:  # not inside an event
    k = int((s - trace.stats.starttime.timestamp) * 10)
    peak[max(0, k - 6000) : k + 18000] = 0
quiet = np.repeat((hour > 17) & (hour < 23), minute)
peak[: len(quiet)][~quiet] = 0
peak[len(quiet) :] = 0
peak[:6000] = 0
glitch_at = trace.stats.starttime + peak.argmax() / 10
glitch = slow.slice(glitch_at - 60, glitch_at + 120)

pieces = ((quake, f"{best['label']}, M {best['magnitude']:.1f}", 300), (glitch, "glitch", 60))
fig, axes = plt.subplots(2, 2, figsize=(11, 6))
for (top, bottom), (piece, title, zero) in zip(axes.T, pieces, strict=True):
    seconds = piece.times() - zero
    ends = (seconds[0], seconds[-1])
    top.plot(seconds, piece.data, color="black", lw=0.7)
    top.set(title=title, ylabel="counts", xlim=ends)
    power, *_, image = bottom.specgram(piece.data, NFFT=256, Fs=10, noverlap=200, xextent=ends)
    image.set_clim(*(10 * np.log10(np.percentile(power, [5, 99.5]))))
    bottom.set(xlabel="time (s)", ylabel="frequency (Hz)", ylim=(0, 5))
    fig.colorbar(image, label="power (dB)")
plt.show()

# %% [markdown]
# The horizontal line at 1 Hz is the tick: the electronics, not Mars.
#
# **Task 4.3** How many times a sol does a short STA/LTA (2 s over 60 s, threshold 5) trigger on the
# record `wide`, and how many events a sol does the expert have? Give the ratio of both.
#
# *Hint: `features.sta_lta` and `features.triggers(..., on=5, off=1.5)`; 10 samples a second. Both are
# counted over the same time.*

# %% tags=["stub"]
triggers_per_event = ...

# %% tags=["wrong"]
triggers_per_event = len(expert) / 300

# %% tags=["solution"]
ratio = features.sta_lta(np.asarray(wide.data), 10.0, sta_s=2, lta_s=60)
n_triggers = len(features.triggers(ratio, on=5, off=1.5))
triggers_per_event = n_triggers / len(expert)
print(f"{n_triggers} triggers for {len(expert)} events: {triggers_per_event:.0f} to one")

# %% tags=["check"]
with task("4.3"):
    given(triggers_per_event=triggers_per_event)
    x = features.sta_lta(np.asarray(wide.data), 10.0, sta_s=2, lta_s=60)
    expected = len(features.triggers(x, on=5, off=1.5)) / len(expert)
    assert triggers_per_event > 1, "there are many more triggers than events."
    assert np.isclose(triggers_per_event, expected, rtol=0.02), "sta_s=2, lta_s=60, on=5, off=1.5."

# %% [markdown]
# ## Train where labels are plentiful
#
# Three sols with a dozen events teach little. But the physics of these records is known well enough to
# *generate* others: we make eight more days with another seed, train on them, and keep our three sols
# unseen. Windows are 200 s long and begin every 50 s.
#
# The features are chosen so that they do not know the gain of the sensor: shapes of spectra, ratios of
# averages.

# %%
import tempfile

from seisml.labels import LabelRule, label_windows, signals
from seisml.synthetics import make_mars_archive

options = {
    "channels": ["BHV"],
    "profile": "mars-insight",
    "length_s": 200,
    "hop_s": 50,
    "band_hz": (0.1, 3.9),
    "bands_hz": ((0.1, 0.3), (0.3, 0.9), (1.1, 1.9), (2.2, 2.6), (2.7, 3.9)),
    "names": (
        "kurtosis crest zero_crossing_rate duration_5_95 time_centroid stalta_short_max "
        "stalta_mid_max stalta_mid_mean stalta_on_fraction frequency_index f_centroid f_bandwidth "
        "f_peak spec_entropy spec_flatness spec_slope spec_crest band_entropy band_stalta_max"
    ).split(),
}
with tempfile.TemporaryDirectory() as folder:
    made = make_mars_archive(
        folder, seed=99, n_days=8, sampling_rate_hz=10.0, events_per_sol=8, faults=()
    )
    school = data.feature_table(folder, **options)
rule = LabelRule("intervals", event_share=0.5, ignore_after_s=300, min_duration_s=120)
seen = signals(made.catalog, sorted(set(school.stations)), rule)
state = label_windows(school.time_ns, school.stations, school.grid, seen, rule)["state"].to_numpy()
print({name: int((state == k).sum()) for name, k in (("event", 1), ("noise", 0), ("neither", -1))})

# %%
from sklearn.ensemble import HistGradientBoostingClassifier

from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.detect import EventRule, events_from_windows


def fit(rows):
    """Return a model fitted to some windows of the generated sols."""
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
    return model.fit(school.frame.to_numpy()[rows], state[rows])


def detections(table, probability, threshold):
    """Return the events of a table's windows as a catalogue."""
    rule = EventRule(threshold, 0.6 * threshold, merge_gap_s=200, min_duration_s=200)
    runs = events_from_windows([(table.time_ns, probability)], table.grid, rule)
    rows = [{"time_ns": run[0], "end_ns": run[1], "station": "XB.ELYSE"} for run in runs]
    events = pd.DataFrame(rows, columns=["time_ns", "end_ns", "station"])
    return make_catalog(events, name="machine", body="mars", time_basis="label_start")


def against(machine, catalog, table):
    """Compare by intervals: the onset in the expert's interval (± 60 s), or enough overlap."""
    cover = {"XB.ELYSE": [[table.time_ns.min(), table.time_ns.max() + 200 * 10**9]]}
    return compare(machine, catalog, mode="interval", tolerance_s=60, coverage=cover)


early = school.time_ns < np.quantile(school.time_ns, 0.6)
late_p = fit((state >= 0) & early).predict_proba(school.frame.to_numpy()[~early])[:, 1]
late = school.rows(~early)
levels = np.arange(0.1, 0.85, 0.05)
counts = np.array(
    [
        [len(part) for part in (c.matched, c.missed, c.unmatched)]
        for c in (against(detections(late, late_p, x), made.catalog, late) for x in levels)
    ]
)

# %%
recall = counts[:, 0] / (counts[:, 0] + counts[:, 1])
precision = counts[:, 0] / (counts[:, 0] + counts[:, 2])
fig, ax = plt.subplots()
ax.plot(levels, recall, "o-", label="recall")
ax.plot(levels, precision, "s--", label="precision")
ax.set(xlabel="threshold", ylabel="share, generated sols\nnot used for training", ylim=(0, 1.02))
ax.legend()
plt.show()

# %% [markdown]
# **Task 4.4** Choose the threshold with the largest F1 = 2 n_matched/(2 n_matched + n_missed +
# n_unmatched) **here**, on the generated sols. The columns of `counts` are matched, missed, unmatched.

# %% tags=["stub"]
threshold = ...

# %% tags=["wrong"]
threshold = levels[recall.argmax()]

# %% tags=["wrong"]
threshold = levels[precision.argmax()]

# %% tags=["solution"]
f1 = 2 * counts[:, 0] / (2 * counts[:, 0] + counts[:, 1] + counts[:, 2])
threshold = levels[f1.argmax()]
print(f"threshold {threshold:.2f}, F1 {f1.max():.2f}")

# %% tags=["check"]
with task("4.4"):
    given(threshold=threshold)
    all_f1 = 2 * counts[:, 0] / (2 * counts[:, 0] + counts[:, 1] + counts[:, 2])
    mine = all_f1[np.argmin(np.abs(levels - threshold))]
    assert np.isclose(mine, all_f1.max()), "neither recall nor precision alone: F1."

# %% [markdown]
# ## Unseen sols

# %%
model = fit(state >= 0)
table = data.feature_table(records / "waveforms", **options)
probability = model.predict_proba(table.frame.to_numpy())[:, 1]
machine = detections(table, probability, threshold)
catalogue = data.read_mars(records / "expert.csv")
result = against(machine, catalogue, table)
result

# %%
window_sol, window_hour = sol_and_hour(table.time_ns / 1e9 + 100)
fig, axes = plt.subplots(4, 1, figsize=(10, 7.5), sharex=True, sharey=True)
for ax, s in zip(axes, np.unique(window_sol), strict=True):
    mine = window_sol == s
    ax.plot(window_hour[mine], probability[mine], color="black", lw=0.8)
    for events, colour, low in ((catalogue.events, "C0", -0.14), (machine.events, "C1", -0.28)):
        on_sol, on = sol_and_hour(events["time_ns"].to_numpy() / 1e9)
        length = (events["end_ns"] - events["time_ns"]).to_numpy() / 1e9 / SOL_S * 24
        for x, width in zip(on[on_sol == s], length[on_sol == s], strict=True):
            ax.add_patch(plt.Rectangle((x, low), width, 0.11, color=colour))
    ax.axhline(threshold, color="#767676", ls=":", lw=1)
    ax.set(ylim=(-0.3, 1.03), yticks=[0, 0.5, 1], ylabel=f"sol {s:.0f}")
fig.supylabel("P(marsquake)", fontsize=14)
axes[0].set_title("blue: the expert, orange: the machine")
axes[-1].set(xlabel="local mean solar time (hours)", xlim=(0, 24), xticks=range(0, 25, 3))
plt.show()

# %% [markdown]
# ## What the catalogue missed
#
# Some detections have no partner in the expert's catalogue. A paper would call them "new marsquakes".
#
# **Task 4.5** Of the unmatched detections, how many are in the *truth*? Use `against` with
# `truth`: a detection is real if its `event_id` is in the column `machine_id` of `.matched`.

# %%
truth = data.read_mars(records / "truth.csv")
unmatched_ids = set(result.unmatched["event_id"])
print(f"{len(unmatched_ids)} unmatched detections")

# %% tags=["stub"]
n_new = ...

# %% tags=["wrong"]
n_new = len(unmatched_ids) + 1

# %% tags=["wrong"]
n_new = len(against(machine, truth, table).matched)

# %% tags=["solution"]
real_ids = set(against(machine, truth, table).matched["machine_id"])
n_new = len(unmatched_ids & real_ids)
print(f"{n_new} of {len(unmatched_ids)} are marsquakes that the expert does not have")

# %% tags=["check"]
with task("4.5"):
    given(n_new=n_new)
    matched = set(against(machine, truth, table).matched["machine_id"])
    assert n_new <= len(unmatched_ids), "only unmatched detections are asked for."
    assert n_new == sum(name in matched for name in unmatched_ids), "those in both sets."

# %%
missing = truth.events[~truth.events["event_id"].isin(catalogue.events["event_id"])]
print("in the truth and not in the catalogue:")
missing[["label", "magnitude"]].assign(hour=sol_and_hour(missing["time_ns"] / 1e9)[1].round(1))

# %% [markdown]
# **Task 4.6** When may you call an unmatched detection a *new marsquake*? Write `"a"`, `"b"` or `"c"`.
#
# - a. When the probability is above 0.9.
# - b. When somebody has checked that it is no wind, glitch or tick, by evidence that the detector has
#   not used.
# - c. When the detector has a precision of 0.9 on generated records.

# %% tags=["stub"]
new_when = ...

# %% tags=["wrong"]
new_when = "a"

# %% tags=["wrong"]
new_when = "c"

# %% tags=["solution"]
new_when = "b"  # pressure, wind, other components, polarization, an expert's eye

# %% tags=["check"]
with task("4.6"):
    given(new_when=new_when)
    assert same(new_when, "3e23e81600"), "a model cannot be its own witness."

# %% [markdown]
# ## Real hours of InSight
#
# If your teacher has a folder of real records (`SEISML_REAL_DATA`, or `shared/data` above this
# folder), the same model, *trained on generated records only*, now hears Mars. Dashed: P of the
# Marsquake Service.

# %%
folder = data.real_folder()
hours = None if folder is None else folder / "mars_insight"
if hours is None or not hours.is_dir():
    print("No real records here: ask your teacher, or read on.")
else:
    labels = pd.read_csv(hours / "labels_mars.csv").drop_duplicates("event")
    real = data.feature_table(hours / "waveforms", **options)
    p_real = model.predict_proba(real.frame.to_numpy())[:, 1]
    p_times = pd.to_datetime(labels["P"], format="ISO8601", utc=True)
    groups = np.concatenate([[0], np.cumsum(np.diff(real.time_ns) > 200 * 10**9)])
    n_rows = groups.max() + 1
    fig, axes = plt.subplots(n_rows, 1, figsize=(10, 1.7 * n_rows), sharey=True, squeeze=False)
    for g, ax in enumerate(axes[:, 0]):
        times = pd.to_datetime(real.time_ns[groups == g] + 100 * 10**9, utc=True)
        minutes = (times - times[0]).total_seconds() / 60
        ax.plot(minutes, p_real[groups == g], color="black")
        for p, name in zip(p_times, labels["event"], strict=True):
            after = (p - times[0]).total_seconds() / 60
            if 0 <= after <= minutes[-1]:
                ax.axvline(after, color="C1", ls="--")
                ax.text(after, 1.05, f" {name}", color="C1", fontsize=12)
        ax.set(ylim=(0, 1.3), yticks=[0, 1])
        ax.set_ylabel(times[0].strftime("%d %b\n%Y"), rotation=0, ha="right", va="center")
    axes[-1, 0].set_xlabel("time (minutes)")
    fig.suptitle("P(marsquake), real records", x=0.02, ha="left", fontsize=15, fontweight="bold")
    plt.show()

# %% [markdown]
# That it works at all says that the generated records have what matters. Where it fails is where they
# lack something: that is how simulations are improved.
#
# ## Questions
#
# 1. The expert's catalogue has nearly no event between 7 h and 17 h LMST. How would you state the *rate*
#    of marsquakes?
# 2. Hour of the day as a feature would raise the score. What would the model learn?
# 3. You find five "new" events in 1500 sols. How many would a detector find in noise with the time
#    reversed?
# 4. Which evidence that the detector has not used could support a new event?
#
# ## References
#
# - Clinton et al. (2021), The Marsquake catalogue from InSight, sols 0-478, *Phys. Earth Planet. Inter.*
#   310, 106595. [doi:10.1016/j.pepi.2020.106595](https://doi.org/10.1016/j.pepi.2020.106595)
# - Scholz et al. (2020), Detection, analysis, and removal of glitches from InSight's seismic data from
#   Mars, *Earth Space Sci.* 7, e2020EA001317.
#   [doi:10.1029/2020EA001317](https://doi.org/10.1029/2020EA001317)
# - Bergen et al. (2019), Machine learning for data-driven discovery in solid Earth geoscience,
#   *Science* 363, eaau0323. [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
