"""Which services AWS clients know: in Lambda ours only, which is quick; elsewhere all, to find credentials by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ocpi import aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def new_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    config = tmp_path / "config"
    config.write_text(
        "[profile operator]\nrole_arn = arn:aws:iam::123456789012:role/operator\nsource_profile = base\n"
        "region = eu-west-1\n[profile base]\naws_access_key_id = x\naws_secret_access_key = y\n",
        encoding="utf-8",
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "operator")
    aws._session.cache_clear()
    yield
    aws._session.cache_clear()


@pytest.mark.parametrize("service", aws.SERVICES)
def test_an_operator_whose_credentials_are_those_of_a_role_gets_clients(service: str) -> None:
    assert aws.client(service).meta.region_name == "eu-west-1"


@pytest.mark.parametrize("service", aws.SERVICES)
def test_a_function_gets_clients_of_its_services(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "locations")
    assert aws.client(service).meta.service_model.service_name == service
    assert set(aws._session().get_available_services()) == set(aws.SERVICES)
