"""Write the pages of docs/ that are made from the code: `make docs`.

Each page is a function that returns its text; `PAGES` is the list. `--check` writes nothing and fails when a
page is behind the code. A page that a person writes does not belong here.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from galla import errors
from galla.cli.commands import COMMANDS
from galla.cli.connectors import HEADS
from galla.cli.connectors import row as connector_row
from galla.cli.ending import Exit, explain
from galla.config import ALIASES, SETTINGS
from galla.connectors.registry import own
from galla.payments.machine import TRANSITIONS
from galla.payments.model import LIVE, Phase, Status
from galla.payments.refund import TRANSITIONS as RETURNS
from galla.payments.refund import RefundStatus
from galla.protocol.codes import EDC_CODES, Kind
from galla.sandbox.faults import MEANING, TIMED

DOCS = Path(__file__).parent
MADE_BY = "<!-- Written by docs/generate.py: change the code, then run `make docs`. -->"

KINDS = {
    Kind.SUCCESS: "it is done: paid, or voided when a void was asked about",
    Kind.ACCEPTED: "taken in; nothing is proven",
    Kind.PENDING: "not final; ask again",
    Kind.DECLINED: "the payment failed, finally; galla still looks for a late success",
    Kind.REFUSED: "this call was refused; it says nothing about an earlier payment",
    Kind.BUSY: "the machine has another request",
    Kind.DUPLICATE: "the id is known: an earlier request did arrive",
    Kind.NOT_FOUND: "the id is not known, perhaps not yet",
    Kind.INTERNAL: "Paytm failed; the outcome is unknown",
    Kind.VOID_FAILED: "the payment was not reversed and stands",
}

STATUSES = {
    Status.CREATED: "Written down with its Paytm id; nothing is known to have arrived.",
    Status.PENDING: "Paytm has it.",
    Status.IN_DOUBT: "An answer was lost or contradicts; Paytm is being asked.",
    Status.PAID: "Proven by Paytm. Nothing un-pays it; contrary evidence asks for a person.",
    Status.NOT_PAID: "Proven not paid. Only a late proof of payment changes it.",
}

REFUNDS = {
    RefundStatus.CREATED: "Written down with its reference; nothing is known to have arrived.",
    RefundStatus.PENDING: "Paytm has taken it in. A void waits for accept or reject on the machine.",
    RefundStatus.IN_DOUBT: "An answer was lost; Paytm is being asked by the same reference.",
    RefundStatus.DONE: "Proven by Paytm: given back, or voided. Booked once.",
    RefundStatus.FAILED: "Proven not done. The amount can be given back again; it is watched for three days more.",
}

PHASES = {
    Phase.SENDING: "the request is on its way to Paytm",
    Phase.ON_DEVICE: "the card machine has it",
    Phase.QUEUED: "it waits in Paytm's queue for a machine",
    Phase.TRY_FAILED: "a try at a machine failed; the code may be typed in again",
    Phase.AWAITING_PAYER: "the customer has to act in a UPI app",
    Phase.CHECKING: "Paytm is being asked what became of it",
    Phase.NONE: "nothing is under way",
}


def states() -> str:
    """Return the diagram of a payment and what each word means."""
    order = list(Status)
    moves = sorted(TRANSITIONS, key=lambda move: (order.index(move[0]), order.index(move[1])))
    drawn = [f"    {before} --> {after}{_label(before, after)}" for before, after in moves]
    lines = [
        "# The states of a payment",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> created",
        *drawn,
        "```",
        "",
        "Only proof changes a state: Paytm's own answer about this id, MID, amount and currency. Time alone",
        "decides nothing. Nothing leaves `paid`.",
        "",
        "| Status | Means | May still be paid without surprise |",
        "|---|---|---|",
        *(f"| `{status}` | {STATUSES[status]} | {'yes' if status in LIVE else 'no'} |" for status in Status),
        "",
        "While a payment is live, `phase` says where it is:",
        "",
        "| Phase | Means |",
        "|---|---|",
        *(f"| `{phase}` | {PHASES[phase]} |" for phase in Phase),
        "",
        "## Money given back",
        "",
        "A void and a refund go the same way. What tells them apart is what is sent, and that a void has an end:",
        "the merchant's cut-off. A void that nobody has answered by then needs a person; it is asked about on.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> created",
        *_moves_of_refunds(),
        "```",
        "",
        "| Status | Means |",
        "|---|---|",
        *(f"| `{status}` | {REFUNDS[status]} |" for status in RefundStatus),
    ]
    return _page(lines)


def _moves_of_refunds() -> list[str]:
    order = list(RefundStatus)
    moves = sorted(RETURNS, key=lambda move: (order.index(move[0]), order.index(move[1])))
    return [f"    {before} --> {after}" for before, after in moves]


def result_codes() -> str:
    """Return Paytm's result codes with what galla makes of each."""
    lines = [
        "# Paytm's result codes",
        "",
        "What galla makes of each code of the card-machine and queue APIs. A code that is not here, or an",
        "answer whose parts contradict each other, is unknown: never paid, never proven not paid.",
        "",
        "| Code | Kind | Paytm means | The cashier reads | Do now |",
        "|---|---|---|---|---|",
        *(
            f"| `{row.code}` | `{row.kind}` | {row.meaning} | {row.message} | {row.hint} |"
            for row in EDC_CODES.values()
        ),
        "",
        "| Kind | Means |",
        "|---|---|",
        *(f"| `{kind}` | {KINDS[kind]} |" for kind in Kind),
    ]
    return _page(lines)


def settings() -> str:
    """Return every setting with its default."""
    lines = [
        "# Settings",
        "",
        "Read from the environment, or from the TOML file that `GALLA_CONFIG` names. All are checked at the",
        "start; an error names the setting.",
        "",
        "| Setting | Default | Means |",
        "|---|---|---|",
        *(f"| `{each.name}` | {_code(each.default)} | {each.meaning} |" for each in SETTINGS),
        "",
        "`galla pay` and `galla status` also read `GALLA_URL`: the address of a running galla to ask instead of",
        "this computer's database, with the key in `GALLA_API_KEY`.",
        "",
        "These names of the integration guide are accepted where galla's own is not set:",
        "",
        "| Name | Means |",
        "|---|---|",
        *(f"| `{alias}` | `{name}` |" for alias, name in ALIASES.items()),
    ]
    return _page(lines)


def error_tree() -> str:
    """Return every exception with what it says and how the command line ends on it."""
    drawn = inspect.cleandoc(errors.__doc__ or "").split("::", 1)[1].split("No message carries", 1)[0]
    lines = [
        "# Errors",
        "",
        "A refusal of money is a value, a failure of machinery is one of these. No message carries a key, a",
        "checksum, a token or a card number.",
        "",
        "```text",
        *inspect.cleandoc(drawn).splitlines(),
        "```",
        "",
        "| Error | Means | Code in the API | Exit code of `galla` |",
        "|---|---|---|---|",
        *(_error_row(kind) for kind in _tree(errors.GallaError)),
    ]
    return _page(lines)


def commands() -> str:
    """Return each command's own help, and the exit codes."""
    lines = [
        "# Commands",
        "",
        "Add `--verbose` to any command to see where an error came from. Messages of errors go to stderr, with",
        "the hint on the line below. `--json` prints for machines.",
        "",
        "| Exit code | Means |",
        "|---|---|",
        *(f"| {code.value} | {code.meaning} |" for code in Exit),
    ]
    helps = _helps([command.words for command in COMMANDS])
    for command, told in zip(COMMANDS, helps, strict=True):
        lines += ["", f"## galla {' '.join(command.words)}", "", "```text", *told, "```"]
    return _page(lines)


def connectors() -> str:
    """Return what each of galla's own connectors can do."""
    lines = [
        "# Connectors",
        "",
        "A connector is one way of taking money. `galla connectors` shows those installed where you are, of other",
        "packages too; these are galla's own:",
        "",
        f"| {' | '.join(HEADS)} |",
        f"|{'---|' * len(HEADS)}",
        *(f"| {_cells(connector_row(each))} |" for each in own()),
        "",
        "- **Amounts**: how money is written on the wire. galla itself counts whole paise everywhere.",
        "- **Token**: a session token is asked for first, and written down before the payment is begun with it.",
        "- **Machine**: a card machine must be named, and is held until the payment ends.",
        "- **Refund**, **Void**: whether galla gives money back through it. Where it says no, use the Paytm dashboard.",
        "- **Limit**: the most one payment may take at all. UPI is bound further by the merchant's own limit",
        "  (`GALLA_UPI_LIMIT`) and by its category: ₹1,00,000 for most.",
        "- **Time to pay**: how long the customer has.",
        "",
        "Another provider is a package of your own: [writing a connector](writing-a-connector.md).",
    ]
    return _page(lines)


def faults() -> str:
    """Return the failures that the sandbox rehearses."""
    lines = [
        "# Faults to rehearse",
        "",
        "Each is one `Fault(kind=…)` for [the sandbox](sandbox.md). Those with a length need `after_ms`.",
        "",
        "| Fault | What happens | Has a length |",
        "|---|---|---|",
        *(f"| `{kind}` | {MEANING[kind]} | {'yes' if kind in TIMED else 'no'} |" for kind in MEANING),
    ]
    return _page(lines)


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "connectors.md": connectors,
    "errors.md": error_tree,
    "faults.md": faults,
    "result-codes.md": result_codes,
    "settings.md": settings,
    "states.md": states,
}


def behind() -> list[str]:
    """Return the names of the pages that are not what the code says."""
    return [name for name, make in PAGES.items() if _read(DOCS / name) != make()]


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` only compare them."""
    late = behind()
    if "--check" in arguments:
        for name in late:
            print(f"docs/{name} is behind the code. Run: make docs", file=sys.stderr)
        return 1 if late else 0
    for name in late:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"Wrote docs/{name}")
    if not late:
        print("The generated pages are up to date")
    return 0


def _page(lines: list[str]) -> str:
    head, *rest = lines
    return "\n".join([head, "", MADE_BY, *rest]) + "\n"


def _label(before: Status, after: Status) -> str:
    return " : late proof only" if (before, after) == (Status.NOT_PAID, Status.PAID) else ""


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


def _cells(row: tuple[str, ...]) -> str:
    name, methods, *rest = row
    return " | ".join([f"`{name}`", ", ".join(f"`{method}`" for method in methods.split(", ")), *rest])


def _tree(root: type[errors.GallaError]) -> Iterator[type[errors.GallaError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


def _error_row(kind: type[errors.GallaError]) -> str:
    means = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
    code = f"`{kind.code}`" if issubclass(kind, errors.PaymentError) else ""
    return f"| `{kind.__name__}` | {means} | {code} | {_exit(kind).value} |"


def _exit(kind: type[errors.GallaError]) -> Exit:
    named = {kind: {"retry_after_s": 1} for kind in (errors.TooSoon, errors.Unreachable)}
    named[errors.Refused] = {"code": "", "hint": ""}
    return explain(kind("", **named.get(kind, {}))).exit


def _helps(commands: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return each command's help as it looks on a terminal 100 characters wide, without the frame's colours."""
    quiet = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    run = "import sys; from galla.cli import main; [(main([*a.split(), '--help']), print('\\f')) for a in sys.argv[1:]]"
    told = subprocess.run(
        [sys.executable, "-c", run, *(" ".join(words) for words in commands)],
        capture_output=True, text=True, check=True, env=quiet,
    )  # fmt: skip
    texts = [text.partition("Add --verbose")[0].strip() for text in told.stdout.split("\f\n")[:-1]]
    return [[line.rstrip() for line in text.splitlines()] for text in texts]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
