"""Which two records are one: keys unique on both sides link, doubt is a question, and nothing is ever doubled."""

import pytest

from sync.domain import actions
from tests.journeys.conftest import Company, World

CVR = "25313763"


def asked(company: Company) -> list[tuple[str, str]]:
    return [(link.name, link.reason) for link in company.links() if link.state == "needs_attention"]


@pytest.mark.parametrize(
    "values",
    [{"number": CVR}, {"number": "x", "vat_registration_number": f"DK {CVR[:2]} {CVR[2:]}"}, {"number": "1001"}],
    ids=["cvr as number", "cvr", "account as number"],
)
def test_a_key_unique_on_both_sides_links(world: World, values: dict[str, str]) -> None:
    company, other = world.nordbyg, world.havnen
    other.policy(create_in_uniconta=False)
    other.customer(name="Samme nøgle, andet firma", **values)
    customer_id = company.customer(name="Hansen", **values)
    company.sweep()
    company.debtor("1001", Name="Hansen Byg", CompanyRegNo=CVR)
    company.settle()
    company.both()
    assert [(row["id"], row["number"]) for row in company.customers()] == [(customer_id, "1001")]
    assert list(company.debtors()) == ["1001"]
    assert company.link().was_sent
    assert other.debtors() == {}


def test_both_halves_in_one_drain_are_planned_once(world: World) -> None:
    company = world.nordbyg
    company.sweep()
    world.uniconta.switches.webhook_drop_probability = 1.0
    customer_id = company.customer(name="Hansen", number=CVR)
    company.debtor("1001", Name="Hansen", CompanyRegNo=CVR)
    company.press(actions.pause_connection, company.connection("intempus").pk)
    for row in world.uniconta.rows(4242, "Debtor"):
        company.hint(row["RowId"])
    company.press(actions.resume_connection, company.connection("intempus").pk)
    company.settle()
    company.both()
    assert [row["id"] for row in company.customers()] == [customer_id]
    assert list(company.debtors()) == ["1001"]


def test_an_ambiguous_key_is_a_question_and_both_answers_work(world: World) -> None:
    company = world.nordbyg
    first = company.customer(name="Afdeling Nord", number="n", vat_registration_number=CVR)
    second = company.customer(name="Afdeling Syd", number="s", vat_registration_number=CVR)
    company.policy(create_in_uniconta=False)
    company.debtor("1001", Name="Hovedkontor", CompanyRegNo=CVR)
    company.both()
    assert company.writes() == []
    assert ("Hovedkontor", "ambiguous_match") in asked(company)

    debtor, half = company.link(uniconta_key="1001"), company.link(intempus_id=str(second))
    company.press(actions.choose_match, debtor.pk, half.pk)
    company.settle()
    assert [(row["id"], row["number"]) for row in company.customers()] == [(first, "n"), (second, "1001")]
    assert company.link(uniconta_key="1001").intempus_id == str(second)
    company.policy(create_in_uniconta=True)
    company.both()
    # The other one is a customer of its own, which nobody needs to be asked about any more.
    assert sorted(company.debtors()) == ["1001", f"I{first}"]
    assert asked(company) == []


def test_a_name_alone_is_a_proposal_and_may_be_declined(world: World) -> None:
    company = world.nordbyg
    company.sweep()
    same, unlike = company.customer(name="Jens Hansen", number="a"), company.customer(name="Ida Holm", number="b")
    company.debtor("1001", Name="jens hansen")
    company.debtor("1002", Name="IDA HOLM")
    company.settle()
    company.both()
    assert company.writes() == []
    assert sorted({reason for _, reason in asked(company)}) == ["proposal_match"]
    accept, decline = company.link(uniconta_key="1001"), company.link(uniconta_key="1002")
    company.press(actions.choose_match, accept.pk, company.link(intempus_id=str(same)).pk)
    company.press(actions.choose_match, decline.pk, None)
    company.settle()
    company.both()
    linked = {link.uniconta_key: link.intempus_id for link in company.links()}
    assert linked["1001"] == str(same)
    assert linked["1002"] not in ("", str(unlike))
    assert sorted(company.debtors()) == ["1001", "1002", f"I{unlike}"]
    assert len(company.customers()) == 3
    assert asked(company) == []


def test_an_answer_survives_an_edit_in_between(world: World) -> None:
    company = world.nordbyg
    company.sweep()
    same = company.customer(name="Jens Hansen", number="a")
    row_id = company.debtor("1001", Name="Jens Hansen")
    company.settle()
    company.both()
    company.press(actions.choose_match, company.link(uniconta_key="1001").pk, company.link(intempus_id=str(same)).pk)
    company.edit(row_id, Name="Jens Hansen & Søn", City="Odense")
    company.edit_customer(same, name="Jens H.")
    company.settle()
    assert [(row["id"], row["name"], row["city"]) for row in company.customers()] == [
        (same, "Jens Hansen & Søn", "Odense")
    ]
