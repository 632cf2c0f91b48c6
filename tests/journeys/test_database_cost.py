"""What a drain asks the database: one edit, and the look that finds nothing. More than this is felt by every company."""

import pytest

from sync.domain.drain import drain


@pytest.mark.parametrize("profile", ["default"], indirect=True)
def test_a_drain_asks_little(world, django_assert_max_num_queries):
    """Statements with the BEGIN and COMMIT of each scope."""
    company = world.nordbyg
    row_id = company.debtor("1001")
    company.settle()
    company.both()
    company.edit(row_id, City="Svendborg")
    world.uniconta.wait_for_webhooks()
    with django_assert_max_num_queries(129):
        assert drain(company.tenant.pk) == 1
    assert company.customer_by_number("1001")["city"] == "Svendborg"
    with django_assert_max_num_queries(33):
        assert drain(company.tenant.pk) == 0
