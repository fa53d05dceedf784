"""What the network, time and the computer do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galla.simulation.network import Road
from galla.simulation.pick import pick

if TYPE_CHECKING:
    from galla.simulation.run import Run

PAUSES = (0.2, 1.1, 4, 6, 20, 61, 200, 900, 2_000, 3_600, 20_000, 86_400)
WRONG_BY_S = (0.0, -30.0, -400.0, 20.0, 300.0, 0.0)


def hold(run: Run, a: int, b: int, c: int) -> None:
    """One of the next requests, or its answer, will wait in the network."""
    road = (Road.HOLD_REQUEST, Road.HOLD_ANSWER, Road.STALL)[a % 3]
    run.stage.network.plan(*[Road.OPEN] * max(0, b - 3), road)


def let_go(run: Run, a: int, b: int, c: int) -> None:
    """What waits in the network arrives, or is lost."""
    network = run.stage.network
    if network.flying:
        packet = pick(network.flying, a)
        (network.lose if b == 5 else network.let_go)(packet)
        run.do(run.stage.pass_time(0))


def arrive_late(run: Run, a: int, b: int, c: int) -> None:
    """A request that was given up arrives at Paytm after all."""
    if run.stage.network.lost:
        run.stage.network.arrive_late(pick(run.stage.network.lost, a))


def work(run: Run, a: int, b: int, c: int) -> None:
    """A worker does what is due."""
    run.do(run.stage.work())


def pause(run: Run, a: int, b: int, c: int) -> None:
    """Time passes and nothing runs, as on a sleeping computer; then, perhaps, a worker looks."""
    run.do(run.stage.pass_time(PAUSES[min(a + c % 7, 11)]))
    if b:
        run.do(run.stage.work(1))


def work_on(run: Run, a: int, b: int, c: int) -> None:
    """Time passes with a worker running."""
    run.do(run.stage.work_for((5.0, 15.0, 60.0, 200.0, 300.0, 2_000.0)[a]))


def wrong_clock(run: Run, a: int, b: int, c: int) -> None:
    """Somebody sets the computer's clock wrong, or right again."""
    run.stage.clock.set_wrong(WRONG_BY_S[a])
    run.count("clocks set wrong")
    run.stage.network.end_leases()


def doom(run: Run, a: int, b: int, c: int) -> None:
    """The process will die at one of its next uses of database and network."""
    run.stage.doom(1 + c % 14)


def die(run: Run, a: int, b: int, c: int) -> None:
    """The process dies where it stands and is started again."""
    run.do(run.stage.die())
