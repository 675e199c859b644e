"""Feature functions that need NumPy alone, one thing each, short enough to read in class.

They work on the last axis: one record or a stack of windows. `seisml.features` computes the same
quantities faster, in a stream; tests hold the two together.
"""

import numpy as np


def windows(x, sampling_rate_hz: float, *, length_s: float, hop_s: float) -> np.ndarray:
    """Cut a record into overlapping windows, without copying it.

    Parameters
    ----------
    x : array_like, shape (n_samples,)
    sampling_rate_hz : float, Hz
    length_s, hop_s : float, s

    Returns
    -------
    numpy.ndarray, shape (n_windows, n_window_samples)
        Window k begins k `hop_s` after the first sample.

    Raises
    ------
    ValueError
        If the record is shorter than a window.

    Examples
    --------
    >>> windows([0, 1, 2, 3, 4], 1.0, length_s=3, hop_s=2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    x = np.asarray(x)
    n, hop = round(length_s * sampling_rate_hz), round(hop_s * sampling_rate_hz)
    if len(x) < n:
        raise ValueError(f"the record has {len(x)} samples, a window {n}.")
    return np.lib.stride_tricks.sliding_window_view(x, n)[::hop]


def rms(x) -> np.ndarray:
    """Return the root mean square amplitude about the mean: how strong it shakes.

    Examples
    --------
    >>> float(rms([1.0, -1.0, 1.0, -1.0]))
    1.0
    """
    return np.std(x, axis=-1)


def kurtosis(x) -> np.ndarray:
    """Return Pearson's kurtosis m4/m2²: 3 for Gaussian noise, large with a few strong samples.

    Examples
    --------
    >>> float(kurtosis([1.0, -1.0, 1.0, -1.0]))
    1.0
    """
    d = x - np.mean(x, axis=-1, keepdims=True)
    return np.mean(d**4, axis=-1) / np.mean(d**2, axis=-1) ** 2


def skewness(x) -> np.ndarray:
    """Return the skewness m3/m2^1.5: 0 where ups and downs are alike.

    Examples
    --------
    >>> float(skewness([-1.0, 0.0, 1.0]))
    0.0
    """
    d = x - np.mean(x, axis=-1, keepdims=True)
    return np.mean(d**3, axis=-1) / np.mean(d**2, axis=-1) ** 1.5


def zero_crossing_rate(x, sampling_rate_hz: float) -> np.ndarray:
    """Return how often a record crosses its mean, Hz: twice the frequency of a sine.

    Examples
    --------
    >>> t = np.arange(1000) / 100
    >>> round(float(zero_crossing_rate(np.sin(2 * np.pi * 5 * t + 0.1), 100.0)))
    10
    """
    d = x - np.mean(x, axis=-1, keepdims=True)
    return np.mean(np.diff(np.signbit(d), axis=-1), axis=-1) * sampling_rate_hz


def crest(x) -> np.ndarray:
    """Return peak over RMS amplitude: 1.4 for a sine, 4 for noise, more for an onset.

    Examples
    --------
    >>> float(crest([1.0, -1.0, 1.0, -1.0]))
    1.0
    """
    d = x - np.mean(x, axis=-1, keepdims=True)
    return np.max(np.abs(d), axis=-1) / np.std(x, axis=-1)


def power_spectrum(x, sampling_rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies (Hz) and power of the windows, tapered by a Hann window.

    Returns
    -------
    frequencies_hz : numpy.ndarray, shape (n_frequencies,)
    power : numpy.ndarray, shape (..., n_frequencies)
        In input units squared per Hz, without the frequency 0.

    Examples
    --------
    >>> t = np.arange(1000) / 100
    >>> f, p = power_spectrum(np.sin(2 * np.pi * 5 * t), 100.0)
    >>> float(f[p.argmax()])
    5.0
    """
    x = np.asarray(x, dtype=float)
    n = x.shape[-1]
    taper = np.hanning(n)
    amplitude = np.fft.rfft((x - x.mean(axis=-1, keepdims=True)) * taper, axis=-1)
    power = 2 * np.abs(amplitude) ** 2 / (sampling_rate_hz * np.sum(taper**2))
    return np.fft.rfftfreq(n, 1 / sampling_rate_hz)[1:], power[..., 1:]


def centroid(frequencies_hz, power) -> np.ndarray:
    """Return the centroid Σ f p of a spectrum, Hz: low or high.

    Examples
    --------
    >>> float(centroid(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    """
    return np.sum(frequencies_hz * power, axis=-1) / np.sum(power, axis=-1)


def bandwidth(frequencies_hz, power) -> np.ndarray:
    """Return the spread of a spectrum about its centroid, Hz: a line or a band.

    Examples
    --------
    >>> float(bandwidth(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    1.0
    """
    middle = centroid(frequencies_hz, power)[..., np.newaxis]
    variance = np.sum((frequencies_hz - middle) ** 2 * power, axis=-1) / np.sum(power, axis=-1)
    return np.sqrt(variance)


def band_energy(frequencies_hz, power, low_hz: float, high_hz: float) -> np.ndarray:
    """Return the mean square amplitude between two frequencies.

    Examples
    --------
    >>> float(band_energy(np.array([1.0, 2.0, 3.0]), np.ones(3), 1.5, 3.5))
    2.0
    """
    inside = (frequencies_hz >= low_hz) & (frequencies_hz < high_hz)
    step_hz = frequencies_hz[1] - frequencies_hz[0]
    return np.sum(power[..., inside], axis=-1) * step_hz


def spectral_entropy(power) -> np.ndarray:
    """Return the entropy of a spectrum: 1 where it is flat, 0 for a single line.

    Examples
    --------
    >>> float(spectral_entropy(np.ones(8)))
    1.0
    """
    p = power / np.sum(power, axis=-1, keepdims=True)
    logs = np.log(np.where(p > 0, p, 1.0))
    return -np.sum(p * logs, axis=-1) / np.log(p.shape[-1])


def sta_lta(x, sampling_rate_hz: float, *, sta_s: float, lta_s: float) -> np.ndarray:
    """Return the ratio of a short to a long trailing mean of x² at every sample.

    Both windows end at the sample. The ratio is 1 on steady noise and NaN until a whole
    long window has passed.

    Parameters
    ----------
    x : array_like, shape (n_samples,)
    sampling_rate_hz : float, Hz
    sta_s, lta_s : float, s

    Returns
    -------
    numpy.ndarray, shape (n_samples,)

    References
    ----------
    .. [1] Allen (1978), Automatic earthquake recognition and timing from single traces, BSSA 68,
       https://doi.org/10.1785/BSSA0680051521

    Examples
    --------
    >>> sta_lta([1, 1, 1, 1, 3.0], 1.0, sta_s=1, lta_s=4).tolist()
    [nan, nan, nan, 1.0, 3.0]
    """
    x = np.asarray(x, dtype=float)
    n_sta, n_lta = round(sta_s * sampling_rate_hz), round(lta_s * sampling_rate_hz)
    total = np.concatenate([[0.0], np.cumsum(x**2)])
    out = np.full(len(x), np.nan)
    if len(x) >= n_lta:
        end = np.arange(n_lta, len(x) + 1)
        sta = (total[end] - total[end - n_sta]) / n_sta
        lta = (total[end] - total[end - n_lta]) / n_lta
        out[n_lta - 1 :] = np.divide(sta, lta, out=np.full(len(end), np.nan), where=lta > 0)
    return out


def triggers(ratio, *, on: float, off: float) -> np.ndarray:
    """Return where a ratio is above a threshold: from reaching `on` to falling below `off`.

    Returns
    -------
    numpy.ndarray of int, shape (n_triggers, 2)
        First sample, and the first that is below `off` again.

    Examples
    --------
    >>> triggers([1, 4, 3, 1, 2, 5], on=4, off=2).tolist()
    [[1, 3], [5, 6]]
    """
    ratio = np.nan_to_num(np.asarray(ratio, dtype=float))
    above = np.concatenate([[False], ratio >= off, [False]])
    edges = np.flatnonzero(np.diff(above.astype(np.int8)))
    out = []
    for first, stop in edges.reshape(-1, 2):
        hot = np.flatnonzero(ratio[first:stop] >= on)
        if len(hot):
            out.append((first + hot[0], stop))
    return np.array(out, dtype=int).reshape(-1, 2)
