"""PaisaPay, a provider that does not exist, as a connector for galla."""

from galla_paisapay.connector import connect

__all__ = ["connect"]
