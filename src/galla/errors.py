"""Every exception galla raises, as one tree.

A refusal of money is a value (an `Outcome`), a failure of machinery is one of these::

    GallaError
    ├── ConfigError                     a setting is missing or malformed (found before any I/O)
    ├── PaytmError                      a conversation failed; carries .operation and .paytm_id
    │   ├── TransportError
    │   │   ├── NotSent                 certainly not received: safe to send again
    │   │   └── NoReply                 may have been received: ask, never resend
    │   ├── ProtocolError
    │   │   ├── LocalProtocolError      we tried to say something the protocol forbids
    │   │   └── RemoteProtocolError     they said something it forbids; .path names the field
    │   │       └── ChecksumMismatch    the signature does not belong to the text
    │   └── Refused                     a well-formed "no" from Paytm; .code .message .hint .is_retryable
    ├── PaymentError                    the caller asked for what the rules forbid; .code .param
    │   ├── InvalidField                one field of the request cannot be used
    │   ├── NotFound                    no such object for this caller
    │   ├── IllegalTransition           the payment's state does not allow it
    │   ├── AmountNotAllowed            above the due, above a limit, or not a whole number of paise
    │   ├── TerminalBusy                another payment holds the machine
    │   ├── BillHasLivePayment          another payment may still pay this bill
    │   ├── ReferenceHasLivePayment     another payment may still pay this reference
    │   ├── IdempotencyMismatch         the key was used for another request
    │   ├── IdempotencyInProgress       the first request with this key is still running
    │   ├── TooSoon                     asked again before it can make sense; .retry_after_s
    │   ├── Unreachable                 the provider has stopped answering: nothing was begun; .retry_after_s
    │   └── Forbidden                   the key or session may not do this
    ├── WebhookNotVerified              a message that galla has not sent, or not just now
    ├── LedgerError                     an entry that would not balance
    ├── SettlementFileError             a settlement file that cannot be read without guessing
    └── StoreError                      the database cannot keep its promises
        ├── StaleClaim                  somebody else has advanced this payment meanwhile
        └── Unavailable                 the database cannot take work now; nothing was changed

No message carries a key, a checksum, a token or a card number. HTTP statuses are chosen in `web/`, not here.
"""

from __future__ import annotations


class GallaError(Exception):
    """Root of everything galla raises on purpose."""


class ConfigError(GallaError):
    """A setting is missing or malformed; the message names it and says what to write."""

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class PaytmError(GallaError):
    """A conversation with Paytm failed."""

    def __init__(self, message: str, *, operation: str | None = None, paytm_id: str | None = None) -> None:
        super().__init__(message)
        self.operation = operation
        self.paytm_id = paytm_id


class TransportError(PaytmError):
    """The network did not carry the conversation."""


class NotSent(TransportError):
    """The request certainly never reached Paytm: sending it again cannot charge twice."""


class NoReply(TransportError):
    """The request may have reached Paytm: ask by its id, never send it again."""


class ProtocolError(PaytmError):
    """One side said something the protocol forbids."""

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        operation: str | None = None,
        paytm_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, paytm_id=paytm_id)
        self.path = path


class LocalProtocolError(ProtocolError):
    """We tried to say something the protocol forbids; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """They said something the protocol forbids; `.path` names the field."""


class ChecksumMismatch(RemoteProtocolError):
    """The signature does not belong to the text it came with."""


class Refused(PaytmError):
    """Paytm understood the request and said no."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str,
        is_retryable: bool = False,
        operation: str | None = None,
        paytm_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, paytm_id=paytm_id)
        self.code = code
        self.message = message
        self.hint = hint
        self.is_retryable = is_retryable


class PaymentError(GallaError):
    """The caller asked for what the rules forbid.

    `code` is the stable machine word of the API, `param` the field at fault when there is one,
    `blocker` the id of the object in the way when there is one.
    """

    code = "payment_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        blocker: str | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.param = param
        self.blocker = blocker


class InvalidField(PaymentError):
    """One field of the request cannot be used."""

    code = "invalid_field"


class NotFound(PaymentError):
    """No such object, or none that this caller may see."""

    code = "not_found"


class IllegalTransition(PaymentError):
    """The payment's state does not allow this."""

    code = "illegal_transition"


class AmountNotAllowed(PaymentError):
    """The amount is above what is due, above a limit, or not a whole number of paise."""

    code = "amount_not_allowed"


class TerminalBusy(PaymentError):
    """Another payment holds the machine; `blocker` is its id."""

    code = "terminal_busy"


class BillHasLivePayment(PaymentError):
    """Another payment may still pay this bill; `blocker` is its id."""

    code = "bill_has_live_payment"


class ReferenceHasLivePayment(PaymentError):
    """Another payment may still pay this reference; `blocker` is its id."""

    code = "reference_has_live_payment"


class IdempotencyMismatch(PaymentError):
    """The idempotency key was used before for a different request."""

    code = "idempotency_mismatch"


class IdempotencyInProgress(PaymentError):
    """The first request with this idempotency key is still running."""

    code = "idempotency_in_progress"


class TooSoon(PaymentError):
    """Asked again before it can make sense."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unreachable(PaymentError):
    """The provider has stopped answering, so a new payment was not even written down."""

    code = "provider_unreachable"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Forbidden(PaymentError):
    """The API key or session is known but may not do this."""

    code = "forbidden"


class WebhookNotVerified(GallaError):
    """A webhook that galla has not sent, or not just now: believe nothing in it."""


class LedgerError(GallaError):
    """An entry that would not balance, or that the chart of accounts does not know."""


class SettlementFileError(GallaError):
    """A settlement file that cannot be read without guessing."""


class StoreError(GallaError):
    """The database cannot keep its promises."""


class StaleClaim(StoreError):
    """Somebody else advanced this payment while we were talking; our result was thrown away."""


class Unavailable(StoreError):
    """The database cannot take work right now; nothing was changed."""
