"""An erasure of an address that nobody has: refused as a typo is, done when it is meant."""

from __future__ import annotations

from tests.api.conftest import Home
from tests.houses.asking import Asker


def test_an_address_that_nobody_has_is_refused(home: Home) -> None:
    """Who mistypes an address is told so, and nothing is begun; with `anyway` it is."""
    asker = Asker(app=home.mapping(u4000="owner@first.example").app(), uid=4000)
    body = {"addresses": ["kmi@customer.example"], "confirm": "kmi@customer.example"}
    told = asker("POST", "/v1/erasures", body)
    assert told.status == 404
    assert "typo" in told.json["detail"]
    assert asker("GET", "/v1/erasures").json["items"] == []
    assert asker("POST", "/v1/erasures", body | {"anyway": True}).status == 202
