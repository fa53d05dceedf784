"""Amounts written out in Hindi, for papers that are read on a page in Hindi. The printed ones are English."""

from __future__ import annotations

_BELOW_HUNDRED = (
    *("शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"),
    *("दस", "ग्यारह", "बारह", "तेरह", "चौदह", "पंद्रह", "सोलह", "सत्रह", "अठारह", "उन्नीस"),
    *("बीस", "इक्कीस", "बाईस", "तेईस", "चौबीस", "पच्चीस", "छब्बीस", "सत्ताईस", "अट्ठाईस", "उनतीस"),
    *("तीस", "इकतीस", "बत्तीस", "तैंतीस", "चौंतीस", "पैंतीस", "छत्तीस", "सैंतीस", "अड़तीस", "उनतालीस"),
    *("चालीस", "इकतालीस", "बयालीस", "तैंतालीस", "चौवालीस", "पैंतालीस", "छियालीस", "सैंतालीस", "अड़तालीस", "उनचास"),
    *("पचास", "इक्यावन", "बावन", "तिरपन", "चौवन", "पचपन", "छप्पन", "सत्तावन", "अट्ठावन", "उनसठ"),
    *("साठ", "इकसठ", "बासठ", "तिरसठ", "चौंसठ", "पैंसठ", "छियासठ", "सड़सठ", "अड़सठ", "उनहत्तर"),
    *("सत्तर", "इकहत्तर", "बहत्तर", "तिहत्तर", "चौहत्तर", "पचहत्तर", "छिहत्तर", "सतहत्तर", "अठहत्तर", "उन्यासी"),
    *("अस्सी", "इक्यासी", "बयासी", "तिरासी", "चौरासी", "पचासी", "छियासी", "सत्तासी", "अट्ठासी", "नवासी"),
    *("नब्बे", "इक्यानवे", "बानवे", "तिरानवे", "चौरानवे", "पंचानवे", "छियानवे", "सत्तानवे", "अट्ठानवे", "निन्यानवे"),
)
"""Hindi has a word of its own for each number below a hundred."""

_STEPS = ((10_000_000, "करोड़"), (100_000, "लाख"), (1_000, "हज़ार"), (100, "सौ"))


def in_hindi_words(amount_paise: int) -> str:
    """Write an amount of paise, zero or more, in Hindi words.

    Example:
        >>> in_hindi_words(12345650)
        'एक लाख तेईस हज़ार चार सौ छप्पन रुपये पचास पैसे मात्र'
    """
    whole, part = divmod(amount_paise, 100)
    rupees = f"{_number(whole)} {'रुपया' if whole == 1 else 'रुपये'}" if whole or not part else ""
    paise = f"{_number(part)} {'पैसा' if part == 1 else 'पैसे'}" if part else ""
    return " ".join(filter(None, (rupees, paise, "मात्र")))


def _number(value: int) -> str:
    for step, word in _STEPS:
        if value >= step:
            rest = value % step
            return f"{_number(value // step)} {word}" + (f" {_number(rest)}" if rest else "")
    return _BELOW_HUNDRED[value]
