"""What was heard lately is bounded, and the oldest is forgotten first."""

from galla.service.lately import Lately


def test_the_oldest_is_forgotten_first() -> None:
    """A text that comes again counts as new, and no more than so many are kept."""
    heard = Lately(3)
    for text in ("a", "b", "c", "a", "d"):
        heard.add(text)

    assert [text for text in "abcd" if text in heard] == ["a", "c", "d"]
