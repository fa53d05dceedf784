"""The types of the online client, as a caller's type checker sees them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_online_types_are_what_callers_rely_on() -> None:
    """`tests/typing/upi.py`, read by `mypy --strict`, holds: right uses pass and wrong ones do not."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(ROOT / "tests" / "typing" / "upi.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
