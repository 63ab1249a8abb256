"""Other settings and other services for one test."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Protocol
from uuid import UUID, uuid4

import pytest
import svcs
from flask import Flask

from app.core.settings import CoreSettings
from app.core.state import Playhall
from app.economy.settings import EconomySettings
from playhall import Sessions, get
from playhall import settings as settings_of
from playhall.testing import AsAccount, Fake, OverrideSettings
from playhall.testing import replacing as module


class Mailer(Protocol):
    """Sends mail."""

    def send(self, to: str, *, text: str = "") -> str:
        """Send it; the id of the mail."""

    def flush(self) -> None:
        """Send what waits."""


class SilentMail:
    """Sends nothing."""

    def send(self, to: str, *, text: str = "") -> str:
        return f"{to}: {text}"

    def flush(self) -> None:
        """Nothing waits."""


def test_plugin_setting_is_another_for_the_test(app: Flask, settings: OverrideSettings) -> None:
    """Whoever asks for it gets the new value, and the old one afterwards."""
    with app.app_context():
        before = settings_of(EconomySettings)
        settings(EconomySettings, currencies=("shell",))
        assert settings_of(EconomySettings).currencies == ("shell",)
        settings.restore()
        assert settings_of(EconomySettings) is before


def test_core_setting_is_another_for_the_test(app: Flask, settings: OverrideSettings) -> None:
    """Without a class it is the core's; and still nobody can change it in place."""
    playhall: Playhall = app.extensions["playhall"]
    settings(max_jobs_per_account=1)
    settings(job_timeout_s=7)
    assert (playhall.settings.max_jobs_per_account, playhall.settings.job_timeout_s) == (1, 7)
    with pytest.raises(FrozenInstanceError):
        playhall.settings.job_timeout_s = 8  # type: ignore[misc]
    settings.restore()
    assert playhall.settings.max_jobs_per_account == CoreSettings.max_jobs_per_account


def test_limits_can_be_tightened(as_account: AsAccount, settings: OverrideSettings) -> None:
    """A limit is a setting too."""
    settings(limits={"core.default": "1/minute"})
    me = as_account()
    assert [me.get("/api/v1/auth/sessions").status_code for _ in range(2)] == [200, 429]


def test_setting_that_is_not_there_is_named(settings: OverrideSettings) -> None:
    """With those that are."""
    with pytest.raises(TypeError, match="EconomySettings has no coins; it has currencies"):
        settings(EconomySettings, coins=1)
    with pytest.raises(LookupError, match="OverrideSettings is the settings class of no enabled plugin"):
        settings(OverrideSettings, coins=1)


def test_value_that_boot_refuses_is_refused(settings: OverrideSettings) -> None:
    """In boot's words."""
    with pytest.raises(ValueError, match="PLAYHALL_LOG_LEVEL: 'loud' is none of"):
        settings(log_level="loud")


def test_object_takes_a_services_place(app: Flask, fake: Fake) -> None:
    """Until the end of the test, whether there was one before or not."""
    mail, sessions = SilentMail(), fake(Sessions, version=7)
    fake(Mailer, mail)
    with app.app_context():
        assert get(Mailer) is mail
        assert get(Sessions).version(uuid4(), uuid4()) == 7
    assert sessions.version.call_count == 1
    fake.restore()
    with app.app_context():
        assert type(get(Sessions)).__name__ == "AuthSessions"
        with pytest.raises(svcs.exceptions.ServiceNotFoundError):
            get(Mailer)


def test_stub_records_and_gives_what_was_said(app: Flask, fake: Fake) -> None:
    """A value, or what is called instead."""
    fake(Mailer, send="id-1")
    with app.app_context():
        assert get(Mailer).send("a@b.example", text="hi") == "id-1"
        get(Mailer).flush()
    fake(Mailer, send=lambda to, text="": to.upper())
    with app.app_context():
        assert get(Mailer).send("a") == "A"


def test_stub_takes_only_what_the_protocol_allows(fake: Fake) -> None:
    """A call that would fail on the real one fails here."""
    mail = fake(Mailer, send="id-1")
    for call in (lambda: mail.send(), lambda: mail.send("a", "b"), lambda: mail.send("a", subject="b")):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(AttributeError):
        _ = mail.deliver
    assert mail.send.call_count == 0


def test_stub_does_not_invent_a_value(fake: Fake) -> None:
    """A method that promises one has to be told which."""
    mail = fake(Mailer)
    with pytest.raises(AssertionError, match=r"say what it gives: fake\(Mailer, send=\.\.\.\)"):
        mail.send("a")
    with pytest.raises(TypeError, match="Mailer has no deliver; it has flush, send"):
        fake(Mailer, deliver=1)


class NoFlush:
    def send(self, to: str, *, text: str = "") -> str:
        return to


class OtherNames:
    def send(self, address: str, *, text: str = "") -> str:
        return address

    def flush(self) -> None: ...


class MoreDemanded:
    def send(self, to: str, *, text: str) -> str:
        return to

    def flush(self) -> None: ...


@pytest.mark.parametrize(
    ("instead", "said"),
    [(NoFlush(), r"it has no flush\(\)"), (OtherNames(), "missing a required argument: 'address'"), (MoreDemanded(), "'text'")],
)
def test_object_that_does_not_fit_is_refused(fake: Fake, instead: object, said: str) -> None:
    """Its methods take all that the Protocol allows."""
    with pytest.raises(TypeError, match=said):
        fake(Mailer, instead)


def test_object_may_take_more() -> None:
    """More than the Protocol asks for does no harm."""

    class More:
        def send(self, to: str, urgent: bool = False, *, text: str = "", **more: UUID) -> str:
            return to

        def flush(self, *rest: int) -> None: ...

    assert list(module._misfits(Mailer, More())) == []
