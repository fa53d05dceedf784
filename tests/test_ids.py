"""Ids: as Paytm takes them, rising with time, and never twice."""

import os
import re
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta

import pytest

from galla import ids

NOW = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)


@pytest.mark.parametrize(("environment", "stamp"), [("sandbox", "SB"), ("staging", "ST"), ("production", "PR")])
def test_paytm_takes_it(environment: str, stamp: str) -> None:
    """I-13: an id for Paytm is 8 to 32 letters and digits, and says of which world it is."""
    for _ in range(1000):
        made = ids.paytm_id(environment)
        assert re.fullmatch(r"[0-9A-Z]{8,32}", made)
        assert made.startswith(stamp)


def test_ids_sort_by_time() -> None:
    """Later ids are greater texts, also within one millisecond, so that pages of lists need no other order."""
    made = [ids.new_id("pay", NOW + timedelta(milliseconds=n // 50)) for n in range(5000)]
    assert made == sorted(made)
    assert ids.ulid(NOW + timedelta(days=36500)) > made[-1][4:] > ids.ulid(NOW - timedelta(milliseconds=1))


def test_a_million_ids_differ() -> None:
    """I-13: a million ids of one moment and of many are all different."""
    assert len({ids.ulid(NOW) for _ in range(500_000)} | {ids.ulid() for _ in range(500_000)}) == 1_000_000


def test_threads_never_make_the_same_id() -> None:
    """I-13: threads that make ids at the same moment make different ones."""
    made: list[list[str]] = [[] for _ in range(8)]
    barrier = threading.Barrier(8)

    def work(mine: list[str]) -> None:
        barrier.wait()
        mine.extend(ids.ulid(NOW) for _ in range(5000))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for mine in made for one in mine}) == 40_000


def test_processes_never_make_the_same_id() -> None:
    """I-13: processes that share an instant make different ids, also when one is forked from the other."""
    program = """
        import os, sys
        from datetime import UTC, datetime
        from galla import ids
        now = datetime(2026, 1, 5, 4, 50, tzinfo=UTC)
        ids.ulid(now)
        children = [os.fork() for _ in range(2)]
        sys.stdout.write("".join(ids.ulid(now) + "\\n" for _ in range(500)))
        sys.stdout.flush()
        if all(children):
            for child in children:
                os.waitpid(child, 0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [line for process in both for line in process.communicate(timeout=60)[0].split()]
    assert len(lines) == len(set(lines)) == 2 * 4 * 500


def test_a_seed_replays() -> None:
    """Rule 8: inside `seeded` every id, salt and token follows from the seed; outside nothing does."""

    def everything() -> list[object]:
        made: list[object] = [ids.ulid(NOW), ids.ulid(NOW), ids.salt(), ids.token(), ids.fraction(), ids.digits(12)]
        return made

    runs = []
    for seed in (1, 1, 2):
        with ids.seeded(seed):
            runs.append(everything())
    assert runs[0] == runs[1] != runs[2]
    assert everything() != runs[0]
    assert ids._entropy is os.urandom


def test_salts_tokens_and_digits() -> None:
    """A salt is four characters of a signature, a token is safe in a URL, digits are decimal, jitter is below 1000."""
    for _ in range(300):
        assert re.fullmatch(rb"[A-Za-z0-9+/]{4}", ids.salt())
        assert re.fullmatch(r"[0-9a-z]{32}", ids.token())
        assert re.fullmatch(r"[0-9a-z]{52}", ids.token(256))
        assert re.fullmatch(r"[0-9]{12}", ids.digits(12))
        assert 0 <= ids.fraction() < 1000
    assert len({ids.token() for _ in range(300)}) == 300
