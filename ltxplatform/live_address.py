"""Where a page finds the live process."""

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

# Two names of this machine. Cookies belong to one name, so a page may follow a stream under its own name only.
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})


def live_url_for(request: HttpRequest) -> str:
    """LIVE_URL, under the page's own name when both name this machine; "" without a live process.

    Raises DisallowedHost for a name that is not the site's.
    """
    address = urlsplit(settings.LIVE_URL)
    name, _ = split_domain_port(request.get_host())
    if name in LOOPBACK and address.hostname in LOOPBACK:
        return address._replace(netloc=address.netloc.replace(address.hostname, name)).geturl()
    return settings.LIVE_URL
