import contextlib
import gzip
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

import zoo.data
from zoo.data.cards import read_card
from zoo.data.download import download
from zoo.definitions import find
from zoo.errors import DataError, MissingExtraError

ARFF = "@relation small\n@attribute a numeric\n@attribute class {x,y}\n@data\n1,x\n?,y\n3,x\n4,y\n"

CARD = """
name = "small"
title = "t"
task = "classification"
target = "class"
revision = 1
license = "l"
reference = "r"
citation = "c"
[[source]]
{source}
[facts]
rows = 4
features = 1
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local server of files by path; the cache is empty."""
    files = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has gone
                for part in [content or b""] if isinstance(content, bytes | None) else content():
                    self.wfile.write(part)

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    made.files, made.url = files, f"http://127.0.0.1:{made.server_port}"
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ZOO_OPENML_URL", made.url)
    made.stop = lambda: (made.shutdown(), thread.join(), made.server_close())
    yield made
    if thread.is_alive():
        made.stop()


def card_folder(tmp_path, source):
    (tmp_path / "cards").mkdir(exist_ok=True)
    (tmp_path / "cards" / "small.toml").write_text(CARD.format(source=source))
    return [tmp_path / "cards"]


def load(tmp_path, source):
    zoo.data._load_once.cache_clear()
    return zoo.data.load("small", card_folder(tmp_path, source))


def serve_openml(server, data_id, *, md5=None):
    facts = {
        "url": f"{server.url}/data.arff",
        "md5_checksum": md5 or hashlib.md5(ARFF.encode(), usedforsecurity=False).hexdigest(),
    }
    server.files[f"/api/v1/json/data/{data_id}"] = json.dumps(
        {"data_set_description": facts}
    ).encode()
    server.files["/data.arff"] = ARFF.encode()


def test_openml_is_fetched_once_and_then_read_from_the_cache(server, tmp_path):
    serve_openml(server, 7)
    first = load(tmp_path, 'type = "openml"\nid = 7')
    assert first.X["a"].tolist()[2:] == [3.0, 4.0]
    assert first.y.tolist() == ["x", "y", "x", "y"]
    server.stop()
    assert load(tmp_path, 'type = "openml"\nid = 7').X.equals(first.X)


def test_openml_may_answer_with_parquet(server, tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "class": ["x", "y", "x", "y"]})
    facts = {"parquet_url": f"{server.url}/data.pq", "url": f"{server.url}/none"}
    server.files["/api/v1/json/data/7"] = json.dumps({"data_set_description": facts}).encode()
    server.files["/data.pq"] = frame.to_parquet()
    assert load(tmp_path, 'type = "openml"\nid = 7').X["a"].tolist() == [1, 2, 3, 4]


def test_content_with_another_digest_is_refused(server, tmp_path):
    serve_openml(server, 7, md5="0" * 32)
    with pytest.raises(DataError, match="expected md5 0000"):
        load(tmp_path, 'type = "openml"\nid = 7')
    server.files["/d.csv"] = b"a,class\n1,x\n2,y\n3,x\n4,y\n"
    source = f'type = "url"\nurl = "{server.url}/d.csv"\nreader = "csv"\nsha256 = '
    with pytest.raises(DataError, match="expected sha256 1111"):
        load(tmp_path, f'{source}"{"1" * 64}"')
    good = hashlib.sha256(server.files["/d.csv"]).hexdigest()
    assert len(load(tmp_path, f'{source}"{good}"').X) == 4


def test_without_a_network_the_message_is_one_line_that_says_what_to_do(server, tmp_path):
    server.stop()
    with pytest.raises(DataError, match="connect to the internet and try again") as caught:
        load(tmp_path, 'type = "openml"\nid = 7')
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["covertype", "california_housing", "olivetti_faces"])
def test_scikit_learn_fetchers_without_a_network_say_so_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    zoo.data._load_once.cache_clear()
    with pytest.raises(DataError, match="connect to the internet") as caught:
        zoo.data.load(name)
    assert "\n" not in str(caught.value)


def test_california_housing_is_read_from_a_seeded_cache(tmp_path, monkeypatch):
    import joblib

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    (tmp_path / "sklearn").mkdir()
    values = np.arange(1.0, 4 * 9 + 1).reshape(4, 9)
    joblib.dump(values, tmp_path / "sklearn" / "cal_housing_py3.pkz", compress=6)
    folder = tmp_path / "cards"
    folder.mkdir()
    text = find("datasets", "california_housing").read_text().replace("rows = 20640", "rows = 4")
    (folder / "california_housing.toml").write_text(text)
    table = zoo.data.load("california_housing", [folder])
    assert table.X.shape == (4, 8)
    assert table.y.tolist() == [value / 100_000 for value in values[:, 0]]


@pytest.mark.parametrize(("name", "n_features"), [("adult", 12), ("mnist", 784), ("higgs", 28)])
def test_openml_cards_load_stand_in_rows_by_their_own_code(name, n_features, server, tmp_path):
    card = read_card(find("datasets", name))
    n_columns = n_features + len(card.columns.drop)
    names = [*card.columns.drop, *(f"c{i}" for i in range(n_columns - len(card.columns.drop)))]
    frame = pd.DataFrame(np.arange(6 * n_columns).reshape(6, -1), columns=names)
    frame[card.target] = ["1", "0"] * 3
    facts = {"parquet_url": f"{server.url}/d.pq"}
    path = f"/api/v1/json/data/{card.sources[0].id}"
    server.files[path] = json.dumps({"data_set_description": facts}).encode()
    server.files["/d.pq"] = frame.to_parquet()
    folder = tmp_path / "cards"
    folder.mkdir()
    text = card.path.read_text().replace(f"rows = {card.facts.rows}", "rows = 6")
    (folder / f"{name}.toml").write_text(text)
    table = zoo.data.load(name, [folder])
    assert table.X.shape == (6, n_features)
    assert table.y.tolist() == ["1", "0"] * 3


def test_a_package_that_is_not_installed_is_named_with_its_extra(tmp_path):
    source = 'type = "package"\ndistribution = "no-such-data"\nfiles = ["d.csv"]\n'
    source += 'reader = "csv"\nextra = "data"'
    with pytest.raises(MissingExtraError, match=r"no-such-data is not installed.*extra 'data'"):
        load(tmp_path, source)
    with pytest.raises(MissingExtraError):
        zoo.data.require_extra(read_card(tmp_path / "cards" / "small.toml"))


def test_changed_facts_are_refused_with_what_was_expected_and_found(tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "d.csv").write_text("a,class\n1,x\n2,y\n3,x\n")
    source = 'type = "file"\nfiles = ["d.csv"]\nreader = "csv"'
    with pytest.raises(DataError, match="expected 4 rows, found 3"):
        load(tmp_path, source)
    (tmp_path / "cards" / "d.csv").write_text("a,class\n1,x\n2,y\n3,x\n4,y\n")
    load(tmp_path, source)
    path = tmp_path / "cards" / "small.toml"
    path.write_text(path.read_text() + 'fingerprint = "0123456789abcdef"\n')
    zoo.data._load_once.cache_clear()
    with pytest.raises(DataError, match="fingerprint: expected 0123456789abcdef, found"):
        zoo.data.verify("small", [tmp_path / "cards"])


ODD_ANSWERS = [
    b"[]", b"null", b"{}", b"<html>", b"\xff\xfe", b"[" * 100_000,
    *(b'{"data_set_description": %s}' % odd for odd in (
        b"[]", b'"text"', b"{}", b'{"url": 3}', b'{"parquet_url": ["x"], "url": "y"}',
        b'{"url": "http://a/b", "md5_checksum": [1]}',
    )),
]  # fmt: skip


@pytest.mark.parametrize("answer", ODD_ANSWERS)
def test_an_odd_answer_of_openml_is_refused_in_one_line(answer, server, tmp_path):
    server.files["/api/v1/json/data/7"] = answer
    with pytest.raises(DataError, match="expected the description of data set 7"):
        load(tmp_path, 'type = "openml"\nid = 7')


def test_an_invalid_arff_file_is_refused_in_one_line(server, tmp_path):
    serve_openml(server, 7, md5=hashlib.md5(b"hello", usedforsecurity=False).hexdigest())
    server.files["/data.arff"] = b"hello"
    with pytest.raises(DataError, match="expected arff in"):
        load(tmp_path, 'type = "openml"\nid = 7')


def test_a_torn_file_in_the_cache_of_scikit_learn_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "cal_housing_py3.pkz").write_bytes(b"torn")
    zoo.data._load_once.cache_clear()
    with pytest.raises(DataError) as caught:
        zoo.data.load("california_housing")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_fashion_mnist_is_read_from_the_cache_of_keras_where_its_package_is_missing(tmp_path):
    folder = tmp_path / "cards"
    folder.mkdir()
    card = read_card(find("datasets", "fashion_mnist"))
    text = card.path.read_text().replace("rows = 70000", "rows = 3").replace("/usr/", "/no/")
    (folder / "fashion_mnist.toml").write_text(text)
    cache = tmp_path / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    for part, n_rows in (("train", 2), ("t10k", 1)):
        labels = bytes(8) + bytes(range(n_rows))
        images = bytes(16) + bytes([7] * 784 * n_rows)
        (cache / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
        (cache / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    code = f"""
import pathlib
import zoo.data
table = zoo.data.load("fashion_mnist", [pathlib.Path({str(folder)!r})])
print(table.X.shape, table.y.tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_HOME": str(tmp_path / "keras")},
    )
    assert done.stdout.strip() == "(3, 784) ['T-shirt', 'trouser', 'T-shirt']"


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1", "http://h:port/x", "http://h:99999/x", f"http://{'a' * 300}.de/x",
        "http://xn--\udcff.de/", "http:///x", "http://user:word@h/x", "ftp://h/x", "x", "",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_in_one_line(url, server):
    with pytest.raises(DataError, match="address") as caught:
        download(url, name="small")
    assert "\n" not in str(caught.value)


def test_any_path_of_an_address_becomes_a_file_name_that_file_systems_take(server):
    for name in ("n" * 600, "\u00e4 \u00f6", "..", "a%00b"):
        server.files["/" + quote(name, safe="%.")] = name.encode()
        path = download(f"{server.url}/{name}", name="small")
        assert path.read_bytes() == name.encode()
        assert len(path.name) < 120


def endless():
    while True:
        yield bytes(1 << 16)


def trickle():
    for _ in range(100):
        yield b"x"
        time.sleep(0.05)


def test_a_download_over_its_limit_is_cut_off_and_leaves_no_file(server, tmp_path):
    server.files["/endless"] = endless
    with pytest.raises(DataError, match="more than the limit of 1 MB"):
        download(f"{server.url}/endless", name="small", max_bytes=1_000_000)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(server, monkeypatch):
    monkeypatch.setattr("zoo.data.download._TIMEOUT_S", 0.3)
    monkeypatch.setattr("zoo.data.download._CHECK_S", 0.1)
    server.files["/trickle"] = trickle
    with pytest.raises(DataError, match=r"\d bytes came in"):
        download(f"{server.url}/trickle", name="small")


def test_a_download_that_takes_too_long_is_given_up(server, monkeypatch):
    monkeypatch.setattr("zoo.data.download._MAX_S", 0.2)
    monkeypatch.setattr("zoo.data.download._CHECK_S", 0.1)
    server.files["/endless"] = endless
    with pytest.raises(DataError, match=r"not done after 0\.2 s"):
        download(f"{server.url}/endless", name="small")


@pytest.mark.parametrize("cache", ["/proc/no", "/dev/null/x", "~nobody-here/x", "x" * 300])
def test_a_cache_that_cannot_be_written_is_named_in_one_line(cache, server, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", cache)
    server.files["/a"] = b"a"
    with pytest.raises(DataError, match="set ZOO_CACHE"):
        download(f"{server.url}/a", name="small")


def test_a_download_that_ends_early_is_refused(server):
    class Torn(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"abc")

        def log_message(self, *_):
            pass

    server.RequestHandlerClass = Torn
    with pytest.raises(DataError, match="997 more expected"):
        download(f"{server.url}/a", name="small")


STARTS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh9", "xz": b"\xfd7zXZ\x00", "parquet": b"PAR1"}


@pytest.mark.parametrize("reader", ["csv", "npy", "pickle", "idx", "parquet"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_broken_file_of_any_reader_is_one_line(reader, start, tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "d.bin").write_bytes(start + b"no such content" * 20 + b"PAR1")
    with pytest.raises(DataError) as caught:
        load(tmp_path, f'type = "file"\nfiles = ["d.bin", "d.bin"]\nreader = "{reader}"')
    assert "\n" not in str(caught.value)
