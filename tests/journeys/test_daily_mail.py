"""M4: what was overwritten is mailed to the tenant's contact once a day, and only when there is something."""

from datetime import timedelta
from typing import Any

import pytest

from sync.domain.digest import send_digest
from tenants.models import Tenant
from tests.journeys.conftest import Company, World

pytestmark = pytest.mark.one_profile


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.domain.digest.SETTLED", timedelta(0))


def lose_a_city(world: World, company: Company, row_id: int, lost: str, stands: str) -> None:
    world.uniconta.switches.webhook_drop_probability = 1.0
    company.edit_customer(company.customers()[0]["id"], city=lost)
    company.edit(row_id, City=stands)
    company.sweep()
    world.uniconta.switches.webhook_drop_probability = 0.0


def test_a_mail_a_day_in_the_companys_language(world: World, mailoutbox: list[Any]) -> None:
    company, other = world.nordbyg, world.havnen
    for each in (company, other):
        each.update(contact_email=f"bogholder@{each.tenant.slug}.dk", language=Tenant.Language.DANISH)
    row_id = company.debtor("1001", Name="Hansen & Søn", City="Odense")
    other.debtor("1001", Name="Havnens kunde")
    company.settle()
    other.settle()
    assert (send_digest(company.tenant.pk), mailoutbox) == (0, [])

    lose_a_city(world, company, row_id, "Nyborg", "Assens")
    assert send_digest(company.tenant.pk) == 1
    [mail] = mailoutbox
    assert mail.to == ["bogholder@nordbyg.dk"]
    assert mail.subject == f"Overskrevne ændringer: {company.tenant.name}"
    body = mail.body
    for part in (
        "1001 Hansen & Søn",
        "By: Nyborg → Assens",
        f"/admin/sync/synclogentry/overwritten/?tenant={company.tenant.pk}",
    ):
        assert part in body
    assert "Havnens kunde" not in body

    assert send_digest(company.tenant.pk) == 0  # told once
    assert send_digest(other.tenant.pk) == 0
    lose_a_city(world, company, row_id, "Ringe", "Faaborg")
    assert send_digest(company.tenant.pk) == 1
    assert "Nyborg" not in mailoutbox[1].body


def test_a_mail_that_could_not_be_sent_is_sent_the_next_time(
    world: World, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    company = world.nordbyg
    company.update(contact_email="bogholder@nordbyg.dk")
    row_id = company.debtor("1001", City="Odense")
    company.settle()
    lose_a_city(world, company, row_id, "Nyborg", "Assens")

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr("sync.domain.digest.send_mail", refuse)
        with pytest.raises(ConnectionRefusedError):
            send_digest(company.tenant.pk)
    assert send_digest(company.tenant.pk) == 1
    assert len(mailoutbox) == 1
