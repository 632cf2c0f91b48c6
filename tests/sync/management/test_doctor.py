"""`manage.py doctor`: one line per check, a fix with every failure, exit 1 when one fails."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from mappings.models import EntityPolicy
from sync.domain.budgets import count_calls, login_of
from sync.domain.doctor import hook_rows
from tenants.models import Connection, Tenant
from tenants.models.webhook_token import hash_token
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_event, make_hours_policy, make_tenant, make_token
from tests.sync.management.conftest import HOOK
from tests.sync.management.test_sync import nordbyg, ours, writes

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["nordbyg"]  # a fixture of test_sync


def doctor(slug: str = "nordbyg") -> tuple[str, int]:
    """What it prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command("doctor", slug, stdout=out, no_color=True)
    except CommandError as error:
        return f"{out.getvalue()}{error}", 1
    return out.getvalue(), 0


@pytest.fixture
def healthy(run, nordbyg, world, settings) -> Tenant:
    """Everything as it should be: a worker, a webhook in Uniconta, a first load behind us."""
    from sync.domain.doorbell import beat

    beat("test")
    make_token(nordbyg, HOOK)
    run("sync", "nordbyg")
    # Only now: nobody listens there, and a call that failed would be a finding.
    world.uniconta.add_change_url(4242, f"{settings.PUBLIC_URL}/hooks/nordbyg/{HOOK}/uniconta/")
    return nordbyg


def line(output: str, start: str) -> str:
    return next(line.strip() for line in output.splitlines() if line.strip()[2:].startswith(start))


def test_a_healthy_tenant_passes_every_check(healthy):
    output, code = doctor()
    assert code == 0, output
    assert "✗" not in output
    assert "✓ Uniconta: log-in works, company Nordbyg ApS (4242" in output
    assert "✓ Intempus: log-in works, company Nordbyg ApS (61001" in output
    assert "✓ Uniconta, Debtor: 13 records can be read" in output
    assert "✓ Intempus, customer: can be read" in output
    assert "✓ Change URL: Uniconta reports changes of all tables" in output
    assert "✓ Clocks: " in output
    assert "✓ Worker: heard of" in output
    assert line(output, "Tick xIntempus").endswith("a tick means synchronise")
    assert HOOK not in output
    assert "planted" not in output


def test_it_changes_nothing_but_the_count_of_calls_and_keeps_no_address(healthy, world):
    before, sent = ours(), writes(world)
    doctor()
    after = set(ours().splitlines()) - set(before.splitlines())
    assert {row.split(" ")[0] for row in after if "sync_exchange" not in row} == {"sync_callcount"}
    assert HOOK not in "\n".join(after)
    assert writes(world) == sent


def test_wrong_credentials(healthy):
    with tenant_scope(ALL):
        row = Connection.objects.get(system="intempus")
        row.set_secret("planted-wrong")
        row.save()
    output, code = doctor()
    assert code == 1
    assert line(output, "Intempus").startswith("✗")
    assert "✓ Uniconta: " in output, "one system's trouble does not hide the other"
    assert "planted" not in output


def test_a_secret_that_cannot_be_opened(healthy, settings):
    from cryptography.fernet import Fernet

    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    output, code = doctor()
    assert code == 1
    assert "✗ Uniconta: connection:" in output
    assert "→ Restore the credential keys" in output


def test_another_company_than_the_pinned_one(healthy):
    with tenant_scope(ALL):
        Connection.objects.filter(system="intempus").update(pinned_company_id="61999", pinned_company_name="Old A/S")
    output, code = doctor()
    assert code == 1
    assert line(output, "Intempus").startswith("✗")


def test_a_flag_that_is_gone_and_one_spelled_differently(healthy):
    with tenant_scope(ALL):
        Tenant.objects.update(opt_in_field="XINTEMPUS")
    output, code = doctor()
    assert code == 1
    assert line(output, "Tick XINTEMPUS").startswith("✗ Tick XINTEMPUS, Customer (debtor): was there and is gone")
    with tenant_scope(ALL):
        EntityPolicy.objects.update(has_flag=False)
    output, _ = doctor()
    assert 'not there, but xIntempus is → Write opt_in_field = "xIntempus"' in output


def test_a_polarity_under_which_nothing_synchronises(healthy, world):
    for row in world.uniconta.rows(4242, "Debtor"):
        world.uniconta.person_edits(4242, "Debtor", row["RowId"], xIntempus=False)
    output, _ = doctor()
    assert line(output, "Tick").startswith("! ")
    assert "nothing synchronises → Tick records in Uniconta, or turn opt_in_means round" in output


def test_webhooks_that_are_missing_outdated_or_failing(nordbyg, world, settings):
    assert "✗ Change URL: the company has no change URL" in doctor()[0]
    make_token(nordbyg, HOOK)
    assert "✗ Change URL: no row for Debtor;" in doctor()[0]
    world.uniconta.add_change_url(4242, f"{settings.PUBLIC_URL}/hooks/nordbyg/an-old-token/uniconta/", table="Debtor")
    output = doctor()[0]
    assert "✗ Change URL: the row for Debtor has an address that is no longer valid" in output
    assert "an-old-token" not in output
    world.uniconta.add_change_url(4242, f"https://elsewhere.example/hooks/nordbyg/{HOOK}/uniconta/", table="Debtor")
    output = doctor()[0]
    assert "! Change URL: the row for Debtor leads elsewhere than" in output
    assert "✓ Change URL: Uniconta reports changes of Debtor" in output
    assert "! Change URL: no row for DebtorGroup;" in output


def test_an_error_of_uniconta_is_shown_without_the_token():
    row = {
        "Url": f"https://x.example/hooks/nordbyg/{HOOK}/uniconta/",
        "TableId": 50,
        "HasError": True,
        "ErrorMessage": f"404 from /hooks/nordbyg/{HOOK}/uniconta/",
        "LastEvent": "2026-11-02T09:15:00",
    }
    (found,) = hook_rows("nordbyg", {hash_token(HOOK)}, [row, {"Url": "https://somebody.else/hook"}, {"Url": None}])
    assert (found.table, found.is_valid, found.is_here) == ("Debtor", True, False)
    assert found.error == "404 from /hooks/nordbyg/***/uniconta/ (2026-11-02 09:15)"


def test_changes_that_wait_too_long_and_a_silent_worker(healthy):
    make_event(healthy)
    with connection.cursor() as cursor, tenant_scope(ALL):
        cursor.execute("UPDATE sync_changeevent SET due_at = due_at - interval '1 hour'")
        cursor.execute("UPDATE sync_workerbeat SET beat_at = beat_at - interval '10 minutes'")
    output, code = doctor()
    assert code == 1
    assert "✗ Worker: silent for 10 min" in output
    assert line(output, "Changes").startswith("✗ Changes: 1 waiting, the oldest for 60 min")


def test_a_budget_that_runs_out(healthy):
    with tenant_scope(ALL):
        count_calls("uniconta", login_of(Connection.objects.get(system="uniconta")), "sweep", 4000)
    output = doctor()[0]
    assert re.search(r"! Calls, Uniconta: 40\d\d of 5000 today\. .*wait until midnight", output)
    assert "press Run now on the page Schedules" in output


def test_an_address_that_does_not_answer(healthy, settings):
    """Nobody listens at the address of tests."""
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    assert "! Address: http://127.0.0.1:1 does not answer this machine" in doctor()[0]


def test_an_entity_on_hold(healthy):
    with tenant_scope(ALL):
        EntityPolicy.objects.update(hold_code="flag_disappeared", hold_detail="xIntempus")
    output, code = doctor()
    assert code == 1
    assert "✗ On hold, Customer (debtor)" in output


def test_what_was_set_up_around_the_records(healthy, world, settings):
    world.uniconta.add_change_url(
        4242, f"{settings.PUBLIC_URL}/hooks/nordbyg/{HOOK}/uniconta/", table="Debtor", use_post=True
    )
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(tenant=healthy).update(number_series="Findes ikke", default_group="77")
    output, code = doctor()
    assert code == 1
    assert line(output, "Number series, Customer").startswith("✗") and "does not exist in Uniconta" in output
    assert line(output, "Default group, Customer").startswith(
        "✗ Default group, Customer (debtor): 77 is not in Uniconta"
    )
    assert "! Change URL: the row for Debtor has Post on" in output
    assert "✓ Clock, Uniconta: agrees with ours" in output and "✓ Clock, Intempus: agrees with ours" in output
    with tenant_scope(ALL):
        EntityPolicy.objects.filter(tenant=healthy).update(number_series="", default_group="1")
    assert "✓ Default group, Customer (debtor): 1 is there" in doctor()[0]


def test_a_work_model_without_work_types(healthy, world):
    make_hours_policy(healthy)
    world.intempus.person_creates(61001, "work_model", name="Tom model", number="9")
    assert line(doctor()[0], "Work models").startswith("! Work models: without any work type: ")
    assert "Tom model" in line(doctor()[0], "Work models")


def test_a_tenant_that_has_nothing_yet():
    make_tenant("empty", state="preparing")
    output, code = doctor("empty")
    assert code == 1
    assert "✗ State: nothing is switched on" in output
    assert "✗ Uniconta: no connection → Add [tenant.uniconta]" in output


def test_all_tenants_or_one(run):
    make_tenant("alfa"), make_tenant("beta")
    out = io.StringIO()
    with pytest.raises(CommandError, match="checks failed"):
        call_command("doctor", stdout=out)
    assert "(alfa)" in out.getvalue()
    assert "(beta)" in out.getvalue()
    assert "(beta)" not in doctor("alfa")[0]
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        run("doctor", "nobody")
