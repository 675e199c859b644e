"""Fetching from an event service: a real HTTP server on loopback that answers as FDSN does."""

import http.server
import subprocess
import sys
import threading
from urllib.parse import parse_qs, urlparse

import pytest

from seisml import fetch
from seisml.errors import FetchError, NoDataError
from seisml.fetch import fetch_events
from seisml.formats import read_catalog
from seisml.times import NS_PER_S, iso, to_ns

DAY = to_ns("2024-01-01T00:00:00Z")
NAMES = (
    *("starttime", "endtime", "minmagnitude", "maxmagnitude", "minlatitude", "maxlatitude"),
    *("minlongitude", "maxlongitude", "includearrivals", "format", "nodata", "limit", "offset"),
    *("orderby", "mindepth", "maxdepth", "includeallorigins", "includeallmagnitudes", "eventid"),
    *("magnitudetype", "catalog", "contributor", "updatedafter", "latitude", "longitude"),
    *("minradius", "maxradius", "eventtype"),
)
WADL = """<?xml version="1.0"?>
<application xmlns="http://wadl.dev.java.net/2009/02"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema"><resources base="{base}">
<resource path="query"><method name="GET"><request>{params}</request>
<response><representation mediaType="text/xml"/></response></method></resource>
</resources></application>"""
EVENT = """<event publicID="quakeml:service/event?eventid=ev{number}"><type>{kind}</type>
<origin publicID="quakeml:service/origin/{number}"><time><value>{time}</value></time>
<latitude><value>{latitude}</value></latitude><longitude><value>10.0</value></longitude>
<depth><value>5000</value></depth></origin>
<magnitude publicID="quakeml:service/mag/{number}"><mag><value>{magnitude}</value></mag>
<type>ML</type></magnitude>{pick}</event>"""
PICK = """<pick publicID="quakeml:service/pick/{number}"><time><value>{time}</value></time>
<waveformID networkCode="XX" stationCode="ABC"/><phaseHint>P</phaseHint></pick>"""
ROOT = """<?xml version="1.0" encoding="UTF-8"?>
<q:quakeml xmlns="http://quakeml.org/xmlns/bed/1.2" xmlns:q="http://quakeml.org/xmlns/quakeml/1.2">
<eventParameters publicID="quakeml:service/all">{events}</eventParameters></q:quakeml>"""


class Service(http.server.ThreadingHTTPServer):
    """An event service with one event every 1000 s from 2024-01-01 on."""

    def __init__(self, n_events=20, largest=100, refusal=413, faults=(), params=NAMES, wadl=WADL):
        super().__init__(("127.0.0.1", 0), Handler)
        self.times = [DAY + i * 1000 * NS_PER_S for i in range(n_events)]
        self.largest, self.refusal = largest, refusal
        self.faults = list(faults)  # codes of the first answers
        self.params, self.wadl = params, wadl
        self.asked: list[dict] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, code: int, text: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        if code != 204:
            self.wfile.write(text.encode())

    def do_GET(self):
        path, server = urlparse(self.path), self.server
        if path.path == "/fdsnws/event/1/application.wadl":
            params = "".join(
                f'<param name="{name}" style="query" type="xsd:string"/>' for name in server.params
            )
            return self.answer(
                200, server.wadl.format(base=f"{server.url}/fdsnws/event/1/", params=params)
            )
        if path.path in ("/fdsnws/event/1/catalogs", "/fdsnws/event/1/contributors"):
            return self.answer(404)
        if path.path == "/fdsnws/event/1/version":
            return self.answer(200, "1.2.3")
        if path.path != "/fdsnws/event/1/query":
            return self.answer(404)
        asked = {key: values[0] for key, values in parse_qs(path.query).items()}
        server.asked.append(asked)
        if server.faults:
            code = server.faults.pop(0)
            return self.answer(code, f"Error {code}: please wait")
        start, end = to_ns(asked["starttime"]), to_ns(asked["endtime"])
        chosen = [i for i, time in enumerate(server.times) if start <= time <= end]
        chosen = [i for i in chosen if i % 5 >= float(asked.get("minmagnitude", "0"))]
        if len(chosen) > server.largest:
            return self.answer(server.refusal, f"{len(chosen)} events exceed search limit of 9.")
        if not chosen:
            return self.answer(204)
        return self.answer(200, self.quakeml(chosen, "includearrivals" in asked))

    def quakeml(self, chosen, picks: bool) -> str:
        events = [
            EVENT.format(
                number=i,
                time=iso(self.server.times[i]),
                latitude=i,
                magnitude=i % 5,
                kind="volcanic tremor" if i == 3 else "earthquake",
                pick=PICK.format(number=i, time=iso(self.server.times[i] + NS_PER_S))
                if picks
                else "",
            )
            for i in chosen
        ]
        return ROOT.format(events="".join(events))


@pytest.fixture
def serve():
    """Start services that stop with the test."""
    running = []

    def start(**options) -> Service:
        server = Service(**options)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def waits(monkeypatch):
    """The waiting times, without waiting."""
    waited = []
    monkeypatch.setattr(fetch.time, "sleep", waited.append)
    return waited


SPAN = {"start": "2024-01-01", "end": "2024-01-02"}


def test_events_arrive_with_their_types_and_places(serve):
    server = serve()
    catalog = fetch_events(server.url, **SPAN)
    assert len(server.asked) == 1
    assert catalog.events["event_id"].tolist() == [f"ev{i}" for i in range(20)]
    assert catalog.events["time_ns"].tolist() == server.times
    assert catalog.events["label"][3] == "volcanic tremor"  # ObsPy alone would lose this event
    assert catalog.events["depth_km"].tolist() == [5.0] * 20
    assert catalog.picks.empty
    assert catalog.time_basis == "origin"


def test_the_path_of_the_service_may_be_in_the_address(serve):
    server = serve(n_events=1)
    assert len(fetch_events(f"{server.url}/fdsnws/event/1/", **SPAN)) == 1


@pytest.mark.parametrize("refusal", [413, 400])
@pytest.mark.parametrize("largest", [1, 3, 19])
def test_spans_that_are_too_large_are_divided_and_no_event_is_lost(serve, refusal, largest):
    server = serve(largest=largest, refusal=refusal)
    lines = []
    catalog = fetch_events(server.url, **SPAN, on_page=lines.append)
    assert catalog.events["event_id"].tolist() == [f"ev{i}" for i in range(20)]
    assert len(server.asked) > 20 / largest
    assert sum("too large" in line for line in lines) >= 1


def test_an_event_on_the_border_of_two_parts_is_there_once(serve):
    server = serve(largest=2, n_events=3)
    catalog = fetch_events(server.url, start=iso(DAY), end=iso(server.times[2]))
    assert len(server.asked) == 3
    assert (
        server.times[1] == to_ns(server.asked[1]["endtime"]) == to_ns(server.asked[2]["starttime"])
    )
    assert len(catalog) == 3


def test_what_cannot_be_divided_is_said(serve):
    server = serve(largest=0)
    with pytest.raises(FetchError, match="too large for one answer and cannot be divided"):
        fetch_events(server.url, **SPAN)


def test_conditions_reach_the_service(serve):
    server = serve()
    catalog = fetch_events(
        server.url, **SPAN, min_magnitude=4, region=(-25, 63.5, -13, 67), picks=True
    )
    assert catalog.events["magnitude"].tolist() == [4.0] * 4
    assert catalog.picks["station"].tolist() == ["XX.ABC"] * 4
    asked = server.asked[0]
    assert (asked["minlongitude"], asked["maxlatitude"]) == ("-25.0", "67.0")
    assert asked["includearrivals"].lower() == "true"


def test_a_busy_service_is_asked_again_later(serve, waits):
    server = serve(faults=[429, 503, 500])
    lines = []
    assert len(fetch_events(server.url, **SPAN, on_page=lines.append)) == 20
    assert waits == [2.0, 4.0, 8.0]
    assert "asked again in 2 s" in lines[0]


@pytest.mark.parametrize("code", [429, 502, 504])
def test_a_service_that_stays_busy_is_given_up(serve, waits, code):
    server = serve(faults=[code] * 5)
    with pytest.raises(FetchError, match="still busy or broken after 5 requests"):
        fetch_events(server.url, **SPAN)
    assert waits == [2.0, 4.0, 8.0, 16.0]
    assert len(server.asked) == 5


@pytest.mark.parametrize("code", [400, 401, 403, 501])
def test_a_refusal_is_not_repeated(serve, waits, code):
    server = serve(faults=[code])
    with pytest.raises(FetchError, match="refuses the request") as caught:
        fetch_events(server.url, **SPAN)
    assert waits == []
    assert len(server.asked) == 1
    assert len(str(caught.value).splitlines()) == 2


def test_no_data_and_no_catalogue_are_said(serve):
    with pytest.raises(NoDataError, match=r"no such events from 2025-01-01T.* to 2025-01-02T"):
        fetch_events(serve().url, start="2025-01-01", end="2025-01-02")
    with pytest.raises(FetchError, match="the answer is no catalogue: the answer, line 1: the XML"):
        fetch_events(serve(faults=[200]).url, **SPAN)


def test_conditions_that_a_service_does_not_know_are_not_dropped_silently(serve):
    server = serve(params=[name for name in NAMES if name != "minmagnitude"])
    with pytest.raises(FetchError, match="'minmagnitude' is not supported"):
        fetch_events(server.url, **SPAN, min_magnitude=3)


@pytest.mark.parametrize("wadl", ["<html>404</html>", "not found", "<application/>", ""])
def test_an_address_that_is_no_service_is_said_to_be_none(serve, wadl):
    with pytest.raises(FetchError, match="no event service"):
        fetch_events(serve(wadl=wadl).url, **SPAN)


@pytest.mark.parametrize(
    ("service", "options", "message"),
    [
        ("UGSS", {}, "called 'UGSS'.\nDid you mean 'USGS'"),
        ("http://127.0.0.1:10", {}, "no event service answers"),
        ("http://", {}, "no event service answers"),
        ("USGS", {"end": "2023-01-01"}, "is not after the start"),
        ("USGS", {"region": (10, 50, 5, 60)}, "The region 10, 50, 5, 60 cannot be"),
        ("USGS", {"region": (10, 50, 15, 95)}, "west, south, east, north"),
    ],
)
def test_what_cannot_be_asked_is_said_before_any_request(service, options, message):
    with pytest.raises(FetchError, match=message):
        fetch_events(service, **(SPAN | options))


def seisml(*words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "seisml.cli", *map(str, words)], capture_output=True, text=True
    )


def test_the_verb_writes_a_catalogue(serve, tmp_path):
    server, out = serve(largest=15), tmp_path / "out.csv"
    run = seisml("fetch", server.url, "-o", out, "--start", "2024-01-01", "--end", "2024-01-02")
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(out)
    assert "20 events, 0 picks" in run.stderr
    assert len(read_catalog(out)) == 20
    run = seisml("fetch", server.url, "-o", out, "--start", "2025-01-01", "--end", "2025-01-02")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 3  # the part that was asked, and the error in two lines
    assert "Traceback" not in run.stderr
    assert len(read_catalog(out)) == 20  # what was there stays
