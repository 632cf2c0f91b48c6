"""`manage.py onboard`: a file in, tenants out; all or nothing, any number of times, and no secret on the screen."""

from datetime import date

import pytest
from django.core.management import CommandError

from mappings.models import EntityPolicy, FieldRule, HoursPolicy, ValueMap, WorkTypeRule
from sync.models import PayCalendar, Run
from tenants.models import AuditEntry, Connection, Tenant, WebhookToken
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_connections, make_link, make_tenant, make_token, set_working
from tests.sync.management.conftest import HOOK, INTEMPUS_KEY, UNICONTA_PASSWORD
from tests.tenants.conftest import owner_cursor, tables

pytestmark = pytest.mark.django_db(transaction=True)

FILE = """
[[tenant]]
slug = "nordbyg"
name = "Nordbyg ApS"
language = "da"
live = true
webhook_token_env = "NORDBYG_HOOK"
opt_in_field = "xIntempus"
opt_in_means = "sync"
conflict_policy = "merge_fields"
pull_minutes = 10
sweep_minutes = 20
[tenant.uniconta]
base_url = "UNICONTA"
company_id = 4242
username = "sync"
password_env = "NORDBYG_UNICONTA_PASSWORD"
[tenant.intempus]
base_url = "INTEMPUS"
username = "api@nordbyg.dk"
api_key_env = "NORDBYG_INTEMPUS_KEY"
[tenant.entities.customer]
enabled = true
to_intempus = true
to_uniconta = true
create_in_intempus = true
create_in_uniconta = false
number_series = "Kunder"
number_prefix = "I"
default_group = "1"
[tenant.entities.work_report]
journal = "Intempus"
transfer_from = 2027-01-01
ready_when = "locked"
[[tenant.work_type_rules]]
work_type_name = "Normaltid"
item = "TIME"
[[tenant.pay_calendars]]
name = "Timelønnede"
kind = "fortnight"
anchor_on = 2027-01-10
groups = ["1", "2"]
[[tenant.field_rules]]
entity = "customer"
attribute = "phone"
is_off = true
[[tenant.value_maps]]
entity = "customer"
attribute = "contact_person"
uniconta_value = "1"
intempus_value = "Erhverv"
"""
QUIET = FILE.replace("live = true", "live = false")


@pytest.fixture
def onboard(run, tmp_path):
    """Onboard a text, and say with which arguments."""

    def call(text: str, *arguments: str) -> str:
        file = tmp_path / "nordbyg.toml"
        file.write_text(text, encoding="utf-8")
        return run("onboard", str(file), *arguments)

    return call


@pytest.fixture
def live(world) -> str:
    return FILE.replace('UNICONTA"', f'{world.uniconta_url}"').replace('INTEMPUS"', f'{world.intempus_url}"')


@pytest.fixture
def quiet() -> str:
    """A file whose systems nobody answers for; used with --no-test."""
    return QUIET.replace('UNICONTA"', 'http://127.0.0.1:1"').replace('INTEMPUS"', 'http://127.0.0.1:2"')


def history_count() -> int:
    with owner_cursor() as cursor:
        counts = []
        for table in tables():
            if "historical" in table or table == "tenants_auditentry":
                cursor.execute(f"SELECT count(*) FROM {table}")
                counts.append(cursor.fetchone()[0])
    return sum(counts)


def everything() -> str:
    """All tenant rows, as text, in a stable order."""
    with owner_cursor() as cursor:
        texts = []
        for table in tables():
            if table.startswith(("tenants_", "mappings_", "sync_")):
                cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
                texts += [f"{table} {row}" for (row,) in cursor.fetchall()]
    return "\n".join(texts)


# ------------------------------------------------------------------------------------------------ what it stores


def test_a_tenant_is_created_as_the_file_says(onboard, quiet):
    assert "nordbyg: created" in onboard(quiet, "--no-test")
    with tenant_scope(ALL):
        tenant = Tenant.objects.get()
        assert (tenant.slug, tenant.name, tenant.language, tenant.state) == (
            "nordbyg",
            "Nordbyg ApS",
            "da",
            "preparing",
        )
        assert (tenant.conflict_policy, tenant.pull_minutes, tenant.sweep_minutes) == ("merge_fields", 10, 20)
        uniconta, intempus = (tenant.connections.get(system=system) for system in ("uniconta", "intempus"))
        assert (uniconta.company_id, uniconta.username, uniconta.secret) == ("4242", "sync", UNICONTA_PASSWORD)
        assert (intempus.base_url, intempus.secret) == ("http://127.0.0.1:2", INTEMPUS_KEY)
        hours, rule = HoursPolicy.objects.get(), WorkTypeRule.objects.get()
        assert (hours.journal, hours.transfer_from, hours.ready_when) == ("Intempus", date(2027, 1, 1), "locked")
        assert (rule.work_type_name, rule.item, rule.work_type_id) == ("Normaltid", "TIME", "")
        calendar = PayCalendar.objects.get()
        assert (calendar.name, calendar.kind, calendar.anchor_on) == ("Timelønnede", "fortnight", date(2027, 1, 10))
        assert (calendar.groups, calendar.cut_off_days) == (["1", "2"], 2)
        policy = EntityPolicy.objects.get()
        assert (policy.entity, policy.number_series, policy.create_in_uniconta) == ("customer", "Kunder", False)
        assert FieldRule.objects.get().is_off
        assert ValueMap.objects.get().intempus_value == "Erhverv"
        assert WebhookToken.objects.get().token == HOOK


@pytest.mark.parametrize(("line", "is_on"), [("", False), ("create_in_intempus = true", True)])
def test_creating_employees_is_off_unless_the_file_says_so(onboard, quiet, line, is_on):
    onboard(quiet + f"\n[tenant.entities.employee]\nenabled = true\n{line}\n", "--no-test")
    with tenant_scope(ALL):
        assert EntityPolicy.objects.get(entity="employee").create_in_intempus is is_on


def test_a_second_run_says_unchanged_and_writes_nothing(onboard, live):
    onboard(live)
    before = history_count(), everything()
    output = onboard(live)
    assert "nordbyg: unchanged" in output
    assert "company Nordbyg ApS (4242" in output
    assert (history_count(), everything()) == before


def test_only_what_changed_is_written_and_said(onboard, quiet):
    onboard(quiet, "--no-test")
    before = history_count()
    output = onboard(quiet.replace("pull_minutes = 10", "pull_minutes = 12"), "--no-test")
    assert "  pull_minutes: '10' → '12'" in output
    assert "→" not in output.replace("pull_minutes: '10' → '12'", "")
    assert history_count() == before + 1


def test_a_key_left_out_stays_as_it_is(onboard, quiet):
    onboard(quiet, "--no-test")
    assert "unchanged" in onboard('[[tenant]]\nslug = "nordbyg"', "--no-test")
    with tenant_scope(ALL):
        assert Tenant.objects.get().pull_minutes == 10


def test_what_is_not_in_the_file_is_left_alone_and_named(onboard, quiet):
    onboard(quiet, "--no-test")
    output = onboard(quiet[: quiet.index("[[tenant.field_rules]]")], "--no-test")
    assert "field_rules.customer.phone: not in the file; left as it is" in output
    with tenant_scope(ALL):
        assert FieldRule.objects.exists()


def test_a_new_secret_is_stored_and_makes_the_connection_untested(onboard, quiet, monkeypatch):
    onboard(quiet, "--no-test")
    with tenant_scope(ALL):
        set_working(Connection.objects.get(system="uniconta"), "4242")
    monkeypatch.setenv("NORDBYG_UNICONTA_PASSWORD", "planted-second")
    output = onboard(quiet, "--no-test")
    assert "uniconta: secret changed" in output
    assert "planted" not in output
    with tenant_scope(ALL):
        row = Connection.objects.get(system="uniconta")
        assert (row.secret, row.state, row.pinned_company_id) == ("planted-second", "untested", "4242")


def test_secrets_of_lost_keys_are_stored_again(onboard, quiet, settings):
    from cryptography.fernet import Fernet

    onboard(quiet, "--no-test")
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    output = onboard(quiet, "--no-test")
    assert "uniconta: secret set again; the stored one could not be opened" in output
    assert "webhook token: sealed again" in output
    with tenant_scope(ALL):
        assert Connection.objects.get(system="uniconta").secret == UNICONTA_PASSWORD
        assert WebhookToken.objects.get().token == HOOK
    assert "unchanged" in onboard(quiet, "--no-test")


def test_the_demos_own_file_is_without_mistakes(settings):
    from sync.domain.tenant_file import read_tenant_file

    text = (settings.BASE_DIR / "docs" / "demo.toml").read_text(encoding="utf-8")
    assert [entry.slug for entry in read_tenant_file(text)] == ["nordbyg", "havnens-el"]


# ------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name = "Nordbyg ApS"',
            'nam = "Nordbyg ApS"',
            "tenant 'nordbyg', nam: there is no such key; did you mean 'name'?",
        ),
        (
            "company_id = 4242",
            "compny_id = 4242",
            "tenant 'nordbyg', uniconta, compny_id: there is no such key; did you mean",
        ),
        ("[tenant.uniconta]", "[tenant.unikonta]", "unikonta: there is no such key; did you mean 'uniconta'?"),
        ("enabled = true", "enabld = true", "entities.customer, enabld: there is no such key; did you mean 'enabled'?"),
        ("enabled = true", 'enabled = "true"', 'enabled: must be true or false, not text in "quotes"'),
        ("pull_minutes = 10", 'pull_minutes = "10"', "pull_minutes: must be a whole number, not text"),
        ("pull_minutes = 10", "pull_minutes = true", "pull_minutes: must be a whole number, not true or false"),
        ("pull_minutes = 10", "pull_minutes = 0", "pull_minutes: Ensure this value is greater than or equal to 1"),
        ('language = "da"', 'language = "no"', "language: Value 'no' is not a valid choice"),
        ('slug = "nordbyg"', 'slug = "Nordbyg ApS"', "slug: Small letters, digits and hyphens only"),
        ('slug = "nordbyg"', "", "tenant number 1: has no slug"),
        ('name = "Nordbyg ApS"', "", "name: This field cannot be blank"),
        ("[tenant.entities.customer]", "[tenant.entities.costumer]", "no entity 'costumer'; did you mean 'customer'?"),
        ("[[tenant]]", "[tenant]", "Write [[tenant]] with two brackets"),
        ("[[tenant]]", "[[tenants]]", "tenants: there is no such key; did you mean 'tenant'?"),
        ("pull_minutes = 10", "pull_minutes 10", "This is not valid TOML: "),
        ("company_id = 4242", "", "uniconta.company_id: missing"),
        ('username = "sync"', "", "uniconta.username: missing"),
        ("http://127.0.0.1:1", "ftp://127.0.0.1", "uniconta.base_url: must start with https://"),
        ("http://127.0.0.1:2", "https://intempus.dk/web/v1/", "intempus.base_url: leave out /web/v1/; it is added"),
        (
            "http://127.0.0.1:1",
            "https://me:planted@odata.uniconta.com",
            "base_url: must not hold a user name or password",
        ),
        ('password_env = "NORDBYG_UNICONTA_PASSWORD"', "", "uniconta.password_env: missing"),
        ('password_env = "NORDBYG_UNICONTA_PASSWORD"', 'password = "planted"', "secrets do not belong in the file"),
        ('"NORDBYG_UNICONTA_PASSWORD"', '"planted pass!"', "password_env: must be the name of an environment variable"),
        ('"NORDBYG_UNICONTA_PASSWORD"', '"planted"', "password_env: the environment variable named there is not set"),
        ('"NORDBYG_UNICONTA_PASSWORD"', '"NOT_SET"', "password_env: the environment variable NOT_SET is not set"),
        ('"NORDBYG_HOOK"', '"SHORT_HOOK"', "webhook_token_env: the token must have at least 16 characters"),
        ('attribute = "phone"', 'attribute = "phon e"', "field_rules.customer.phon e.attribute: "),
        ('attribute = "phone"\nis_off = true', 'attribute = "fax"', "field_rules.customer.fax"),
        ('entity = "customer"\nattribute = "phone"', 'entity = "customer"', "field_rules number 1: attribute missing"),
        (
            "is_off = true",
            '''is_off = true
[[tenant.field_rules]]
entity = "customer"
attribute = "a"
uniconta_field = "Dimension1"
intempus_field = "notes"
[[tenant.field_rules]]
entity = "customer"
attribute = "b"
uniconta_field = "Dimension1"
intempus_field = "other"''',
            "field_rules.customer: customer: two attributes use the uniconta field 'Dimension1'",
        ),
        ("is_off = true", 'intempus_transform = "upside"', "intempus_transform: There is no such conversion"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_nothing_is_stored(onboard, quiet, monkeypatch, old, new, said):
    monkeypatch.setenv("SHORT_HOOK", "planted-short")
    assert old in quiet
    with pytest.raises(CommandError) as caught:
        onboard(quiet.replace(old, new, 1), "--no-test")
    message = str(caught.value)
    assert said in message
    assert "nothing was stored" in message
    assert "planted" not in message
    assert everything() == ""


def test_all_mistakes_are_named_at_once(onboard, quiet):
    text = quiet.replace('language = "da"', 'langage = "da"').replace("enabled = true", "enabled = 1")
    with pytest.raises(CommandError, match="2 mistakes") as caught:
        onboard(text, "--no-test")
    assert "langage" in str(caught.value)
    assert "enabled" in str(caught.value)


def test_one_bad_tenant_keeps_the_good_one_out_too(onboard, quiet):
    other = quiet.replace("nordbyg", "other").replace("4242", "4343").replace('"NORDBYG_HOOK"', '"NOT_SET"')
    with pytest.raises(CommandError, match="tenant 'other', webhook_token_env"):
        onboard(quiet + other, "--no-test")
    assert everything() == ""


def test_a_slug_twice_in_a_file_is_refused(onboard, quiet):
    with pytest.raises(CommandError, match="tenant 'nordbyg': stands in the file more than once"):
        onboard(quiet + quiet, "--no-test")


def test_a_company_of_another_tenant_is_refused(onboard, quiet):
    make_connections(make_tenant("first"), "http://127.0.0.1:1", company_id="4242")
    with pytest.raises(CommandError, match="company 4242 belongs to tenant 'first' already"):
        onboard(quiet, "--no-test")
    with tenant_scope(ALL):
        assert not Tenant.objects.filter(slug="nordbyg").exists()


def test_a_company_twice_in_a_file_is_refused(onboard, quiet, monkeypatch):
    monkeypatch.setenv("OTHER_HOOK", "another-hook-0123456789")
    other = quiet.replace('"nordbyg"', '"other"').replace("NORDBYG_HOOK", "OTHER_HOOK")
    with pytest.raises(CommandError, match="company 4242 belongs to tenant 'nordbyg' already"):
        onboard(quiet + other, "--no-test")
    # Spelled differently it is still the same company.
    with pytest.raises(CommandError, match="company 4242 belongs to tenant 'nordbyg' already"):
        onboard(quiet + other.replace("company_id = 4242", 'company_id = "004242"'), "--no-test")
    with pytest.raises(CommandError, match="company 4242 belongs to tenant 'nordbyg' already"):
        onboard(quiet + other.replace("http://127.0.0.1:1", "HTTP://127.0.0.1:1/"), "--no-test")


def test_a_token_of_another_tenant_is_refused(onboard, quiet):
    make_token(make_tenant("first"), HOOK)
    with pytest.raises(CommandError, match="the token belongs to tenant 'first'"):
        onboard(quiet, "--no-test")


def test_a_revoked_token_is_refused(onboard, quiet):
    from django.utils import timezone

    onboard(quiet, "--no-test")
    with tenant_scope(ALL):
        WebhookToken.objects.update(revoked_at=timezone.now())
    with pytest.raises(CommandError, match="the token was revoked"):
        onboard(quiet, "--no-test")


@pytest.mark.parametrize(("old", "new"), [("http://127.0.0.1:1", "http://127.0.0.1:9"), ("4242", "4243")])
def test_the_company_cannot_change_while_records_are_linked(onboard, quiet, old, new):
    onboard(quiet, "--no-test")
    with tenant_scope(ALL):
        tenant = Tenant.objects.get()
    link = make_link(tenant)
    before = everything()
    with pytest.raises(CommandError, match="cannot change while 1 records are linked"):
        onboard(quiet.replace(old, new), "--no-test")
    assert everything() == before
    with tenant_scope(ALL):
        set_working(Connection.objects.get(system="uniconta"), "4242")
        link.delete()
    assert "→" in onboard(quiet.replace(old, new), "--no-test")
    with tenant_scope(ALL):
        row = Connection.objects.get(system="uniconta")
        assert (row.pinned_company_id, row.state) == ("", "untested")


def test_a_live_tenant_needs_both_connections(onboard, quiet):
    start, end = quiet.index("[tenant.intempus]"), quiet.index("[tenant.entities.customer]")
    with pytest.raises(CommandError, match=r"intempus: missing; a live tenant needs both"):
        onboard(quiet[:start].replace("live = false", "live = true") + quiet[end:], "--no-test")


@pytest.mark.parametrize("arguments", [(), ("x.toml", "--export", "nordbyg"), ("no-such-file.toml",)])
def test_a_wrong_call_is_explained(run, arguments):
    with pytest.raises(CommandError, match=r"Give either|cannot be read"):
        run("onboard", *arguments)


# ------------------------------------------------------------------------------------------------ going live


def runs() -> list[tuple[str, str]]:
    with tenant_scope(ALL):
        return sorted(Run.objects.values_list("kind", "state"))


def state() -> str:
    with tenant_scope(ALL):
        return Tenant.objects.get().state


def test_live_true_tests_both_connections_goes_live_and_starts_the_first_load(onboard, live):
    output = onboard(live)
    assert "Uniconta: works, company Nordbyg ApS (4242" in output
    assert "Intempus: works, company Nordbyg ApS (61001" in output
    assert "State: Live. live now; the first load has been started" in output
    assert state() == "live"
    assert runs() == [("pull", "queued"), ("sweep", "queued")]
    onboard(live)
    assert len(runs()) == 2, "the first load is started once"


def test_a_failed_test_leaves_the_tenant_preparing_and_says_why(onboard, live, monkeypatch):
    monkeypatch.setenv("NORDBYG_INTEMPUS_KEY", "planted-wrong-key")
    with pytest.raises(CommandError, match="Stored, but not as the file wants it: nordbyg"):
        onboard(live)
    assert state() == "preparing"
    assert runs() == []
    monkeypatch.setenv("NORDBYG_INTEMPUS_KEY", INTEMPUS_KEY)
    assert "live now" in onboard(live)


def test_the_reason_is_on_the_screen(live, tmp_path, monkeypatch):
    import io

    from django.core.management import call_command

    monkeypatch.setenv("NORDBYG_UNICONTA_PASSWORD", "planted-wrong-password")
    (file := tmp_path / "nordbyg.toml").write_text(live)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("onboard", str(file), stdout=out)
    assert "not live: Uniconta did not pass the test" in out.getvalue()
    assert "planted" not in out.getvalue()


def test_live_false_only_prepares(onboard, live):
    output = onboard(live.replace("live = true", "live = false"))
    assert "State: Preparing" in output
    assert state() == "preparing"
    assert runs() == []


def test_live_false_never_stops_a_live_tenant_by_itself(onboard, live):
    onboard(live)
    stop = live.replace("live = true", "live = false")
    assert "does not stop a live tenant" in onboard(stop)
    assert state() == "live"
    assert "paused, because the file says live = false" in onboard(stop, "--pause")
    assert state() == "paused"
    assert "stays paused" in onboard(live)
    assert state() == "paused"
    assert "live again" in onboard(live, "--resume")
    assert state() == "live"
    assert len(runs()) == 2, "a resumed tenant is no first load"


# ------------------------------------------------------------------------------------------------ URLs, secrets, export


def test_a_token_made_here_is_printed_once(onboard, quiet, settings):
    text = quiet.replace('webhook_token_env = "NORDBYG_HOOK"', "")
    with_token = onboard(text, "--no-test")
    with tenant_scope(ALL):
        token = WebhookToken.objects.get().token
    assert f"{settings.PUBLIC_URL}/hooks/nordbyg/{token}/uniconta/" in with_token
    assert "Change URL" in with_token
    again = onboard(text, "--no-test")
    assert token not in again
    assert "unchanged" in again
    assert token in onboard(text, "--no-test", "--show-urls")
    with tenant_scope(ALL):
        assert AuditEntry.objects.filter(action="webhook_url_shown").count() == 2
        assert token not in str(list(AuditEntry.objects.values()))


def test_a_token_of_ones_own_is_not_printed_back_unless_asked_for(onboard, quiet):
    assert HOOK not in onboard(quiet, "--no-test")
    assert f"/hooks/nordbyg/{HOOK}/uniconta/" in onboard(quiet, "--no-test", "--show-urls")


def test_no_output_holds_a_secret(onboard, live):
    assert "planted" not in onboard(live) + onboard(live)


def test_no_secret_stands_in_the_database(onboard, live):
    onboard(live)
    text = everything()
    assert "Nordbyg ApS" in text
    assert "planted" not in text


def test_hours_need_a_journal_and_a_first_day(onboard):
    with pytest.raises(CommandError) as error:
        onboard(FILE.replace("transfer_from = 2027-01-01\n", "").replace('journal = "Intempus"\n', ""))
    assert "entities.work_report.journal" in str(error.value)


def test_an_exported_file_changes_nothing(onboard, run, live):
    onboard(live)
    before = history_count(), everything()
    exported = run("onboard", "--export", "nordbyg")
    assert "planted" not in exported
    assert 'password_env = "NORDBYG_UNICONTA_PASSWORD"' in exported
    assert "nordbyg: unchanged" in onboard(exported)
    assert (history_count(), everything()) == before


def test_an_exported_file_makes_the_same_tenant_elsewhere(onboard, run, quiet):
    onboard(quiet, "--no-test")
    exported = run("onboard", "--export", "nordbyg")
    with tenant_scope(ALL):
        Tenant.objects.all().delete()
    onboard(exported, "--no-test")
    assert run("onboard", "--export", "nordbyg") == exported


def test_awkward_texts_survive_the_round_trip(onboard, run, quiet):
    onboard(quiet, "--no-test")
    name = 'Ærø "Citat" \\ # [x] \t'.strip() + "\x7f☃"
    with tenant_scope(ALL):
        Tenant.objects.update(name=name)
        ValueMap.objects.update(uniconta_value="a = 'b'\nc")
    before = everything()
    assert "unchanged" in onboard(run("onboard", "--export", "nordbyg"), "--no-test")
    assert everything() == before


def test_exporting_an_unknown_tenant_is_explained(run):
    with pytest.raises(CommandError, match="There is no tenant 'nobody'"):
        run("onboard", "--export", "nobody")
