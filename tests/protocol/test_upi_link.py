"""Links for UPI apps and the ids in them, by NPCI's rules."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from galla.errors import InvalidField, LocalProtocolError, RemoteProtocolError
from galla.protocol.link import UpiLink, build_link, parse_link
from galla.protocol.message import Response
from galla.protocol.vpa import check_vpa, is_vpa, masked_vpa
from tests.protocol.upi_samples import INTENT, KEY, LINK, QR, answer, result

CLINIC = UpiLink(pa="clinic@ptybl", pn="City Clinic", mc="8011", tr="ORD1", amount_paise=100)

said = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), min_size=1, max_size=50
)
links = st.builds(
    UpiLink,
    pa=st.sampled_from(["clinic@ptybl", "paytm-00000001@ptybl", "A.b_c-9@x2"]),
    pn=said,
    mc=st.sampled_from([None, "8011"]),
    tid=st.sampled_from([None, "PTM1234567890"]),
    tr=st.text("ABCxyz09", min_size=1, max_size=35),
    tn=st.none() | said,
    amount_paise=st.none() | st.integers(100, 10**12 - 1),
    minimum_paise=st.none() | st.integers(1, 100),
    cu=st.sampled_from([None, "INR"]),
    url=st.sampled_from([None, "https://shop.example/b?x=1&y=%20#z"]),
    mode=st.sampled_from([None, "00", "15"]),
    purpose=st.sampled_from([None, "05"]),
    orgid=st.sampled_from([None, "159761"]),
    sign=st.sampled_from([None, "MEUCIQ+/ab=="]),
    others=st.dictionaries(st.sampled_from(["paytmqr", "x y", "é", "AM"]), said, max_size=3).map(
        lambda given: tuple(given.items())
    ),
)


@settings(deadline=None)
@given(link=links)
def test_any_link_is_read_as_it_was_meant(link: UpiLink) -> None:
    """What is written is read back, and holds nothing but visible ASCII; writing it again changes nothing."""
    text = build_link(link)
    assert text.isascii()
    assert " " not in text
    assert "+" not in text
    assert link == parse_link(text)
    assert text == build_link(parse_link(text))


def test_a_link_by_npcis_rules() -> None:
    """Spaces are %20, the amount has two decimals, the currency is named, the signature comes last."""
    link = replace(
        CLINIC, tn="Bill 42 & more", amount_paise=250_050, sign="a+/=", others=(("paytmqr", "1 2"),)
    )
    expected = (
        "upi://pay?pa=clinic@ptybl&pn=City%20Clinic&mc=8011&tr=ORD1&tn=Bill%2042%20%26%20more&am=2500.50&cu=INR"
        "&paytmqr=1%202&sign=a%2B%2F%3D"
    )
    assert expected == build_link(link)


def test_a_link_is_read_by_npcis_rules() -> None:
    """A plus is a plus, unknown names are kept in order, an empty one is left out, a whole amount is rupees."""
    link = parse_link("UPI://pay?pa=a.b@ybl&pn=A+B&am=5&x=1&cu=&sign=a+b%3D&y=")
    expected = UpiLink(
        pa="a.b@ybl", pn="A+B", amount_paise=500, cu=None, sign="a+b=", others=(("x", "1"), ("y", ""))
    )
    assert expected == link


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pa": "clinic"}, "link.pa"),
        ({"pa": "clinic@bank.com"}, "link.pa"),
        ({"pn": None}, "link.pn"),
        ({"pn": ""}, "link.pn"),
        ({"pn": "a\nb"}, "link.pn"),
        ({"mc": "80"}, "link.mc"),
        ({"tr": None}, "link.tr"),
        ({"tr": "T" * 36}, "link.tr"),
        ({"tr": "T T"}, "link.tr"),
        ({"tid": "T" * 36}, "link.tid"),
        ({"tn": "n" * 51}, "link.tn"),
        ({"amount_paise": 0}, "link.am"),
        ({"amount_paise": 1.5}, "link.am"),
        ({"amount_paise": True}, "link.am"),
        ({"minimum_paise": 101}, "link.mam"),
        ({"cu": "USD"}, "link.cu"),
        ({"url": "javascript:alert(1)"}, "link.url"),
        ({"mode": "1"}, "link.mode"),
        ({"purpose": "hospital"}, "link.purpose"),
        ({"sign": "a b"}, "link.sign"),
        ({"others": (("am", "9.00"),)}, "link.others"),
        ({"others": (("x", "1"), ("x", "2"))}, "link.others"),
        ({"others": (("x", "a\n"),)}, "link.others"),
    ],
)
def test_a_link_that_breaks_the_rules_is_not_made(change: dict[str, Any], path: str) -> None:
    """The field at fault is named."""
    with pytest.raises(LocalProtocolError) as caught:
        build_link(replace(CLINIC, **change))
    assert path == caught.value.path


@pytest.mark.parametrize(
    "text",
    ["", "upi://pay", "upi://pay?", "upi://mandate?pa=a.b@ybl", "https://pay?pa=a.b@ybl", "upi:pay?pa=a.b@ybl",
     "upi://pay?pa=a.b@ybl&pn=A B", "upi://pay?pa=a.b@ybl&pn=é", "upi://pay?pa=a.b@ybl&pn=%zz",
     "upi://pay?pa=a.b@ybl&pn=%", "upi://pay?pa=a.b@ybl&pn=%FF", "upi://pay?pa=a.b@ybl&pa=c.d@ybl",
     "upi://pay?pa=a.b@ybl&am=1&am=2", "upi://pay?pa=a.b@ybl&x=1&x=2", "upi://pay?pa=a.b@ybl&&cu=INR",
     "upi://pay?pa=a.b@ybl&x", "upi://pay?pa=a.b@ybl&=x", "upi://pay?pn=A", "upi://pay?pa=", "upi://pay?pa=a",
     "upi://pay?pa=a@b@c", "upi://pay?pa=a.b@ybl&am=1.005", "upi://pay?pa=a.b@ybl&am=-1", "upi://pay?pa=a.b@ybl&am=0",
     "upi://pay?pa=a.b@ybl&am=1,000", "upi://pay?pa=a.b@ybl&cu=USD", "upi://pay?pa=a.b@ybl#x",
     "upi://pay?pa=a.b@ybl&url=javascript:x", "upi://pay?pa=a.b@ybl&pn=a%0Ab", "upi://pay?pa=a.b@ybl&am=1&mam=2",
     "upi://pay?pa=a.b@ybl&pn=" + "n" * 2000],
)  # fmt: skip
def test_what_is_no_link_is_a_protocol_error(text: str) -> None:
    """What cannot be shown without guessing is refused."""
    with pytest.raises(RemoteProtocolError):
        parse_link(text)


@settings(deadline=None)
@given(text=st.text(max_size=60).map(lambda tail: "upi://pay?pa=a.b@ybl&" + tail) | st.text(max_size=60))
def test_no_text_surprises(text: str) -> None:
    """Any text is a link or a `RemoteProtocolError`."""
    with suppress(RemoteProtocolError):
        assert isinstance(parse_link(text), UpiLink)


@pytest.mark.parametrize(
    "link", [LINK, LINK + "&paytmqr=X%2f1&sign=MEUC%2BIQ", "UPI://PAY?am=1&pa=a.b@ybl&x=%7e", "upi://pay?&&&"]
)
def test_paytms_link_is_passed_on_byte_for_byte(link: str) -> None:
    """However odd Paytm's own link is written, the text that is shown is the text that came."""
    intent = INTENT.parse_reply(answer(result("S", "0000", deepLinkInfo={"deepLink": link})), KEY)
    assert intent.deep_link_info is not None
    assert link == intent.deep_link_info.deep_link
    read = QR.parse_reply(answer(result("SUCCESS", "QR_0001", qrData=link)), KEY)
    assert link == read.qr_data
    again = INTENT.parse_reply(Response(status=200, body=intent.encode("1", key=None).body), KEY)
    assert intent == again


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (True, "neha@okbank"),
        (True, "NEHA.K-9_x@YBL"),
        (True, "9876543210@ybl"),
        (True, "ab@x2"),
        (True, f"{'n' * 256}@{'b' * 64}"),
        (False, ""),
        (False, "@"),
        (False, "@okbank"),
        (False, "neha@"),
        (False, "n@okbank"),
        (False, "neha@o"),
        (False, "neha@2ok"),
        (False, "neha@ok.bank"),
        (False, "neha@bank.com"),
        (False, "neha@ok-bank"),
        (False, "neha@ok@bank"),
        (False, "neha okbank"),
        (False, "neha @okbank"),
        (False, " neha@okbank"),
        (False, "neha@okbank\n"),
        (False, "नेहा@okbank"),
        (False, "neha+x@okbank"),
        (False, "neha|x@okbank"),
        (False, "9876543210"),
        (False, f"{'n' * 257}@okbank"),
        (False, f"neha@{'b' * 65}"),
        (False, None),
        (False, 5),
    ],
)
def test_upi_ids_by_rule(expected: bool, text: Any) -> None:
    """A UPI id is a name, one @, and a handle without a dot; an e-mail address is none."""
    assert expected is is_vpa(text)
    if expected:
        assert text == check_vpa(text)
    else:
        with pytest.raises(InvalidField) as caught:
            check_vpa(text)
        assert (caught.value.code, caught.value.param) == ("invalid_vpa", "vpa")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("ne***@okbank", "neha@okbank"),
        ("98***@ybl", "9876543210@ybl"),
        ("n***@ybl", "ne@ybl"),
        ("ne***@okbank", "ne***@okbank"),
        ("***", "9876543210"),
        ("***", "neha@bank.com"),
        ("***", ""),
        ("***", "@ybl"),
    ],
)
def test_upi_ids_are_masked(expected: str, text: str) -> None:
    """Of a UPI id at most two characters of the name are kept; of anything else nothing."""
    assert expected == masked_vpa(text)
