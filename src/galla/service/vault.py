"""Merchant keys at rest: sealed with the shop's own secret, opened in memory only."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from galla import ids
from galla.config import Secret, Settings
from galla.errors import ConfigError
from galla.protocol.message import MerchantKey


class Vault:
    """Seals and opens merchant keys."""

    def __init__(self, secret: Secret) -> None:
        digest = hashlib.sha256(b"galla vault 1|" + secret.reveal().encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, key: MerchantKey) -> str:
        """Return the key as text that only this vault can open."""
        return self.seal_text(key.reveal())

    def seal_text(self, text: str) -> str:
        """Return any text, such as a session token, in a form that only this vault can open."""
        return self._fernet.encrypt(text.encode()).decode()

    def open_text(self, sealed: str) -> str:
        """Return the text that was sealed.

        Raises:
            ConfigError: it was sealed with another secret.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise ConfigError(
                "Something in the database was sealed with another `GALLA_SECRET_KEY`. Put the old secret back.",
                setting="GALLA_SECRET_KEY",
            ) from None

    def open(self, sealed: str) -> MerchantKey:
        """Return the key of a sealed text.

        Raises:
            ConfigError: it was sealed with another secret.
        """
        try:
            return MerchantKey(self._fernet.decrypt(sealed.encode()).decode())
        except InvalidToken:
            raise ConfigError(
                "The merchant key in the database was sealed with another `GALLA_SECRET_KEY`. "
                "Put the old secret back, or enter the merchant key again.",
                setting="GALLA_SECRET_KEY",
            ) from None

    def __repr__(self) -> str:
        return "Vault()"


def secret_for(settings: Settings) -> Secret:
    """Return the shop's secret: the setting, or a 0600 file beside an SQLite database, made on first run.

    Raises:
        ConfigError: there is no setting and no place of its own for a file, or others may read the file.
    """
    if settings.secret_key:
        return settings.secret_key
    if not settings.database_url.startswith("sqlite:///"):
        raise ConfigError(
            "`GALLA_SECRET_KEY` must be set with PostgreSQL: every process needs the same one. "
            "Any long random text will do; keep it as safe as the database.",
            setting="GALLA_SECRET_KEY",
        )
    path = Path(settings.database_url.removeprefix("sqlite:///")).with_suffix(".secret")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ConfigError(
                f"{path.name} holds the shop's secret and others may read it. Run `chmod 600 {path}`.",
                setting="GALLA_SECRET_KEY",
            ) from None
        return Secret(path.read_text(encoding="ascii").strip())
    with os.fdopen(handle, "w") as file:
        file.write(ids.token(256) + "\n")
    return Secret(path.read_text(encoding="ascii").strip())
