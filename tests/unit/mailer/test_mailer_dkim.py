"""Signatures as another implementation verifies them: dkimpy."""

import base64
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.dkim import (
    DOMAIN,
    KEY_FILE,
    SECOND_KEY_FILE,
    SECOND_SELECTOR,
    SELECTOR,
    Signer,
    read_signer,
    relaxed_body,
)
from services.mailer.domain.company import Profile
from services.mailer.domain.letter import Recipient
from services.mailer.domain.message import Claimed
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key, Template, TemplateType
from services.mailer.mime import Letterhead, Mail, compose
from services.mailer.rendering import MailPress
from services.shared.settings import SettingError
from tests.fakes import nacl_for_dkimpy
from tests.fakes.mailer import COMPANY

nacl_for_dkimpy.provide()

import dkim  # noqa: E402 - after what it looks for at its import

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
KEYS = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
SIGNERS = {kind: Signer(key, "s1", "example.test") for kind, key in KEYS.items()}
HEAD = Letterhead("Harbour & Co", "billing@example.test", "help@example.test", b"")


def _mail(
    subject: str = "Invoice 7", text: str = "Hello\n", name: str = "Dana", html: str = "<p>x</p>"
) -> bytes:
    to = [Recipient(name, "dana@x.test")]
    mail = Mail(HEAD, to, subject, html, text, "<n-1@example.test>", "n-1", AT)
    return compose(mail).mime


def _verifies(signed: bytes, signer: Signer) -> bool:
    record = signer.record()

    def dns(name: bytes, timeout: int = 5) -> bytes:
        assert name.decode().rstrip(".") == record.name
        return record.value.encode()

    return bool(dkim.verify(signed, dnsfunc=dns))


@pytest.fixture(params=SIGNERS)
def signer(request: pytest.FixtureRequest) -> Signer:
    return SIGNERS[request.param]


@pytest.mark.parametrize("kind", SIGNERS)
@settings(max_examples=60, deadline=None)
@given(subject=st.text(max_size=120), text=st.text(max_size=400), name=st.text(max_size=60))
def test_whatever_a_mail_says_its_signature_verifies(kind: str, subject: str, text: str, name: str) -> None:
    signed = SIGNERS[kind].sign(_mail(subject, text, name, html=f"<p>{text}</p>"), AT)
    assert _verifies(signed, SIGNERS[kind])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=" \t\r\nab.", max_size=60))
def test_a_body_is_hashed_as_the_other_implementation_does(text: str) -> None:
    body = re.sub(r"\r\n|\r|\n", "\r\n", text + "\n").encode()
    assert _verifies(SIGNERS["ed25519"].sign(b"From: a@x.test\r\n\r\n" + body, AT), SIGNERS["ed25519"])


def test_the_mail_itself_is_not_touched(signer: Signer) -> None:
    mail = _mail()
    signed = signer.sign(mail, AT)
    assert signed.endswith(mail)
    assert all(len(line) <= 78 for line in signed.removesuffix(mail).split(b"\r\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Invoice 7", b"Subject: Invoice 8"),
        (b"From: ", b"From: Mallory "),
        (b"Dana <dana@", b"Eve <eve@"),
        (b"Hello", b"Hullo"),
        (b"\r\nDate: ", b"\r\nDate: Sun, "),
        (b"Message-ID: <n-1", b"Message-ID: <n-2"),
        (b"multipart/alternative", b"multipart/mixed"),
        (b"t=1772463600", b"t=1772463601"),
        (b"d=example.test", b"d=example.tesu"),
    ],
)
def test_what_was_changed_on_the_way_no_longer_verifies(signer: Signer, old: bytes, new: bytes) -> None:
    signed = signer.sign(_mail(), AT)
    assert old in signed
    changed = signed.replace(old, new, 1)
    try:
        verified = _verifies(changed, signer)
    except AssertionError:
        verified = False
    assert not verified


@pytest.mark.parametrize(
    "name", ["From", "To", "Subject", "Reply-To", "Date", "Cc", "Sender", "Content-Type"]
)
def test_no_second_field_can_be_added(signer: Signer, name: str) -> None:
    signed = signer.sign(_mail(), AT)
    assert _verifies(b"X-Other: 1\r\n" + signed, signer)
    assert not _verifies(f"{name}: added on the way\r\n".encode() + signed, signer)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_any_bit_of_a_body_counts(at: int, bit: int) -> None:
    signed = bytearray(SIGNERS["ed25519"].sign(_mail(), AT))
    begin = signed.index(b"\r\n\r\n") + 4
    place = begin + at % (len(signed) - begin)
    before, old = relaxed_body(bytes(signed[begin:])), signed[place]
    signed[place] ^= 1 << bit
    # Who checks may mend ends of lines, so these are left as they are.
    if relaxed_body(bytes(signed[begin:])) != before and not {old, signed[place]} & set(b"\r\n"):
        assert not _verifies(bytes(signed), SIGNERS["ed25519"])


def test_the_press_signs_the_mail_that_is_stored_and_sent(signer: Signer) -> None:
    letter = sample_letter(TemplateType.DUE_NOTICE_AFTER, AT.date())
    key = Key(letter.type)
    template = Template(key, 1, SHIPPED[key], AT, "")
    message = Claimed(1, "n-1", "<n-1@example.test>", "a", AT)
    rendered = MailPress("http://x.test", signer).write(letter, template, Profile(COMPANY, 1), message, AT)
    assert rendered.mime.startswith(b"DKIM-Signature: ")
    assert _verifies(rendered.mime, signer)


def test_the_record_names_the_selector_and_holds_the_public_key() -> None:
    record = SIGNERS["ed25519"].record()
    assert record.name == "s1._domainkey.example.test"
    raw = KEYS["ed25519"].public_key().public_bytes_raw()  # type: ignore[union-attr]
    assert record.value == f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
    assert SIGNERS["rsa"].record().value.startswith("v=DKIM1; k=rsa; p=MIIB")


def _pem(key: object, path: Path, *, encrypted: bool = False) -> dict[str, str]:
    guard = BestAvailableEncryption(b"x") if encrypted else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, guard))  # type: ignore[attr-defined]
    return {KEY_FILE: str(path), SELECTOR: "s1", DOMAIN: "example.test"}


def test_without_settings_nothing_is_signed_and_with_them_by_the_type_of_the_key(tmp_path: Path) -> None:
    assert read_signer({}) is None
    for kind, key in KEYS.items():
        signer = read_signer(_pem(key, tmp_path / kind))
        assert signer is not None
        assert _verifies(signer.sign(_mail(), AT), SIGNERS[kind])


def _both(tmp_path: Path) -> dict[str, str]:
    env = _pem(KEYS["rsa"], tmp_path / "rsa")
    return env | {SECOND_KEY_FILE: _pem(KEYS["ed25519"], tmp_path / "ed25519")[KEY_FILE]}


def test_two_keys_make_two_signatures_that_both_verify_by_records_of_their_own(tmp_path: Path) -> None:
    signers = read_signer(_both(tmp_path))
    assert signers is not None
    mail = _mail()
    signed = signers.sign(mail, AT)
    assert signed.endswith(mail)
    assert [kind for kind in (b"a=rsa-sha256", b"a=ed25519-sha256") if kind in signed.split(b"From:")[0]]
    records = {record.name: record.value.encode() for record in signers.records()}
    assert list(records) == ["s1._domainkey.example.test", "s1-ed25519._domainkey.example.test"]
    checker = dkim.DKIM(signed)
    for number in (0, 1):
        assert checker.verify(number, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")])
    assert signed.count(b"DKIM-Signature:") == 2
    selectors = re.findall(rb" s=([a-z0-9-]+);", signed)
    assert selectors == [b"s1", b"s1-ed25519"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SECOND_KEY_FILE, ""),
        (SECOND_KEY_FILE, "/nowhere"),
        (SECOND_KEY_FILE, "/dev/null"),
        (SECOND_SELECTOR, "two words"),
        (SECOND_SELECTOR, "S1"),
        (KEY_FILE, ""),
    ],
)
def test_a_second_key_that_is_set_wrong_stops_the_start_and_is_named(
    tmp_path: Path, name: str, value: str
) -> None:
    env = _both(tmp_path) | {SECOND_SELECTOR: "s2", name: value}
    with pytest.raises(SettingError, match=name):
        read_signer(env)


def test_the_second_key_is_an_ed25519_key(tmp_path: Path) -> None:
    env = _both(tmp_path)
    with pytest.raises(SettingError, match="not Ed25519"):
        read_signer(env | {SECOND_KEY_FILE: env[KEY_FILE]})


@pytest.mark.parametrize("name", [KEY_FILE, SELECTOR, DOMAIN])
def test_half_a_setting_stops_the_start_and_is_named(tmp_path: Path, name: str) -> None:
    env = _pem(KEYS["ed25519"], tmp_path / "key")
    with pytest.raises(SettingError, match=name):
        read_signer({**env, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY_FILE, "/nowhere"),
        (KEY_FILE, "/dev/null"),
        (SELECTOR, "two words"),
        (SELECTOR, "-x"),
        (DOMAIN, "exämple.test"),
        (DOMAIN, "example..test"),
        (DOMAIN, "x;d=evil.test"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(tmp_path: Path, name: str, value: str) -> None:
    env = _pem(KEYS["ed25519"], tmp_path / "key")
    with pytest.raises(SettingError, match=name):
        read_signer({**env, name: value})


def test_a_key_that_is_too_weak_encrypted_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for env in (
        _pem(rsa.generate_private_key(65537, 1024), path),  # noqa: S505 - that it is weak is the point
        _pem(ec.generate_private_key(ec.SECP256R1()), path),
        _pem(KEYS["ed25519"], path, encrypted=True),
    ):
        path.write_bytes(Path(env[KEY_FILE]).read_bytes())
        with pytest.raises(SettingError, match=KEY_FILE):
            read_signer(env)
