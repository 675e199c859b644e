# %% [markdown]
# # 1 · High-quality data from cheap sensors
#
# **Time:** 90 minutes.
#
# **You learn**
#
# - what *learning* is: data, a model, a loss, and a search for the smallest loss,
# - to write three searches (grid, random, gradient descent) and what each costs,
# - what the learning rate does,
# - overfitting: why an error on the training data says little, and what a split, ridge and lasso do,
# - to choose among algorithms, and to ask the physics whether the result can be right.
#
# A cheap dust sensor counts flashes of light that particles scatter. It costs a hundredth of a
# reference instrument, and it is noisy, nonlinear and drifts. Both stood side by side for forty
# summer days. Can we turn the reading of the cheap one into micrograms per cubic metre?

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from seisml.classroom.checks import given, same, task
from seisml.classroom.sensors import colocation
from seisml.plots.classroom import use_style

use_style()
data = pd.DataFrame(colocation("summer"))
data.head().round(2)

# %% [markdown]
# ## Inspect
#
# Never fit what you have not looked at.

# %%
fig, (top, bottom) = plt.subplots(2, 1, figsize=(9.5, 5.5), sharex=True)
top.plot(data["time_d"], data["reference"])
top.set_ylabel("reference\n(µg/m³)")
bottom.plot(data["time_d"], data["reading"], color="C1")
bottom.set_ylabel("cheap sensor\n(its own units)")
bottom.set(xlabel="time (days)", xlim=(0, 10))
plt.show()

# %%
fig, ax = plt.subplots(figsize=(7.5, 5))
points = ax.scatter(data["reading"], data["reference"], c=data["humidity"], s=14)
fig.colorbar(points, label="relative humidity")
ax.set(xlabel="reading (sensor units)", ylabel="reference (µg/m³)")
plt.show()

# %% [markdown]
# **Task 1.1** At the *same* reading, is the true dust concentration `"higher"` or `"lower"` when the
# air is damp? What could be the reason?

# %% tags=["stub"]
when_damp = ...  # "higher" or "lower"

# %% tags=["wrong"]
when_damp = "higher"

# %% tags=["solution"]
when_damp = "lower"  # particles take up water and scatter more light: the sensor sees the water

# %% tags=["check"]
with task("1.1"):
    given(when_damp=when_damp)
    assert when_damp in ("higher", "lower"), "write 'higher' or 'lower'."
    assert same(when_damp, "8c6fb1e9e3"), "follow a vertical line in the figure: where is yellow?"

# %% [markdown]
# ## Model and loss
#
# The simplest model has two parameters: $\hat y = a x + b$, with the reading $x$ and the estimate
# $\hat y$ of the dust. The **loss** says how bad a pair $(a, b)$ is. We take the mean squared error.
#
# Both are easier to handle after *standardising*: mean 0 and standard deviation 1.

# %%
reading = data["reading"].to_numpy()
dust = data["reference"].to_numpy()
x = (reading - reading.mean()) / reading.std()
y = (dust - dust.mean()) / dust.std()

# %% [markdown]
# **Task 1.2** Write the loss.


# %% tags=["stub"]
def loss(a, b):
    """Return the mean squared error of a x + b."""
    return ...


# %% tags=["wrong"]
def loss(a, b):
    """Forget the square: errors of both signs cancel."""
    return np.mean(a * x + b - y)


# %% tags=["wrong"]
def loss(a, b):
    """Take the sum instead of the mean."""
    return np.sum((a * x + b - y) ** 2)


# %% tags=["solution"]
def loss(a, b):
    """Return the mean squared error of a x + b."""
    return np.mean((a * x + b - y) ** 2)


# %% tags=["check"]
with task("1.2"):
    given(loss=loss(0.0, 0.0))
    assert np.isclose(loss(0.0, 0.0), 1.0), (
        "y has variance 1: the loss of (0, 0) is 1. Mean or sum?"
    )
    assert np.isclose(loss(0.0, 3.0), 10.0), "take the mean of the squared errors."

# %% [markdown]
# ## Search 1: a grid
#
# Try every pair on a grid and keep the best.
#
# **Task 1.3** `values` holds the values to try for both parameters. Return the best `(a, b)`.
#
# *Hint: two nested loops, and remember the best so far.*


# %% tags=["stub"]
def grid_search(values):
    """Return the pair (a, b) of values with the smallest loss."""
    return ...


# %% tags=["wrong"]
def grid_search(values):
    """Use the same value for both parameters."""
    best = min(values, key=lambda v: loss(v, v))
    return best, best


# %% tags=["wrong"]
def grid_search(values):
    """Look for the largest loss."""
    return max(((a, b) for a in values for b in values), key=lambda p: loss(*p))


# %% tags=["solution"]
def grid_search(values):
    """Return the pair (a, b) of values with the smallest loss."""
    best, smallest = None, np.inf
    for a in values:
        for b in values:
            if loss(a, b) < smallest:
                best, smallest = (a, b), loss(a, b)
    return best


# %% tags=["check"]
with task("1.3"):
    found = grid_search(np.array([-0.5, 0.0, 0.5, 1.0]))
    given(grid_search=found)
    assert len(found) == 2, "return the pair (a, b)."
    assert np.allclose(grid_search([0.0, 0.9, 2.0]), (0.9, 0.0)), (
        "is it the pair of the smallest loss?"
    )
    assert np.allclose(found, (1.0, 0.0)), "try all pairs: a and b need not be the same."

# %%
values = np.linspace(-2, 2, 41)
began = time.perf_counter()
a_grid, b_grid = grid_search(values)
grid_s = time.perf_counter() - began
print(f"a = {a_grid:.2f}, b = {b_grid:.2f}, loss {loss(a_grid, b_grid):.4f}, {grid_s:.3f} s")

# %% [markdown]
# **Task 1.4** The grid has 41 values for each of two parameters. How many times more often must the
# loss be computed for **five** parameters, with 41 values each?

# %% tags=["stub"]
times_more = ...

# %% tags=["wrong"]
times_more = 5 / 2

# %% tags=["wrong"]
times_more = 41**5

# %% tags=["solution"]
times_more = 41**5 / 41**2

# %% tags=["check"]
with task("1.4"):
    given(times_more=times_more)
    assert times_more > 1000, "each further parameter multiplies the work by 41."
    assert np.isclose(times_more * 41**2, 41.0 ** (1 + 4)), "compare 41 to the 5th with 41 squared."

# %%
print(f"two parameters: {grid_s:.3f} s; five parameters: {grid_s * times_more / 60:.0f} minutes")

# %% [markdown]
# This is the **curse of dimensionality**. Ten parameters would take longer than the Earth is old.
#
# ## Search 2: at random
#
# **Task 1.5** Draw `n` pairs, each uniform between -2 and 2, and return the best. Use
# `rng.uniform(-2, 2, size=2)`.


# %% tags=["stub"]
def random_search(n, rng):
    """Return the best of n random pairs (a, b)."""
    return ...


# %% tags=["wrong"]
def random_search(n, rng):
    """Return the last pair, not the best."""
    for _ in range(n):
        pair = rng.uniform(-2, 2, size=2)
    return pair


# %% tags=["solution"]
def random_search(n, rng):
    """Return the best of n random pairs (a, b)."""
    pairs = [rng.uniform(-2, 2, size=2) for _ in range(n)]
    return min(pairs, key=lambda pair: loss(*pair))


# %% tags=["check"]
with task("1.5"):
    given(random_search=random_search(3, np.random.default_rng(0)))
    tries = [loss(*random_search(300, np.random.default_rng(k))) for k in range(5)]
    least = np.mean((np.mean(x * y) * x - y) ** 2)
    assert min(tries) >= least, "no pair can be better than least squares: return the pair itself."
    assert max(tries) < least + 0.1, "300 pairs should come close to the smallest loss."

# %%
began = time.perf_counter()
a_random, b_random = random_search(41**2, np.random.default_rng(1))
random_s = time.perf_counter() - began
print(
    f"a = {a_random:.2f}, b = {b_random:.2f}, loss {loss(a_random, b_random):.4f}, {random_s:.3f} s"
)

# %% [markdown]
# ## Search 3: downhill
#
# Grid and random search never ask *in which direction* the loss falls. Its gradient knows:
#
# $$\frac{\partial L}{\partial a} = 2\,\overline{(a x + b - y)\,x}, \qquad
#   \frac{\partial L}{\partial b} = 2\,\overline{(a x + b - y)}$$
#
# **Task 1.6** Return both derivatives.


# %% tags=["stub"]
def gradient(a, b):
    """Return the derivatives of the loss by a and by b."""
    return ...


# %% tags=["wrong"]
def gradient(a, b):
    """Mix up the sign."""
    error = y - (a * x + b)
    return 2 * np.mean(error * x), 2 * np.mean(error)


# %% tags=["wrong"]
def gradient(a, b):
    """Forget the inner derivative."""
    error = a * x + b - y
    return 2 * np.mean(error), 2 * np.mean(error)


# %% tags=["solution"]
def gradient(a, b):
    """Return the derivatives of the loss by a and by b."""
    error = a * x + b - y
    return 2 * np.mean(error * x), 2 * np.mean(error)


# %% tags=["check"]
with task("1.6"):
    da, db = gradient(0.3, -0.2)
    given(da=da, db=db)
    step = 1e-6
    slope_a = (loss(0.3 + step, -0.2) - loss(0.3 - step, -0.2)) / (2 * step)
    slope_b = (loss(0.3, -0.2 + step) - loss(0.3, -0.2 - step)) / (2 * step)
    assert np.isclose(da, slope_a, atol=1e-4), (
        "the derivative by a differs from the measured slope."
    )
    assert np.isclose(db, slope_b, atol=1e-4), (
        "the derivative by b differs from the measured slope."
    )

# %% [markdown]
# **Task 1.7** Start at `(-1.5, 1.5)`. In each step subtract `rate` times the gradient. Return the
# list of all positions, the start included.


# %% tags=["stub"]
def descend(rate, n_steps):
    """Return the positions (a, b) on the way down, shape (n_steps + 1, 2)."""
    return ...


# %% tags=["wrong"]
def descend(rate, n_steps):
    """Go uphill."""
    way = [np.array([-1.5, 1.5])]
    for _ in range(n_steps):
        way.append(way[-1] + rate * np.array(gradient(*way[-1])))
    return np.array(way)


# %% tags=["solution"]
def descend(rate, n_steps):
    """Return the positions (a, b) on the way down, shape (n_steps + 1, 2)."""
    way = [np.array([-1.5, 1.5])]
    for _ in range(n_steps):
        way.append(way[-1] - rate * np.array(gradient(*way[-1])))
    return np.array(way)


# %% tags=["check"]
with task("1.7"):
    way = descend(0.1, 30)
    given(way=way)
    way = np.asarray(way)
    assert way.shape == (31, 2), "30 steps have 31 positions, the start included."
    assert np.allclose(way[0], (-1.5, 1.5)), "start at (-1.5, 1.5)."
    assert loss(*way[1]) < loss(*way[0]), "the first step goes uphill: subtract the gradient."
    assert loss(*way[-1]) < loss(*way[0]) / 10, "after 30 steps the loss should be small."

# %%
began = time.perf_counter()
a_down, b_down = descend(0.2, 50)[-1]
down_s = time.perf_counter() - began
names = ["grid", "random", "gradient descent"]
table = pd.DataFrame(
    {
        "loss": [loss(a_grid, b_grid), loss(a_random, b_random), loss(a_down, b_down)],
        "evaluations": [41**2, 41**2, 50],
        "time (s)": [grid_s, random_s, down_s],
        "five parameters (s)": [grid_s * times_more, random_s * times_more, down_s * 5 / 2],
    },
    index=names,
)
table.style.format({"loss": "{:.4f}", "time (s)": "{:.4f}", "five parameters (s)": "{:.3g}"})

# %% [markdown]
# Random search is extrapolated to the same density of points. (It can do better: often only a few of
# the parameters matter, and random points try many values of those.)
#
# ## The learning rate
#
# Too small, right, too large: the three ways on the map of the loss.

# %%
side = np.linspace(-2.2, 3.6, 60)
surface = np.array([[loss(a, b) for a in side] for b in side])
fig, axes = plt.subplots(1, 3, figsize=(11, 4), sharey=True)
for ax, rate in zip(axes, (0.01, 0.2, 0.97), strict=True):
    way = descend(rate, 25)
    ax.contour(side, side, surface, levels=np.geomspace(0.1, 10, 12), colors="#c9ced3")
    ax.plot(way[:, 0], way[:, 1], "o-", color="C1", ms=4, lw=1)
    ax.plot(*way[0], "s", color="black", ms=8)
    ax.set(xlabel="a", title=f"rate {rate}", xlim=(-2.2, 3.6), ylim=(-2.2, 2.2))
axes[0].set_ylabel("b")
plt.show()

# %%
fig, ax = plt.subplots()
for rate, style in ((0.01, "-"), (0.2, "--"), (0.97, "-."), (1.03, ":")):
    ax.semilogy([loss(*p) for p in descend(rate, 40)], style, label=f"rate {rate}")
ax.set(xlabel="step", ylabel="loss (standardised)", ylim=(0.03, 100))
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# **Task 1.8** The loss is a parabola with curvature 2 in both directions (because $x$ is
# standardised). Beyond which learning rate does every step lead *farther* from the minimum?
#
# *Hint: along $b$ the error is multiplied by $(1 - 2\,\mathrm{rate})$ in each step.*

# %% tags=["stub"]
largest_rate = ...

# %% tags=["wrong"]
largest_rate = 0.5

# %% tags=["solution"]
largest_rate = 1.0  # |1 - 2 rate| < 1 holds for 0 < rate < 1

# %% tags=["check"]
with task("1.8"):
    given(largest_rate=largest_rate)
    below, above = descend(0.98 * largest_rate, 200)[-1], descend(1.02 * largest_rate, 200)[-1]
    assert loss(*below) < 1, "just below your rate the descent still diverges."
    assert loss(*above) > 1, "just above your rate the descent still converges."

# %% [markdown]
# ## The same in scikit-learn

# %%
from sklearn.linear_model import LinearRegression

line = LinearRegression().fit(data[["reading"]], dust)
by_hand = a_down * dust.std() / reading.std()
print(f"slope: by hand {by_hand:.5f}, scikit-learn {line.coef_[0]:.5f} µg/m³ per sensor unit")

# %% [markdown]
# ## Overfitting
#
# More parameters fit better. Always? We take **twenty-four hours** out of the forty days for training,
# fit polynomials of growing degree, and test them on *all other* hours.

# %%
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

few = data.iloc[3::41]
rest = data.drop(few.index)


def polynomial(degree, last=None):
    """Return a pipeline: scale, powers, scale, fit."""
    powers = PolynomialFeatures(degree, include_bias=False)
    return make_pipeline(StandardScaler(), powers, StandardScaler(), last or LinearRegression())


def rmse(model, rows):
    """Return the root mean square error in µg/m³."""
    return np.sqrt(np.mean((model.predict(rows[["reading"]]) - rows["reference"]) ** 2))


degrees = np.arange(1, 13)
fitted = [polynomial(d).fit(few[["reading"]], few["reference"]) for d in degrees]
train_error = [rmse(model, few) for model in fitted]
test_error = [rmse(model, rest) for model in fitted]

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4))
span = pd.DataFrame({"reading": np.linspace(few["reading"].min(), few["reading"].max(), 300)})
left.plot(few["reading"], few["reference"], "o", color="black", label="training")
for d, style in ((1, "-"), (3, "--"), (12, ":")):
    left.plot(span["reading"], fitted[d - 1].predict(span), style, label=f"degree {d}")
left.set(xlabel="reading (sensor units)", ylabel="dust (µg/m³)", ylim=(0, 60))
left.legend()
right.semilogy(degrees, train_error, "o-", label="training")
right.semilogy(degrees, test_error, "s--", label="test")
right.set(xlabel="degree", ylabel="RMS error (µg/m³)")
right.legend()
plt.show()

# %% [markdown]
# **Task 1.9** Which degree would you use? Give it as `best_degree`, chosen by the right one of the
# two curves. Where two degrees are as good, take the simpler model.

# %% tags=["stub"]
best_degree = ...

# %% tags=["wrong"]
best_degree = degrees[np.argmin(train_error)]

# %% tags=["solution"]
good = np.array(test_error) < 1.02 * min(test_error)  # as good as the best, for all we can say
best_degree = degrees[good.argmax()]  # the first of them: the simplest
print("degree", best_degree)

# %% tags=["check"]
with task("1.9"):
    given(best_degree=best_degree)
    assert best_degree in degrees, "a degree between 1 and 12."
    assert test_error[best_degree - 1] < 1.05 * min(test_error), (
        "training errors always fall. Which do not?"
    )

# %% [markdown]
# ## Ridge and lasso
#
# *Ridge* adds a penalty on the squares of the coefficients to the loss, *lasso* on their absolute
# values. Both keep a polynomial of degree 12 tame. Lasso sets some coefficients to exactly zero: it
# chooses.

# %%
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, Ridge

warnings.simplefilter("ignore", ConvergenceWarning)
strengths = np.geomspace(1e-4, 1e2, 25)
fig, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
for ax, (name, kind) in zip(axes, (("ridge", Ridge), ("lasso", Lasso)), strict=True):
    models = [
        polynomial(12, kind(alpha=s)).fit(few[["reading"]], few["reference"]) for s in strengths
    ]
    ax.semilogx(strengths, [rmse(m, few) for m in models], label="training")
    ax.semilogx(strengths, [rmse(m, rest) for m in models], "--", label="test")
    used = int(np.sum(models[12][-1].coef_ != 0))
    ax.set(xlabel="strength of the penalty", title=f"{name}: {used} of 12 used at 0.1")
    ax.set_ylim(0, 10)
axes[0].set_ylabel("RMS error (µg/m³)")
axes[0].legend()
plt.show()

# %% [markdown]
# ## More than one input
#
# Humidity changes the reading; so do temperature and the age of the sensor. The supply voltage is in
# the table, too. We split **by time**: 26 days to learn, a day's pause, 13 days to test. (Neighbouring
# hours resemble each other. A random split would put each test hour between two training hours.)

# %%
inputs = ["reading", "humidity", "temperature", "time_d", "voltage"]
train = data[data["time_d"] < 26]
test = data[data["time_d"] >= 27]

# %%
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LassoCV
from sklearn.neighbors import KNeighborsRegressor

algorithms = {
    "straight line": (["reading"], LinearRegression()),
    "linear": (inputs, LinearRegression()),
    "squares and products, lasso": (
        inputs,
        make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), LassoCV(cv=5)),
    ),
    "nearest neighbours": (inputs, make_pipeline(StandardScaler(), KNeighborsRegressor(10))),
    "random forest": (inputs, RandomForestRegressor(100, min_samples_leaf=3, random_state=0)),
    "boosting": (inputs, HistGradientBoostingRegressor(max_iter=100, random_state=0)),
}
scores = {}
for name, (columns, model) in algorithms.items():
    model.fit(train[columns], train["reference"])
    error = model.predict(test[columns]) - test["reference"]
    scores[name] = np.sqrt(np.mean(error**2))

# %% [markdown]
# ## Ask the physics
#
# Water sits on the particles. In κ-Köhler theory their volume grows by $1 + \kappa\,h/(1-h)$ at the
# relative humidity $h$. So the *reading divided by the growth* should be what depends on dust alone.
#
# **Task 1.10** Write the growth factor.


# %% tags=["stub"]
def growth(humidity, kappa):
    """Return the growth factor of the particles' volume."""
    return ...


# %% tags=["wrong"]
def growth(humidity, kappa):
    """Forget that there is a particle without water."""
    return kappa * humidity / (1 - humidity)


# %% tags=["solution"]
def growth(humidity, kappa):
    """Return the growth factor of the particles' volume."""
    return 1 + kappa * humidity / (1 - humidity)


# %% tags=["check"]
with task("1.10"):
    given(growth=growth(0.5, 0.0))
    assert np.isclose(growth(0.5, 0.0), 1.0), "without water uptake (κ = 0) nothing grows."
    assert np.isclose(growth(0.5, 0.3), 1.3), "at h = 1/2 the factor is 1 + κ."


# %% [markdown]
# The physical model is linear in five numbers that are made from the inputs: the dry reading, its
# square (the sensor saturates), its drift with age, and what becomes of offset and temperature when
# they are divided by the growth.


# %%
def dry(rows, kappa):
    """Return the inputs of the physical model, shape (n_rows, 5)."""
    g = growth(rows["humidity"], kappa)
    r = rows["reading"] / g
    return np.column_stack([r, r**2, rows["time_d"] * r, 1 / g, rows["temperature"] / g])


def physical(kappa):
    """Return the physical model, fitted to the training days."""
    return LinearRegression().fit(dry(train, kappa), train["reference"])


# %% [markdown]
# **Task 1.11** Choose κ among `kappas`: the one whose `physical(kappa)` has the smallest mean squared
# error on the **training** days. (One number more does not overfit 600 hours.)
#
# *Hint: `physical(kappa).predict(dry(train, kappa))` are the estimates.*

# %% tags=["stub"]
kappas = np.arange(0.0, 1.01, 0.05)
best_kappa = ...

# %% tags=["wrong"]
best_kappa = 1.0

# %% tags=["wrong"]
best_kappa = 0.0

# %% tags=["solution"]
kappas = np.arange(0.0, 1.01, 0.05)
errors = [np.mean((physical(k).predict(dry(train, k)) - train["reference"]) ** 2) for k in kappas]
best_kappa = kappas[np.argmin(errors)]
print(f"κ = {best_kappa:.2f}")

# %% tags=["check"]
with task("1.11"):
    given(best_kappa=best_kappa)
    trials = [
        np.mean((physical(k).predict(dry(train, k)) - train["reference"]) ** 2)
        for k in (best_kappa - 0.1, best_kappa, best_kappa + 0.1)
    ]
    assert trials[1] < min(trials[0], trials[2]), "its neighbours have smaller errors: look again."

# %% [markdown]
# The literature has κ of 0.1 to 0.6 for the particles of cities: our result is possible.

# %%
physics = physical(best_kappa)
error = physics.predict(dry(test, best_kappa)) - test["reference"]
scores["physics"] = np.sqrt(np.mean(error**2))

# %% [markdown]
# ## Another period
#
# A calibration is made to be *used*: later, in winter, in air that is damper than any it has seen.

# %%
winter = pd.DataFrame(colocation("winter"))
in_winter = {}
for name, (columns, model) in algorithms.items():
    in_winter[name] = np.sqrt(np.mean((model.predict(winter[columns]) - winter["reference"]) ** 2))
error = physics.predict(dry(winter, best_kappa)) - winter["reference"]
in_winter["physics"] = np.sqrt(np.mean(error**2))

result = pd.DataFrame({"summer": scores, "winter": in_winter})
fig, ax = plt.subplots(figsize=(10, 5))
place = np.arange(len(result))
ax.barh(place - 0.2, result["summer"], 0.38, label="summer, unseen days")
ax.barh(place + 0.2, result["winter"], 0.38, color="C1", hatch="//", label="winter")
ax.set_yticks(place, result.index)
ax.invert_yaxis()
ax.set_xlabel("RMS error (µg/m³)")
ax.legend(loc="lower right")
plt.show()
result.round(2)

# %% [markdown]
# All did well in summer. In winter the straight models run away, the trees stay where they were, and
# the physical model still works. Why do the trees fail?

# %%
forest = algorithms["random forest"][1]
fig, ax = plt.subplots(figsize=(7, 5.5))
ax.plot(winter["reference"], forest.predict(winter[inputs]), "s", ms=4, color="C1", label="forest")
ax.plot(winter["reference"], physics.predict(dry(winter, best_kappa)), "o", ms=4, label="physics")
ax.axhline(train["reference"].max(), ls="--", color="black", label="largest in training")
ax.plot([0, 140], [0, 140], color="#767676", lw=1)
ax.set(xlabel="reference (µg/m³)", ylabel="estimate (µg/m³)", title="winter")
ax.legend()
plt.show()

# %% [markdown]
# **Task 1.12** What is it that a tree cannot do? Write `"a"`, `"b"` or `"c"`.
#
# - a. It cannot use more than one input.
# - b. It cannot answer with a value beyond those it has seen.
# - c. It cannot be trained on 600 hours.

# %% tags=["stub"]
trees_cannot = ...

# %% tags=["wrong"]
trees_cannot = "a"

# %% tags=["solution"]
trees_cannot = "b"  # a leaf answers with the mean of its training values: no extrapolation

# %% tags=["check"]
with task("1.12"):
    given(trees_cannot=trees_cannot)
    assert same(trees_cannot, "3e23e81600"), "look where the squares end."

# %% [markdown]
# ## Questions
#
# 1. Which of the three searches would you use for a model whose loss cannot be differentiated?
# 2. The voltage is in the list of inputs although it has nothing to do with dust. Which algorithm
#    ignored it, and how do you find out?
# 3. Where else in Earth science does an instrument stand beside a better one for a while? What
#    changes when it is moved?
# 4. The age of the sensor is an input. What happens to a model that has learned "older than 26 days"
#    when it is 200 days old?
#
# ## References
#
# - Petters and Kreidenweis (2007), A single parameter representation of hygroscopic growth and cloud
#   condensation nucleus activity, *Atmos. Chem. Phys.* 7, 1961-1971.
#   [doi:10.5194/acp-7-1961-2007](https://doi.org/10.5194/acp-7-1961-2007)
# - Tibshirani (1996), Regression shrinkage and selection via the lasso, *J. R. Stat. Soc. B* 58,
#   267-288. [doi:10.1111/j.2517-6161.1996.tb02080.x](https://doi.org/10.1111/j.2517-6161.1996.tb02080.x)
# - Bergen et al. (2019), Machine learning for data-driven discovery in solid Earth geoscience,
#   *Science* 363, eaau0323. [doi:10.1126/science.aau0323](https://doi.org/10.1126/science.aau0323)
