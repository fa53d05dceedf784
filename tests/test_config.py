"""Settings: each wrong one is named, the guide's names are understood, and no secret shows itself."""

from pathlib import Path
from typing import Any

import pytest

from galla import config
from galla.config import ALIASES, SETTINGS, Secret, Settings, load
from galla.errors import ConfigError

KEY = "sandbox_demo_key"
GOOD = {"GALLA_PAYTM_MID": "MID1", "GALLA_PAYTM_KEY": KEY}


def test_nothing_is_needed() -> None:
    """Without a single setting galla is a sandbox on one SQLite file, for this computer only."""
    settings = load({})
    assert settings == Settings()
    assert (settings.environment, settings.host, settings.database_url) == (
        "sandbox",
        "127.0.0.1",
        "sqlite:///galla.db",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GALLA_PORT", "http"), ("GALLA_PORT", "0"), ("GALLA_PORT", "65536"), ("GALLA_PORT", "٨٧"),
        ("GALLA_PAYTM_ENVIRONMENT", "prod"), ("GALLA_PAYTM_KEY", "short"), ("GALLA_PAYTM_KEY", KEY + "x"),
        ("GALLA_PAYTM_TIDS", "123456789"), ("GALLA_PAYTM_TIDS", "12 34"), ("GALLA_PAYTM_TIDS", "1234,५"),
        ("GALLA_LADDER_SCALE", "fast"), ("GALLA_LADDER_SCALE", "0"), ("GALLA_LADDER_SCALE", "-1"),
        ("GALLA_LADDER_SCALE", "nan"), ("GALLA_LADDER_SCALE", "inf"), ("GALLA_LADDER_SCALE", "11"),
        ("GALLA_INQUIRY_TIMEOUT", "soon"), ("GALLA_SEND_TIMEOUT", "0"), ("GALLA_COLLECT_ALLOWED", "maybe"),
        ("GALLA_UPI_LIMIT", "1e5"), ("GALLA_UPI_LIMIT", "0"), ("GALLA_LOG_LEVEL", "loud"), ("GALLA_LOG_FORMAT", "xml"),
        ("GALLA_CONFIG", "/nowhere/galla.toml"),
    ],
)  # fmt: skip
def test_a_wrong_setting_names_itself(name: str, text: str) -> None:
    """Every malformed setting is a `ConfigError` that names it and says what it must be, before anything is opened."""
    with pytest.raises(ConfigError, match=name) as caught:
        load({**GOOD, name: text})
    assert caught.value.setting == name
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_mid_and_key_go_together(missing: str) -> None:
    """A MID without its key, or a key without its MID, is refused."""
    with pytest.raises(ConfigError, match=r"GALLA_PAYTM_MID.*GALLA_PAYTM_KEY.*go together"):
        load({name: text for name, text in GOOD.items() if name != missing})


def test_production_is_not_hurried() -> None:
    """F17: Paytm's real service is never asked more often than the ladder says."""
    with pytest.raises(ConfigError, match="GALLA_LADDER_SCALE"):
        load({"GALLA_PAYTM_ENVIRONMENT": "production", "GALLA_LADDER_SCALE": "0.5"})
    assert load({"GALLA_PAYTM_ENVIRONMENT": "staging", "GALLA_LADDER_SCALE": "0.5"}).ladder_scale == 0.5


@pytest.mark.parametrize(("alias", "name"), sorted(ALIASES.items()))
def test_the_guides_names_are_understood(alias: str, name: str) -> None:
    """The integration guide's names work where galla's own are not set, and galla's own win."""
    good = {"GALLA_PAYTM_ENVIRONMENT": "staging", "GALLA_PAYTM_KEY": "k" * 16, "GALLA_PAYTM_TIDS": "1234"}
    field = config._FIELDS[name]

    def with_(**given: str) -> Any:
        base = {key: text for key, text in GOOD.items() if key != name}
        found = getattr(load({**base, **given}), field)
        return found.reveal() if isinstance(found, Secret) else found

    others = {"staging": "production", "k" * 16: "j" * 16, "1234": "5678"}
    text, other = good.get(name, "ONE"), others.get(good.get(name, ""), "TWO")
    assert with_(**{alias: text}) == with_(**{name: text})
    assert with_(**{alias: other, name: text}) == with_(**{name: text}) != with_(**{name: other})
    assert with_(**{alias: text, name: ""}) == with_(**{name: text})


def test_every_setting_is_documented_and_read() -> None:
    """The list that the documentation is made from holds every setting there is, once."""
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))
    assert set(names) == {*config._FIELDS, "GALLA_CONFIG"}
    assert set(ALIASES.values()) <= set(names)
    assert set(config._FIELDS.values()) == set(Settings.__struct_fields__)


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    """A TOML file gives settings in lower case; the environment overrides it, and arguments override both."""
    file = tmp_path / "galla.toml"
    file.write_text('port = 9000\nhost = "0.0.0.0"\npaytm_tids = ["1234", "5678"]\ncollect_allowed = true\n')
    environ = {"GALLA_CONFIG": str(file), "GALLA_HOST": "127.0.0.2"}
    settings = load(environ, log_level="debug")
    assert (settings.port, settings.host, settings.tids) == (9000, "127.0.0.2", ("1234", "5678"))
    assert (settings.collect_allowed, settings.log_level) == (True, "debug")
    assert load(environ, port=9001).port == 9001


@pytest.mark.parametrize("text", ["prot = 1", "[server]\nport = 1", "port = ", "\x00"])
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown setting or a broken file is refused by name, not passed over."""
    file = tmp_path / "galla.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"galla\.toml"):
        load({"GALLA_CONFIG": str(file)})


def test_secrets_do_not_show_themselves() -> None:
    """I-25: printed settings, and printed errors, hold no key."""
    settings = load({**GOOD, "GALLA_SECRET_KEY": "s3cret" * 7, "GALLA_API_KEY": "gk_test_1"})
    for text in (repr(settings), str(settings), f"{settings.key}", repr(Secret("")), f"{Secret('x')!s}"):
        assert KEY not in text
        assert "s3cret" not in text
        assert "gk_test_1" not in text
    assert settings.key.reveal() == KEY
    assert not Secret("")
