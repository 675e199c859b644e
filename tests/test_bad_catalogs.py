"""Broken catalogue files: a clear error or counted rows, in every format, never a traceback."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_formats import MQS, QUAKEML, SAMPLES, put

from seisml.catalog import make_catalog
from seisml.errors import CatalogError
from seisml.formats import read_catalog, sniff_format, write_catalog
from seisml.formats.quakeml import MAX_XML_BYTES
from seisml.formats.reading import MAX_BYTES
from seisml.times import NAT

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(path, name):
    """Read a file that may be broken; return the catalogue or the error's text."""
    try:
        found = read_catalog(path, format=name, zone="UTC")
        sniff_format(path)
    except CatalogError as error:
        return error.problem
    assert all(count > 0 for count in found.dropped.values())
    assert {*found.dropped_lines} <= {*found.dropped}
    return found


@pytest.mark.parametrize("name", sorted(SAMPLES))
@QUICK
@given(share=st.floats(0, 1))
def test_a_file_cut_anywhere(name, share, tmp_path):
    content = SAMPLES[name].encode()
    outcome(put(tmp_path, content[: int(share * len(content))]), name)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@QUICK
@given(data=st.data())
def test_a_file_with_wrong_bytes(name, data, tmp_path):
    content = np.frombuffer(SAMPLES[name].encode(), dtype=np.uint8).copy()
    places = data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6))
    values = st.integers(0, 255) | st.sampled_from(list(b"0123456789-+.:, \n\"'|<>&;T#*eE"))
    for place in places:
        content[place] = data.draw(values)
    outcome(put(tmp_path, content.tobytes()), name)


@pytest.mark.parametrize("word", ["1e999", "nan", "inf"])
def test_times_of_no_finite_number_are_told(word, tmp_path):
    """A wrong byte makes an exponent of a digit; the line is named."""
    lines = SAMPLES["real"].splitlines()
    pick = next(i for i, line in enumerate(lines) if line.split()[2][0].isalpha())
    words = lines[pick].split()
    lines[pick] = " ".join([*words[:3], word, *words[4:]])
    problem = outcome(put(tmp_path, "\n".join(lines).encode()), "real")
    assert f"line {pick + 1}: {word!r} is no number" in problem


def test_a_broken_file_of_our_own(tmp_path):
    """Elements that seisml wrote are checked as those of others are."""
    row = {"time_ns": 10**18, "score": 0.5, "windows": 3, "peak_ns": 10**18, "label": "VT"}
    catalog = make_catalog([row], time_basis="detection_on")
    write_catalog(catalog, tmp_path / "own.xml")
    text = (tmp_path / "own.xml").read_text()
    for old, new in [
        (">0.5<", ">half<"),
        (">2001-09-09T01:46:40.000000Z</seisml:time", ">never</seisml:time"),
        ('"windows": 3', '"windows": [3]'),
        ('"windows": 3', '"windows": 3,'),
        ('"peak_ns": 1000000000000000000', '"peak_ns": "soon"'),
        ('{"peak_ns": 1000000000000000000, "windows": 3}', "[]"),
    ]:
        assert old in text
        with pytest.raises(CatalogError, match=r"line \d+: the seisml: elements cannot be read"):
            read_catalog(put(tmp_path, text.replace(old, new)))


def test_a_number_too_long_for_a_column_stays_a_text(tmp_path):
    text = (
        f"time,lat,lon,code\n2020-01-01T00:00:00Z,1,2,{'9' * 400}\n2020-01-02T00:00:00Z,1,2,0.5\n"
    )
    assert read_catalog(put(tmp_path, text)).events["code"].tolist() == ["9" * 400, "0.5"]


def test_elements_of_other_namespaces_are_texts(tmp_path):
    row = {"time_ns": 10**18, "end_ns": 2 * 10**18, "label": "VT", "quality": "A"}
    write_catalog(make_catalog([row]), tmp_path / "own.xml")
    text = (tmp_path / "own.xml").read_text().replace("urn:seisml:quakeml:1", "urn:other")
    event = read_catalog(put(tmp_path, text.replace("</event>", _ORIGIN), "b.xml")).events.iloc[0]
    assert (event["source_end"], event["source_label"]) == ("2033-05-18T03:33:20.000000Z", "VT")
    assert (event["time_basis"], event["end_ns"]) == ("origin", NAT)


_ORIGIN = """<origin publicID="smi:local/o"><time><value>2020-01-01T00:00:00Z</value></time>
<latitude><value>1</value></latitude><longitude><value>2</value></longitude></origin></event>"""


# ---------------------------------------------------------------- size, entities, values


@pytest.mark.parametrize("name", ["quakeml", "mqs", "csv", "levent", "ims"])
def test_a_file_of_a_gigabyte_is_refused_at_once(name, tmp_path):
    path = put(tmp_path, SAMPLES[name])
    with path.open("r+b") as file:
        file.truncate(10**9)  # the rest is a hole
    with pytest.raises(CatalogError, match=r"catalog.txt: the catalogue has 1000 MB; this format"):
        read_catalog(path, format=name)
    assert MAX_XML_BYTES < MAX_BYTES < 10**9


ATTACKS = {
    "entity": '<!DOCTYPE x [<!ENTITY e "b">]>',
    "file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "laughs": "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>",
}


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize(("sample", "name"), [(QUAKEML, "quakeml"), (MQS, "mqs")])
def test_entities_are_refused(sample, name, kind, tmp_path):
    used = {"entity": "&e;", "file": "&e;", "laughs": "&a9;"}[kind]
    text = sample.replace("<q:quakeml", f"{ATTACKS[kind]}<q:quakeml")
    for old in ("manual", 'publicID="smi:'):  # in a text, and in an attribute
        if not (kind == "file" and "=" in old):
            new = old.replace("manual", used).replace("smi:", f"smi:{used}")
            path = put(tmp_path, text.replace(old, new, 1))
            with pytest.raises(CatalogError, match=r"document type|the XML cannot be read"):
                read_catalog(path, format=name)


def test_quakeml_values_that_cannot_be(tmp_path):
    text = QUAKEML.replace("<value>64.5</value>", "<value>north</value>")
    text = text.replace("2020-01-02T00:00:00Z", "2020-02-31T00:00:00Z")
    catalog = read_catalog(put(tmp_path, text))
    lines = [n for n, line in enumerate(text.splitlines(), 1) if "north" in line or "-31T" in line]
    assert catalog.dropped_lines["value that cannot be read"] == tuple(lines)
    assert catalog.dropped["event without any time"] == 1
    assert np.isnan(catalog.events["latitude"][0])
    far = read_catalog(
        put(tmp_path, QUAKEML.replace("<value>64.5</value>", "<value>164.5</value>"))
    )
    assert far.events["event_id"].tolist() == ["two"]
    assert far.dropped == {"coordinates outside the globe": 1}
    unknown = read_catalog(put(tmp_path, QUAKEML.replace("<value>64.5<", "<value>NaN<")))
    assert (len(unknown), unknown.dropped) == (2, {"value that cannot be read": 1})
    assert np.isnan(unknown.events["latitude"][0])


def test_mqs_values_that_cannot_be(tmp_path):
    with pytest.raises(CatalogError, match=r"'2019-05-32T02:22:59Z' \(line \d+\) is no ISO 8601"):
        read_catalog(put(tmp_path, MQS.replace("2019-05-23T02:22:59Z", "2019-05-32T02:22:59Z")))
    with pytest.raises(CatalogError, match=r"line \d+: latitude/value is 'x', which is no number"):
        read_catalog(put(tmp_path, MQS.replace("<value>3.45<", "<value>x<")))
    catalog = read_catalog(put(tmp_path, MQS))
    (line,) = catalog.dropped_lines["event without start or arrival"]
    assert "mqs2019bbbb" in MQS.splitlines()[line - 1]


def test_binary_behind_a_good_head(tmp_path):
    for name, sample in SAMPLES.items():
        junk = bytes(range(256)) * 400
        assert outcome(put(tmp_path, sample.encode() + junk), name)
