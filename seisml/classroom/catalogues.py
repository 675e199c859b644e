"""Two catalogues of one generated sequence, for the lesson on comparing them. NumPy alone."""

import numpy as np

DAYS = 20
B_VALUE = 1.0
CLOCK_S = 3.0
STORM_DAYS = (14.0, 20.0)
"""When the noise is three times as strong, so that small events are hidden."""


def sequence(seed: int = 0) -> dict[str, dict]:
    """Return the truth of a swarm, and what an expert and a machine made of it.

    Parameters
    ----------
    seed : int

    Returns
    -------
    dict of str to dict of str to numpy.ndarray
        ``truth``, ``expert`` and ``machine``, each with ``time_s`` (seconds after the start,
        sorted) and ``magnitude`` (rounded to 0.1). The b-value is 1 throughout. The expert finds
        half of the events of magnitude 1.0, the machine half of those of 0.6, both 0.5 more in
        the storm at the end. The machine's clock is late by 3 s, and a quarter of its detections
        are none: `CLOCK_S` and the rest are what students find out.

    Examples
    --------
    >>> found = sequence()
    >>> len(found["expert"]["time_s"]) < len(found["machine"]["time_s"])
    True
    """
    rng = np.random.default_rng([seed, 6])
    n = 16_000
    swarms = rng.uniform(0, DAYS * 86_400, 40)
    share = rng.dirichlet(np.full(40, 4.0))
    centre = rng.choice(swarms, n, p=share)
    time_s = np.where(
        rng.random(n) < 0.8, centre + rng.exponential(6000, n), rng.uniform(0, DAYS * 86_400, n)
    )
    time_s %= DAYS * 86_400
    order = np.argsort(time_s)
    time_s = time_s[order]
    magnitude = -0.05 + rng.exponential(1 / (B_VALUE * np.log(10)), n)
    day = time_s / 86_400
    storm = ((day >= STORM_DAYS[0]) & (day < STORM_DAYS[1])) * 0.5
    expert = rng.random(n) < 1 / (1 + np.exp(-(magnitude - 1.0 - storm) / 0.07))
    machine = rng.random(n) < 1 / (1 + np.exp(-(magnitude - 0.6 - storm) / 0.07))
    n_false = int(machine.sum() / 3)
    false_s = rng.uniform(0, DAYS * 86_400, n_false)
    false_magnitude = np.abs(rng.normal(0.65, 0.15, n_false))
    machine_s = np.concatenate(
        [time_s[machine] + CLOCK_S + rng.normal(0, 0.4, machine.sum()), false_s]
    )
    measured = np.concatenate(
        [magnitude[machine] + rng.normal(0, 0.1, machine.sum()), false_magnitude]
    )
    return {
        "truth": _table(time_s, magnitude),
        "expert": _table(time_s[expert] + rng.normal(0, 0.2, expert.sum()), magnitude[expert]),
        "machine": _table(machine_s, measured),
    }


def _table(time_s: np.ndarray, magnitude: np.ndarray) -> dict:
    order = np.argsort(time_s)
    rounded = np.round(magnitude[order], 1)
    return {"time_s": time_s[order], "magnitude": np.where(rounded == 0, 0.0, rounded)}
