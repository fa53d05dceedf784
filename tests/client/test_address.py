"""Where each environment's hosts are, and what is refused before any I/O."""

from __future__ import annotations

import pytest

from galla.client.address import ADDRESSES, addresses
from galla.errors import ConfigError
from galla.protocol.message import Host


def test_each_environment_has_its_own_hosts() -> None:
    """Sandbox, staging and production share no address, and only the sandbox is on this computer."""
    urls = {name: {known.url(host) for host in Host} for name, known in ADDRESSES.items()}

    assert {"http://127.0.0.1:8701"} == urls["sandbox"]
    assert "https://securegw-stage.paytm.in" in urls["staging"]
    assert "https://securegw-edc.paytm.in" in urls["production"]
    assert not urls["staging"] & urls["production"]


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ("production", "http://securegw-edc.paytm.in"),
        ("production", "https://securegw-stage.paytm.in"),
        ("production", "https://SECUREGW-STAGE.paytm.in."),
        ("production", "https://127.0.0.1:8701"),
        ("production", "http://127.0.0.1:8701"),
        ("staging", "https://securegw-edc.paytm.in"),
        ("staging", "https://secure.paytmpayments.com."),
        ("staging", "http://securegw-stage.paytm.in"),
        ("sandbox", "https://securegw.paytm.in"),
    ],
)
def test_environments_do_not_mix(environment: str, url: str) -> None:
    """Rehearsal never reaches real money, and real money never goes unencrypted or to a rehearsal."""
    with pytest.raises(ConfigError) as caught:
        addresses(environment, edc=url)
    assert caught.value.setting == "GALLA_EDC_URL"


@pytest.mark.parametrize(
    "url",
    ["securegw.paytm.in", "ftp://x", "https://", "https://u:topsecret@host", "https://h/?a=b", "http://[::1"],
)
def test_a_malformed_address_is_refused(url: str) -> None:
    """What is no plain address is refused, and a password in it is not repeated."""
    with pytest.raises(ConfigError) as caught:
        addresses("staging", pg=url)
    assert caught.value.setting == "GALLA_PG_URL"
    assert "topsecret" not in str(caught.value)


def test_an_unknown_environment_is_refused() -> None:
    """`prod` is not `production`."""
    with pytest.raises(ConfigError, match="sandbox, staging or production"):
        addresses("prod")


def test_a_rehearsal_on_this_computer_is_allowed() -> None:
    """Staging and sandbox may point at a loopback address without https, and the slash is dropped."""
    assert addresses("staging", edc="http://localhost:9000/").edc == "http://localhost:9000"
    assert addresses("sandbox", queue="http://127.0.0.1:9000").queue == "http://127.0.0.1:9000"
