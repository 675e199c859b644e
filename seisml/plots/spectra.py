"""Figures of spectra: before and after a step of the preparation; generated against real."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import signal

from seisml.errors import ConfigError
from seisml.plots.style import EXPERT, GREY, MACHINE, plain, styled

SEGMENT_S = 50.0
"""Length of the pieces that a spectrum is the median of."""


@styled
def plot_before_after(
    before: np.ndarray,
    after: np.ndarray,
    sampling_rate_hz: float,
    *,
    what: str = "",
    units: str = "counts",
    window_s: float = 60.0,
    marks_s: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Draw what a step of the preparation takes off: record, the part that changed most, spectrum.

    Parameters
    ----------
    before, after : numpy.ndarray, shape (n_samples,)
    sampling_rate_hz : float
    what : str
        Name of the step, the title.
    units : str
    window_s : float, s
        Length of the part about the largest change.
    marks_s : mapping of str to sequence of float, s, optional
        What was found, by name for the legend, after the first sample: "glitch removed" and so on.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the records are not of the same length, or shorter than 50 s.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(4000)
    >>> len(plot_before_after(x, x - x.mean(), 20.0).axes)
    3
    """
    before, after = (np.asarray(x, dtype=np.float64) for x in (before, after))
    if before.shape != after.shape or len(before) < SEGMENT_S * sampling_rate_hz:
        raise ConfigError(
            f"Records of {len(before)} and {len(after)} samples cannot be compared.",
            f"Give two of the same length, at least {SEGMENT_S:g} s.",
        )
    t_s = np.arange(len(before)) / sampling_rate_hz
    lines = (("before", before, GREY), ("after", after, MACHINE))
    figure = Figure(figsize=(7.2, 6.6), layout="constrained")
    whole, part, spectrum = figure.subplots(3, 1)
    centre_s = t_s[np.argmax(np.abs(after - before))]
    first_s = min(max(0.0, centre_s - window_s / 2), max(0.0, t_s[-1] - window_s))
    near = (t_s >= first_s) & (t_s <= first_s + window_s)
    for name, x, colour in lines:
        whole.plot(t_s / 60.0, x - np.median(before), color=colour, lw=0.5, label=name)
        part.plot(t_s[near] - first_s, (x - np.median(before))[near], color=colour, lw=1.0)
        spectrum.semilogx(*_spectrum(x, sampling_rate_hz), color=colour, lw=1.0)
    for name, marker, at_s in zip(marks_s or {}, "vx+", (marks_s or {}).values(), strict=False):
        # In the axes' own height: above the record, whatever its size.
        x = np.asarray(at_s, dtype=float) / 60.0
        style = {"color": EXPERT, "ls": "", "marker": marker, "ms": 4.0, "clip_on": False}
        whole.plot(x, np.full(len(x), 0.97), transform=whole.get_xaxis_transform(), **style,
                   label=f"{name} ({len(x)})")  # fmt: skip
    whole.set_xlabel("time (min)")
    part.set_xlabel(f"time after {first_s / 60.0:.4g} min (s)")
    for ax in (whole, part):
        ax.set_ylabel(plain(units))
        ax.margins(x=0)
    _frequency_axis(spectrum, units, sampling_rate_hz)
    handles = whole.get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper right", ncols=4)
    whole.set_title(plain(what), loc="left")
    return figure


@styled
def plot_spectra(
    generated: Mapping[str, np.ndarray],
    real: Mapping[str, np.ndarray],
    sampling_rate_hz: float,
    *,
    units: str = "m/s",
) -> Figure:
    """Draw spectra of generated records against real ones, a panel for each name.

    Parameters
    ----------
    generated, real : mapping of str to numpy.ndarray, shape (n_samples,)
        Panels by the same names, for example local hours.
    sampling_rate_hz : float
    units : str
        Of the samples.

    Returns
    -------
    matplotlib.figure.Figure
        In each panel the median of the difference in dB up to 0.8 of Nyquist.

    Raises
    ------
    ConfigError
        If the names differ or there are none.
    """
    if set(generated) != set(real) or not real:
        raise ConfigError(
            f"Generated {sorted(generated)} and real {sorted(real)} are not of the same names.",
            "Give each real record the generated one that belongs to it.",
        )
    n_columns = min(3, len(real))
    n_rows = -(-len(real) // n_columns)
    figure = Figure(figsize=(1.2 + 2.8 * n_columns, 0.6 + 2.3 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.ravel()[len(real) :]:
        ax.set_axis_off()
    for k, (ax, name) in enumerate(zip(axes.ravel(), real, strict=False)):
        f_hz, measured_db = _spectrum(real[name], sampling_rate_hz)
        _, made_db = _spectrum(generated[name], sampling_rate_hz)
        # Above, the anti-alias filter would stretch the axis.
        inside = f_hz <= 0.4 * sampling_rate_hz
        ax.semilogx(f_hz[inside], measured_db[inside], color=EXPERT, lw=1.0, label="real")
        ax.semilogx(f_hz[inside], made_db[inside], color=MACHINE, lw=1.0, label="generated")
        off_db = np.median((made_db - measured_db)[inside])
        ax.set_title(plain(name), loc="left", fontsize="medium")
        ax.text(0.97, 0.95, f"{off_db:+.1f} dB", transform=ax.transAxes, ha="right", va="top")
        _frequency_axis(ax, units, sampling_rate_hz)
        ax.label_outer()
        if k + n_columns >= len(real):
            ax.tick_params(labelbottom=True)
            ax.set_xlabel("frequency (Hz)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def _spectrum(x: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the median of the spectra of pieces in dB, without frequency 0."""
    n = min(len(x), round(SEGMENT_S * rate_hz))
    f_hz, power = signal.welch(x, rate_hz, nperseg=n, average="median")
    return f_hz[2:], 10.0 * np.log10(np.maximum(power[2:], np.finfo(float).tiny))


def _frequency_axis(ax, units: str, rate_hz: float) -> None:
    ax.set_xlim(2.0 / SEGMENT_S, rate_hz / 2)
    ax.set_xlabel("frequency (Hz)")
    ax.set_ylabel(plain(f"dB re 1 ({units})²/Hz"))
