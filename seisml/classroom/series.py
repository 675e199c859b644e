"""Time series for the first lesson: one family is ground motion, three are not. NumPy alone."""

import numpy as np

RATE_HZ = 50.0
N_SAMPLES = 2000
FAMILIES = ("earthquake", "shuffled phases", "share price", "plucked string")


def earthquake(rng: np.random.Generator) -> np.ndarray:
    """Return a local earthquake: quiet, P, a stronger and lower S, a coda that dies away.

    Returns
    -------
    numpy.ndarray, shape (2000,)
        Forty seconds at 50 Hz, largest absolute value 1.

    Examples
    --------
    >>> earthquake(np.random.default_rng(0)).shape
    (2000,)
    """
    t = np.arange(N_SAMPLES) / RATE_HZ
    onset_s, s_minus_p = rng.uniform(5, 12), rng.uniform(3, 7)
    coda_s = rng.uniform(2, 4)
    x = 0.01 * rng.standard_normal(N_SAMPLES)
    for start, size, low, high in (
        (onset_s, rng.uniform(0.15, 0.4), 4, 14),
        (onset_s + s_minus_p, 1.0, 2, 8),
    ):
        after = np.clip(t - start, 0, None)
        envelope = size * (after > 0) * np.exp(-after / coda_s) * (1 - np.exp(-after / 0.08))
        x += envelope * _band_noise(rng, low, high)
    return x / np.abs(x).max()


def shuffled_phases(x, rng: np.random.Generator) -> np.ndarray:
    """Return a series with the same power spectrum and random phases.

    Everything that depends on the spectrum alone stays as it was; what was an event is gone.

    Examples
    --------
    >>> x = earthquake(np.random.default_rng(0))
    >>> y = shuffled_phases(x, np.random.default_rng(1))
    >>> a, b = np.abs(np.fft.rfft(x))[1:-1], np.abs(np.fft.rfft(y))[1:-1]
    >>> bool(np.allclose(a / np.linalg.norm(a), b / np.linalg.norm(b)))
    True
    """
    spectrum = np.fft.rfft(x)
    turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(len(spectrum)))
    turned[0], turned[-1] = spectrum[0].real, np.abs(spectrum[-1])
    y = np.fft.irfft(turned, len(x))
    return y / np.abs(y).max()


def share_price(rng: np.random.Generator) -> np.ndarray:
    """Return a random walk whose steps have calm and nervous times, as prices do.

    Examples
    --------
    >>> float(np.abs(share_price(np.random.default_rng(0))).max())
    1.0
    """
    variance, steps = 1.0, np.empty(N_SAMPLES)
    for k, draw in enumerate(rng.standard_normal(N_SAMPLES)):
        steps[k] = np.sqrt(variance) * draw
        variance = 0.05 + 0.15 * steps[k] ** 2 + 0.8 * variance
    x = np.cumsum(steps)
    x -= x.mean()
    return x / np.abs(x).max()


def plucked_string(rng: np.random.Generator) -> np.ndarray:
    """Return a low note, plucked a few times: overtones of one frequency that die away.

    Examples
    --------
    >>> plucked_string(np.random.default_rng(0)).shape
    (2000,)
    """
    t = np.arange(N_SAMPLES) / RATE_HZ
    pitch_hz, x = rng.uniform(1.5, 3.0), 0.01 * rng.standard_normal(N_SAMPLES)
    for start in np.sort(rng.uniform(0, 34, rng.integers(2, 5))):
        after = np.clip(t - start, 0, None)
        for k in range(1, 6):
            ring = np.sin(2 * np.pi * k * pitch_hz * after) * np.exp(-after * k / 9)
            x += (after > 0) * ring / k
    return x / np.abs(x).max()


def family(name: str, n: int, *, seed: int = 0) -> np.ndarray:
    """Return many series of one of `FAMILIES`, shape (n, 2000).

    Examples
    --------
    >>> family("plucked string", 3).shape
    (3, 2000)
    """
    rng = np.random.default_rng([seed, FAMILIES.index(name)])
    makers = {
        "earthquake": lambda: earthquake(rng),
        "shuffled phases": lambda: shuffled_phases(earthquake(rng), rng),
        "share price": lambda: share_price(rng),
        "plucked string": lambda: plucked_string(rng),
    }
    return np.array([makers[name]() for _ in range(n)])


def puzzle() -> dict[str, np.ndarray]:
    """Return one series of each family under the letters A to D, in an order of its own.

    Examples
    --------
    >>> "".join(puzzle())
    'ABCD'
    """
    order = (2, 1, 0, 3)
    return {
        letter: family(FAMILIES[k], 1, seed=7)[0] for letter, k in zip("ABCD", order, strict=True)
    }


def _band_noise(rng: np.random.Generator, low_hz: float, high_hz: float) -> np.ndarray:
    """Return Gaussian noise of one band, RMS 1."""
    f = np.fft.rfftfreq(N_SAMPLES, 1 / RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(N_SAMPLES))
    spectrum *= np.exp(-(((f - (low_hz + high_hz) / 2) / ((high_hz - low_hz) / 2)) ** 2))
    x = np.fft.irfft(spectrum, N_SAMPLES)
    return x / x.std()
