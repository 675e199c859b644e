"""Sets of features by name, and the published numberings that two of them follow."""

import dataclasses

DETECT_FAST = (
    "rms log_energy peak_abs crest skewness kurtosis zero_crossing_rate hjorth_mobility "
    "hjorth_complexity time_centroid time_spread duration_5_95 rate_of_attack rate_of_decay "
    "silence_ratio env_max_mean env_skewness env_kurtosis env_rise_fraction stalta_short_max "
    "stalta_mid_max stalta_long_max stalta_mid_mean stalta_on_fraction zscore_max kurtosis_cf_max "
    "rel_energy dlog_energy band_log_energy band_rel_energy frequency_index band_entropy f_peak "
    "f_centroid f_bandwidth spec_skewness spec_kurtosis f05 f25 f50 f75 f95 spec_flatness "
    "spec_entropy spec_slope spec_crest spec_distance spec_flux"
)


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """A named set of features.

    Attributes
    ----------
    name : str
    purpose : str
    members : tuple of str
        Names of features; groups as "A" ... "H" stand for all of theirs.
    numbering : tuple of (str, str, str)
        Number or name in the publication, its definition, and what stands for it here: a feature,
        or in brackets why there is none.
    source : str
        Publication that the numbering follows.
    """

    name: str
    purpose: str
    members: tuple[str, ...]
    numbering: tuple[tuple[str, str, str], ...] = ()
    source: str = ""


def _compatible(name: str, purpose: str, source: str, rows: str) -> FeatureSet:
    """Read a numbering: a line has number | published definition | features or (reason)."""
    numbering = tuple(
        tuple(part.strip() for part in line.split(" | ")) for line in rows.strip().splitlines()
    )
    members = dict.fromkeys(
        member
        for _, _, here in numbering
        if not here.startswith("(")
        for member in here.partition(" (")[0].split()
    )
    return FeatureSet(name, purpose, tuple(members), numbering, source)


_HIBERT = """
1 | duration | duration (of an event, not of a window)
2 | max/mean of envelope | env_max_mean
3 | max/median of envelope | env_max_median
4 | ascending/descending time | env_rise_fraction (share of the window)
5 | kurtosis of the signal | kurtosis
6 | kurtosis of the envelope | env_kurtosis
7 | |skewness| of the signal | skewness (signed)
8 | |skewness| of the envelope | env_skewness (signed)
9 | number of peaks of the autocorrelation | acf_npeaks
10 | energy in the first third of the autocorrelation | (only their ratio, 12)
11 | energy in the last two thirds | (only their ratio, 12)
12 | ratio of 10 and 11 | acf_energy_ratio (positive lags only)
13-17 | log10 energy in five bands | band_log_energy (bands of the profile, per second)
18-22 | kurtosis in the bands | band_kurtosis
23 | RMS between coda and line | env_decay_rms
24, 25 | mean and max of the DFT | spec_crest (their ratio, of power)
26 | frequency of the maximum | f_peak
27 | centroid of the spectrum | f_centroid
28 | centroid of the 1st quartile | f25 (as later ports have it)
29 | centroid of the 3rd quartile | f75 (as later ports have it)
30 | median of the normalised DFT | (depends on the number of frequencies)
31 | variance of the normalised DFT | (depends on the number of frequencies)
32 | peaks above 0.75 of the maximum | spec_n_peaks
33 | mean of those peaks | (follows from 25 and 32)
34-37 | energy in quarters of Nyquist | (changes with the sampling rate)
38 | γ1, spectral centroid | f_centroid (the same as 27 of power)
39 | γ2, gyration radius | f_rms (of power)
40 | γs, spectral centroid width | f_bandwidth
41 | kurtosis of the maximum of all DFT over time | trk_kurt_max
42 | kurtosis of the median of all DFT over time | trk_kurt_median
43 | mean ratio of maximum and mean of all DFT | trk_max_mean
44 | mean ratio of maximum and median of all DFT | trk_max_median
45 | peaks of the curve of maxima | trk_npeaks_max (a minute)
46, 47 | peaks of the curves of means and medians | (nearly the same as 45)
48, 49 | ratios of 45 with 46 and 47 | (division by counts that may be 0)
50 | peaks of the curve of central frequency | trk_npeaks_centroid (a minute)
51 | peaks of the curve of the frequency of the maximum | trk_npeaks_fmax (a minute)
52 | ratio of 50 and 51 | (division by a count that may be 0)
53 | mean distance of maximum and mean of all DFT | trk_max_minus_mean (dB)
54 | mean distance of maximum and median | (nearly the same as 53)
55, 56 | mean distance of 1st or 3rd quartile and median frequency | (57 has both)
57 | mean distance of 1st and 3rd quartile frequency | trk_iqr_f
58-67 | attributes of the network | (of several stations: the set network)
68 | rectilinearity | rectilinearity
69 | azimuth | azimuth_sin2 azimuth_cos2 (no jump at 360°)
70 | dip | incidence
71 | planarity | planarity
"""
_AAA = """
skewness, kurtosis (time) | of the samples | skewness kurtosis
E max, energy | maximum and mean of the energy | log_energy peak_abs (a second, not a sum)
E std, skewness, kurtosis | of the energy | env_kurtosis env_skewness
RoA | rate of attack | rate_of_attack
RoD | rate of decay | rate_of_decay
Shannon, 30 bins | entropy of amplitudes | entropy_amp (bins follow the spread)
Rényi α=2, 30 bins | entropy of amplitudes | entropy_amp_renyi2 (bins follow the spread)
Shannon, Rényi, 5 and 500 bins; Rényi α=∞ | entropies | (redundant)
u_mean (time) | centroid of the energy | time_centroid (share of the window)
RMS bandwidth (time) | spread of the energy | time_spread (share of the window)
std, max, max/mean | of the samples | rms crest
silence ratio .25 | share below a quarter of the maximum | silence_ratio
silence ratio .5, .75 | share below half, three quarters | (redundant)
threshold crossing rate | crossings of .25, .5, .75 of the maximum | zero_crossing_rate
length, argmin, argmax, min, mean | in samples | (depend on window and sampling rate)
u_mean (spectral) | centroid of the spectrum | f_centroid (one-sided, in Hz)
RMS bandwidth (spectral) | spread of the spectrum | f_bandwidth (in Hz)
skewness_, kurtosis_ (spectral) | of the spectrum over frequency | spec_skewness spec_kurtosis
Shannon (spectral) | entropy of the spectrum | spec_entropy
max/mean (spectral) | crest of the spectrum | spec_crest
argmax (spectral) | frequency of the maximum | f_peak
cepstral domain | FFT of the FFT, or MFCC | lfcc (cepstra of log energies)
"""
_COURSE = """
mean | mean of the samples | (0 in a filtered record)
std, RMS | size | rms
spectral barycentre | centroid of the spectrum | f_centroid
quartiles | quartiles of the spectrum | f25 f50 f75
entropy | entropy of the amplitudes | entropy_amp
length | length of the record | (the window's)
kurtosis | fourth moment | kurtosis (Pearson: 3 for Gaussian noise)
skewness | third moment | skewness
10-90 % width | time that holds the energy | duration_5_95 (5 to 95 %)
"""

SETS: dict[str, FeatureSet] = {
    one.name: one
    for one in (
        FeatureSet("detect-fast", "continuous records", tuple(DETECT_FAST.split())),
        FeatureSet("classify", "classes of events: all groups", tuple("ABCDEFGHJ")),
        FeatureSet("network", "events of a network: seisml associate --features", ("I",)),
        _compatible(
            "course",
            "the classroom",
            "feature_fun of the IPGP course on volcanic signals",
            _COURSE,
        ),
        _compatible(
            "hibert-compat",
            "comparison with attributes of Hibert, Provost and Maggi",
            "Provost et al. 2017, doi:10.1002/2016GL070709",
            _HIBERT,
        ),
        _compatible(
            "aaa-compat",
            "comparison with Malfante et al. 2018",
            "Malfante et al. 2018, doi:10.1109/MSP.2017.2779166",
            _AAA,
        ),
    )
}
