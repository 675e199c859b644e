# %% [markdown]
# # 0 · Can you spot the seismogram?
#
# **Time:** 30 minutes.
#
# **You learn**
#
# - why a few numbers, *features*, can tell an earthquake from other time series,
# - that a spectrum alone cannot,
# - to write a first classifier in three lines.
#
# Valentine and Trampert (2012) showed readers a handful of wiggly lines and asked which one is a
# seismogram. Nearly everybody who has seen a few gets it right. Among all lines that could be drawn,
# seismograms are a tiny family, and your eye knows it. Can we teach a computer what your eye does?

# %%
import matplotlib.pyplot as plt
import numpy as np

from seisml.classroom import features, series
from seisml.classroom.checks import given, same, task
from seisml.plots.classroom import use_style

use_style()

# %% [markdown]
# ## Look first
#
# Four time series of forty seconds. One of them is ground motion of a small earthquake. The others
# are a share price, a plucked string, and a series with **exactly the same power spectrum as an
# earthquake** whose phases were shuffled.

# %%
puzzle = series.puzzle()
time_s = np.arange(series.N_SAMPLES) / series.RATE_HZ

fig, axes = plt.subplots(4, 1, figsize=(9.5, 7), sharex=True)
for ax, (letter, x) in zip(axes, puzzle.items(), strict=True):
    ax.plot(time_s, x, color="black", lw=0.8)
    ax.set_ylabel(letter, rotation=0, fontweight="bold", labelpad=14)
    ax.set_yticks([])
axes[-1].set_xlabel("time (s)")
plt.show()

# %% [markdown]
# **Task 0.1** Which one is it? Write the letter, and say to your
# neighbour *what* gave it away.

# %% tags=["stub"]
seismogram = ...  # "A", "B", "C" or "D"

# %% tags=["wrong"]
seismogram = "B"

# %% tags=["solution"]
seismogram = "C"  # quiet, a sharp onset, a second stronger arrival, a coda that dies away

# %% tags=["check"]
with task("0.1"):
    given(seismogram=seismogram)
    assert str(seismogram).strip().upper() in set("ABCD"), "write one of the letters A, B, C, D."
    assert same(seismogram, "2e7d2c03a9"), "look for a sharp onset and a slow decay."

# %% [markdown]
# ## The spectrum is not enough
#
# The power spectrum says how much energy there is at each frequency. It does not say *when*. Take the
# seismogram and turn the phase of each frequency by a random angle:

# %%
quake = puzzle["C"]
shuffled = series.shuffled_phases(quake, np.random.default_rng(0))
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4))
for x, name, colour in ((shuffled, "shuffled phases", "C1"), (quake, "earthquake", "C0")):
    power = np.abs(np.fft.rfft(x)) ** 2
    frequency_hz = np.fft.rfftfreq(len(x), 1 / series.RATE_HZ)
    axes[0].plot(time_s, x, color=colour, lw=0.8, alpha=0.8, label=name)
    look = {"lw": 4, "alpha": 0.4} if name == "earthquake" else {"lw": 1, "zorder": 3}
    axes[1].semilogy(frequency_hz, power / power.max(), color=colour, label=name, **look)
axes[0].set(xlabel="time (s)", ylabel="velocity (largest = 1)", ylim=(-1.1, 1.6))
axes[0].legend(loc="upper right")
axes[1].set(xlabel="frequency (Hz)", ylabel="power (largest = 1)", xlim=(0, 16), ylim=(1e-5, 2))
plt.show()

# %% [markdown]
# On the right the two curves lie upon each other. A computer that looks at spectra only cannot tell
# an earthquake from this noise.
#
# ## From a series to one number
#
# What your eye sees in an earthquake is that *most of the energy comes in a short time*. The
# **kurtosis** measures this: with the deviation $d$ from the mean,
# $\kappa = \overline{d^4} / \overline{d^2}^2$.
# It is 3 for Gaussian noise and large if a few samples are much stronger than the rest.
#
# **Task 0.2** Write it. `x` is an array of samples; `np.mean` is all you need.
#
# *Hint: first subtract the mean, then take powers. Do not forget the square in the denominator.*


# %% tags=["stub"]
def kurtosis(x):
    """Return the kurtosis of a series."""
    return ...


# %% tags=["wrong"]
def kurtosis(x):
    """Forget the square in the denominator."""
    d = x - np.mean(x)
    return np.mean(d**4) / np.mean(d**2)


# %% tags=["wrong"]
def kurtosis(x):
    """Forget the mean."""
    return np.mean(x**4) / np.mean(x**2) ** 2


# %% tags=["solution"]
def kurtosis(x):
    """Return the kurtosis of a series."""
    d = x - np.mean(x)
    return np.mean(d**4) / np.mean(d**2) ** 2


# %% tags=["check"]
with task("0.2"):
    ramp = np.array([0.0, 1.0, 2.0, 3.0])
    value = kurtosis(ramp)
    given(kurtosis=value)
    assert np.isclose(kurtosis(5 * ramp), value), "it must not depend on the gain: check powers."
    assert np.isclose(kurtosis(ramp + 10), value), "it must not depend on the offset."
    assert np.isclose(value, features.kurtosis(ramp)), "the definition is mean(d^4)/mean(d^2)^2."

# %%
for name, x in {"earthquake": quake, "shuffled phases": shuffled}.items():
    print(f"{name:16s} kurtosis {kurtosis(x):6.1f}")

# %% [markdown]
# ## Two numbers, two hundred series
#
# One example proves nothing. Here are fifty of each family, and two features: kurtosis, and the
# **centroid** of the spectrum (is it low or high?).

# %%
many = {name: series.family(name, 50, seed=1) for name in series.FAMILIES}


def two_features(x):
    """Return log10 kurtosis and log10 centroid frequency of each series."""
    frequency_hz, power = features.power_spectrum(x, series.RATE_HZ)
    centroid_hz = features.centroid(frequency_hz, power)
    return np.column_stack([np.log10(features.kurtosis(x)), np.log10(centroid_hz)])


points = {name: two_features(x) for name, x in many.items()}


# %%
def plot_points(points, ax):
    """Draw each family with its own colour and marker."""
    for (name, xy), marker in zip(points.items(), "o^s*", strict=True):
        ax.plot(10 ** xy[:, 0], 10 ** xy[:, 1], marker, label=name, ms=7, alpha=0.7)
    ax.set(xscale="log", yscale="log", xlabel="kurtosis", ylabel="centroid (Hz)")
    ax.set_xticks([2, 5, 10, 20, 50], [2, 5, 10, 20, 50])
    ax.set_xticks([], minor=True)
    ax.set_yticks([0.1, 1, 10], [0.1, 1, 10])


fig, ax = plt.subplots(figsize=(9.5, 5))
plot_points(points, ax)
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% [markdown]
# **Task 0.3** Along which axis do *earthquake* and *shuffled phases* part: `"kurtosis"` or
# `"centroid"`?

# %% tags=["stub"]
axis = ...

# %% tags=["wrong"]
axis = "centroid"

# %% tags=["solution"]
axis = "kurtosis"  # the spectra are the same by construction

# %% tags=["check"]
with task("0.3"):
    given(axis=axis)
    assert axis in ("kurtosis", "centroid"), "write 'kurtosis' or 'centroid'."
    assert same(axis, "e725019314"), "their spectra are the same: what can the centroid say?"

# %% [markdown]
# ## A classifier in three lines
#
# Put a point at the mean of each family. A new series belongs to the family whose mean is nearest.
# That is the **nearest-centroid classifier**; it has learned four points from two hundred examples.
#
# **Task 0.4** `means` has shape (4, 2), `xy` is one point with 2 coordinates. Return the *number* of
# the nearest row.
#
# *Hint: `np.linalg.norm(..., axis=1)` gives distances, `np.argmin` the place of the smallest.*


# %% tags=["stub"]
def nearest(means, xy):
    """Return the number of the row of `means` that is nearest to `xy`."""
    return ...


# %% tags=["wrong"]
def nearest(means, xy):
    """Take the farthest."""
    return np.argmax(np.linalg.norm(means - xy, axis=1))


# %% tags=["wrong"]
def nearest(means, xy):
    """Return the distance, not the place."""
    return np.min(np.linalg.norm(means - xy, axis=1))


# %% tags=["solution"]
def nearest(means, xy):
    """Return the number of the row of `means` that is nearest to `xy`."""
    return np.argmin(np.linalg.norm(means - xy, axis=1))


# %% tags=["check"]
with task("0.4"):
    corners = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    given(nearest=nearest(corners, corners[0]))
    for k, corner in enumerate(corners):
        assert nearest(corners, corner + [1.0, -2.0]) == k, "the nearest row, counted from 0."

# %% [markdown]
# Now the only test that counts: **series that were not used for learning**.

# %%
means = np.array([xy.mean(axis=0) for xy in points.values()])
unseen = {name: two_features(series.family(name, 50, seed=2)) for name in series.FAMILIES}
confusion = np.zeros((4, 4), dtype=int)
for true, xys in enumerate(unseen.values()):
    for xy in xys:
        confusion[true, nearest(means, xy)] += 1

fig, ax = plt.subplots(figsize=(6.5, 5))
ax.imshow(confusion, cmap="Blues", vmin=0, vmax=50)
for (i, j), n in np.ndenumerate(confusion):
    ax.text(j, i, n, ha="center", va="center", color="white" if n > 25 else "black")
names = [name.replace(" ", "\n") for name in series.FAMILIES]
ax.set_xticks(range(4), names)
ax.set_yticks(range(4), names)
ax.set(xlabel="said", ylabel="true")
plt.show()
print(f"right: {np.trace(confusion)} of {confusion.sum()} unseen series")

# %% [markdown]
# ## A real one
#
# ObsPy ships a real record of a local earthquake (station RJOB, Bavaria). What does the classifier,
# that has only seen generated series, make of it?

# %%
import obspy

trace = obspy.read()[0]
trace.filter("highpass", freq=1.0)
trace.resample(series.RATE_HZ)
real = trace.data[200:]  # without the start of the filter
real = real / np.abs(real).max()
said = list(series.FAMILIES)[nearest(means, two_features(real[np.newaxis])[0])]

fig, ax = plt.subplots(figsize=(9.5, 3))
ax.plot(np.arange(len(real)) / series.RATE_HZ, real, color="black", lw=0.8)
ax.set(xlabel="time (s)", ylabel="velocity (largest = 1)", title=f"the classifier says: {said}")
plt.show()

# %% [markdown]
# ## Questions
#
# 1. Which other number would part an earthquake from a plucked string? Think of what repeats.
# 2. The classifier names *every* series as one of four families. What does it say about a door that
#    slams, and how could it answer "none of these"?
# 3. An earthquake with its time reversed has the same kurtosis and the same spectrum. Your eye sees
#    the difference at once. Which feature would?
# 4. We drew one example with seed 7. How would you make sure that we did not choose it for looking
#    good?
#
# ## References
#
# - Valentine and Trampert (2012), Data space reduction, quality assessment and searching of
#   seismograms: autoencoder networks for waveform data, *Geophys. J. Int.* 189, 1183-1202.
#   [doi:10.1111/j.1365-246X.2012.05429.x](https://doi.org/10.1111/j.1365-246X.2012.05429.x)
# - Bergen, Johnson, de Hoop and Beroza (2019), Machine learning for data-driven discovery in solid
#   Earth geoscience, *Science* 363, eaau0323.
#   [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
# - Beyreuther et al. (2010), ObsPy: a Python toolbox for seismology, *Seismol. Res. Lett.* 81,
#   530-533. [doi:10.1785/gssrl.81.3.530](https://doi.org/10.1785/gssrl.81.3.530)
