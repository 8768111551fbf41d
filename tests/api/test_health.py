"""Who may hear what of the machine: whether it works, anybody; when whose mail came, the operator."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from mailhub.config import Http
from mailhub.config.live import Live
from storage.schema import contact, contact_address, intake
from storage.writer import Transaction
from tests.api.conftest import Home
from tests.houses.asking import Asker
from tests.houses.inbox import file_message


@pytest.mark.parametrize("door", ["http", "https"])
def test_nobody_reads_metrics_over_tcp(home: Home, door: str) -> None:
    """Over TCP /metrics are refused, with a user's ApiToken as without one."""
    app = home.app()
    for asker in (Asker(app=app, door=door), Asker(app=app, door=door, token=home.token(11))):
        assert asker("GET", "/metrics").status == 403


def test_metrics_are_the_operators_and_whom_the_configuration_lets(home: Home) -> None:
    """On the admin socket the operator reads them, no other uid does; `http.metrics` opens [http], never [https]."""
    assert Asker(app=home.app(), uid=os.geteuid())("GET", "/metrics").status == 200
    assert Asker(app=home.app(), uid=4242)("GET", "/metrics").status == 403
    opened = Home(
        house=replace(home.house, configuration=Live(replace(home.house.config, http=Http(metrics=True))))
    ).app()
    assert Asker(app=opened, door="http")("GET", "/metrics").status == 200
    assert Asker(app=opened, door="https")("GET", "/metrics").status == 403


def test_readiness_tells_strangers_no_mail_times(home: Home) -> None:
    """/readyz says to anybody whether mail can flow, and to the operator alone when it came and how much waits."""
    home.house.reception.last_mail_at["smtp"] = 1_700_000_000_000_000
    app = home.app()
    stranger, operator = (
        Asker(app=app)("GET", "/readyz").json,
        Asker(app=app, uid=os.geteuid())("GET", "/readyz").json,
    )
    assert (stranger["last_mail_at"], stranger["disk_free_bytes"]) == ({}, 0)
    assert operator["last_mail_at"]["smtp"]
    assert operator["disk_free_bytes"] > 0
    assert stranger["faults"] == operator["faults"]


@pytest.mark.parametrize(
    "heads",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000,
        "[[1,2]]",
        '[["a",1,"b"]]',
        "[[1,2,{}]]",
        "7",
        "[1]",
    ],
)
def test_heads_that_are_none_are_400(home: Home, heads: str) -> None:
    """An anchor that was damaged, however deeply it nests or whatever it holds, is told as damaged."""
    anchor = {"node": 0, "sequence": 1, "at": 1, "heads": heads, "previous": "", "signature": ""}
    answered = Asker(app=home.app(), token=home.token(11))(
        "POST", "/v1/journal/verify", {"anchors": [anchor]}
    )
    assert (answered.status, "damaged" in answered.json["detail"]) == (400, True), answered.body


DEEP = {
    "arrays": b"[" * 200_000 + b"]" * 200_000,
    "unended": b"[" * 500_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "below what the parser takes": b"[" * 900 + b"]" * 900,
}


@pytest.mark.parametrize("name", DEEP)
def test_no_depth_of_json_is_a_fault_of_ours(home: Home, name: str) -> None:
    """Whatever a body nests, as a whole or as any member, every route answers 4xx and never 5xx."""
    app = home.app()
    ask, wrong = Asker(app=app, token=home.token(11)), []
    for path, verbs in app.openapi()["paths"].items():
        for verb, operation in verbs.items():
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            target, head = path.replace("{", "").replace("}", ""), {"content-type": "application/json"}
            reference = operation["requestBody"]["content"]["application/json"]["schema"].get("$ref", "/")
            members = (
                app.openapi()["components"]["schemas"]
                .get(reference.rpartition("/")[2], {})
                .get("properties", {})
            )
            bodies = [
                DEEP[name],
                *(b'{"%s":%s}' % (member.encode(), DEEP[name]) for member in list(members)[:3]),
            ]
            for body in bodies:
                status = ask(verb.upper(), target, raw=body, headers=head).status
                wrong += [(verb, path, status)] if not 400 <= status < 500 else []
    assert wrong == []


def test_a_plan_tells_an_operator_no_address_they_did_not_give(home: Home) -> None:
    """An operator hears of the addresses they named; an owner of the account of all that the person has."""

    def add(transaction: Transaction) -> None:
        connection = transaction.connection
        connection.execute(contact.insert().values(account_id=1, id=700, name="Kim", created_at=1))
        for address in ("kim@customer.example", "kim.private@other.example"):
            connection.execute(contact_address.insert().values(account_id=1, address=address, contact_id=700))

    home.house.writer.run(add)
    app, body = home.app(), {"addresses": ["kim@customer.example"]}
    operator, owner = Asker(app=app, uid=os.geteuid()), Asker(app=app, token=home.token(11))
    told = operator("POST", "/v1/erasures/plan?account=1", body)
    assert (told.json["addresses"], b"private" in told.body) == (["kim@customer.example"], False)
    assert "kim.private@other.example" in owner("POST", "/v1/erasures/plan", body).json["addresses"]


def test_status_tells_an_account_of_itself_alone(home: Home) -> None:
    """When mail came, what is quarantined and how much room there is, of the installation, is the operator's."""
    house = home.house
    house.reception.last_mail_at["smtp"] = 1_700_000_000_000_000
    for account, message_id in ((1, 501), (2, 502), (2, 503)):
        house.writer.run(file_message, message_id, account=account, unreadable=1)
    row = {
        "account_id": 2,
        "id": 1,
        "mailbox_id": 2,
        "source": "smtp",
        "peer": "",
        "received_at": 1_700_000_000_000_000,
    }
    row |= {"recipient": "", "helo": "", "tls": 0, "fate": "filed", "reason": "", "size_bytes": 1}
    house.writer.run(lambda tx: tx.connection.execute(intake.insert().values(**row)))
    app = home.app()
    first = Asker(app=app, token=home.token(12))("GET", "/v1/status").json
    second = Asker(app=app, token=home.token(21, account=2))("GET", "/v1/status").json
    operator = Asker(app=app, uid=os.geteuid())("GET", "/v1/status?account=1").json
    assert (first["quarantine"], first["last_mail_at"], first["disk_free_bytes"]) == (1, {}, 0)
    assert (second["quarantine"], list(second["last_mail_at"])) == (2, ["smtp"])
    assert (operator["quarantine"], list(operator["last_mail_at"])) == (3, ["smtp"])
    assert operator["disk_free_bytes"] > 0
