"""A cheap dust sensor beside a reference instrument, for the lesson on regression. NumPy alone."""

import numpy as np

PERIODS = ("summer", "winter")
GROWTH = 0.35
"""How strongly particles swell in damp air: the κ of the generated truth."""


def colocation(period: str = "summer", *, n_days: int = 40, seed: int = 0) -> dict:
    """Return hourly values of a cheap dust sensor that stood beside a reference instrument.

    Parameters
    ----------
    period : {"summer", "winter"}
        Winter is damp, cold and dusty, and the sensor is half a year older.
    n_days : int
    seed : int

    Returns
    -------
    dict of str to numpy.ndarray, shape (24 n_days,)
        ``time_d`` (days), ``reference`` (dust, µg/m³), ``reading`` (of the cheap sensor, in units
        of its own), ``humidity`` (relative, 0 to 1), ``temperature`` (°C), ``voltage`` (of its
        supply, V: has nothing to do with dust).

    Raises
    ------
    ValueError
        If there is no such period.

    Notes
    -----
    An optical sensor sees particles with the water on them. With the hygroscopic growth of
    κ-Köhler theory [1]_ their volume grows by 1 + κ h/(1 − h) at the humidity h. The generated
    reading is gain × dust × growth / (1 + dust/saturation) + offset + noise; the gain falls by
    0.06 % a day as the light source ages.

    References
    ----------
    .. [1] Petters and Kreidenweis (2007), A single parameter representation of hygroscopic
       growth and cloud condensation nucleus activity, Atmos. Chem. Phys. 7,
       https://doi.org/10.5194/acp-7-1961-2007

    Examples
    --------
    >>> sorted(colocation(n_days=2))
    ['humidity', 'reading', 'reference', 'temperature', 'time_d', 'voltage']
    """
    if period not in PERIODS:
        raise ValueError(f"period is {period!r}; choose from {', '.join(PERIODS)}.")
    winter = period == "winter"
    rng = np.random.default_rng([seed, int(winter)])
    n = 24 * n_days
    hour = np.arange(n) % 24
    rush = np.exp(-(((hour - 8) / 2) ** 2)) + 0.8 * np.exp(-(((hour - 19) / 3) ** 2))
    dust = (22 if winter else 14) * np.exp(0.55 * _slow(rng, n, 30) + 0.5 * rush)
    warm = -np.cos(2 * np.pi * (hour - 3) / 24)
    temperature = (3 if winter else 19) + 5 * warm + 2.5 * _slow(rng, n, 48)
    level = (1.6 if winter else 0.35) - 0.75 * warm + 0.55 * _slow(rng, n, 36)
    humidity = np.clip(1 / (1 + np.exp(-level)), 0.2, 0.96)
    day = np.arange(n) / 24 + (180 if winter else 0)
    gain = 3.0 * (1 - 0.0006 * day)
    growth = 1 + GROWTH * humidity / (1 - humidity)
    reading = gain * dust * growth / (1 + dust / 250) + 12 + 0.12 * (temperature - 19)
    reading += rng.normal(0, 1.5 + 0.04 * reading)
    return {
        "time_d": day,
        "reference": dust + rng.normal(0, 0.5, n),
        "reading": reading,
        "humidity": humidity,
        "temperature": temperature,
        "voltage": 5 + 0.02 * rng.standard_normal(n),
    }


def _slow(rng: np.random.Generator, n: int, memory_h: float) -> np.ndarray:
    """Return a random series with a memory, mean 0 and standard deviation 1."""
    keep = np.exp(-1 / memory_h)
    draws = rng.standard_normal(n) * np.sqrt(1 - keep**2)
    x = np.empty(n)
    value = rng.standard_normal()
    for k in range(n):
        value = keep * value + draws[k]
        x[k] = value
    return x
