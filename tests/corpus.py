"""Hostile texts: what a person, a customer or Paytm could write into a field so that something runs where it shows.

Each holds `MARK`, so that a test can tell a typed text from galla's own wherever it comes out.
"""

MARK = "zqx"

PAGES = (
    "<script>alert('zqx')</script>",
    '"><img src=x onerror=alert("zqx")>',
    "' autofocus onfocus='alert(`zqx`)",
    "</textarea></title></style><iframe src=javascript:alert('zqx')>",
    "javascript:alert('zqx')",
    "data:text/html,<script>alert('zqx')</script>",
    "<svg/onload=alert('zqx')><a xlink:href='javascript:alert(1)'>",
    "<hx-partial hx-get=/sign-out hx-trigger=load>zqx</hx-partial>",
    "{{7*7}}{% raw %}${7*7}#{7*7}<%= 7*7 %>zqx",
    "]]>--><!--zqx&lt;b&gt;&#60;b&#62;",
)
"""Markup, scripts, addresses and templates."""

SHEETS = (
    "=cmd|' /C calc'!A0 zqx",
    '=HYPERLINK("http://evil.example","zqx")',
    "+cmd|' /C calc'!zqx",
    "-2+3+cmd|' /C calc'!zqx",
    "@SUM(1+1)*zqx",
    "\t=1+1 zqx",
    "\r=1+1 zqx",
    "\n=1+1 zqx",
    "\uff1d1+1 zqx",
    "\u00a0\u200b=1+1 zqx",
    '",=1+1,"zqx',
    "|zqx|a pipe|",
    "%0A=zqx",
)
"""Formulas, and what becomes one once a cell is trimmed or split."""

PRINTERS = (
    "zqx\x1b@\x1d(k\x03\x001Q0\x10\x04\x01\x1bp\x00\x19",
    "zqx\x1bp\x01\x19\xfa\x1dV\x01",
    "zqx\x1b[2J\x1b]0;owned\x07\x9b31m",
    "zqx\x08\x08\x08\x7f\x0c\x0b\x85",
    "zqx) Tj ET endstream endobj /OpenAction <</S/JavaScript/JS(app.alert(1))>> (",
    '#read("/etc/passwd") #eval("1+1") $ x $ zqx',
    "*bold* _it_ `raw` = head\\ // <label> @zqx",
)
"""Commands to printers and terminals, and the operators of PDF and of typst."""

LINES = (
    'zqx\r\n{"event": "payment.paid", "level": "info"}',
    "zqx\u2028next\u2029line\u0085line",
    "zqx %s %(a)s {0} {request_id} $1 \\r\\n",
    "\u202egnp.exe\u2066 zqx\u200b\ufeff\u2069",
    "zqx' OR '1'='1'; DROP TABLE payments; --",
    "\u0930\u092e\u0947\u0936 zqx \u2702 \u6771\u4eac \U0001f44d \u20b91,00,000",
    "zqx\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
    "zqx" + "W" * 9_997,
)
"""Forged lines, direction and invisible characters, format strings, marks on marks, and far too much."""

HALVES = ("zqx\x00nul", "zqx\ud800half")
"""What no database and no UTF-8 can hold."""

WHOLE = (*PAGES, *SHEETS, *PRINTERS, *LINES)
"""Everything that is a text at all."""


def is_kept(text: str) -> bool:
    """Whether a database can hold a text: no NUL, no half of a character."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
