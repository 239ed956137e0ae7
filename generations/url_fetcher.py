"""Fetches what an address from a person points at, without lending them our place in the network.

Every such address goes through here. It is resolved once, every answer is checked, and the connection goes to a
checked number, never to the name: a record that changes in between changes nothing. TLS still proves the name.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import IO, Final

import httpx
from django.conf import settings
from django.db import transaction

DEADLINE_SECONDS: Final = 20.0  # for everything: names, redirects and the last byte
CONNECT_SECONDS: Final = 5.0
REDIRECTS_MOST: Final = 3
ADDRESS_LENGTH_MOST: Final = 2048
AT_ONCE: Final = 8
CHUNK: Final = 1 << 16
HTTPS_PORT: Final = 443

# Where nobody outside has business, by the registries of special-purpose addresses (RFC 6890 and later).
CLOSED: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and the metadata service of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own service address, public by its number only
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo and other protocols that carry another address
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",
    )
)
# Everything public in IPv6; mapped, translated (NAT64), unique local and link-local addresses lie outside.
GLOBAL_UNICAST: Final = ip_network("2000::/3")
# The last 64 bits of an ISATAP address begin with one of these and end with an IPv4 address.
ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
UNWRITABLE: Final = re.compile(r"[\x00-\x20\x7f\\]")
# What some resolvers read as a number: 127.1, 0x7f000001, 2130706433.
NUMBERLIKE: Final = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9a-fA-F]*)\.?")
# Names are looked up in threads of our own: a lookup cannot be interrupted, and nobody waits for a late one.
_resolvers: Final = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="resolve")


class NotFetched(Exception):
    """Nothing came. On purpose it does not say why: a refused, a closed and a slow address look the same."""


def fetch(addresses: Sequence[str], targets: Sequence[IO[bytes]], *, most: int) -> list[NotFetched | None]:
    """Write what each address holds into its target, at most `most` + 1 bytes; an answer's place says how it went.

    All together take at most DEADLINE_SECONDS. One byte too many is there to be noticed. Raises RuntimeError
    inside a transaction.
    """
    with transaction.atomic(durable=True):
        pass
    return asyncio.run(_fetch_all(addresses, targets, most))


async def _fetch_all(
    addresses: Sequence[str], targets: Sequence[IO[bytes]], most: int
) -> list[NotFetched | None]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(address: str, target: IO[bytes]) -> NotFetched | None:
        try:
            async with turns, asyncio.timeout_at(deadline):
                await _fetch(address, target, most)
        except (TimeoutError, NotFetched, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return error if isinstance(error, NotFetched) else NotFetched(type(error).__name__)
        return None

    deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
    return list(await asyncio.gather(*map(one, addresses, targets)))


async def _fetch(address: str, target: IO[bytes], most: int) -> None:
    for _ in range(REDIRECTS_MOST + 1):
        url = checked_url(address)
        async with _opened(url) as response:
            if not response.has_redirect_location:
                return await _save(response, target, most)
            address = str(url.join(response.headers["location"]))
    raise NotFetched("too many redirects")


async def _save(response: httpx.Response, target: IO[bytes], most: int) -> None:
    """The bytes as they came: nothing is unpacked, so what is counted is what is written."""
    if response.status_code != httpx.codes.OK:
        raise NotFetched(f"HTTP {response.status_code}")
    size = 0
    async for chunk in response.aiter_raw(CHUNK):
        target.write(chunk[: most + 1 - size])
        size += len(chunk)
        if size > most:
            return


@asynccontextmanager
async def _opened(url: httpx.URL) -> AsyncIterator[httpx.Response]:
    """The response of the first of the host's checked addresses that can be reached. Knows no proxy and no cookie."""
    numbers = await _resolve(_ascii_host(url), url.port or (HTTPS_PORT if url.scheme == "https" else 80))
    async with AsyncExitStack() as stack:
        limits = httpx.Timeout(DEADLINE_SECONDS, connect=CONNECT_SECONDS)
        client = await stack.enter_async_context(
            httpx.AsyncClient(verify=_tls(), timeout=limits, trust_env=False, follow_redirects=False)
        )
        for number in numbers:
            request = client.build_request(
                "GET",
                url.copy_with(host=str(number)),
                headers={
                    "Host": url.netloc.decode("ascii"),
                    "User-Agent": "ltxplatform",
                    "Accept": "image/jpeg, image/png, image/webp",
                    "Accept-Encoding": "identity",
                },
                extensions={"sni_hostname": _ascii_host(url)},
            )
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            stack.push_async_callback(response.aclose)
            yield response
            return
        raise NotFetched("no address of the host answers")


async def _resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    """All addresses of a host, IPv4 first; raises NotFetched when any is closed: half a name is not to be trusted."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    numbers = list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
    if not numbers or not all(map(is_open, numbers)):
        raise NotFetched("closed address")
    return sorted(numbers, key=lambda number: number.version)


# -- the rules


def checked_url(address: str) -> httpx.URL:
    """The address as we would ask for it; raises NotFetched for one that we would not, before any lookup."""
    if len(address) > ADDRESS_LENGTH_MOST or UNWRITABLE.search(address):
        raise NotFetched("unwritable address")
    url = httpx.URL(address)
    if url.userinfo or not url.host:
        raise NotFetched("no host, or a password")
    if settings.FETCH_PRIVATE_NETWORKS:
        if url.scheme not in {"http", "https"}:
            raise NotFetched("scheme")
        return url
    if url.scheme != "https" or url.port not in {None, HTTPS_PORT}:
        raise NotFetched("scheme or port")
    if not _is_public_name(_ascii_host(url)):
        raise NotFetched("host")
    return url


def is_open(number: IPv4Address | IPv6Address) -> bool:
    """Whether a person's address may lead there."""
    if settings.FETCH_PRIVATE_NETWORKS:
        return True
    if isinstance(number, IPv6Address) and not _is_public_unicast(number):
        return False
    return not any(number in network for network in CLOSED if network.version == number.version)


def _is_public_unicast(number: IPv6Address) -> bool:
    carries_ipv4 = (int(number) >> 32) & 0xFFFF_FFFF in ISATAP
    return number in GLOBAL_UNICAST and not number.scope_id and not carries_ipv4


def _ascii_host(url: httpx.URL) -> str:
    """As it goes into lookups and certificates: international names encoded, no brackets."""
    return url.raw_host.decode("ascii")


def _is_public_name(host: str) -> bool:
    """A name with a dot, or one plain number: what else a resolver would take for a number is refused."""
    try:
        return is_open(ip_address(host))
    except ValueError:
        return "." in host.rstrip(".") and not NUMBERLIKE.fullmatch(host)


@cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once a process: that takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)
