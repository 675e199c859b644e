# %% [markdown]
# # 6 · Compare two catalogues
#
# **Time:** 60 minutes.
#
# **You learn**
#
# - to pair events of two catalogues, and what goes wrong if one event may be used twice,
# - what a tolerance does, and how many pairs chance would give,
# - to find a clock that is wrong,
# - completeness and b-value, and two ways to get them wrong,
# - to take a published claim apart.
#
# The catalogues are generated (a swarm of twenty days), so the truth is known. A machine has run on
# the records of an expert. Its authors claim:
#
# > *Our detector finds three times as many earthquakes as the analyst, with a precision of 80 %. The
# > b-value falls from 1.0 to 0.6 during the last six days: stress is rising.*
#
# At the end you will review this.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seisml.classroom.catalogues import DAYS, sequence
from seisml.classroom.checks import given, same, task
from seisml.plots.classroom import use_style

use_style()
found = sequence()
expert, machine = (pd.DataFrame(found[name]) for name in ("expert", "machine"))
print(f"expert: {len(expert)} events, machine: {len(machine)} detections in {DAYS} days")

# %%
fig, ax = plt.subplots(figsize=(9.5, 4))
ax.plot(machine["time_s"] / 86400, machine["magnitude"], ".", ms=3, color="C1", label="machine")
ax.plot(expert["time_s"] / 86400, expert["magnitude"], ".", ms=4, color="C0", label="expert")
ax.set(xlabel="time (days)", ylabel="magnitude", xlim=(0, DAYS))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), markerscale=4, ncols=2)
plt.show()

# %% [markdown]
# ## Pairs
#
# The simplest idea: an expert's event is *found* if some detection is within the tolerance.
#
# **Task 6.1** Write it: the share of `a` that has at least one `b` within `tolerance_s`.
#
# *Hint: `np.searchsorted(b, a - tolerance_s)` is the place of the first b that is not too early. Count
# those between this place and that for `a + tolerance_s`. Both are sorted.*


# %% tags=["stub"]
def nearest_recall(a, b, tolerance_s):
    """Return the share of times in a that have at least one time of b near them."""
    return ...


# %% tags=["wrong"]
def nearest_recall(a, b, tolerance_s):
    """Count all that are near, not whether there is one."""
    low, high = np.searchsorted(b, a - tolerance_s), np.searchsorted(b, a + tolerance_s, "right")
    return np.sum(high - low) / len(a)


# %% tags=["wrong"]
def nearest_recall(a, b, tolerance_s):
    """Look on one side only."""
    low, high = np.searchsorted(b, a), np.searchsorted(b, a + tolerance_s, "right")
    return np.mean(high > low)


# %% tags=["solution"]
def nearest_recall(a, b, tolerance_s):
    """Return the share of times in a that have at least one time of b near them."""
    low, high = np.searchsorted(b, a - tolerance_s), np.searchsorted(b, a + tolerance_s, "right")
    return np.mean(high > low)


# %% tags=["check"]
with task("6.1"):
    a, b = np.array([10.0, 20.0, 30.0, 40.0]), np.array([9.0, 9.5, 21.0, 35.0])
    value = nearest_recall(a, b, 2.0)
    given(nearest_recall=value)
    assert np.isclose(value, 0.5), "10 and 20 have one near (10 has two, and counts once)."
    assert np.isclose(nearest_recall(a, b, 5.0), 1.0), "before and after, limits included."

# %% [markdown]
# In a swarm one detection may lie near *three* of the expert's events and is counted three times.
# Honest matching is **one-to-one**: seisml finds the most pairs, and among those the nearest.

# %%
from seisml.matching import match


def one_to_one(a, b, tolerance_s):
    """Return the rows of a and of b that are pairs."""
    to_ns = [np.rint(np.asarray(x) * 1e9).astype(np.int64) for x in (a, b)]
    return match(*to_ns, tolerance_ns=round(tolerance_s * 1e9))


a, b = expert["time_s"].to_numpy(), machine["time_s"].to_numpy()
for tolerance_s in (2, 10, 60, 300):
    twice = nearest_recall(a, b, tolerance_s)
    once = len(one_to_one(a, b, tolerance_s)[0]) / len(a)
    print(f"{tolerance_s:4d} s: with reuse {twice:.3f}, one-to-one {once:.3f}")

# %% [markdown]
# The other direction shows it better: which share of *detections* has an expert's event near, if
# events may be used again and again? This "precision" is what some papers print.

# %%
tolerances_s = np.array([0.5, 1, 2, 3, 4, 5, 8, 15, 30, 60, 120, 300, 600, 1200, 3600])
reuse = [nearest_recall(b, a, x) for x in tolerances_s]
honest = [len(one_to_one(a, b, x)[0]) / len(b) for x in tolerances_s]
fig, ax = plt.subplots()
ax.semilogx(tolerances_s, reuse, "s--", color="C1", label="events used again and again")
ax.semilogx(tolerances_s, honest, "o-", label="one-to-one")
ax.set(xlabel="tolerance (s)", ylabel="share of detections\nwith an event", ylim=(0, 1.02))
ax.set_xticks([1, 10, 100, 1000], [1, 10, 100, 1000])
ax.legend()
plt.show()

# %% [markdown]
# **Task 6.2** From which tolerance in `tolerances_s` on does the curve *with reuse* reach the claimed
# 80 %?

# %% tags=["stub"]
claimed_with_s = ...

# %% tags=["wrong"]
claimed_with_s = 120

# %% tags=["solution"]
claimed_with_s = tolerances_s[np.argmax(np.array(reuse) > 0.8)]
print(f"{claimed_with_s:g} s")

# %% tags=["check"]
with task("6.2"):
    given(claimed_with_s=claimed_with_s)
    assert claimed_with_s in tolerances_s, "one of the values in tolerances_s."
    k = list(tolerances_s).index(claimed_with_s)
    assert reuse[k] > 0.8, "there the curve is still below 0.8."
    assert k == 0 or reuse[k - 1] <= 0.8, "it is reached before."

# %% [markdown]
# ## What chance would find
#
# If detections fell anywhere at the rate $\lambda$ (a second), how many events would have one within
# $\pm\tau$? The number in $2\tau$ is Poisson distributed with mean $2\tau\lambda$; at least one has the
# probability $1 - e^{-2\tau\lambda}$.
#
# **Task 6.3** Compute it for all `tolerances_s` with the rate of the machine's detections.

# %% tags=["stub"]
chance = ...

# %% tags=["wrong"]
chance = 2 * tolerances_s * len(b) / (DAYS * 86400)

# %% tags=["wrong"]
chance = 1 - np.exp(-tolerances_s * len(b) / (DAYS * 86400))

# %% tags=["solution"]
rate = len(b) / (DAYS * 86400)
chance = 1 - np.exp(-2 * tolerances_s * rate)

# %% tags=["check"]
with task("6.3"):
    given(chance=chance)
    assert np.shape(chance) == tolerances_s.shape, "one value a tolerance."
    assert np.all(np.asarray(chance) < 1), "a probability is below 1."
    assert np.allclose(-np.log(1 - chance) * 43200 * DAYS / len(b), tolerances_s), "2 τ λ."

# %%
recall = [len(one_to_one(a, b, x)[0]) / len(a) for x in tolerances_s]
fig, ax = plt.subplots()
ax.semilogx(tolerances_s, recall, "o-", label="recall of the machine")
ax.semilogx(tolerances_s, chance, ":", color="black", label="chance")
ax.set(xlabel="tolerance (s)", ylabel="share of the expert's events", ylim=(0, 1.02))
ax.set_xticks([1, 10, 100, 1000], [1, 10, 100, 1000])
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
plt.show()

# %% [markdown]
# Two things to see. Beyond a few minutes the pairs are worth little. And *below three seconds* the recall
# is poor, which is odd for a good detector.
#
# ## A clock that is wrong
#
# **Task 6.4** Collect all differences *machine minus expert* within ±30 s, and find their peak.
#
# *Hint: `np.histogram(differences, bins=np.arange(-30, 30.5, 0.5))`.*

# %%
low, high = np.searchsorted(b, a - 30), np.searchsorted(b, a + 30)
differences = np.concatenate([b[i:j] - x for x, i, j in zip(a, low, high, strict=True)])
fig, ax = plt.subplots()
ax.hist(differences, bins=np.arange(-30, 30.5, 0.5))
ax.set(xlabel="machine - expert (s)", ylabel="pairs of any two")
plt.show()

# %% tags=["stub"]
offset_s = ...

# %% tags=["wrong"]
offset_s = 0.0

# %% tags=["wrong"]
offset_s = np.mean(differences)

# %% tags=["solution"]
count, edges = np.histogram(differences, bins=np.arange(-30, 30.5, 0.5))
peak = edges[count.argmax()] + 0.25
offset_s = np.median(differences[np.abs(differences - peak) < 1.5])
print(f"{offset_s:.2f} s")

# %% tags=["check"]
with task("6.4"):
    given(offset_s=offset_s)
    near = np.abs(differences - offset_s) < 1
    assert near.sum() > 0.8 * len(a), "most pairs are not there: read the peak of the histogram."
    middle = np.median(differences[near])
    assert abs(offset_s - middle) < 0.15, "near, but not in the middle of the peak."

# %%
corrected = b - offset_s
i, j = one_to_one(a, corrected, 2.0)
recall_2s, precision_2s = len(i) / len(a), len(i) / len(b)
print(f"with the corrected clock and 2 s: recall {recall_2s:.2f}, precision {precision_2s:.2f}")

# %% [markdown]
# seisml finds such an offset by itself, and *reports* it without applying it: somebody has to find out
# which clock is wrong.

# %%
from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.metrics import metrics
from seisml.summaries import summary_table


def catalog_of(table, name):
    """Return a table as a seisml catalogue."""
    time_ns = np.rint(table["time_s"] * 1e9).astype(np.int64)
    return make_catalog(table.assign(time_ns=time_ns), name=name)


cover = {"": [[0, DAYS * 86400 * 10**9]]}
both = catalog_of(machine, "machine"), catalog_of(expert, "expert")
comparison = compare(*both, tolerance_s=2.0, coverage=cover)
for name, value in summary_table(comparison, numbers=metrics(comparison)):
    print(f"{name:28s} {value}")

# %% [markdown]
# ## Completeness
#
# Below some magnitude, events are missing. The simplest estimate of this **magnitude of completeness**
# is the bin with the most events; 0.2 is added because that bin is not complete yet (MAXC).
#
# **Task 6.5** Write it for magnitudes in steps of 0.1.
#
# *Hint: turn magnitudes into whole numbers with `np.rint(10 * m).astype(int)`, then `np.bincount`
# (subtract the smallest first).*


# %% tags=["stub"]
def completeness(magnitude):
    """Return the magnitude of completeness by MAXC + 0.2."""
    return ...


# %% tags=["wrong"]
def completeness(magnitude):
    """Take the smallest magnitude."""
    return np.min(magnitude) + 0.2


# %% tags=["wrong"]
def completeness(magnitude):
    """Forget to add the smallest bin again."""
    tenths = np.rint(10 * np.asarray(magnitude)).astype(int)
    return np.bincount(tenths - tenths.min()).argmax() / 10 + 0.2


# %% tags=["solution"]
def completeness(magnitude):
    """Return the magnitude of completeness by MAXC + 0.2."""
    tenths = np.rint(10 * np.asarray(magnitude)).astype(int)
    commonest = np.bincount(tenths - tenths.min()).argmax() + tenths.min()
    return commonest / 10 + 0.2


# %% tags=["check"]
with task("6.5"):
    some = np.array([0.4, 0.5, 0.5, 0.6, 0.6, 0.6, 0.7, 0.9, 1.2])
    given(completeness=completeness(some))
    assert np.isclose(completeness(some), 0.8), "the bin 0.6 has most events: 0.6 + 0.2."
    assert np.isclose(completeness(some + 1), 1.8), "it must move with the magnitudes."

# %% [markdown]
# ## b-value
#
# Gutenberg and Richter: $\log_{10} N(\ge M) = a - b M$. The estimate of Aki and Utsu is
#
# $$ b = \frac{\log_{10} e}{\overline{M} - (M_c - \Delta M / 2)} $$
#
# with the mean of the magnitudes from $M_c$ on, and the width of the bins $\Delta M = 0.1$.
#
# **Task 6.6** Write it.


# %% tags=["stub"]
def b_value(magnitude, mc):
    """Return the b-value of the magnitudes from mc on (bins of 0.1)."""
    return ...


# %% tags=["wrong"]
def b_value(magnitude, mc):
    """Forget half a bin: b is 10 % too large."""
    m = magnitude[magnitude > mc - 0.05]
    return np.log10(np.e) / (m.mean() - mc)


# %% tags=["wrong"]
def b_value(magnitude, mc):
    """Use all events, complete or not."""
    return np.log10(np.e) / (magnitude.mean() - (mc - 0.05))


# %% tags=["solution"]
def b_value(magnitude, mc):
    """Return the b-value of the magnitudes from mc on (bins of 0.1)."""
    m = magnitude[magnitude > mc - 0.05]
    return np.log10(np.e) / (m.mean() - (mc - 0.05))


# %% tags=["check"]
with task("6.6"):
    exact = np.round(-0.05 + np.random.default_rng(0).exponential(1 / np.log(10), 50_000), 1)
    given(b_value=b_value(exact, 0.5))
    assert abs(b_value(exact, 0.5) - 1) < 0.03, (
        "for a true b of 1: use Mc - 0.05, and M >= Mc only."
    )

# %%
m_expert, m_machine = expert["magnitude"].to_numpy(), machine["magnitude"].to_numpy()
fig, ax = plt.subplots(figsize=(9.5, 5))
for m, name, marker in ((m_machine, "machine", "s"), (m_expert, "expert", "o")):
    bins = np.arange(np.rint(10 * m.min()), np.rint(10 * m.max()) + 1) / 10
    at_least = [(m > x - 0.05).sum() for x in bins]
    mc = completeness(m)
    colour = "C1" if name == "machine" else "C0"
    text = f"{name}: Mc = {mc:.1f}, b = {b_value(m, mc):.2f}"
    ax.semilogy(bins, at_least, marker, color=colour, ms=5, label=text)
    ax.axvline(mc, color=colour, ls="--", lw=1)
ax.set(xlabel="magnitude", ylabel="events of at least this magnitude")
ax.legend()
plt.show()

# %% [markdown]
# The machine's curve bends where its false detections are: they have magnitudes, too.
#
# ## Did b fall?
#
# The authors compare the first fourteen days with the last six, with *one* $M_c$ for all.

# %%
late = expert["time_s"].to_numpy() >= 14 * 86400
for mc in (1.0, 1.2, 1.4, 1.6, 1.7):
    early_b, late_b = b_value(m_expert[~late], mc), b_value(m_expert[late], mc)
    spread = early_b / np.sqrt((m_expert[~late] > mc - 0.05).sum())
    spread_late = late_b / np.sqrt((m_expert[late] > mc - 0.05).sum())
    print(
        f"Mc {mc}: days 0-14 b = {early_b:.2f} ± {spread:.2f}, "
        f"days 14-20 b = {late_b:.2f} ± {spread_late:.2f}"
    )

# %%
print("Mc of the first 14 days:", completeness(m_expert[~late]).round(1))
print("Mc of the last 6 days: ", completeness(m_expert[late]).round(1))

# %% [markdown]
# **Task 6.7** Why does b seem to fall when $M_c$ is 1.2? Write `"a"`, `"b"` or `"c"`.
#
# - a. Stress is rising.
# - b. In the last days small events are missing (a storm), so the mean magnitude is too large.
# - c. There are too few events: it is chance.

# %% tags=["stub"]
why = ...

# %% tags=["wrong"]
why = "a"

# %% tags=["wrong"]
why = "c"

# %% tags=["solution"]
why = "b"  # with an Mc at which both periods are complete the difference is gone

# %% tags=["check"]
with task("6.7"):
    given(why=why)
    assert str(why).strip().lower() in ("a", "b", "c"), "write 'a', 'b' or 'c'."
    assert same(why, "3e23e81600"), "compare Mc of both periods, and the spread of the estimates."

# %% [markdown]
# ## Your review
#
# Write three sentences to the authors. Which number do you ask for, where the claim has one? A good
# review asks for: one-to-one matching and its tolerance; the chance rate; "unmatched" instead of
# "new", until somebody has looked; completeness in each period; intervals.
#
# For this once the truth can be asked:

# %%
truth_s = found["truth"]["time_s"]
new = np.setdiff1d(np.arange(len(b)), j)
real = len(one_to_one(truth_s, corrected[new], 2.0)[0])
print(f"{len(b)} detections, {len(j)} matched; of {len(new)} 'new' ones about {real} are events")

# %% [markdown]
# ## Questions
#
# 1. Bergen et al. (2019) tell *automation* from *discovery*. Which of both is a larger catalogue?
# 2. What would you report if the expert's catalogue had been used to train the machine?
# 3. How large a tolerance would you allow for marsquakes with onsets that are known to 20 s?
# 4. Which of the numbers on this page would you need from a paper before you use its catalogue to
#    forecast?
#
# ## References
#
# - Aki (1965), Maximum likelihood estimate of b in the formula log N = a - bM and its confidence
#   limits, *Bull. Earthq. Res. Inst.* 43, 237-239.
# - Shi and Bolt (1982), The standard error of the magnitude-frequency b value, *Bull. Seismol. Soc.
#   Am.* 72, 1677-1687. [doi:10.1785/BSSA0720051677](https://doi.org/10.1785/BSSA0720051677)
# - Wiemer and Wyss (2000), Minimum magnitude of completeness in earthquake catalogs: examples from
#   Alaska, the western United States, and Japan, *Bull. Seismol. Soc. Am.* 90, 859-869.
#   [doi:10.1785/0119990114](https://doi.org/10.1785/0119990114)
# - Bergen et al. (2019), Machine learning for data-driven discovery in solid Earth geoscience,
#   *Science* 363, eaau0323. [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
