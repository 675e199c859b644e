"""Archives behind URLs: the same shards as from local files, on a real S3 protocol server."""

import dataclasses
import gzip
import subprocess
import sys
import time
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from test_extract import DAY, SMALL, assert_same_rows, run, shards
from waveform_data import STATION, at, noise, trace, write

from seisml import remote
from seisml.archive import open_archive, read
from seisml.config import Config
from seisml.errors import ConfigError, NoDataError
from seisml.extract import extract, tasks
from seisml.project import Project
from seisml.times import DAY_NS

fsspec = pytest.importorskip("fsspec")
BUCKET = "seismic"
N_DAYS = 4


def make_sds(root: Path) -> Path:
    """Write an SDS of three short days, a packed file, another format, and faults."""
    for day in range(N_DAYS):
        name = f"XX.ABC.00.HHZ.D.2021.{63 + day:03}"
        one = trace(noise(36_000, day), at(86_400.0 * day + 3600))
        write(root / "2021" / "XX" / "ABC" / "HHZ.D" / name, one)
    other = trace(noise(24_000, 9), at(3600), code="YY.DEF..BHZ")
    packed = write(root / "more" / "packed", other)
    packed.with_suffix(".gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    third = trace(noise(24_000, 8), at(3600), code="ZZ.GHI..BHZ")
    write(root / "more" / "sac file", third, format="SAC")
    broken = (root / "2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.064").read_bytes()
    bad = bytearray(broken)
    bad[512 * 9 + 64 : 512 * 10] = np.random.default_rng(1).bytes(448)
    (root / "2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.064").write_bytes(bad)
    (root / "more" / "notes.txt").write_text("no waveform\n" * 100)
    (root / "more" / "empty").touch()
    (root / "more" / ".hidden").write_bytes(broken)
    return root


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    return make_sds(tmp_path_factory.mktemp("local") / "sds")


@pytest.fixture(scope="module")
def reference(local, tmp_path_factory) -> Path:
    """The shards that the local files give."""
    store = tmp_path_factory.mktemp("reference")
    assert len(run(local, store, SMALL)) == N_DAYS + 2
    return store


@pytest.fixture(scope="module")
def server():
    """An S3 server on loopback; nothing but the environment says where it is."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "NO_PROXY": "127.0.0.1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield server
    fsspec.filesystem("s3").clear_instance_cache()
    server.stop()


@pytest.fixture
def bucket(server, local):
    """The same files in a bucket of that server."""
    s3 = fsspec.filesystem("s3")
    s3.put(str(local), f"{BUCKET}/sds", recursive=True)
    yield f"s3://{BUCKET}/sds"
    s3.invalidate_cache()
    s3.rm(f"{BUCKET}/sds", recursive=True)


def relative(archive) -> dict[str, tuple]:
    """Return size, format, reason and note of each file by its name in the archive."""
    columns = ("path", "size", "format", "reason", "note")
    rows = zip(*(archive.files[name] for name in columns), strict=True)
    return {path.partition("sds/")[2]: tuple(rest) for path, *rest in rows}


@pytest.mark.parametrize("jobs", [1, 2])
def test_s3_gives_the_shards_of_the_same_local_files(bucket, local, reference, tmp_path, jobs):
    """Values, counts and rejections are the same, in this process and in two others."""
    archive = open_archive(bucket, jobs=jobs)
    here = open_archive(local)
    assert archive.layout == here.layout == "SDS"
    assert relative(archive) == relative(here)
    assert "no waveform format" in relative(archive)["more/notes.txt"][2]
    assert relative(archive)["more/empty"][2] == "empty file"
    outcomes = extract(archive, tmp_path, SMALL, jobs=jobs)
    assert [outcome.error for outcome in outcomes] == [""] * (N_DAYS + 2)
    assert_same_rows(tmp_path, reference)
    assert outcomes[1].counts == {"corrupt_records": 1}
    assert not run(bucket, tmp_path, SMALL)


def test_dask_workers_read_s3(bucket, reference, tmp_path):
    """The workers of a cluster find server and credentials in their environment."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(processes=True, **options) as cluster:
        run(bucket, tmp_path, SMALL, scheduler=cluster.scheduler_address)
    assert_same_rows(tmp_path, reference)


def test_a_changed_object_makes_its_days_stale(bucket, tmp_path):
    """The version of an object is in the shard's stamp: new content of the same size counts."""
    run(bucket, tmp_path, SMALL)
    url = f"{bucket}/2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.065"
    before = remote.key(url)
    path = write(tmp_path / "new", trace(noise(36_000, 77), at(86_400.0 * 2 + 3600)))
    fsspec.filesystem("s3").put(str(path), url)
    after = remote.key(url)
    assert before[:2] == after[:2]
    assert before[2] != after[2]
    stale = [t for t in tasks(open_archive(bucket), tmp_path, SMALL) if t.state == "stale"]
    assert [(t.station, t.day, t.why) for t in stale] == [
        (STATION, DAY + 2, f"waveform file changed: {url}")
    ]
    assert [o.day for o in run(bucket, tmp_path, SMALL)] == [DAY + 2]


def test_an_object_that_goes_away_leaves_no_shard_without_it(bucket, tmp_path):
    """As with local files: the day fails and is told, no shard has a hole."""
    archive = open_archive(bucket)
    fsspec.filesystem("s3").rm(f"{bucket}/2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.063")
    outcomes = extract(archive, tmp_path, SMALL, patterns=["XX.*"])
    assert [bool(o.error) for o in outcomes] == [True, False, False, False]
    assert "run again" in outcomes[0].error
    assert len(list(tmp_path.rglob("*.h5"))) == N_DAYS - 1


def test_headers_are_remembered_and_nothing_is_fetched_again(bucket, monkeypatch):
    """The index knows objects by URL, size and checksum: the second scan reads no byte."""
    first = open_archive(bucket)
    remote._block.cache_clear()
    monkeypatch.setattr(remote, "read", None)
    again = open_archive(bucket)
    assert again.files.equals(first.files)
    assert again.pieces.equals(first.pieces)


def test_only_the_needed_bytes_are_fetched(server, tmp_path, monkeypatch):
    """Of a large file a short span needs its records, once the headers are known."""
    path = write(tmp_path / "large", trace(noise(4_000_000, 1), at(0)), reclen=4096)
    assert path.stat().st_size > 4 << 20
    s3 = fsspec.filesystem("s3")
    s3.put(str(path), f"{BUCKET}/large")
    monkeypatch.setattr(remote, "BLOCK", 1 << 18)
    archive = open_archive(f"s3://{BUCKET}/large")
    remote._block.cache_clear()
    fetched, real = [], s3.cat_file

    def cat_file(path, start=None, end=None, **options):
        fetched.append(end - start)
        return real(path, start=start, end=end, **options)

    monkeypatch.setattr(s3, "cat_file", cat_file)
    found = read(archive, STATION, at(1000), at(1010))
    np.testing.assert_array_equal(found[0].data, noise(4_000_000, 1)[20_000:20_200])
    assert max(fetched) == 1 << 18
    assert sum(fetched) <= 2 << 18
    s3.rm(f"{BUCKET}/large")
    remote._block.cache_clear()


# ---------------------------------------------------------------------- what can be wrong


def test_a_bucket_that_is_not_there(server):
    """A missing bucket, and an empty prefix, are one clear message."""
    for url in ("s3://no-such-bucket/sds", f"s3://{BUCKET}/nothing", f"s3://{BUCKET}/no/*.mseed"):
        with pytest.raises(NoDataError, match=url.replace("*", ".")) as error:
            open_archive(url, index=False)
        assert error.value.hint


def test_missing_credentials_are_told(server, monkeypatch):
    """Without any credentials the error names them."""
    s3 = type(fsspec.filesystem("s3"))
    s3.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoDataError, match=r"cannot be listed.*redentials") as error:
        open_archive(f"s3://{BUCKET}/sds", index=False)
    assert "credentials" in error.value.hint
    s3.clear_instance_cache()


def test_wrong_credentials_and_unreachable_services(monkeypatch):
    """Whatever a package of a service raises is one clear message."""

    def refused(self, path, **options):
        raise RuntimeError("AccessDenied: not yours")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "info", refused)
    with pytest.raises(NoDataError, match=r"memory://x cannot be listed.*AccessDenied"):
        open_archive("memory://x", index=False)


def test_unknown_protocols_and_missing_packages(monkeypatch, local, tmp_path):
    """Both say what to do, with exit status 2 on the command line."""
    with pytest.raises(ConfigError, match="Protocol not known: nonsense"):
        open_archive("nonsense://x", index=False)
    command = [sys.executable, "-m", "seisml.cli", "scan", "nonsense://x"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ConfigError, match="not installed") as error:
        open_archive("s3://bucket", index=False)
    assert "seisml[remote]" in error.value.hint
    assert len(open_archive(local, index=False).pieces) > 0  # local files need no fsspec


def test_local_files_do_not_load_fsspec(local):
    """Local archives cost nothing more."""
    code = (
        "import sys; from seisml.archive import open_archive;"
        f"open_archive({str(local)!r}, index=False); print('fsspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    """Fewer bytes than the listing said are an error, never a short record."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/shrinks", b"x" * 1000)
    key = remote.key("memory://shrinks")
    memory.pipe("/shrinks", b"x" * 10)
    with pytest.raises(OSError, match="has changed while it was read"):
        remote.read(key, 0, 1000)
    memory.rm("/shrinks")


# ------------------------------------------------------------------------- other protocols


def test_memory_and_file_urls(local, reference, tmp_path):
    """Files in memory and file:// are archives as others are."""
    memory = fsspec.filesystem("memory")
    memory.put(str(local), "/box/sds", recursive=True)
    run("memory://box/sds", tmp_path / "memory", SMALL)
    assert_same_rows(tmp_path / "memory", reference)
    memory.rm("/box", recursive=True)
    run(f"file://{local}", tmp_path / "file", SMALL)
    assert_same_rows(tmp_path / "file", reference)


def test_files_in_a_zip_on_a_server(server, local, reference, tmp_path):
    """Chained URLs: what a zip file in a bucket holds."""
    with zipfile.ZipFile(tmp_path / "year.zip", "w") as packed:
        for path in sorted(p for p in local.rglob("*") if p.is_file()):
            packed.write(path, path.relative_to(local.parent))
    fsspec.filesystem("s3").put(str(tmp_path / "year.zip"), f"{BUCKET}/year.zip")
    for url in (f"zip://::s3://{BUCKET}/year.zip", f"zip://sds::s3://{BUCKET}/year.zip"):
        store = tmp_path / str(len(url))
        archive = open_archive(url)
        assert archive.files["path"].str.endswith(f"::s3://{BUCKET}/year.zip").all()
        extract(archive, store, SMALL)
        assert_same_rows(store, reference)


class Quiet(SimpleHTTPRequestHandler):
    """A web server of files that knows no ranges, as Python's does not."""

    def log_message(self, *args):
        pass


@pytest.fixture
def web(local):
    handler = partial(Quiet, directory=str(local))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_without_ranges(web, local, reference, tmp_path, monkeypatch):
    """Files and folders of a plain web server; blocks are cut out of the whole."""
    monkeypatch.setattr(remote, "BLOCK", 1 << 14)
    name = "2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.065"
    one = open_archive(f"{web}/{name}", index=False)
    assert one.files["size"].tolist() == [(local / name).stat().st_size]
    found = read(one, STATION, (DAY + 2) * DAY_NS, (DAY + 3) * DAY_NS)
    np.testing.assert_array_equal(found[0].data, noise(36_000, 2))
    outcomes = run(f"{web}/2021/XX/ABC/HHZ.D/", tmp_path, SMALL)
    assert [o.day for o in outcomes] == [DAY + i for i in range(N_DAYS)]
    mine = {key: shard for key, shard in shards(reference).items() if key[0] == STATION}
    assert_same_rows(shards(tmp_path), mine)


def test_a_project_names_its_archive_by_url(local):
    """In seisml.toml a URL is not taken for a path beside the file."""
    config = Config()
    section = dataclasses.replace(config.archive, path=f"file://{local}")
    project = Project(Path("/x/seisml.toml"), dataclasses.replace(config, archive=section))
    assert project.open_archive(index=False).root == f"file://{local}"


def test_the_index_of_a_url_does_not_depend_on_the_folder(local, tmp_path, monkeypatch):
    """A URL is remembered under its own name wherever the program was started."""
    monkeypatch.setenv("SEISML_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        open_archive(f"file://{local}")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_versions_differ_with_the_content():
    """Checksums come first, then times of any kind; without any there is the size."""
    now = time.time()
    assert remote._version({"size": 3, "ETag": '"a"', "LastModified": now}) == remote._version(
        {"size": 3, "etag": '"a"'}
    )
    assert remote._version({"size": 3, "ETag": '"a"'}) != remote._version({"size": 3, "ETag": "b"})
    assert remote._version({"size": 3, "mtime": 1.5}) == (3, 1_500_000_000)
    assert remote._version({"size": 3}) == (3, 1)
