"""What the service refused of a form, beside its field, in the words that stand on the form. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from galla.errors import PaymentError
from galla.web.pages.entry import Faults


def refused(error: PaymentError, names: Mapping[str, str]) -> Faults:
    """Return the fault of a refusal; `names` says what each of the service's fields is called on the form."""
    said = str(error)
    for word, spoken in names.items():
        said = said.replace(f"`{word}`", spoken, 1)
    return Faults({error.param: said}) if error.param else Faults(general=said)
