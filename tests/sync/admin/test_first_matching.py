"""The page First matching: both records side by side, decisions with who and when, and any number of rows."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook
from tablib import Dataset

from mappings.models import MatchRow, RecordLink
from sync import tasks
from sync.domain.first_matching import list_rows
from sync.domain.match_decisions import looking_context
from sync.models import Run
from tenants.models import AuditEntry, Tenant
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_link, make_user
from tests.sync.admin.conftest import Company, all_rows, sign_in

VALUES = {"number": "", "name": "", "city": "", "phone": "", "cvr": "", "group": "", "active": True}


def half(company: Company, system: str, name: str, keys: tuple[str, ...] = (), **values: object) -> RecordLink:
    """A record read in one system only."""
    other = "intempus" if system == "uniconta" else "uniconta"
    number = str(values.get("number", ""))
    return make_link(
        company.tenant,
        name=name,
        state="new",
        **{f"{other}_id": "", f"{other}_key": "", f"{system}_key": number},
        **{f"{system}_seen": VALUES | {"name": name} | values, f"{system}_match_keys": list(keys)},
    )


def prepare(company: Company) -> None:
    with tenant_scope(ALL):
        Tenant.objects.filter(pk=company.tenant.pk).update(state="preparing")
        context = looking_context(company.tenant.pk)
        list_rows(context, context.entities["customer"])


@pytest.fixture
def listed(ours: Company, theirs: Company) -> Callable[[str], MatchRow]:
    """Rows of every kind by the name of the record; the neighbour holds the same."""
    for company in (theirs, ours):
        mark = company.mark
        half(company, "uniconta", f"{mark} Byg", ("1:25313763",), number="1001", city="Odense", cvr="25313763")
        half(company, "intempus", f"{mark} Byg A/S", ("1:25313763",), city="Vejle", cvr="25313763")
        half(company, "uniconta", f"{mark} Jensen", number="1002")
        half(company, "intempus", f"{mark} Jensen")
        half(company, "uniconta", f"{mark} Kæde", ("1:1",))
        for number in ("a", "b"):
            half(company, "intempus", f"{mark} Kæde {number}", ("1:1",), number=f"{mark}-{number}")
        half(company, "uniconta", f"{mark} Ny", number="1004")
        prepare(company)

    def row(name: str) -> MatchRow:
        with tenant_scope(ALL):
            rows = MatchRow.objects.select_related("link", "other", "decided_by")
            return (
                rows.get(link__name=f"ourmark {name}", link__uniconta_id__gt="")
                if name == "Jensen"
                else rows.get(link__name=f"ourmark {name}")
            )

    return row


def page_of(company: Company) -> str:
    return reverse("admin:tenants_tenant_first_matching", args=[company.tenant.pk, "customer"])


def shown(client: Client, company: Company, **query: str) -> str:
    return client.get(page_of(company), query).content.decode()


def foreign_rows() -> list[tuple[object, ...]]:
    with tenant_scope(ALL):
        rows = MatchRow.objects.filter(tenant__slug="theirmark-aps").order_by("pk")
        return list(rows.values_list("pk", "category", "other_id", "decision", "link__is_left_out"))


def test_both_records_stand_side_by_side_with_what_would_change(listed, ours, as_role):
    client = as_role("customer")
    page = shown(client, ours, category="certain")
    for text in ("ourmark Byg A/S", "CVR number: 25313763", "Odense", "Vejle"):
        assert text in page
    assert '<span class="c-new">→ Odense</span>' in page
    assert "ourmark Ny" not in page and "theirmark" not in page
    assert 'name="one"' not in page  # may look, not decide
    assert "Is created in Intempus." in shown(client, ours, category="only_in_uniconta")
    candidates = shown(as_role("support"), ours, category="ambiguous", q="ourmark Kæde")
    assert '<div hidden><form method="post" id="by-hand-' in candidates  # one each, and no gap for any
    assert candidates.count("Is it one of these?") == 3
    assert client.get(reverse("admin:tenants_tenant_first_matchings", args=[ours.tenant.pk]))["Location"] == page_of(
        ours
    )


def test_a_row_is_decided_by_its_own_button_and_keeps_who_and_when(listed, ours, as_role):
    client, before = as_role("support"), foreign_rows()
    row = listed("Byg")
    client.post(page_of(ours), {"one": f"{row.pk}:exclude"})
    row = listed("Byg")
    assert (row.decision, str(row.decided_by), row.reason, row.writes) == ("exclude", "support-person", "left_out", [])
    assert row.decided_at is not None and row.link.is_left_out and row.other.is_left_out
    assert "support-person" in shown(client, ours, category="certain", show="decided")
    assert "ourmark Byg" not in shown(client, ours, category="certain")
    client.post(page_of(ours), {"one": f"{row.pk}:create"})
    row = listed("Byg")
    assert (row.writes, row.link.is_left_out, row.link.is_match_rejected) == (["create intempus"], False, True)
    assert listed("Byg A/S").category == "only_in_intempus"
    client.post(page_of(ours), {"one": f"{row.pk}:"})
    row = listed("Byg")
    assert (row.decision, row.writes, row.link.is_match_rejected) == ("", ["update intempus"], False)
    with tenant_scope(ALL):
        assert not MatchRow.objects.filter(link=row.other).exists()
        assert AuditEntry.objects.filter(action="match_decided", tenant=ours.tenant).count() == 3
    assert foreign_rows() == before


def test_ticked_rows_are_decided_together_and_foreign_ones_are_not(listed, ours, as_role):
    client, before = as_role("support"), foreign_rows()
    ids = [listed("Ny").pk, listed("Kæde").pk, *(row[0] for row in before)]
    client.post(page_of(ours), {"row": ids, "scope": "ticked", "decision": "exclude"})
    assert (listed("Ny").decision, listed("Kæde").decision, listed("Byg").decision) == ("exclude", "exclude", "")
    assert foreign_rows() == before


def test_enter_in_the_list_decides_nothing(listed, ours, as_role):
    client = as_role("support")
    row = listed("Ny")
    page = shown(client, ours, category="only_in_uniconta")
    first = page.index("<button", page.index('id="rows"'))
    assert 'name="nothing"' in page[first : page.index(">", first)]
    client.post(page_of(ours), {"nothing": "1", "row": [row.pk], "scope": "all", "category": "only_in_uniconta"})
    assert (listed("Ny").decision, [run for run in all_rows(Run) if run.kind == "decide"]) == ("", [])


def test_a_whole_category_is_decided_as_a_run(listed, ours, as_role, queued):
    client, before = as_role("support"), foreign_rows()
    answer = {"scope": "all", "category": "probable", "decision": "link"}
    response = client.post(page_of(ours), answer)
    [run] = [run for run in all_rows(Run) if run.kind == "decide"]
    assert response["Location"] == reverse("admin:sync_run_change", args=[run.pk])
    tasks.decide_many(ours.tenant.pk, run.pk)
    row = listed("Jensen")
    assert (row.decision, row.writes, str(row.decided_by)) == ("link", ["update intempus"], "support-person")
    assert row.link.uniconta_match_keys == row.other.intempus_match_keys == [f"p:{row.link_id}:{row.other_id}"]
    assert next(run for run in all_rows(Run) if run.kind == "decide").counts == {"records": 1}
    assert foreign_rows() == before
    # What is ambiguous is linked one by one only.
    assert client.post(page_of(ours), answer | {"category": "ambiguous"}).status_code == 404


def test_linking_by_hand_by_candidate_and_by_number(listed, ours, as_role):
    client = as_role("support")
    chain, branch = listed("Kæde"), listed("Kæde b")
    client.post(page_of(ours), {"one": f"{branch.pk}:same:{chain.link_id}"})
    chain = listed("Kæde")
    assert (chain.decision, chain.other_id) == ("link", branch.link_id)
    with tenant_scope(ALL):
        assert not MatchRow.objects.filter(pk=branch.pk).exists()
    row = listed("Ny")
    client.post(page_of(ours), {"one": f"{row.pk}:hand", f"hand-{row.pk}": "ourmark-a"})
    assert listed("Ny").other.name == "ourmark Kæde a"
    for text, said in (("ourmark-b", "is linked already"), ("theirmark-a", "no single free record")):
        response = client.post(page_of(ours), {"one": f"{row.pk}:hand", f"hand-{row.pk}": text})
        assert said in str(list(get_messages(response.wsgi_request))[-1])
    client.post(page_of(ours), {"one": f"{chain.pk}:"})
    assert (listed("Kæde").other, listed("Kæde").category) == (None, "ambiguous")
    assert (listed("Kæde b").category, listed("Kæde b").candidates) == ("ambiguous", [chain.link_id])


def test_what_was_given_to_another_is_not_touched_by_the_row_that_found_it(listed, ours, as_role):
    client = as_role("support")
    found = listed("Byg")
    client.post(page_of(ours), {"one": f"{found.pk}:create"})
    taker = listed("Ny")
    client.post(page_of(ours), {"one": f"{taker.pk}:same:{found.other_id}"})
    assert (listed("Byg").decision, listed("Byg").other) == ("create", None)
    for decision in ("exclude", ""):
        client.post(page_of(ours), {"one": f"{found.pk}:{decision}"})
        assert (listed("Byg").decision, listed("Byg").other) == (decision, None)
        taker = listed("Ny")
        assert (taker.other.name, taker.other.is_left_out) == ("ourmark Byg A/S", False)
        assert taker.other.intempus_match_keys[0] == f"p:{taker.link_id}:{taker.other_id}"


@pytest.mark.parametrize("role", ["customer", "auditor"])
def test_who_may_only_look_decides_nothing(listed, ours, as_role, role):
    assert as_role(role).post(page_of(ours), {"one": f"{listed('Ny').pk}:exclude"}).status_code == 403
    assert listed("Ny").decision == ""


def test_foreign_pages_and_rows_do_not_exist(listed, ours, theirs, as_role):
    client, before = as_role("consultant"), foreign_rows()
    assert client.get(page_of(theirs)).status_code == client.post(page_of(theirs), {}).status_code == 404
    assert client.post(page_of(ours), {"one": f"{before[0][0]}:exclude"}).status_code == 404
    assert foreign_rows() == before


def test_any_number_of_rows_is_paged_at_the_same_price(listed, ours, as_role, monkeypatch):
    monkeypatch.setattr("sync.admin.first_matching.PER_PAGE", 3)
    client = as_role("support")

    def queries(**query: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(page_of(ours), {"category": "only_in_uniconta", **query}).status_code == 200
        assert not [query["sql"] for query in found if "OFFSET" in query["sql"]]
        return len(found)

    queries()
    few = queries()
    for number in range(8):
        half(ours, "uniconta", f"ourmark Flere {number}", number=str(2000 + number))
    prepare(ours)
    assert queries() == few <= 24
    names, url = [], page_of(ours) + "?category=only_in_uniconta"
    while url:
        context = client.get(url).context
        names += [row["row"].link.name for row in context["rows"]]
        url = context["next_url"]
    assert sorted(names) == sorted(["ourmark Ny", *(f"ourmark Flere {number}" for number in range(8))])


def test_the_page_and_going_live_speak_danish(listed, ours, as_role):
    client = as_role("consultant")
    client.cookies["django_language"] = "da"
    page = shown(client, ours, category="ambiguous")
    for text in ("Første parring", "Flertydig", "Fravælg", "Sammenkæd manuelt", "Beslut for"):
        assert text in page
    page = client.get(reverse("admin:tenants_tenant_go_live", args=[ours.tenant.pk])).content.decode()
    assert "Hvad der vil ske" in page and "Venter på en person" in page


def test_whose_value_stands_is_chosen_per_field_and_for_many(listed, ours, as_role, queued):
    client, before = as_role("support"), foreign_rows()
    row = listed("Byg")
    page = shown(client, ours, category="certain")
    assert f'name="win-{row.pk}-city"' in page and f'name="win-{row.pk}-cvr"' not in page
    client.post(page_of(ours), {"one": f"{row.pk}:fields", f"win-{row.pk}-city": "intempus"})
    row = listed("Byg")
    assert (row.link.winners, row.writes) == ({"city": "intempus"}, ["update intempus", "update uniconta"])
    assert '<span class="c-new">→ Vejle</span>' in shown(client, ours, category="certain")
    client.post(page_of(ours), {"row": [row.pk], "decision": "winner", "winner": "blanks", "scope": "ticked"})
    assert (listed("Byg").link.winners, listed("Byg").writes) == ({"": "blanks"}, ["update intempus"])
    client.post(page_of(ours), {"scope": "all", "category": "certain", "decision": "winner", "winner": "uniconta"})
    [run] = [run for run in all_rows(Run) if run.kind == "decide"]
    tasks.decide_many(ours.tenant.pk, run.pk)
    assert listed("Byg").link.winners == {"": "uniconta"}
    for wrong in ("nobody", ""):
        answer = {"one": f"{row.pk}:fields", f"win-{row.pk}-city": wrong}
        assert client.post(page_of(ours), answer).status_code == 404
    assert foreign_rows() == before


def test_a_pair_is_taken_apart_and_linked_by_hand_on_its_page(listed, ours, theirs, as_role):
    client = as_role("support")

    def press(verb: str, link: RecordLink = ours.link) -> int:
        return client.post(reverse("admin:mappings_recordlink_press", args=[link.pk, verb])).status_code

    with tenant_scope(ALL):
        RecordLink.objects.filter(pk=ours.link.pk).update(intempus_key="old-number")
    url = reverse("admin:mappings_recordlink_change", args=[ours.link.pk])
    assert "Take the pair apart" in client.get(url).content.decode()
    assert press("unlink") == 302
    page = client.get(url).content.decode()
    for text in ("Take in again", "It is a new record", "Link by hand with the record in Intempus"):
        assert text in page
    by_hand = reverse("admin:mappings_recordlink_by_hand", args=[ours.link.pk])
    client.post(by_hand, {"other": "old-number"})
    with tenant_scope(ALL):
        one, other = RecordLink.objects.get(pk=ours.link.pk), RecordLink.objects.get(intempus_key="old-number")
    assert one.uniconta_match_keys == other.intempus_match_keys == [f"p:{one.pk}:{other.pk}"]
    assert (one.is_left_out, other.is_left_out) == (False, False)
    foreign = reverse("admin:mappings_recordlink_by_hand", args=[theirs.link.pk])
    assert client.post(foreign, {"other": "old-number"}).status_code == 404
    assert press("unlink", theirs.link) == press("take-in", theirs.link) == 404
    assert as_role("customer").post(by_hand, {"other": "old-number"}).status_code == 403


# ------------------------------------------------------------------------------------------------ the list as a file


def list_out(client: Client, company: Company, form: str) -> bytes:
    return client.get(reverse("admin:tenants_tenant_match_list", args=[company.tenant.pk, "customer", form])).content


def loaded(content: bytes, form: str) -> Dataset:
    if form == "xlsx":
        return Dataset().load(content, format="xlsx")
    return Dataset().load(content.decode("utf-8-sig"), format="csv", delimiter=";")


def take_in(client: Client, company: Company, form: str, data: Dataset) -> list[str]:
    content = data.export("xlsx") if form == "xlsx" else data.export("csv", delimiter=";").encode("utf-8-sig")
    url = reverse("admin:tenants_tenant_match_list_in", args=[company.tenant.pk, "customer"])
    response = client.post(url, {"list": SimpleUploadedFile(f"list.{form}", content)})
    return [str(message) for message in get_messages(response.wsgi_request)]


def decided(data: Dataset, **decisions: str) -> Dataset:
    """The list with decisions filled in, by the beginning of the name after the mark."""
    filled = Dataset(headers=data.headers)
    for cells in data.dict:
        name = (cells["uniconta_name"] or cells["intempus_name"]).removeprefix("ourmark ")
        target, _, other = decisions.get(name.replace(" ", "_"), "").partition(":")
        filled.append([*({**cells, "decision": target, "link_to_intempus_id": other}.values())])
    return filled


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_list_goes_out_is_decided_in_a_spreadsheet_and_comes_back(listed, ours, as_role, form):
    client, before = as_role("support"), foreign_rows()
    data = loaded(list_out(client, ours, form), form)
    assert [cells["category"] for cells in data.dict if cells["uniconta_name"] == "ourmark Byg"] == ["certain"]
    assert "theirmark" not in str(data.dict)
    branch = listed("Kæde b").link.intempus_id
    assert take_in(client, ours, form, decided(data, Jensen="link", Ny="exclude", Kæde=f"link:{branch}")) == [
        "3 rows are decided."
    ]
    found = {name: (listed(name).decision, str(listed(name).decided_by)) for name in ("Jensen", "Ny", "Kæde", "Byg")}
    person = "support-person"
    assert found == {
        "Jensen": ("link", person),
        "Ny": ("exclude", person),
        "Kæde": ("link", person),
        "Byg": ("", "None"),
    }
    assert listed("Kæde").other.intempus_id == branch
    assert foreign_rows() == before


def test_a_list_with_mistakes_is_not_taken_in_at_all(listed, ours, theirs, as_role):
    client = as_role("support")
    data = loaded(list_out(client, ours, "csv"), "csv")
    said = take_in(client, ours, "csv", decided(data, Ny="exclude", Jensen="perhaps", Kæde="link"))
    assert [text.partition(": ")[2] for text in said[:-1]] == [
        "the decision “perhaps” is none of link, exclude, create.",
        "nothing was found to link to; fill in link_to_intempus_id.",
    ]
    assert said[-1] == "Nothing of the list was taken in."
    assert listed("Ny").decision == ""
    foreign = loaded(list_out(sign_in(make_user("boss", is_superuser=True)), theirs, "csv"), "csv")
    said = take_in(client, ours, "csv", decided(foreign, theirmark_Ny="exclude"))
    assert "no record of this list has these ids" in "".join(said)
    url = reverse("admin:tenants_tenant_match_list_in", args=[ours.tenant.pk, "customer"])
    for name, content in (("a.csv", b"\xff\xfe"), ("a.xlsx", b"no zip"), ("a.csv", b"one;two\r\n1;2\r\n")):
        response = client.post(url, {"list": SimpleUploadedFile(name, content)})
        assert "Nothing of the list was taken in." in [str(each) for each in get_messages(response.wsgi_request)]
    assert as_role("customer").post(url, {}).status_code == 403
    foreign_url = reverse("admin:tenants_tenant_match_list", args=[theirs.tenant.pk, "customer", "csv"])
    assert client.get(foreign_url).status_code == 404


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_name_that_is_a_formula_is_only_text_in_the_file(listed, ours, as_role, form):
    half(ours, "uniconta", '=HYPERLINK("http://example.dk")', number="+45")
    prepare(ours)
    client = as_role("support")
    content = list_out(client, ours, form)
    [cells] = [cells for cells in loaded(content, form).dict if "HYPERLINK" in str(cells["uniconta_name"])]
    assert (cells["uniconta_name"], cells["uniconta_number"]) == ('\'=HYPERLINK("http://example.dk")', "'+45")
    if form == "xlsx":
        sheet = load_workbook(BytesIO(content)).active
        assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
