"""Catalogues from FDSN event services: asked in parts, with patience, and read by seisml.

The answers are QuakeML and are read by `seisml.formats`, so that event types that ObsPy does not
know are kept.
"""

import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from seisml.catalog import Catalog, make_catalog, stack
from seisml.errors import CatalogError, FetchError, NoDataError, did_you_mean
from seisml.formats import read_catalog
from seisml.times import NS_PER_S, iso, to_ns

WAITS_S = (2.0, 4.0, 8.0, 16.0)
"""How long to wait before asking again, s."""

# what ObsPy raises where the description of the service is something else, as a page of errors
_NO_SERVICE = (
    *(ValueError, OSError, LookupError, AttributeError, TypeError),
    *(NotImplementedError, SyntaxError),
)
_TOO_LARGE = re.compile(r"exceed|too (?:many|large)|limit of \d", flags=re.IGNORECASE)
_HTTP_5XX = re.compile(r"HTTP code: 5\d\d")


def fetch_events(
    service: str,
    *,
    start,
    end,
    min_magnitude: float | None = None,
    max_magnitude: float | None = None,
    region: tuple[float, float, float, float] | None = None,
    picks: bool = False,
    body: str | None = None,
    timeout_s: float = 120.0,
    on_page: Callable[[str], None] | None = None,
) -> Catalog:
    """Fetch the events of a time and region from an FDSN event service.

    Parameters
    ----------
    service : str
        Name that ObsPy knows (USGS, ISC, EMSC, ...) or base URL (https://host).
    start, end : time
        Anything `seisml.times.to_ns` takes; both ends belong to the span.
    min_magnitude, max_magnitude : float, optional
    region : (west, south, east, north), optional
        Degrees.
    picks : bool
        Whether to ask for arrivals, which not all services have.
    body : str, optional
        earth, mars or moon; earth without it.
    timeout_s : float
        For one answer.
    on_page : callable, optional
        Called with one line of text for each part that arrived or was divided.

    Returns
    -------
    Catalog
        Spans that are too large for the service are divided in halves; an event that two parts
        hold is there once.

    Raises
    ------
    NoDataError
        If the service has no such events.
    FetchError
        If the service is unknown or cannot be reached, refuses the request, or stays busy.

    Examples
    --------
    >>> fetch_events("USGS", start="2024-01-01", end="2024-01-02")  # doctest: +SKIP
    Catalog('USGS', 270 events, 0 picks, earth, time basis origin)
    """
    first_ns, last_ns = to_ns(start), to_ns(end)
    if last_ns <= first_ns:
        raise FetchError(
            f"The end {iso(last_ns)} is not after the start {iso(first_ns)}.", "Exchange them."
        )
    wanted = {"minmagnitude": min_magnitude, "maxmagnitude": max_magnitude}
    if region is not None:
        wanted |= _sides(region)
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if picks:
        wanted["includearrivals"] = True
    client = _client(service, timeout_s)
    found = [
        _read(answer, service, body)
        for answer in _answers(client, first_ns, last_ns, wanted, on_page or _silent)
    ]
    if not any(len(page) or sum(page.dropped.values()) for page in found):
        raise NoDataError(
            f"{service} has no such events from {iso(first_ns)} to {iso(last_ns)}.",
            "Widen the time, the region or the magnitudes.",
        )
    return _joined(found, service)


def _silent(line: str) -> None:
    """Say nothing."""


def _sides(region) -> dict[str, float]:
    west, south, east, north = map(float, region)
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        raise FetchError(
            f"The region {west:g}, {south:g}, {east:g}, {north:g} cannot be.",
            "Give west, south, east, north in degrees, for example -25, 63, -13, 67; divide a "
            "region at 180 degrees.",
        )
    return {
        "minlongitude": west,
        "minlatitude": south,
        "maxlongitude": east,
        "maxlatitude": north,
    }


def _client(service: str, timeout_s: float):
    """Return ObsPy's client of a service, having asked what it can do."""
    from obspy.clients.fdsn import Client
    from obspy.clients.fdsn.header import URL_MAPPINGS, FDSNException

    is_url = "://" in service
    if not is_url and service.upper() not in URL_MAPPINGS:
        hint = did_you_mean(service.upper(), URL_MAPPINGS)
        raise FetchError(f"There is no event service called {service!r}.", hint)
    base = re.sub(r"/fdsnws(?:/.*)?$", "", service.rstrip("/")) if is_url else service.upper()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names of services that move
            client = Client(
                base,
                timeout=timeout_s,
                user_agent="seisml",
                service_mappings={"dataselect": None, "station": None},
            )
    except (FDSNException, *_NO_SERVICE) as error:
        raise FetchError(
            f"{service}: no event service answers ({_one_line(error)}).",
            "Check the address and the network; the service may be down.",
        ) from error
    if "event" not in client.services:
        raise FetchError(f"{service} has no event service.", "Name another one, as USGS or ISC.")
    return client


def _answers(client, first_ns: int, last_ns: int, wanted: dict, say) -> Iterator[bytes]:
    """Ask for a span, and for its halves where it is too large."""
    waiting = [(first_ns, last_ns)]
    while waiting:
        a, b = waiting.pop()
        span = f"{iso(a)} to {iso(b)}"
        answer = _ask(client, a, b, wanted, say)
        if answer is None:
            if b - a < 2 * NS_PER_S:
                raise FetchError(
                    f"{client.base_url}: {span} is too large for one answer and cannot be divided.",
                    "Narrow the region or the magnitudes.",
                )
            middle = (a + b) // 2 // NS_PER_S * NS_PER_S
            waiting += [(middle, b), (a, middle)]
            say(f"{span}: too large, asked in halves")
        else:
            say(f"{span}: {len(answer)} bytes")
            if answer:
                yield answer


def _ask(client, a: int, b: int, wanted: dict, say) -> bytes | None:
    """Return one answer, empty where there are no events; None where it would be too large."""
    for wait_s in (*WAITS_S, None):
        try:
            return _ask_once(client, a, b, wanted)
        except _BusyError as busy:
            if wait_s is None:
                raise FetchError(
                    f"{client.base_url}: still busy or broken after {len(WAITS_S) + 1} requests "
                    f"({busy}).",
                    "Try again later; ask for less at once.",
                ) from busy
            say(f"{busy}: asked again in {wait_s:g} s")
            time.sleep(wait_s)
    return None


class _BusyError(Exception):
    """The service asks to wait, or fails in a way that may pass."""


def _ask_once(client, a: int, b: int, wanted: dict) -> bytes | None:
    from obspy import UTCDateTime
    from obspy.clients.fdsn import header

    try:
        with tempfile.TemporaryFile() as file, warnings.catch_warnings():
            warnings.filterwarnings("error", message="The standard parameter")
            client.get_events(
                starttime=UTCDateTime(ns=a), endtime=UTCDateTime(ns=b), filename=file, **wanted
            )
            file.seek(0)
            return file.read()
    except header.FDSNNoDataException:
        return b""
    except header.FDSNRequestTooLargeException:
        return None
    except (
        header.FDSNTooManyRequestsException,
        header.FDSNServiceUnavailableException,
        header.FDSNBadGatewayException,
        header.FDSNInternalServerException,
        header.FDSNTimeoutException,
    ) as error:
        raise _BusyError(_one_line(error)) from error
    except UserWarning as warning:
        raise FetchError(
            f"{client.base_url}: {_one_line(warning)}", "Leave this condition out."
        ) from warning
    except header.FDSNException as error:
        if isinstance(error, header.FDSNBadRequestException) and _TOO_LARGE.search(str(error)):
            return None
        if _HTTP_5XX.search(str(error)) or "Unknown Error" in str(error):
            raise _BusyError(_one_line(error)) from error
        raise FetchError(
            f"{client.base_url} refuses the request: {_one_line(error)}.",
            "Check the conditions: time, region, magnitudes.",
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]


def _read(answer: bytes, service: str, body: str | None) -> Catalog:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer.xml"
        path.write_bytes(answer)
        try:
            return read_catalog(path, format="quakeml", body=body, name=service)
        except CatalogError as error:
            problem = error.problem.replace(str(path), "the answer")
            raise FetchError(
                f"{service}: the answer is no catalogue: {problem}", "Try again later."
            ) from error


def _joined(pages: list[Catalog], service: str) -> Catalog:
    """Return all pages as one catalogue, each event once."""
    dropped: dict[str, int] = {}
    for page in pages:
        for reason, count in page.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    bases = sorted({page.time_basis for page in pages if len(page)})
    if len(bases) > 1:
        raise FetchError(
            f"{service}: some parts have origin times and some only picks.",
            "Fetch them in parts, by time.",
        )
    events = stack([page.events for page in pages])
    picks = stack([page.picks for page in pages])
    return make_catalog(
        events.drop_duplicates("event_id"),
        picks.drop_duplicates(["event_id", "station", "phase", "time_ns"]),
        name=service,
        body=pages[0].body,
        source=service,
        time_basis=bases[0] if bases else "origin",
        dropped=dropped,
    )
