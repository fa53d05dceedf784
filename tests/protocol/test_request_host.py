"""Where a request goes: to one of Paytm's hosts, or to the base URL of a provider outside galla."""

from __future__ import annotations

import pytest

from galla.client.address import ADDRESSES
from galla.errors import LocalProtocolError
from galla.protocol.message import Host, Request


def request(host: Host | str) -> Request:
    """Return a request to a host."""
    return Request(host=host, path="/v1/order", body=b"{}", operation="order", paytm_id="SB1")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("host", Host)
def test_paytms_hosts_follow_the_environment(name: str, host: Host) -> None:
    """A request to Paytm names a host, and the environment says where that is."""
    assert ADDRESSES[name].url(request(host).host) == getattr(ADDRESSES[name], host.value)


@pytest.mark.parametrize(
    "url",
    ["https://api.paisapay.example", "https://api.paisapay.example:8443/in", "http://127.0.0.1:9", "http://localhost"],
)
def test_another_provider_is_reached_at_its_own_address(url: str) -> None:
    """A provider outside galla is reached at the base URL its connector gives, whatever Paytm's environment is."""
    assert ADDRESSES["production"].url(request(url).host) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "edc",  # the word of one of Paytm's hosts is not the host
        "api.paisapay.example",
        "http://api.paisapay.example",
        "http://127.0.0.1.evil.example",
        "ftp://api.paisapay.example",
        "https://",
        "https://user:secret@api.paisapay.example",
        "https://api.paisapay.example/",
        "https://api.paisapay.example?to=",
        "https://api.paisapay.example#",
        "https://api.paisapay.example\\@evil.example",
        "https://api.paisapay.example\nHost: evil",
        "https://api.paisapay.example:port",
        "https://[::1",
        None,
        b"https://api.paisapay.example",
    ],
)
def test_an_address_that_may_not_be_spoken_to_is_refused(url: str) -> None:
    """Anything else is refused when the request is made: nothing was sent, and a secret in it is not repeated."""
    with pytest.raises(LocalProtocolError, match="base URL") as caught:
        request(url)
    assert caught.value.path == "host"
    assert "secret" not in str(caught.value)
