"""Addresses that people give: none leads where it must not, whatever it is written like, and a good one is fetched.

Every refusal is checked at the sockets: not that an error came back, but that nothing was connected to.
"""

import datetime
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import transaction

from generations import url_fetcher
from tests.support.sockets import connections_watched

pytestmark = pytest.mark.django_db(transaction=False)

PICTURE = b"\xff\xd8\xff" + b"picture" * 100
CLOSED_NUMBERS = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3
    127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
    192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:db8::1
    2002:7f00:1::1 2002:a9fe:a9fe::1 2002:c0a8:1::1 3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254
    fe80::1 fe80::a9fe:a9fe fec0::1 ff02::1 ff05::2 2600::5efe:7f00:1 2600::200:5efe:a9fe:a9fe
""".split()  # noqa: SIM905  # easier to read as a list of words
OPEN_NUMBERS = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"]
# What resolvers and browsers read as a number, and other ways around a check of the text.
DISGUISES = [
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0/",
    "https://0x0/",
    "https://00/",
    "https://127.0.0.1./",
    "https://127.0.0.1%2f/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://127\u30020\u30020\u30021/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::1]:443/",
    "https://[fe80::1%25eth0]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost.localdomain/",
    "https://metadata/",
    "https://db/",
    "https://a/",
]
SHAPES = [
    "",
    " ",
    "picture.jpg",
    "/picture.jpg",
    "//public.example/a.jpg",
    "https:",
    "https://",
    "https:///a.jpg",
    "https:public.example/a.jpg",
    "http://public.example/a.jpg",
    "HTTP://public.example/a.jpg",
    "ftp://public.example/a.jpg",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://public.example/_",
    "dict://public.example/",
    "ldap://public.example/",
    "jar:https://public.example!/a",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
    "blob:https://public.example/1",
    "unix:///var/run/docker.sock",
    "https://public.example:80/a.jpg",
    "https://public.example:22/a.jpg",
    "https://public.example:8443/a.jpg",
    "https://public.example:0/a.jpg",
    "https://public.example:65536/a.jpg",
    "https://public.example:99999999999/a.jpg",
    "https://public.example:x/a.jpg",
    "https://user@public.example/a.jpg",
    "https://user:password@public.example/a.jpg",
    "https://public.example@127.0.0.1/",
    "https://127.0.0.1\\@public.example/",
    "https://public.example\\.internal/",
    "https://public.example/a b.jpg",
    "https://public.example/\r\nHost: internal",
    "https://public.example/\x00",
    "https://public.example\t.internal/",
    " https://public.example/a.jpg",
    "https://pub lic.example/",
    "https://" + "a" * 300 + ".example/",
    "https://public.example/" + "a" * 2050,
    "https://.example/",
    "https://[::1/",
    "https://[v1.x]/",
    "https://\ud800.example/",
]


def fetched(address: str, most: int = 10_000) -> tuple[bytes, url_fetcher.NotFetched | None]:
    target = io.BytesIO()
    [failure] = url_fetcher.fetch([address], [target], most=most)
    return target.getvalue(), failure


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str] | Callable[[], list[str]]]:
    """The world's name servers: what a name resolves to here, and how often it was asked for."""
    table: dict[str, list[str] | Callable[[], list[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: object, **kwargs: object) -> list:
        known = table.get(str(host))
        if known is None:
            try:
                ipaddress.ip_address(str(host))
            except ValueError:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
            return real(host, port, *args, **kwargs)
        numbers = known() if callable(known) else known
        return [
            (socket.AF_INET6 if ":" in number else socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))
            for number in numbers
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


# -- the hostile list


def refused_without_a_socket(address: str) -> None:
    with connections_watched() as seen:
        content, failure = fetched(address)

    assert isinstance(failure, url_fetcher.NotFetched)
    assert content == b""
    assert seen == []


@pytest.mark.parametrize("number", CLOSED_NUMBERS)
def test_a_closed_number_is_refused(number: str, names: dict) -> None:
    refused_without_a_socket(f"https://[{number}]/" if ":" in number else f"https://{number}/")


@pytest.mark.parametrize("number", CLOSED_NUMBERS)
def test_a_name_of_a_closed_number_is_refused(number: str, names: dict) -> None:
    names["public.example"] = [number]

    refused_without_a_socket("https://public.example/a.jpg")


@pytest.mark.parametrize("address", DISGUISES)
def test_a_number_in_disguise_is_refused(address: str) -> None:
    """With the machine's own resolver, which understands some of them."""
    refused_without_a_socket(address)


@pytest.mark.parametrize("address", SHAPES, ids=lambda address: ascii(address)[:40])
def test_another_shape_of_address_is_refused(address: str, names: dict) -> None:
    names["public.example"] = ["8.8.8.8"]

    refused_without_a_socket(address)


def test_the_list_is_as_long_as_was_promised() -> None:
    assert len({*CLOSED_NUMBERS, *DISGUISES, *SHAPES}) >= 120


def test_one_closed_number_among_open_ones_closes_the_name(names: dict) -> None:
    names["public.example"] = ["8.8.8.8", "10.0.0.1"]

    refused_without_a_socket("https://public.example/")


def test_a_name_is_asked_for_once_so_it_cannot_change_its_answer(
    names: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first answer is open, every later one leads inside: the connection goes to the first."""
    asked: list[str] = []

    def rebinding() -> list[str]:
        asked.append("once")
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.2"]

    names["public.example"] = rebinding
    with trusted_server(tmp_path, monkeypatch) as port:
        lead_to(port, monkeypatch)
        with connections_watched() as seen:
            assert fetched("https://public.example/a.jpg") == (PICTURE, None)

    assert asked == ["once"]
    assert seen == ["127.0.0.1"]  # where 8.8.8.8 leads in these tests


@pytest.mark.parametrize("number", OPEN_NUMBERS)
def test_public_numbers_are_open(number: str) -> None:
    assert url_fetcher.is_open(ipaddress.ip_address(number))


# -- what answers


class Answers(BaseHTTPRequestHandler):
    """`/hop/n` redirects n times; the other paths say what they do."""

    requests: list[tuple[str, dict[str, str]]] = []
    target = ""

    def do_GET(self) -> None:
        type(self).requests.append((self.path, dict(self.headers.items())))
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "hop" and int(rest) > 0:
            return self._redirect(f"/hop/{int(rest) - 1}")
        if kind == "to":
            return self._redirect(type(self).target)
        if kind == "missing":
            return self.send_error(404)
        if kind == "drip":
            return self._drip()
        self.send_response(200)
        self.send_header("Set-Cookie", "seen=1")
        self.send_header("Content-Type", "text/html")
        if kind == "packed":
            self.send_header("Content-Encoding", "gzip")
        if kind != "endless":
            self.send_header("Content-Length", str(len(PICTURE)))
        self.end_headers()
        for _ in range(1000 if kind == "endless" else 1):
            self.wfile.write(PICTURE)
        return None

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Set-Cookie", "seen=1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def handle(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):  # the other side has hung up, as it should
            super().handle()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def answering(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    Answers.requests = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def inside(settings) -> Iterator[str]:
    """A server on this machine, with the setting that lets developers reach it."""
    settings.FETCH_PRIVATE_NETWORKS = True
    with answering() as port:
        yield f"http://127.0.0.1:{port}"


def test_a_picture_is_fetched_as_it_is(inside: str) -> None:
    assert fetched(f"{inside}/picture.jpg") == (PICTURE, None)


def test_nothing_of_ours_goes_along(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    assert fetched(f"{inside}/hop/2")[1] is None

    for _, headers in Answers.requests:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
        assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(("hops", "arrives"), [(3, True), (4, False)])
def test_three_redirects_are_followed(inside: str, hops: int, arrives: bool) -> None:
    assert (fetched(f"{inside}/hop/{hops}")[1] is None) == arrives


def test_several_are_fetched_at_once_and_each_has_its_own_outcome(inside: str) -> None:
    targets = [io.BytesIO(), io.BytesIO(), io.BytesIO()]

    failures = url_fetcher.fetch(
        [f"{inside}/a.jpg", f"{inside}/missing", f"{inside}/b.jpg"], targets, most=10_000
    )

    assert [failure is None for failure in failures] == [True, False, True]
    assert [target.getvalue() for target in targets] == [PICTURE, b"", PICTURE]


def test_an_endless_answer_is_cut_one_byte_after_the_limit(inside: str) -> None:
    content, failure = fetched(f"{inside}/endless", most=5000)

    assert (len(content), failure) == (5001, None)


def test_what_is_packed_stays_packed(inside: str) -> None:
    assert fetched(f"{inside}/packed") == (PICTURE, None)


def test_a_dripping_answer_ends_at_the_deadline(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_fetcher, "DEADLINE_SECONDS", 0.4)
    began = time.monotonic()

    _, failure = fetched(f"{inside}/drip")

    assert failure is not None
    assert time.monotonic() - began < 3


def test_a_name_server_that_is_silent_ends_at_the_deadline(
    names: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(url_fetcher, "DEADLINE_SECONDS", 0.2)
    over = threading.Event()

    def silence() -> list[str]:
        over.wait(10)
        return []

    names["silent.example"] = silence
    began = time.monotonic()
    try:
        assert fetched("https://silent.example/")[1] is not None
        assert time.monotonic() - began < 3
    finally:
        over.set()


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/",
        "https://[::ffff:169.254.169.254]/latest/meta-data",
        "https://inside.example/",
        "http://public.example/",
        "https://public.example:8443/",
        "file:///etc/passwd",
        "//localhost/",
        "https://2130706433/",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(
    target: str, names: dict, settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first address passes as public by a hole made for this server alone; the rules are those of production."""
    names.update({"public.example": ["8.8.8.8"], "inside.example": ["10.1.2.3"]})
    with trusted_server(tmp_path, monkeypatch) as port:
        Answers.target = target
        lead_to(port, monkeypatch)
        with connections_watched() as seen:
            _, failure = fetched("https://public.example/to")

    assert failure is not None
    assert [path for path, _ in Answers.requests] == ["/to"]
    assert set(seen) <= {"8.8.8.8", "127.0.0.1"}
    assert seen.count("127.0.0.1") == 1


# -- TLS


def test_the_name_is_proven_although_the_number_is_connected_to(
    names: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names["public.example"] = ["8.8.8.8"]
    with trusted_server(tmp_path, monkeypatch) as port:
        lead_to(port, monkeypatch)

        assert fetched("https://public.example/a.jpg?x=1") == (PICTURE, None)

    [(path, headers)] = Answers.requests
    assert (path, headers["Host"]) == ("/a.jpg?x=1", "public.example")


def test_a_certificate_for_another_name_is_refused(
    names: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names["other.example"] = ["8.8.8.8"]
    with trusted_server(tmp_path, monkeypatch) as port:
        lead_to(port, monkeypatch)

        assert fetched("https://other.example/a.jpg")[1] is not None

    assert Answers.requests == []


def test_a_certificate_nobody_vouches_for_is_refused(settings, tmp_path: Path) -> None:
    settings.FETCH_PRIVATE_NETWORKS = True
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(context) as port:
        assert fetched(f"https://127.0.0.1:{port}/a.jpg")[1] is not None


def lead_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to 8.8.8.8 end at our server: the internet, as far as these tests are concerned."""
    connect = socket.socket.connect
    connect_ex = socket.socket.connect_ex

    def turned(address: tuple) -> tuple:
        return ("127.0.0.1", port) if address[0] == "8.8.8.8" else address

    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connect(self, turned(address)))
    monkeypatch.setattr(socket.socket, "connect_ex", lambda self, address: connect_ex(self, turned(address)))


@contextmanager
def trusted_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server for public.example whose certificate this process trusts while the block lasts."""
    certificate, key = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    url_fetcher._tls.cache_clear()
    try:
        with answering(context) as port:
            yield port
    finally:
        url_fetcher._tls.cache_clear()


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "public.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("public.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


# -- where it may be called


def test_it_refuses_to_wait_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        url_fetcher.fetch(["https://public.example/"], [io.BytesIO()], most=1)
