"""The virtual machine: what each action leads to, and what Paytm learns."""

from datetime import UTC, datetime

import pytest

from galla.errors import IllegalTransition, InvalidField
from galla.sandbox.instrument import CARDS
from galla.sandbox.job import Effect, Failed, Job, JobKind, Paid, Slip, Voided, VoidRefused
from galla.sandbox.terminal import Action, Screen, Terminal, act, lapse, possible, print_slip, push

AT = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
BLANK = Terminal(tid="12345671", mid="M", label="Counter 1", changed_at=AT)


def sale(amount_paise: int = 50_000, **fields: object) -> Job:
    return Job(charge_id="C1", kind=JobKind.SALE, amount_paise=amount_paise, **fields)  # type: ignore[arg-type]


def void() -> Job:
    return Job(charge_id="C1", kind=JobKind.VOID, amount_paise=50_000)


def do(job: Job, *actions: str, card: str = "visa_credit") -> tuple[Terminal, list[Effect]]:
    terminal, effects = push(BLANK, job, AT), []
    for action in actions:
        step = act(terminal, Action(action), AT, card=card)
        terminal = step.terminal
        if step.effect is not None:
            effects.append(step.effect)
    return terminal, effects


@pytest.mark.parametrize(
    ("actions", "screen", "effect"),
    [
        ("", Screen.CONFIRM, None),
        ("accept", Screen.PRESENT, None),
        ("reject", Screen.DECLINED, Failed),
        ("red_key", Screen.DECLINED, Failed),
        ("walk_away", Screen.CONFIRM, None),
        ("accept tap", Screen.APPROVED, Paid),
        ("accept insert", Screen.PIN, None),
        ("accept insert pin_right", Screen.APPROVED, Paid),
        ("accept insert pin_wrong", Screen.PIN, None),
        ("accept insert pin_wrong pin_wrong pin_right", Screen.APPROVED, Paid),
        ("accept insert pin_wrong pin_wrong pin_wrong", Screen.DECLINED, Failed),
        ("accept insert red_key", Screen.DECLINED, Failed),
        ("accept insert walk_away", Screen.PRESENT, None),
        ("accept red_key", Screen.DECLINED, Failed),
        ("accept show_qr", Screen.QR, None),
        ("accept show_qr red_key", Screen.DECLINED, Failed),
        ("accept show_qr walk_away", Screen.PRESENT, None),
        ("accept show_qr scan", Screen.SCANNED, None),
        ("accept show_qr scan approve", Screen.APPROVED, Paid),
        ("accept show_qr scan decline", Screen.DECLINED, Failed),
        ("accept show_qr scan red_key", Screen.DECLINED, Failed),
        ("accept tap clear", Screen.IDLE, Paid),
        ("reject red_key", Screen.IDLE, Failed),
    ],
)
def test_a_sale_follows_the_table(actions: str, screen: Screen, effect: type | None) -> None:
    """Each way through a sale ends on its screen and tells Paytm exactly once, or not at all."""
    terminal, effects = do(sale(), *actions.split())

    assert screen == terminal.screen
    assert ([] if effect is None else [effect]) == [type(told) for told in effects]


@pytest.mark.parametrize(
    ("action", "effect", "screen"),
    [("accept", Voided, Screen.APPROVED), ("reject", VoidRefused, Screen.DECLINED)],
)
def test_a_void_is_answered_on_the_screen(action: str, effect: type, screen: Screen) -> None:
    """A void is accepted or rejected, and needs no card."""
    terminal, effects = do(void(), action)

    assert [effect] == [type(told) for told in effects]
    assert screen == terminal.screen


def test_every_screen_refuses_what_it_does_not_offer() -> None:
    """An action outside the table changes nothing and names what is possible."""
    seen = 0
    for actions in (
        "",
        "accept",
        "accept insert",
        "accept show_qr",
        "accept show_qr scan",
        "accept tap",
        "reject",
    ):
        terminal, _ = do(sale(), *actions.split())
        for action in set(Action) - set(possible(terminal)):
            with pytest.raises(IllegalTransition, match="Possible now"):
                act(terminal, action, AT)
            seen += 1

    assert seen > 80


@pytest.mark.parametrize("card", [code for code, card in CARDS.items() if card.refusal is None])
def test_every_good_card_pays(card: str) -> None:
    """Each card but one pays when its PIN is right, and Paytm learns which it was."""
    _, effects = do(sale(), "accept", "insert", "pin_right", card=card)

    assert [Paid(charge_id="C1", instrument=card)] == effects


def test_the_empty_card_never_pays() -> None:
    """The card without money is declined by its bank, tapped or with its PIN."""
    for actions in (("accept", "tap"), ("accept", "insert", "pin_right")):
        _, effects = do(sale(), *actions, card="no_funds")

        assert [Failed(charge_id="C1", reason="Insufficient funds", bank_code="51")] == effects


def test_an_unknown_card_is_refused() -> None:
    """A card that does not exist names the ones that do."""
    with pytest.raises(InvalidField, match="visa_credit"):
        do(sale(), "accept", "tap", card="library_card")


def test_a_tap_above_five_thousand_rupees_asks_for_the_pin() -> None:
    """₹5,000.00 is tapped without PIN, a paisa more is not."""
    assert do(sale(500_000), "accept", "tap")[0].screen == Screen.APPROVED
    assert do(sale(500_001), "accept", "tap")[0].screen == Screen.PIN


def test_auto_accept_and_mode_choose_the_first_screen() -> None:
    """Auto-accept skips the question; QR goes straight to the QR; CARD offers none."""
    assert push(BLANK, sale(is_auto_accepted=True), AT).screen == Screen.PRESENT
    assert push(BLANK, sale(is_auto_accepted=True, mode="QR"), AT).screen == Screen.QR
    assert do(sale(mode="QR"), "accept")[0].screen == Screen.QR
    assert Action.SHOW_QR not in possible(do(sale(mode="CARD"), "accept")[0])


def test_an_offline_machine_fetches_later() -> None:
    """A request waits while the network is out and appears when it is back."""
    offline = act(BLANK, Action.NETWORK_OFF, AT).terminal

    waiting = push(offline, sale(), AT)

    assert (waiting.screen, waiting.inbox and waiting.inbox.charge_id) == (Screen.IDLE, "C1")
    assert act(waiting, Action.NETWORK_ON, AT).terminal.screen == Screen.CONFIRM


def test_without_network_the_bank_cannot_be_asked() -> None:
    """Tap and PIN leave an offline machine where it is, and say so."""
    for actions in (("accept", "network_off", "tap"), ("accept", "insert", "network_off", "pin_right")):
        terminal, effects = do(sale(), *actions)

        assert effects == []
        assert "No connection" in terminal.notice


def test_a_rejection_without_network_is_told_later() -> None:
    """The red key on an offline machine reaches Paytm when the network is back."""
    terminal, effects = do(sale(), "accept", "network_off", "red_key")
    assert (effects, terminal.screen) == ([], Screen.DECLINED)

    step = act(terminal, Action.NETWORK_ON, AT)

    assert isinstance(step.effect, Failed)


def test_a_phone_pays_although_the_machine_is_offline() -> None:
    """A UPI approval reaches Paytm at once; the offline machine shows it when the network is back."""
    terminal, effects = do(sale(), "accept", "show_qr", "scan", "network_off", "approve")
    assert ([Paid], Screen.SCANNED) == ([type(told) for told in effects], terminal.screen)
    assert Action.RED_KEY not in possible(terminal)

    step = act(terminal, Action.NETWORK_ON, AT)

    assert (step.effect, step.terminal.screen) == (None, Screen.APPROVED)


def test_an_empty_battery_forgets_the_screen_and_not_the_request() -> None:
    """After charging, an unfinished request starts again; a held result is told."""
    dead, effects = do(sale(), "accept", "insert", "battery_dead")
    assert (effects, dead.screen) == ([], Screen.OFF)
    assert act(dead, Action.BATTERY_BACK, AT).terminal.screen == Screen.CONFIRM

    held, _ = do(sale(), "network_off", "reject", "battery_dead", "network_on")
    assert isinstance(act(held, Action.BATTERY_BACK, AT).effect, Failed)


def test_paper_out_does_not_touch_the_payment() -> None:
    """Without paper the payment stands and the machine says that the slip is missing."""
    terminal, effects = do(sale(), "paper_out", "accept", "tap")
    printed = print_slip(terminal, Slip(number=1, title="Approved", rows=()))

    assert [Paid] == [type(told) for told in effects]
    assert printed.slip is None
    assert "Paper is out" in printed.notice
    assert act(printed, Action.PAPER_IN, AT).terminal.notice == ""


def test_a_slip_stays_until_it_is_torn_off() -> None:
    """The slip hangs out of the machine whatever the screen shows, and goes when it is taken."""
    terminal, _ = do(sale(), "accept", "tap")
    printed = print_slip(terminal, Slip(number=1, title="Approved", rows=()))
    home = act(printed, Action.CLEAR, AT).terminal

    assert home.slip is not None
    assert act(home, Action.TAKE_SLIP, AT).terminal.slip is None


def test_a_lapsed_request_leaves_machine_and_inbox() -> None:
    """An expiry ends the request wherever it is."""
    shown = lapse(push(BLANK, sale(), AT), AT, "Too late")
    offline = act(BLANK, Action.NETWORK_OFF, AT).terminal
    kept = lapse(push(offline, sale(), AT), AT, "Too late")

    assert isinstance(shown.effect, Failed)
    assert isinstance(kept.effect, Failed)
    assert (shown.terminal.screen, kept.terminal.screen) == (Screen.DECLINED, Screen.IDLE)
    assert kept.terminal.inbox is None
    assert lapse(BLANK, AT, "Too late").effect is None
