"""Many rows written at once are what each of them was to say, whatever the kind of column."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest

from sync.domain.bulk import save_many
from sync.models import JournalLine, WorkReport
from tenants.scoping import tenant_scope
from tests.factories import make_journal_line, make_tenant, make_work_report

pytestmark = pytest.mark.django_db
REPORT = {
    "remarks": 'Spær, "A\\B" {1} \u2028 %s æøå',
    "starts_on": date(2027, 3, 4),
    "starts_at": time(6, 30, 15, 123456),
    "ends_at": None,
    "amount": Decimal("2.53333333333333"),
    "quantity": Decimal("2.53"),
    "is_approved": True,
    "approvals": [{"level": "1", "name": "Åse"}, {}],
    "warnings": ["pay_type_not_found", 'a,b{}"'],
    "line": {"Qty": "2.53", "Invoiceable": None},
    "changed_at": datetime(2027, 3, 4, 5, 6, 7, 123457, tzinfo=UTC),
    "transferred_at": None,
    "attempts": 3,
}
LINE = {
    "claim": UUID(int=7),
    "differing": ["Date", "Qty"],
    "seen": {},
    "quantity": Decimal("-2.53"),
    "user_id": None,
    "sent_at": datetime(2027, 3, 4, tzinfo=UTC),
}


@pytest.mark.parametrize(("values", "make"), [(REPORT, make_work_report), (LINE, None)])
def test_every_kind_of_column_reads_back_as_it_was_written(values, make):
    tenant, other = make_tenant("ours"), make_tenant("theirs")
    model = WorkReport if make else JournalLine
    rows = [(make or (lambda of: make_journal_line(make_work_report(of))))(of) for of in (tenant, tenant, other)]
    with tenant_scope(other.pk):
        before = model.objects.values().get(pk=rows[2].pk)
    for row in rows[:1]:
        for name, value in values.items():
            setattr(row, name, value)
    with tenant_scope(tenant.pk):
        untouched = model.objects.values().get(pk=rows[1].pk)
        save_many(rows[:1], list(values))
        assert {name: model.objects.values().get(pk=rows[0].pk)[name] for name in values} == values
        assert model.objects.values().get(pk=rows[1].pk) == untouched
        save_many([rows[2]], ["state"])  # another company's row is out of reach
    with tenant_scope(other.pk):
        assert model.objects.values().get(pk=rows[2].pk) == before
