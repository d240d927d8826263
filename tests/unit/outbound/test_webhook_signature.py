from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from ocpi.outbound.webhook_signature import (
    UnusableWebhookSecret,
    new_message_id,
    read_webhook_secret,
    signed_headers,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_the_one_of_the_published_example() -> None:
    headers = signed_headers(
        read_webhook_secret(SECRET),
        '{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=1614265330,
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_body_is_signed_as_the_utf_8_that_is_sent() -> None:
    key = read_webhook_secret(SECRET)
    signature = signed_headers(key, '"Zürich"', message_id="m", at=1)["webhook-signature"]
    digest = hmac.new(key, b'm.1."Z\xc3\xbcrich"', hashlib.sha256).digest()
    assert signature == f"v1,{base64.b64encode(digest).decode()}"


def test_a_secret_is_read_with_and_without_its_prefix() -> None:
    assert read_webhook_secret(f" {SECRET}\n") == read_webhook_secret(SECRET.removeprefix("whsec_"))
    assert len(read_webhook_secret("Ab1" * 14 + "xy")) == 33  # what Secrets Manager makes: 44 letters and digits


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "24 to 64 bytes"),
        ("whsec_", "24 to 64 bytes"),
        ("whsec_c2hvcnQ=", "24 to 64 bytes"),
        (base64.b64encode(b"k" * 23).decode(), "24 to 64 bytes"),
        (base64.b64encode(b"k" * 65).decode(), "24 to 64 bytes"),
        ("whsec_!!!", "Base64"),
        ("whsec_ümlaut", "Base64"),
        (SECRET.replace("G", "G!"), "Base64"),
        (SECRET.replace("G", "G\n"), "Base64"),
    ],
)
def test_a_secret_that_is_no_key_of_24_to_64_bytes_is_refused_and_not_quoted(text: str, problem: str) -> None:
    with pytest.raises(UnusableWebhookSecret, match=problem) as caught:
        read_webhook_secret(text)
    assert not text.removeprefix("whsec_") or text not in str(caught.value)


@pytest.mark.parametrize("size", [24, 64])
def test_a_key_may_be_as_short_and_as_long_as_is_said(size: int) -> None:
    assert read_webhook_secret(base64.b64encode(b"k" * size).decode()) == b"k" * size


def test_every_message_has_an_id_of_its_own() -> None:
    ids = {new_message_id() for _ in range(100)}
    assert len(ids) == 100
    # 120 bits, six a character.
    assert {len(message_id) for message_id in ids} == {len("msg_") + 20}
    assert all(message_id.startswith("msg_") and "." not in message_id for message_id in ids)
