"""`manage.py completeness`: what it prints, in whose language, and when a script shall stop."""

from datetime import date

import pytest
from django.core.management import CommandError, call_command

from sync.models import WorkReport
from tests.factories import make_hours_policy, make_ready_report, make_seen_line, make_tenant

pytestmark = pytest.mark.django_db
State = WorkReport.State


@pytest.fixture
def ours():
    ours, theirs = make_tenant("ours", name="Nordbyg ApS", language="en"), make_tenant("theirs", language="da")
    for tenant in (ours, theirs):
        make_hours_policy(tenant)
        make_seen_line(make_ready_report(tenant, amount="7.53333", state=State.TRANSFERRED), state="posted")
    make_ready_report(
        theirs, amount="1.5", state=State.NEEDS_ATTENTION, reason="item_missing", problems=[["item_missing", "T"]]
    )
    return ours


def cells(text):
    """Rows of the tables, cell by cell."""
    return [[cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")] for line in text.splitlines()]


def test_an_unknown_tenant_is_named(run, ours):
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        run("completeness", "nobody")


def test_everything_is_there(run, ours):
    text = run("completeness", "ours", "--from", "2027-03-01", "--to", "2027-03-31")
    assert "Nordbyg ApS: Hours check 01-03-2027 – 31-03-2027" in text
    rows = cells(text)
    assert ["7 Bo Ødegård", "Timer", "7.53", "7.53", "7.53", "0.00", "0.00"] in rows
    assert ["All", "Timer", "7.53", "7.53", "7.53", "0.00", "0.00"] in rows
    assert ["Ready and transferred.", "1"] in rows
    assert "Everything that is ready stands in Uniconta." in text


def test_a_difference_stops_a_script_and_is_said_in_the_companys_language(ours, capsys):
    with pytest.raises(CommandError, match=r"^1 registrering stemmer ikke\.$") as stopped:
        call_command("completeness", "theirs", "--from", "2027-03-01", "--to", "2027-03-31")
    assert stopped.value.returncode == 1
    rows = cells(capsys.readouterr().out)
    assert ["7 Bo Ødegård", "Timer", "9,03", "7,53", "7,53", "0,00", "1,50"] in rows
    assert ["heraf: Kræver handling", "1"] in rows
    [row] = [row for row in rows if row[0] == "01-03-2027"]
    assert row[2:] == ["7 Bo Ødegård", row[3], "Timer", "1,50", "0,00"]
    assert row[3].endswith(" T")


def test_days_outside_are_not_looked_at(run, ours):
    assert "7.53" not in run("completeness", "ours", "--from", "2027-03-02", "--to", "2027-03-31")
    with pytest.raises(CommandError, match="after the last"):
        run("completeness", "ours", "--from", "2027-03-02", "--to", "2027-03-01")


def test_without_days_it_is_everything_since_the_first_day_transferred(run):
    tenant = make_tenant("ours", language="en")
    make_hours_policy(tenant, transfer_from=date(2020, 1, 1))
    make_ready_report(tenant, starts_on=date(2020, 1, 1), amount="3")
    with pytest.raises(CommandError, match="1 report differs"):
        run("completeness", "ours")
