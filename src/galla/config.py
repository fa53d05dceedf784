"""Settings: read from the environment and an optional TOML file, all checked once, before any I/O.

`SETTINGS` is the list the documentation is made from. No other module reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from galla.errors import ConfigError

QUEUE_HASHES = ("hmac-json", "hmac-values", "aes-json", "aes-values")
ENVIRONMENTS = ("sandbox", "staging", "production")
ALIASES = {
    "PAYTM_MERCHANT_ID": "GALLA_PAYTM_MID",
    "PAYTM_MERCHANT_KEY": "GALLA_PAYTM_KEY",
    "PAYTM_DEFAULT_TID": "GALLA_PAYTM_TIDS",
    "PAYTM_TERMINAL_ID": "GALLA_PAYTM_TIDS",
    "PAYTM_CHANNEL_ID": "GALLA_PAYTM_CHANNEL_ID",
    "PAYTM_ENVIRONMENT": "GALLA_PAYTM_ENVIRONMENT",
}
"""The integration guide's names, accepted where galla's own is not set."""


class Secret:
    """A setting that never shows itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret('****')" if self._text else "Secret('')"


class Setting(msgspec.Struct, frozen=True):
    """One line of the documentation: the variable, its default as text, what it means."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting("GALLA_CONFIG", "", "a TOML file with any of these settings, names in lower case without GALLA_"),
    Setting("GALLA_DATABASE_URL", "sqlite:///galla.db", "the database; postgresql://… for several processes"),
    Setting("GALLA_HOST", "127.0.0.1", "the address the service listens on"),
    Setting("GALLA_PORT", "8700", "the port the service listens on"),
    Setting("GALLA_PUBLIC_URL", "", "where Paytm and customers reach this service, such as https://pay.clinic.in"),
    Setting("GALLA_SECRET_KEY", "", "encrypts merchant keys at rest; made on first run beside the database"),
    Setting("GALLA_PAYTM_ENVIRONMENT", "sandbox", "sandbox, staging or production; stamped on every row and id"),
    Setting("GALLA_SHOP_NAME", "the MID", "the first merchant's name, as customers see it"),
    Setting("GALLA_PAYTM_MID", "", "the first merchant's MID"),
    Setting("GALLA_PAYTM_KEY", "", "the first merchant's key: 16, 24 or 32 bytes"),
    Setting("GALLA_PAYTM_WEBSITE", "DEFAULT", "the website name Paytm provisioned (WEBSTAGING on staging)"),
    Setting("GALLA_PAYTM_CLIENT_ID", "", "needed where a MID has several keys"),
    Setting("GALLA_PAYTM_CHANNEL_ID", "EDC", "the channel id Paytm issued for the card machines"),
    Setting("GALLA_PAYTM_TIDS", "", "the first merchant's terminal ids, comma-separated"),
    Setting("GALLA_PG_URL", "by environment", "the host of Paytm's online APIs"),
    Setting("GALLA_EDC_URL", "by environment", "the host of Paytm's card-machine APIs"),
    Setting("GALLA_QUEUE_URL", "by environment", "the host of Paytm's payment-request queue"),
    Setting("GALLA_EDC_VOID_PATH", "/ecr/void", "where a void is sent; public knowledge conflicts"),
    Setting("GALLA_QUEUE_CLIENT_ID", "that of the merchant", "the client id Paytm issued for the payment queue"),
    Setting("GALLA_QUEUE_HASH", "hmac-json", "how the queue is signed: hmac-json, hmac-values, aes-json or aes-values"),
    Setting("GALLA_QUEUE_CANCEL_PATH", "/ecr/ext/void", "where a code is taken back; Paytm has not published it"),
    Setting("GALLA_QUEUE_STATUS_METHOD", "POST", "POST or GET: how the queue's status is asked"),
    Setting("GALLA_LADDER_EDC", "5m:5s 30m:30s 2h:5m 24h:1h", "card machines: until this age, ask this often"),
    Setting("GALLA_LADDER_UPI", "as published by Paytm", "UPI: until this age, ask this often"),
    Setting("GALLA_LADDER_SCALE", "1", "multiplies every wait between inquiries; below 1 for rehearsals"),
    Setting("GALLA_INQUIRY_TIMEOUT", "4.5", "seconds an inquiry may take in all"),
    Setting("GALLA_SEND_TIMEOUT", "15", "seconds a request for money may take in all"),
    Setting("GALLA_DRAIN", "5", "seconds `serve --no-worker` goes on after SIGTERM, with /readyz saying no"),
    Setting("GALLA_API_KEY", "", "if set at first start, an admin key with this value exists"),
    Setting("GALLA_COLLECT_ALLOWED", "false", "whether UPI Collect may be offered at all"),
    Setting("GALLA_UPI_LIMIT", "10000000", "the most one UPI payment may take, in paise"),
    Setting("GALLA_WEBHOOKS_TO_PRIVATE", "false", "lets webhooks go to private addresses and http; not in production"),
    Setting("GALLA_LOG_FORMAT", "by output", "console or json"),
    Setting("GALLA_LOG_LEVEL", "info", "debug, info, warning or error"),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything galla was told, checked. Durations in seconds, money in paise."""

    database_url: str = "sqlite:///galla.db"
    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    secret_key: Secret = Secret("")
    environment: str = "sandbox"
    shop_name: str = ""
    mid: str = ""
    key: Secret = Secret("")
    website: str = "DEFAULT"
    client_id: str = ""
    channel_id: str = "EDC"
    tids: tuple[str, ...] = ()
    pg_url: str = ""
    edc_url: str = ""
    queue_url: str = ""
    edc_void_path: str = "/ecr/void"
    queue_client_id: str = ""
    queue_hash: str = "hmac-json"
    queue_cancel_path: str = "/ecr/ext/void"
    queue_status_method: str = "POST"
    ladder_edc: str = ""
    ladder_upi: str = ""
    ladder_scale: float = 1.0
    inquiry_timeout_s: float = 4.5
    send_timeout_s: float = 15.0
    drain_s: float = 5.0
    api_key: Secret = Secret("")
    collect_allowed: bool = False
    upi_limit_paise: int = 1_00_000_00
    webhooks_to_private: bool = False
    log_format: str = ""
    log_level: str = "info"


_FIELDS = {
    "GALLA_DATABASE_URL": "database_url",
    "GALLA_HOST": "host",
    "GALLA_PORT": "port",
    "GALLA_PUBLIC_URL": "public_url",
    "GALLA_SECRET_KEY": "secret_key",
    "GALLA_PAYTM_ENVIRONMENT": "environment",
    "GALLA_SHOP_NAME": "shop_name",
    "GALLA_PAYTM_MID": "mid",
    "GALLA_PAYTM_KEY": "key",
    "GALLA_PAYTM_WEBSITE": "website",
    "GALLA_PAYTM_CLIENT_ID": "client_id",
    "GALLA_PAYTM_CHANNEL_ID": "channel_id",
    "GALLA_PAYTM_TIDS": "tids",
    "GALLA_PG_URL": "pg_url",
    "GALLA_EDC_URL": "edc_url",
    "GALLA_QUEUE_URL": "queue_url",
    "GALLA_EDC_VOID_PATH": "edc_void_path",
    "GALLA_QUEUE_CLIENT_ID": "queue_client_id",
    "GALLA_QUEUE_HASH": "queue_hash",
    "GALLA_QUEUE_CANCEL_PATH": "queue_cancel_path",
    "GALLA_QUEUE_STATUS_METHOD": "queue_status_method",
    "GALLA_LADDER_EDC": "ladder_edc",
    "GALLA_LADDER_UPI": "ladder_upi",
    "GALLA_LADDER_SCALE": "ladder_scale",
    "GALLA_INQUIRY_TIMEOUT": "inquiry_timeout_s",
    "GALLA_SEND_TIMEOUT": "send_timeout_s",
    "GALLA_DRAIN": "drain_s",
    "GALLA_API_KEY": "api_key",
    "GALLA_COLLECT_ALLOWED": "collect_allowed",
    "GALLA_UPI_LIMIT": "upi_limit_paise",
    "GALLA_WEBHOOKS_TO_PRIVATE": "webhooks_to_private",
    "GALLA_LOG_FORMAT": "log_format",
    "GALLA_LOG_LEVEL": "log_level",
}


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read and check the settings.

    Args:
        environ: where to read from; the process environment when None.
        overrides: fields of `Settings` that win over everything, such as `port=8800`.

    Raises:
        ConfigError: a setting is malformed; the message names it.
    """
    words = dict(os.environ if environ is None else environ)
    for alias, name in ALIASES.items():
        if words.get(alias) and not words.get(name):
            words[name] = words[alias]
    given = _from_file(words.get("GALLA_CONFIG", ""))
    given.update({name: words[name] for name in _FIELDS if words.get(name)})
    fields: dict[str, Any] = {_FIELDS[name]: _convert(name, text) for name, text in given.items()}
    fields.update(overrides)
    return check(Settings(**fields))


def check(settings: Settings) -> Settings:
    """Check what belongs together. Addresses are checked where they are used, in `client/address.py`.

    Raises:
        ConfigError: a setting or a combination cannot be right.
    """
    if settings.environment not in ENVIRONMENTS:
        raise _wrong("GALLA_PAYTM_ENVIRONMENT", "sandbox, staging or production")
    if bool(settings.mid) != bool(settings.key):
        raise ConfigError(
            "`GALLA_PAYTM_MID` and `GALLA_PAYTM_KEY` go together: set both, or neither.", setting="GALLA_PAYTM_KEY"
        )
    if settings.key and len(settings.key.reveal().encode()) not in (16, 24, 32):
        raise _wrong("GALLA_PAYTM_KEY", "16, 24 or 32 bytes long, as in the Paytm dashboard; check for a stray space")
    for tid in settings.tids:
        if not (tid.isascii() and tid.isdigit() and 1 <= len(tid) <= 8):
            raise _wrong("GALLA_PAYTM_TIDS", "terminal ids of up to eight digits, separated by commas")
    if settings.queue_hash not in QUEUE_HASHES:
        raise _wrong("GALLA_QUEUE_HASH", f"{', '.join(QUEUE_HASHES[:-1])} or {QUEUE_HASHES[-1]}")
    if settings.queue_status_method not in ("POST", "GET"):
        raise _wrong("GALLA_QUEUE_STATUS_METHOD", "POST or GET")
    if not settings.queue_cancel_path.startswith("/"):
        raise _wrong("GALLA_QUEUE_CANCEL_PATH", "a path such as /ecr/ext/void")
    if not 0 < settings.ladder_scale <= 10:
        raise _wrong("GALLA_LADDER_SCALE", "a number above 0 and up to 10")
    if settings.environment == "production" and settings.ladder_scale < 1:
        raise _wrong("GALLA_LADDER_SCALE", "1 or more in production, so that Paytm is not asked too often")
    if settings.environment == "production" and settings.webhooks_to_private:
        raise _wrong("GALLA_WEBHOOKS_TO_PRIVATE", "false in production: no webhook may be led into your own network")
    return settings


def _from_file(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`GALLA_CONFIG` names {path}, which cannot be read: {error}", setting="GALLA_CONFIG"
        ) from None
    out = {}
    for key, value in values.items():
        name = f"GALLA_{key.upper()}"
        if name not in _FIELDS:
            raise ConfigError(f"{path} has a setting galla does not know: `{key}`.", setting=name)
        out[name] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return out


def _convert(name: str, text: str) -> Any:
    text = text.strip()
    match _FIELDS[name]:
        case "secret_key" | "key" | "api_key":
            return Secret(text)
        case "port" | "upi_limit_paise":
            most = 65_535 if name == "GALLA_PORT" else 10**12
            if not (text.isascii() and text.isdigit() and len(text) < 15 and 0 < int(text) <= most):
                raise _wrong(name, f"a whole number from 1 to {most}")
            return int(text)
        case "ladder_scale" | "inquiry_timeout_s" | "send_timeout_s":
            try:
                number = float(text)
            except ValueError:
                raise _wrong(name, "a number") from None
            if not 0 < number < 1e6:
                raise _wrong(name, "a number above 0")
            return number
        case "drain_s":
            if not (text.isascii() and text.isdigit() and len(text) < 4):
                raise _wrong(name, "whole seconds, from 0 to 999")
            return float(text)
        case "collect_allowed" | "webhooks_to_private":
            if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
                raise _wrong(name, "true or false")
            return text.lower() in ("true", "1", "yes")
        case "log_level" | "log_format":
            known = ("console", "json") if name == "GALLA_LOG_FORMAT" else ("debug", "info", "warning", "error")
            if text.lower() not in known:
                raise _wrong(name, f"{', '.join(known[:-1])} or {known[-1]}")
            return text.lower()
        case "tids":
            return tuple(tid.strip() for tid in text.split(",") if tid.strip())
        case _:
            return text


def _wrong(name: str, wanted: str) -> ConfigError:
    return ConfigError(f"`{name}` must be {wanted}.", setting=name)
