from __future__ import annotations

from dataclasses import replace

from ocpi import strict_json
from ocpi.registration.rewriting import rewriting, rewritten, rewritten_text
from ocpi.store.port import Partner, PartnerStatus
from ocpi.v2_1_1 import models
from tests.support.party import fixture

PLAIN = Partner("p-1", "EMSP", "Partner", PartnerStatus.REGISTERED, "2026-01-01T00:00:00Z")
WITH_NULLS = replace(PLAIN, settings={"explicit_nulls": True})
TEXT = '{"id":"T-1","kwh":0.50,"unknown":1}'


def test_for_most_partners_nothing_is_rewritten() -> None:
    document = fixture("session_min")
    assert rewriting(PLAIN, "Session") is None
    assert rewritten(PLAIN, "Session", document) is document
    assert rewritten_text(PLAIN, "Session", TEXT) is TEXT


def test_who_needs_nulls_gets_them_in_the_fields_of_that_model() -> None:
    rewrite = rewriting(WITH_NULLS, "Session")
    assert rewrite is not None
    document = fixture("session_min")
    nulls = {name for name, value in rewrite(document).items() if value is None}
    optional = {name for name, field in models.Session.model_fields.items() if not field.is_required()}
    assert nulls
    assert nulls == optional - document.keys()
    assert rewritten(WITH_NULLS, "Session", document) == rewrite(document)
    assert rewrite(document)["location"]["name"] is None
    assert rewriting(WITH_NULLS, "Tariff") is not None
    assert rewritten(WITH_NULLS, "Tariff", document) != rewrite(document)


def test_a_text_keeps_its_digits_and_unknown_members() -> None:
    text = rewritten_text(WITH_NULLS, "Session", TEXT)
    assert '"kwh":0.50' in text
    assert '"unknown":1' in text
    assert strict_json.read(text) == rewritten(WITH_NULLS, "Session", strict_json.read(TEXT))
