"""Logins are answered as the standards say, and are never sent to a device that asks for none."""

import re

import pytest

from streams.clients.scanners import escl_access
from streams.clients.scanners.escl_access import OPEN, Access
from streams.clients.scanners.scanner_driver import ScannerProblem

MUFASA = Access("Mufasa:Circle of Life")
NONCE = 'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
OPAQUE = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
ONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_answers_the_example_of_rfc_7616(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(escl_access.secrets, "token_hex", lambda _: ONCE)
    asked = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        f" {NONCE}, {OPAQUE}"
    )

    answer = MUFASA.answer([asked], "GET", "/dir/index.html")

    assert answer is not None
    assert dict(re.findall(r'(\w+)="([^"]*)"', answer))["response"] == response
    assert "qop=auth" in answer and "nc=00000001" in answer


def test_answers_a_device_that_names_no_quality_of_protection():
    answer = Access("u:p").answer(['Digest realm="r", nonce="n"'], "GET", "/")

    assert answer is not None and "cnonce" not in answer and "qop" not in answer


def test_prefers_the_login_that_does_not_send_the_password():
    asked = ['Basic realm="r"', 'Digest realm="r", nonce="n", qop="auth"']

    assert str(Access("u:p").answer(asked, "GET", "/")).startswith("Digest ")
    assert Access("u:p").answer(['Basic realm="r"'], "GET", "/") == "Basic dTpw"


@pytest.mark.parametrize(
    "asked", [["Negotiate"], ['Digest realm="r", nonce="n", algorithm=SHA-512-256'], []]
)
def test_a_login_in_another_form_is_not_answered(asked: list[str]):
    assert Access("u:p").answer(asked, "GET", "/") is None


def test_nothing_is_sent_without_a_login():
    assert OPEN.answer(['Basic realm="r"'], "GET", "/") is None


def test_a_login_is_not_shown(capsys: pytest.CaptureFixture[str]):
    assert "secret" not in repr(Access("user:secret"))


def test_a_file_without_certificates_is_refused(tmp_path):
    path = tmp_path / "empty.pem"
    path.write_text("nothing")

    with pytest.raises(ScannerProblem) as problem:
        Access(certificates=path).tls()

    assert problem.value.code == "scanner.access-denied" and "empty.pem" in problem.value.found
