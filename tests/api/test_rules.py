"""/v1/rules: written by owners and admins, read by agents, tried on mail before they run."""

from __future__ import annotations

from storage.tickets.ticket_lists import tickets_by_id
from tests.api.conftest import Home
from tests.houses.asking import Asker

INVOICES = """
name = "Invoices"
on = "filed"
[when]
words = "invoice"
to = "support@first.example"
[then]
tag = "billing"
"""


def deliver(owner: Asker, text: str, number: int) -> dict[str, int]:
    mail = f"From: kim@customer.example\r\nTo: support@first.example\r\nMessage-ID: <{number}@c.example>\r\n\r\n{text}\r\n"
    outcome: dict[str, int] = owner("POST", "/v1/deliveries", raw=mail.encode()).json["outcomes"][0]
    return outcome


def test_a_rule_from_trial_to_deletion(home: Home) -> None:
    """A backtest says on which mail it would have fired; then it runs, is tested, rewritten, turned off and deleted."""
    app = home.app()
    owner, agent = (Asker(app=app, token=home.token(user)) for user in (11, 12))
    first = deliver(owner, "about an invoice", 1)
    deliver(owner, "about nothing", 2)

    tried = owner("POST", "/v1/rules/backtest", {"text": INVOICES}).json
    assert (tried["messages"], tried["fired"], tried["on"], tried["complete"]) == (
        2,
        1,
        [first["message"]],
        True,
    )

    assert agent("POST", "/v1/rules", {"text": INVOICES}).status == 403
    made = owner("POST", "/v1/rules", {"text": INVOICES})
    assert made.status == 201
    filed = deliver(owner, "another invoice", 3)
    with home.house.database.read() as connection:
        assert tickets_by_id(connection, 1, [filed["ticket"]])[filed["ticket"]].tags == ("billing",)

    answers = agent("GET", f"/v1/rules/test?message={first['message']}").json["rules"]
    assert [(each["name"], each["fires"], each["does"]) for each in answers] == [
        ("Invoices", True, ["tag billing"])
    ]
    assert agent("GET", "/v1/rules/Invoices").json["text"] == INVOICES

    wrong = owner("PUT", "/v1/rules/Invoices", {"text": INVOICES.replace("words", "wards")})
    assert (wrong.status, wrong.json["detail"][:24]) == (400, "when: there is no wards;")
    assert owner("PUT", "/v1/rules/Invoices", {"text": INVOICES.replace("billing", "money")}).status == 200
    assert owner("POST", "/v1/rules/Invoices/off").json["enabled"] is False
    assert agent("GET", "/v1/rules").json["items"][0]["enabled"] is False
    assert owner("DELETE", f"/v1/rules/{made.json['id']}").status == 204
    assert agent("GET", "/v1/rules").json["items"] == []


def test_an_act_by_the_api_sets_rules_off(home: Home) -> None:
    """What an agent does is told to the rules, and the answer bears the tag of the ticket as they left it."""
    app = home.app()
    owner = Asker(app=app, token=home.token(11))
    text = 'name = "r"\non = "changed"\n[when]\ndone = "assign"\n[then]\npriority = "high"\n'
    owner("POST", "/v1/rules", {"text": text})
    ticket = deliver(owner, "help", 1)["ticket"]
    answer = owner("POST", f"/v1/tickets/{ticket}/assign", {"assignee": "me"})
    assert answer.json["priority"] == "high"
    shown = owner("GET", f"/v1/tickets/{ticket}")
    assert answer.headers["etag"] == shown.headers["etag"]
