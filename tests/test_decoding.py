"""Samples of miniSEED records: those of ObsPy, however many pieces there are."""

import signal
from collections import Counter

import numpy as np
import obspy
import pytest
from waveform_data import DAY0, noise, trace

from seisml import decoding
from seisml.decoding import flat_records, read_pieces
from seisml.miniseed import read_layout
from seisml.times import NS_PER_S


def pieces_of(path, start_ns=-(2**62), end_ns=2**62):
    """Return ({order: [record, ...]}, counts, flat) of a file between two instants."""
    content, counts = path.read_bytes(), Counter()
    layout = read_layout(lambda at, n: content[at : at + n], len(content))
    flat, found = flat_records(layout.pieces), {}
    orders = range(len(layout.pieces))
    for order, record in read_pieces((str(path), 0, 0), flat, orders, start_ns, end_ns, counts):
        found.setdefault(order, []).append(record)
    return found, counts, flat


def written(path, traces, **options):
    obspy.Stream(traces).write(str(path), format="MSEED", **options)
    return path


def many(n=120, rates_hz=(20.0,), channels=("HHZ",)):
    """Return traces of different lengths with gaps between them, of some rates and channels."""
    start_s, traces = 0.0, []
    for i in range(n):
        rate_hz, channel = rates_hz[i % len(rates_hz)], channels[i // 3 % len(channels)]
        x = noise(30 + 37 * i % 700, i).astype(np.int32)
        header = {"channel": channel, "sampling_rate": rate_hz}
        one = trace(x, DAY0 + round(start_s * 1000) * 10**6)
        one.stats.update(header)
        traces.append(one)
        start_s += len(x) / rate_hz + 0.3 + i % 7
    return traces


@pytest.fixture
def n_traces(monkeypatch):
    """Count the traces that ObsPy makes."""
    seen, call = [], decoding.call_plugin

    def counting(*args, **kwargs):
        found = call(*args, **kwargs)
        seen.append(len(found))
        return found

    monkeypatch.setattr(decoding, "call_plugin", counting)
    return seen


@pytest.mark.parametrize("byteorder", [">", "<"])
@pytest.mark.parametrize(
    ("kind", "encoding"), [("i4", "STEIM1"), ("i4", "STEIM2"), ("f4", "FLOAT32"), ("i2", "INT16")]
)
def test_pieces_are_decoded_as_one_trace(tmp_path, n_traces, byteorder, kind, encoding):
    """A hundred pieces have the samples that were written, and cost ObsPy one trace."""
    traces = many()
    for one in traces:
        one.data = one.data.astype(kind)
    path = written(tmp_path / "a", traces, encoding=encoding, reclen=256, byteorder=byteorder)
    found, counts, flat = pieces_of(path)
    assert len(found) == len(traces)
    assert not counts
    assert n_traces == [1]
    for order, records in found.items():
        [record], piece = records, flat.pieces[order]
        [mine] = [t for t in traces if t.stats.starttime.ns == piece.start_ns]
        assert record.start_ns == piece.start_ns
        assert record.data.dtype.kind == kind[0]
        np.testing.assert_array_equal(record.data, mine.data)


def test_rates_and_channels_are_kept_apart(tmp_path, n_traces):
    """Each nominal rate of each channel is decoded by itself; measured ones together."""
    rates_hz = (20.0, 20.0003, 10.0)
    traces = many(rates_hz=rates_hz, channels=("HHZ", "HHN"))
    found, _, flat = pieces_of(written(tmp_path / "a", traces, encoding="STEIM2", reclen=256))
    assert len(found) == len(traces)
    assert len(n_traces) == 4
    for order, [record] in found.items():
        piece = flat.pieces[order]
        [mine] = [t for t in traces if t.stats.starttime.ns == piece.start_ns]
        assert (record.channel, record.rate_hz) == (mine.stats.channel, piece.rate_hz)
        np.testing.assert_array_equal(record.data, mine.data)


@pytest.mark.parametrize("cut_s", [(0.0, 40.0), (33.33, 777.7), (500.05, 500.06), (-9.0, 0.0)])
def test_only_the_samples_of_the_span_are_returned(tmp_path, cut_s):
    """Between two instants each piece has just the samples with start <= t < end."""
    traces = many()
    path = written(tmp_path / "a", traces, encoding="STEIM2", reclen=256)
    span = tuple(DAY0 + round(s * NS_PER_S) for s in cut_s)
    whole, _, _ = pieces_of(path)
    found, _, _ = pieces_of(path, *span)
    for order, [record] in whole.items():
        wanted = record.cut(*span)
        got = [one for one in found.get(order, []) if len(one.data)]
        assert len(got) == bool(len(wanted.data))
        for one in got:
            assert (one.origin_ns, one.first) == (wanted.origin_ns, wanted.first)
            np.testing.assert_array_equal(one.data, wanted.data)


def test_a_broken_record_costs_only_itself(tmp_path):
    """Of the piece with a broken record the others are there, and all the other pieces."""
    traces = many()
    path = written(tmp_path / "a", traces, encoding="STEIM2", reclen=256)
    _, _, flat = pieces_of(path)
    order = max(range(len(flat.pieces)), key=lambda i: len(flat.pieces[i].records))
    bad = flat.pieces[order].records[1]
    content = bytearray(path.read_bytes())
    content[bad["at"] + 64 : bad["at"] + 256] = b"\xff" * 192
    path.write_bytes(content)
    found, counts, _ = pieces_of(path)
    assert counts == {"corrupt_records": 1}
    lost = {i: p.n_samples - sum(len(r.data) for r in found[i]) for i, p in enumerate(flat.pieces)}
    assert {i: n for i, n in lost.items() if n} == {order: int(bad["n"])}
    mine = next(t for t in traces if t.stats.starttime.ns == flat.pieces[order].start_ns)
    for record in found[order]:
        stop = record.first + len(record.data)
        np.testing.assert_array_equal(record.data, mine.data[record.first : stop])


def test_a_file_that_shrank_is_no_crash(tmp_path):
    """Where records are gone since the headers were read, the rest is still there."""
    traces = many()
    path = written(tmp_path / "a", traces, encoding="STEIM2", reclen=256)
    content, counts = path.read_bytes(), Counter()
    layout = read_layout(lambda at, n: content[at : at + n], len(content))
    path.write_bytes(content[: len(content) // 2 + 100])
    flat, orders = flat_records(layout.pieces), range(len(layout.pieces))
    found = list(read_pieces((str(path), 0, 0), flat, orders, -(2**62), 2**62, counts))
    assert counts["corrupt_records"] > 10
    n_samples = sum(len(record.data) for _, record in found)
    assert 0.4 < n_samples / sum(len(t.data) for t in traces) < 0.6


def test_an_interrupt_waits_until_obspy_has_read(tmp_path, monkeypatch):
    """Ctrl-C where ObsPy's C code asks Python for memory crashed the process (SIGSEGV)."""
    path = written(tmp_path / "a.mseed", [trace(noise(2000), 100.0)])
    real, seen = np.empty, []

    def interrupted(*args, **kwargs):
        if not seen:
            seen.append(True)
            signal.raise_signal(signal.SIGINT)
        return real(*args, **kwargs)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("obspy.io.mseed.core.np.empty", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decoding.call_plugin("MSEED", "readFormat", str(path))
    assert seen
    assert signal.getsignal(signal.SIGINT) is before
    assert len(decoding.call_plugin("MSEED", "readFormat", str(path))) == 1
