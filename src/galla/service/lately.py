"""The last texts that passed by, a bounded number of them: a hint for whoever asks, never a fact."""

from __future__ import annotations


class Lately:
    """Remembers the `most` texts that were added last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: dict[str, None] = {}  # in the order they were added

    def __contains__(self, text: str) -> bool:
        """Whether a text is among them."""
        return text in self._texts

    def add(self, text: str) -> None:
        """Take a text in; the oldest is forgotten for it."""
        self._texts.pop(text, None)
        self._texts[text] = None
        if len(self._texts) > self._most:
            del self._texts[next(iter(self._texts))]
