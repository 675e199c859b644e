"""Response: motion that was planted comes out, whatever the chunks, and holes are counted."""

import dataclasses
from collections import Counter
from itertools import pairwise

import numpy as np
import obspy
import pytest
from inventory_data import (
    GAIN,
    broadband,
    channel,
    gain_at,
    sensitivity_only,
    write_inventory,
)
from waveform_data import assert_same_stretches, stretches

from seisml.deconvolution import corners_of, cosine_taper, fitted, make_kernel, reach_s
from seisml.errors import ConfigError
from seisml.metadata import Metadata, read_metadata
from seisml.response import Calibrator, to_motion, unit_of
from seisml.segments import Band, Segment, causal_filter, samples_to_ns
from seisml.times import NS_PER_S, to_ns

RATE_HZ = 20.0
STATION = "XX.ABC.00.HH"
START_NS = to_ns("2020-03-01")
BAND = Band(1.0, 6.0)
CORNERS = corners_of(BAND)


def segment(x, *, start_ns=START_NS, rate_hz=RATE_HZ, code="HHZ", **options) -> Segment:
    return Segment(STATION, (code,), start_ns, rate_hz, np.asarray(x)[np.newaxis], **options)


def cut(whole: Segment, edges) -> list[Segment]:
    """Cut a segment at some numbers of samples."""
    edges = [0, *sorted(edges), whole.n_samples]
    return [
        dataclasses.replace(
            whole,
            start_ns=whole.start_ns + samples_to_ns(a, whole.sampling_rate_hz),
            data=whole.data[:, a:b],
            continues=a > 0,
        )
        for a, b in pairwise(edges)
        if b > a
    ]


def metadata_of(tmp_path, *channels) -> Metadata:
    return read_metadata(write_inventory(tmp_path / "inventory.xml", *channels))


@pytest.fixture
def known(tmp_path) -> Metadata:
    return metadata_of(tmp_path, channel())


def white(n: int, seed: int = 0) -> np.ndarray:
    return np.round(1000 * np.random.default_rng(seed).standard_normal(n)).astype(np.int32)


def converted(parts, metadata, mode="motion", counts=None, corners=CORNERS):
    return list(to_motion(parts, metadata, mode=mode, pre_filter=corners, counts=counts))


def one(parts) -> tuple[int, np.ndarray]:
    """Return (start_ns, samples) of what must be one stretch."""
    ((_, start_ns, _, data),) = stretches(parts)
    return start_ns, data


def at(seconds: float) -> obspy.UTCDateTime:
    return obspy.UTCDateTime(ns=START_NS + round(seconds * NS_PER_S))


# ------------------------------------------------------------------------------ planted truth


@pytest.mark.parametrize("f_hz", [1.0, 2.3, 6.0])
def test_a_planted_motion_comes_back(known, f_hz):
    """A sine of the ground, seen through poles and zeros, has its amplitude and phase again."""
    n, amplitude = 20_000, 3e-6
    t = np.arange(n) / RATE_HZ
    counts = np.real(amplitude * gain_at(f_hz) * np.exp(2j * np.pi * f_hz * t)) + 5e4
    start_ns, found = one(converted([segment(counts)], known))
    first = round((start_ns - START_NS) / NS_PER_S * RATE_HZ)
    assert first == np.ceil(reach_s(CORNERS) * RATE_HZ)
    assert len(found) == n - 2 * first
    truth = amplitude * np.cos(2 * np.pi * f_hz * t[first : first + len(found)])
    np.testing.assert_allclose(found, truth, atol=2e-3 * amplitude)


@pytest.mark.parametrize(
    ("units", "power", "factor"),
    [("M", -1, 1.0), ("M/S**2", 1, 1.0), ("NM/S", 0, 1e9), ("m/s", 0, 1.0), ("CM/S**2", 1, 1e2)],
)
def test_any_input_unit_becomes_velocity(tmp_path, units, power, factor):
    """Displacement, velocity and acceleration sensors, also in nm and cm, give m/s."""
    known = metadata_of(tmp_path, channel(response=broadband(units=units)))
    n, f_hz = 8000, 2.0
    t = np.arange(n) / RATE_HZ
    velocity = np.exp(2j * np.pi * f_hz * t)
    recorded = np.real(gain_at(f_hz) * factor * (2j * np.pi * f_hz) ** power * velocity)
    (part, *_) = converted([segment(recorded)], known)
    assert part.units == "m/s"
    first = round((part.start_ns - START_NS) / NS_PER_S * RATE_HZ)
    np.testing.assert_allclose(part.data[0][:2000], velocity.real[first:][:2000], atol=2e-3)


def theirs(tmp_path, x, method: str, **options) -> np.ndarray:
    """Return what ObsPy makes of samples."""
    found = obspy.read_inventory(str(tmp_path / "inventory.xml"))
    network, station, location, _ = STATION.split(".")
    trace = obspy.Trace(np.asarray(x, dtype=np.float64))
    trace.stats.update(
        {"network": network, "station": station, "location": location, "channel": "HHZ"}
    )
    trace.stats.update({"sampling_rate": RATE_HZ, "starttime": at(0)})
    return getattr(trace, method)(inventory=found, **options).data


@pytest.mark.parametrize("red", [False, True])
def test_deconvolution_is_that_of_obspy(tmp_path, known, red):
    """Away from the ends of a long trace, ObsPy's deconvolution of it all at once, to 1e-3.

    Of red noise, whose slow part is a thousand times stronger, after the filter that follows.
    """
    x = white(120_000) + 20_000
    x = np.cumsum(x - 20_000) if red else x
    other = theirs(
        tmp_path,
        x,
        "remove_response",
        output="VEL",
        pre_filt=CORNERS,
        water_level=None,
        taper_fraction=0.02,
    )
    parts, others = converted([segment(x)], known), [segment(other)]
    if red:
        parts, others = causal_filter(parts, BAND), causal_filter(others, BAND)
    (start_ns, found), (other_ns, truth) = one(parts), one(others)
    first = round((start_ns - other_ns) / NS_PER_S * RATE_HZ)
    truth = truth[first : first + len(found)]
    inner = slice(20_000, -20_000)
    difference = np.sqrt(np.mean((found - truth)[inner] ** 2) / np.mean(truth[inner] ** 2))
    assert difference < 1e-3, difference


def test_sensitivity_is_that_of_obspy(tmp_path, known):
    """Divided by the sensitivity, as ObsPy does; every sample is kept."""
    x = white(5000)
    start_ns, found = one(converted([segment(x)], known, "sensitivity"))
    assert start_ns == START_NS
    np.testing.assert_allclose(found, theirs(tmp_path, x, "remove_sensitivity"), rtol=1e-12)
    np.testing.assert_allclose(found, x / GAIN, rtol=1e-12)


@pytest.mark.parametrize("mode", ["sensitivity", "motion"])
def test_twice_the_gain_is_half_the_motion(tmp_path, mode):
    """Also a negative one: the sign is part of the gain."""
    x = white(6000)
    found = {
        gain: one(
            converted(
                [segment(x)],
                metadata_of(tmp_path, channel(response=broadband(gain))),
                mode,
            )
        )[1]
        for gain in (GAIN, 2 * GAIN, -GAIN)
    }
    np.testing.assert_allclose(found[2 * GAIN], found[GAIN] / 2, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(found[-GAIN], -found[GAIN], rtol=1e-9, atol=1e-18)


def test_counts_stay_as_they_are():
    """Without units nothing is touched, and no metadata are needed."""
    parts = [segment(white(100))]
    assert converted(parts, None, "counts") == parts


def test_a_constant_has_no_effect(known):
    """An offset of a million counts changes nothing: the filter's sum is zero."""
    x = white(6000).astype(np.float64)
    (_, a), (_, b) = (one(converted([segment(x + c)], known)) for c in (0.0, 1e6))
    np.testing.assert_allclose(a, b, atol=1e-8 * np.abs(a).max())


# -------------------------------------------------------------------------- the filter itself


@pytest.mark.parametrize(
    ("band", "rate_hz"), [(BAND, 20.0), (Band(0.1, 8.0), 20.0), (Band(1.0, 40.0), 100.0)]
)
def test_the_impulse_response_has_died_away(known, band, rate_hz):
    """Where it is cut it is below 1e-3 of its peak, and the spectrum is right to 1e-3."""
    corners = fitted(corners_of(band), rate_hz)
    response = known.epochs["XX.ABC.00.HHZ"][0].response
    kernel = make_kernel(known, response, rate_hz, corners)
    n = 64 * kernel.half
    f_hz = np.fft.rfftfreq(n, 1 / rate_hz)
    inside = (f_hz > corners[0]) & (f_hz < corners[3])
    gain = np.zeros(len(f_hz), dtype=complex)
    gain[inside] = cosine_taper(f_hz[inside], corners) / known.evaluate(response, f_hz[inside])
    whole = np.fft.irfft(gain, n)
    cut_off = whole[kernel.half + 1 : n - kernel.half]
    assert np.abs(cut_off).max() < 1e-3 * np.abs(whole).max()
    taps = np.fft.irfft(kernel.spectrum, kernel.size)[: 2 * kernel.half + 1]
    delay = np.exp(2j * np.pi * f_hz * kernel.half / rate_hz)
    found = np.fft.rfft(taps, n) * delay
    flat = (f_hz >= corners[1]) & (f_hz <= corners[2])
    assert np.abs(found / np.where(flat, gain, 1) - 1)[flat].max() < 1e-3
    assert abs(taps.sum()) < 1e-12 * np.abs(taps).sum()


def test_the_pre_filter_has_its_corners():
    """Zero at the outer corners, one between the inner ones, a half in the middle of a flank."""
    corners = (1.0, 2.0, 8.0, 12.0)
    f_hz = np.array([0.0, 1.0, 1.5, 2.0, 5.0, 8.0, 10.0, 12.0, 20.0])
    expected = [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    np.testing.assert_allclose(cosine_taper(f_hz, corners), expected, atol=1e-15)
    assert fitted(corners, 20.0) == (1.0, 2.0, 8.0, 9.0)
    with pytest.raises(ConfigError, match="not possible at 2 samples"):
        fitted(corners, 2.0)


# --------------------------------------------------------- results never depend on the chunks


@pytest.mark.parametrize("mode", ["sensitivity", "motion"])
def test_any_chunks_give_the_same_bits(tmp_path, mode):
    """Segments of any length, other channels between, over changes of epoch: bit for bit."""
    known = metadata_of(
        tmp_path,
        channel(end="2020-03-01T00:10:00"),
        channel(start="2020-03-01T00:12:00", response=broadband(2 * GAIN)),
        channel("HHN"),
    )
    n, rng = 30_000, np.random.default_rng(1)
    whole, other = segment(white(n)), segment(white(n, 1), code="HHN")
    expected_counts, expected = Counter(), None
    for edges in ([], range(0, n, 4096), range(0, n, 777), rng.integers(1, n, 40), [1, 2, n - 1]):
        counts = Counter()
        a, b = cut(whole, set(edges)), cut(other, set(edges))
        mixed = [part for pair in zip(a, b, strict=True) for part in pair]
        found = stretches(converted(mixed, known, mode, counts))
        found.sort(key=lambda row: (row[0], row[1]))
        expected_counts, expected = expected_counts or counts, expected or found
        assert_same_stretches(found, expected)
        assert counts == expected_counts
    assert len(expected) == 3
    assert expected_counts == {"samples_of_nearest_epoch": 120 * RATE_HZ}


def test_values_do_not_depend_on_where_reading_starts(known):
    """A run that is read from later on has the same values, to 1e-6 of their size."""
    x = white(30_000)
    start_ns, whole = one(converted([segment(x)], known))
    late = segment(x[7003:], start_ns=START_NS + samples_to_ns(7003, RATE_HZ))
    late_ns, found = one(converted([late], known))
    first = round((late_ns - start_ns) / NS_PER_S * RATE_HZ)
    np.testing.assert_allclose(found, whole[first:], atol=1e-12 * np.abs(whole).max())


def test_a_gap_is_two_ends(known):
    """On both sides of a gap the samples without neighbours are left out."""
    x, n = white(12_000), 6000
    later = segment(x[n:], start_ns=START_NS + samples_to_ns(n + 100, RATE_HZ))
    found = stretches(converted([segment(x[:n]), later], known))
    half = int(np.ceil(reach_s(CORNERS) * RATE_HZ))
    assert [len(row[3]) for row in found] == [n - 2 * half] * 2
    assert found[1][1] == later.start_ns + samples_to_ns(half, RATE_HZ)
    assert converted([segment(x[: 2 * half])], known) == []


# ------------------------------------------------------------------------- epochs and holes


def test_an_epoch_that_changes_nothing_is_no_break(tmp_path):
    """Two epochs with the same response join; with another gain a new run begins."""
    same = metadata_of(tmp_path, channel(end=str(at(300))), channel(start=str(at(300))))
    other = metadata_of(
        tmp_path,
        channel(end=str(at(300))),
        channel(start=str(at(300)), response=broadband(2 * GAIN)),
    )
    x = white(12_000)
    assert len(stretches(converted([segment(x)], same))) == 1
    (_, first_ns, _, a), (_, second_ns, _, b) = stretches(
        converted([segment(x)], other, "sensitivity")
    )
    assert (len(a), len(b)) == (6000, 6000)
    assert second_ns == first_ns + 300 * NS_PER_S
    np.testing.assert_allclose(np.r_[a, 2 * b], x / GAIN, rtol=1e-12)
    found = stretches(converted([segment(x)], other))
    half = int(np.ceil(reach_s(CORNERS) * RATE_HZ))
    assert [len(row[3]) for row in found] == [6000 - 2 * half] * 2


def test_outside_all_epochs_the_nearest_counts(tmp_path):
    """Before the first, after the last, and either half of a hole; all of it is counted."""
    known = metadata_of(
        tmp_path,
        channel(start=str(at(100)), end=str(at(200))),
        channel(start=str(at(400)), end=str(at(500)), response=broadband(2 * GAIN)),
    )
    counts = Counter()
    x = white(12_000)
    found = stretches(converted([segment(x)], known, "sensitivity", counts))
    assert [len(row[3]) for row in found] == [6000, 6000]
    assert counts == {"samples_of_nearest_epoch": (100 + 200 + 100) * RATE_HZ}
    np.testing.assert_allclose(found[1][3], x[6000:] / (2 * GAIN), rtol=1e-12)


@pytest.mark.parametrize(
    ("response", "rate_hz", "counted", "kept"),
    [
        (sensitivity_only(), RATE_HZ, "samples_scaled_only", True),
        (broadband(), 20.3, "samples_rate_contradicts_metadata", True),
        (broadband(), 20.1, "", True),
        (sensitivity_only(None), RATE_HZ, "samples_without_metadata", False),
        (sensitivity_only(0.0), RATE_HZ, "samples_without_metadata", False),
        (sensitivity_only(units="M/S**2"), RATE_HZ, "samples_of_other_unit", False),
        (sensitivity_only(units="PA"), RATE_HZ, "samples_of_other_unit", False),
    ],
)
def test_holes_fall_back_by_the_stated_rule(tmp_path, response, rate_hz, counted, kept):
    """What is missing is scaled or left out, counted, and never passed on as counts."""
    known = metadata_of(tmp_path, channel(response=response, rate_hz=rate_hz))
    counts, x = Counter(), white(4000)
    found = converted([segment(x)], known, counts=counts)
    assert counts == ({counted: 4000} if counted else {})
    assert bool(found) == kept
    assert all(part.units == "m/s" for part in found)
    if counted and kept:
        np.testing.assert_allclose(one(found)[1], x / GAIN, rtol=1e-12)


def test_a_broken_response_is_scaled(tmp_path):
    """A response that evalresp cannot evaluate, or that is zero, counts as none."""
    zero, twice = broadband(), broadband()
    zero.response_stages[0].normalization_factor = 0.0
    twice.response_stages *= 2
    for response in (zero, twice):
        counts = Counter()
        known = metadata_of(tmp_path, channel(response=response))
        _, found = one(converted([segment(white(4000))], known, counts=counts))
        assert counts == {"samples_scaled_only": 4000}
        np.testing.assert_allclose(found, white(4000) / GAIN, rtol=1e-12)


def test_an_unknown_channel_is_left_out(known):
    """No metadata, no samples: they are counted, not passed on in counts."""
    counts = Counter()
    parts = [segment(white(4000)), segment(white(3000), code="HHE")]
    found = converted(parts, known, "sensitivity", counts)
    assert [part.channels for part in found] == [("HHZ",)]
    assert counts == {"samples_without_metadata": 3000}


def test_a_gain_that_contradicts_the_sensitivity_is_counted(tmp_path):
    """The stages are believed, and the contradiction is told."""
    response = broadband()
    response.instrument_sensitivity.value = 1.2 * GAIN
    counts = Counter()
    known = metadata_of(tmp_path, channel(response=response))
    _, found = one(converted([segment(white(4000))], known, counts=counts))
    assert counts == {"samples_gain_contradicts_metadata": 4000}
    right = metadata_of(tmp_path, channel())
    np.testing.assert_array_equal(found, one(converted([segment(white(4000))], right))[1])


def test_one_unit_a_station(tmp_path):
    """By sensitivity the unit is the most frequent one; samples in others are left out."""
    known = metadata_of(
        tmp_path,
        channel("HHZ", sensitivity_only(units="M/S**2")),
        channel("HHN", sensitivity_only(units="M/S**2")),
        channel("HHE", sensitivity_only(units="M/S")),
    )
    assert unit_of("sensitivity", known, STATION) == "m/s²"
    assert unit_of("motion", known, STATION) == "m/s"
    counts = Counter()
    parts = [segment(white(1000), code=code) for code in ("HHZ", "HHN", "HHE")]
    found = converted(parts, known, "sensitivity", counts)
    assert [(p.channels[0], p.units) for p in found] == [("HHZ", "m/s²"), ("HHN", "m/s²")]
    assert counts == {"samples_of_other_unit": 1000}


def test_each_response_is_evaluated_once(known, monkeypatch):
    """However many segments and channels there are."""
    calls = []
    real = Metadata.evaluate
    monkeypatch.setattr(
        Metadata, "evaluate", lambda self, *args: calls.append(len(args[1])) or real(self, *args)
    )
    converted(cut(segment(white(20_000)), range(500, 20_000, 500)), known)
    assert len([n for n in calls if n > 1]) == 1


@pytest.mark.parametrize(
    ("mode", "metadata", "message"),
    [
        ("movement", "known", "There are no units 'movement'"),
        ("motoin", "known", "Did you mean 'motion'"),
        ("motion", None, "need station metadata"),
    ],
)
def test_wrong_units_are_refused(known, mode, metadata, message):
    """At once, not at the first sample."""
    with pytest.raises(ConfigError, match=message):
        to_motion([], known if metadata else None, mode=mode, pre_filter=CORNERS)


def test_a_missing_pre_filter_is_refused(known):
    """Deconvolution without one would blow up noise."""
    with pytest.raises(ConfigError, match="pre-filter"):
        to_motion([], known, mode="motion")
    assert Calibrator(known, "sensitivity", None).metadata is known


@pytest.mark.real
def test_a_real_response_is_that_of_obspy(shared_data):
    """An hour of InSight, with its FIR stages and 16 s corner, to 1e-3 (measured 5e-4)."""
    path = shared_data / "mars_insight" / "inventory_VBB.xml"
    file = sorted((shared_data / "mars_insight" / "waveforms").rglob("*.mseed"))[0]
    (trace,) = obspy.read(str(file))
    corners = corners_of(Band(0.1, 8.0))
    whole = Segment(
        "XB.ELYSE.02.BH",
        ("BHV",),
        trace.stats.starttime.ns,
        trace.stats.sampling_rate,
        trace.data[np.newaxis].astype(np.float64),
    )
    start_ns, found = one(converted([whole], read_metadata(path), corners=corners))
    trace.remove_response(
        obspy.read_inventory(str(path)),
        pre_filt=fitted(corners, trace.stats.sampling_rate),
        water_level=None,
        taper_fraction=0.02,
    )
    first = round((start_ns - whole.start_ns) / NS_PER_S * whole.sampling_rate_hz)
    truth = trace.data[first : first + len(found)]
    inner = slice(len(found) // 5, -len(found) // 5)
    assert np.sqrt(np.mean((found - truth)[inner] ** 2) / np.mean(truth[inner] ** 2)) < 1e-3
