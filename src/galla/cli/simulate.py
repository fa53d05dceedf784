"""`galla simulate`: a shop that lives by a seed, with faults on every road, and every rupee counted after each step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galla.cli import screen
from galla.cli.ending import Exit
from galla.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from galla.simulation.campaign import Campaign
    from galla.simulation.day import Played

SEED, PAYMENTS = "galla", 20_000


def simulate(
    *,
    seed: str = SEED,
    payments: int = PAYMENTS,
    seeds: int | None = None,
    jobs: int | None = None,
    only_run: int | None = None,
    twice: bool = False,
    notebook: Path | None = None,
    json: bool = False,
) -> int:
    """Let a whole shop live by a seed, with faults on every road, and check every rupee after each step.

    The service and the store are the real ones; staff, customers, Paytm, the network, the clock and the computer are
    played. The same seed gives the same trace hash on any computer, with any number of jobs. The exit code is 1 when
    something was found: the run and the step are printed, and the words that play just that run again.
    Ctrl-C ends it early, and tells what was done until then.

    Args:
        seed: What decides everything that happens.
        payments: How many payments at least.
        seeds: End after so many runs instead, each a seed of its own: galla/0, galla/1 and on.
        jobs: How many processes; as many as there are cores when left out.
        only_run: Play just this run of the seed, and say what came of it.
        twice: Play each run twice, by two processes if there are two, and see that both leave the same trace.
        notebook: Write each run into this file as it ends, and go on from there if it holds some already.
        json: Print JSON.
    """
    if any(number is not None and number < 1 for number in (payments, seeds, jobs)):
        raise ConfigError("Say how many payments, seeds and jobs with a number from 1 upwards.")
    if only_run is not None:
        return _one(seed, only_run, json)
    from galla.simulation.campaign import Campaign, play_all
    from galla.simulation.notebook import Notebook

    out = screen.console(stderr=json)
    count = jobs if jobs is not None else os.cpu_count() or 1
    with screen.live(out) as say:
        wanted = Campaign(seed, payments, seeds=seeds, times=2 if twice else 1)
        kept = Notebook(notebook, seed, wanted.times) if notebook is not None else None
        campaign = play_all(wanted, count, _Teller(say, out.is_terminal).tell, kept)
    if json:
        screen.print_json(record(campaign))
    else:
        _show(out, campaign)
    is_well = campaign.is_complete and not campaign.broken and not campaign.unlike
    return Exit.OK if is_well else Exit.UNEXPECTED


def record(campaign: Campaign) -> dict[str, Any]:
    """Return what a simulation found, as JSON has it."""
    from galla.simulation.verdict import FIGURES

    tally = campaign.tally
    return {
        "seed": campaign.seed,
        "trace": campaign.trace,
        "wanted": campaign.wanted,
        "seeds": campaign.seeds,
        "times": campaign.times,
        "is_complete": campaign.is_complete,
        "payments": campaign.payments,
        "runs": campaign.runs,
        "steps": tally["steps"],
        "seconds": round(campaign.seconds),
        "calls": tally["calls"],
        "calls_with_a_fault": tally["calls with a fault"],
        "found": {figure: tally[figure] for figure in FIGURES},
        "broken_runs": [{"run": each.number, "step": each.step, "what": each.breach} for each in campaign.broken],
        "runs_unlike_themselves": campaign.unlike,
        "faults": {name.removeprefix("fault: "): tally[name] for name in sorted(tally) if name.startswith("fault: ")},
        "seen": {name: tally[name] for name in sorted(tally) if not name.startswith("fault: ") and name not in FIGURES},
    }


class _Teller:
    """Tells how far it is every second, or every half minute where the lines stay."""

    def __init__(self, say: Callable[[str], None], is_live: bool) -> None:
        self._say = say
        self._every_s = 1.0 if is_live else 30.0
        self._told_s = 0.0

    def tell(self, campaign: Campaign) -> None:
        """Tell, if it is time."""
        if campaign.seconds - self._told_s >= self._every_s:
            self._told_s = campaign.seconds
            self._say(_progress(campaign))


def _progress(campaign: Campaign) -> str:
    found = f"{len(campaign.broken)} runs broken" if campaign.broken else "nothing found"
    share = f"{campaign.payments:,} of {campaign.wanted:,} payments in {campaign.runs:,} runs"
    if campaign.seeds is not None:
        share = f"{campaign.runs:,} of {campaign.seeds:,} runs, {campaign.payments:,} payments"
    return f"{share}, {found} · {screen.seconds(campaign.seconds)}"


def _show(out: Console, campaign: Campaign) -> None:
    told = record(campaign)
    out.print(_headline(campaign), style="bold green" if not campaign.broken else "bold red")
    screen.show_rows(out, _rows(campaign, told))
    out.print("What befell the requests to Paytm:")
    screen.show_rows(out, ((name.replace("_", " "), f"{count:>9,}") for name, count in told["faults"].items()))
    for each in campaign.broken:
        _show_breach(out, campaign.seed, each)
    if campaign.unlike:
        out.print(f"Played twice, these runs were not the same: {campaign.unlike}", style="bold red")
    elif campaign.times > 1:
        out.print("Each run was played twice, and left the same trace.")
    if not campaign.is_complete:
        wanted = f"{campaign.wanted:,} payments" if campaign.seeds is None else f"{campaign.seeds:,} runs"
        out.print(f"It ended before the {wanted} that were asked for.", style="bold")


def _headline(campaign: Campaign) -> str:
    if campaign.broken:
        return f"{len(campaign.broken)} of {campaign.runs:,} runs broke something that must hold"
    return f"{campaign.payments:,} payments, and every rupee explained"


def _rows(campaign: Campaign, told: dict[str, Any]) -> list[tuple[str, str]]:
    tally = campaign.tally
    numbers = ("payments", "runs", "steps", "calls")
    names = {"calls": "requests to Paytm"}
    rows = [(names.get(name, name), f"{told[name]:>9,}") for name in numbers]
    rows.append(("of them with a fault", f"{campaign.share:>9.1%}"))
    rows += [(name, f"{tally[name]:>9,}") for name in ("deaths", "clocks set wrong", "refunds", "voids", "tasks")]
    rows += [(name, f"{count:>9,}") for name, count in told["found"].items()]
    rows += [("seed", campaign.seed), ("trace", campaign.trace), ("time", screen.seconds(campaign.seconds))]
    return rows


def _one(seed: str, number: int, as_json: bool) -> int:
    from galla.simulation.day import play
    from galla.simulation.playhouse import open_house

    with open_house() as house:
        played = play(house, seed, number)
    out = screen.console()
    if as_json:
        screen.print_json({"run": number, "trace": played.trace, "what": played.breach, "step": played.step})
    elif played.breach is not None:
        _show_breach(out, seed, played)
    else:
        out.print(f"Run {number} of seed {seed}: nothing found in {played.tally['payments']} payments")
        out.print(f"  trace {played.trace}")
    return Exit.UNEXPECTED if played.breach is not None else Exit.OK


def _show_breach(out: Console, seed: str, played: Played) -> None:
    out.print(f"Run {played.number}, step {played.step}:", style="bold red")
    for line in (played.breach or "").splitlines():
        out.print(f"  {line}")
    out.print(f"  Play it again: galla simulate --seed {seed} --only-run {played.number}")
