"""The Intempus simulator keeps the contract of the API page (section 7), measured by recorded replies."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

import tests.simulators.intempus
from tests.simulators.core import PersonRefusedError, Served, serve
from tests.simulators.intempus import ALL_ADVERSE, IntempusSimulator
from tests.simulators.seeds import HAVNENS_EL_INTEMPUS, NORDBYG_INTEMPUS, demo_seed

RECORDED = Path(tests.simulators.intempus.__file__).parent / "recorded"
COMPANY_URI = f"/web/v1/company/{NORDBYG_INTEMPUS}/"


@pytest.fixture
def intempus() -> IntempusSimulator:
    return IntempusSimulator(data=demo_seed(nordbyg_api_key="k", havnens_api_key="h"))


@pytest.fixture
def server(intempus: IntempusSimulator) -> Iterator[Served]:
    with serve(intempus) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator["Client"]:
    with Client(server.url) as session:
        yield session


class Client(requests.Session):
    """A session that is logged in and knows the address."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.headers["Authorization"] = "ApiKey api@nordbyg.dk:k"

    def request(self, method: str, url: str, **values: Any) -> requests.Response:  # type: ignore[override]
        full = url if url.startswith("http") else self.base + (url if url.startswith("/") else f"/web/v1/{url}")
        return super().request(method, full, **values)

    def create(self, resource: str, **values: Any) -> dict[str, Any]:
        answer = self.post(f"{resource}/", json={"company": COMPANY_URI, **values})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """Type and format of a value, so that a simulated and a recorded one can be compared."""
    if isinstance(value, str) and value.startswith("/web/v1/"):
        return "uri of " + value.split("/")[3]
    if isinstance(value, str) and value.count("-") == 2 and len(value) == 10:
        return "date"
    if isinstance(value, str) and value.replace(".", "").isdigit() and "." in value:
        return f"{len(value.split('.')[1])} decimals"
    return type(value).__name__


# -- recorded replies ------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded_customer(intempus: IntempusSimulator, client: Client) -> str:
    """The customer the recorded cases belong to; the id cannot be chosen over the API."""
    values = {"id": 6666940, "name": "Eksempelkunde", "street_address": "Eksempelvej", "country": "DK"}
    intempus.load({"rows": [{"company": NORDBYG_INTEMPUS, "resource": "customer", "rows": [values]}]})
    return "/web/v1/customer/6666940/"


@pytest.mark.usefixtures("recorded_customer")
def test_post_of_a_case_answers_as_recorded(intempus: IntempusSimulator, client: Client) -> None:
    intempus.clock.set(datetime(2026, 1, 1, 12, tzinfo=UTC), freeze=True)
    answer = client.post("case/", json=recorded("case_post_request"))
    expected = recorded("case_post_reply")
    assert answer.status_code == 201
    assert list(answer.json()) == sorted(expected)
    assert answer.json() == expected | {"id": answer.json()["id"], "resource_uri": answer.headers["Location"]}
    stored = intempus.row(NORDBYG_INTEMPUS, "case", answer.json()["id"])
    assert stored is not None
    assert stored["logical_timestamp"] > 9_000_000_000


@pytest.mark.usefixtures("recorded_customer")
def test_list_of_cases_looks_as_recorded(client: Client) -> None:
    for number in ("1", "2"):
        values = {"number": number, "name": f"Eksempelprojekt {number}", "customer": "/web/v1/customer/6666940/"}
        assert client.post("case/", json=values).status_code == 201
    ours, theirs = client.get("case/").json(), recorded("case_list")
    assert ours["meta"] == theirs["meta"]
    assert list(ours["meta"]) == list(theirs["meta"])
    for our, their in zip(ours["objects"], theirs["objects"], strict=True):
        assert list(our) == list(their)
        moving = {"id", "resource_uri", "logical_timestamp", "creation_date"}
        assert {k: v for k, v in our.items() if k not in moving} == {k: v for k, v in their.items() if k not in moving}
        assert {k: shape(v) for k, v in our.items()} == {k: shape(v) for k, v in their.items()}


def test_case_with_relations_looks_as_recorded(client: Client, recorded_customer: str) -> None:
    theirs = recorded("case_list_row_with_relations")
    group = client.create("case_group", name="Gruppe", number="1")
    state = client.create("case_state", name="Project State 1", number="1")
    department = client.create("department", name="Department 1", number="1")
    values = {name: value for name, value in theirs.items() if name in ("name", "number", "notes", "city", "country")}
    values |= {"street_address": "a", "zip_code": "a", "customer": recorded_customer, "remarks_required": True}
    values |= {"case_group": group["resource_uri"], "case_state": state["resource_uri"]}
    values |= {
        "department": department["resource_uri"],
        "hour_budget": 155.5,
        "latitude": 55.6238,
        "longitude": "12.5942",
    }
    values |= {
        "file_upload_required": True,
        "permit_new_workreports": False,
        "all_worktypes_may_used_in_work_reports": False,
    }
    values |= {"all_employees_may_add_work_reports": False}
    case = client.post("case/", json=values).json()
    (ours,) = client.get("case/").json()["objects"]
    assert list(ours) == list(theirs)
    assert {k: shape(v) for k, v in ours.items()} == {k: shape(v) for k, v in theirs.items()}
    for name in ("hour_budget", "latitude", "longitude", "case_state_name", "department_name", "customer_id"):
        assert ours[name] == theirs[name]
    put = client.put(case["resource_uri"], json={"name": "Ny"}).json()
    assert sorted(put["case_group_full"]) == ["company", "creation_id", "id", "name", "number", "resource_uri", "uuid"]
    assert put["case_group"] == group["resource_uri"]


# -- who may ask what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", ["", "ApiKey API@nordbyg.dk:k", "ApiKey api@nordbyg.dk:x", "Basic YTpi", "ApiKey api@nordbyg.dk"]
)
def test_bad_credentials_are_401_with_empty_body(client: Client, authorization: str) -> None:
    client.headers["Authorization"] = authorization
    answer = client.get("customer/")
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == 'CustomBasic realm="django-tastypie"'


def test_scheme_word_may_be_in_any_case_and_the_user_is_named(client: Client) -> None:
    client.headers["Authorization"] = "apikey api@nordbyg.dk:k"
    answer = client.get("customer/")
    assert (answer.headers["x-django-user"], answer.headers["x-django-role"]) == ("api@nordbyg.dk", "admin")


def test_another_company_is_invisible_and_untouchable(intempus: IntempusSimulator, client: Client) -> None:
    other = intempus.person_creates(HAVNENS_EL_INTEMPUS, "customer", name="Andres kunde")
    group = intempus.person_creates(HAVNENS_EL_INTEMPUS, "customer_group", name="Andres gruppe")
    assert other not in [row["id"] for row in client.get("customer/").json()["objects"]]
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = client.request(method, f"customer/{other}/", json={"name": "x"})
        assert (answer.status_code, answer.content) == (404, b"")
    answer = client.post("customer/", json={"name": "x", "company": f"/web/v1/company/{HAVNENS_EL_INTEMPUS}/"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Could not find the provided company object via resource URI")
    uri = f"/web/v1/customer_group/{group}/"
    assert (
        client.post("customer/", json={"name": "x", "company": COMPANY_URI, "customer_group": uri}).status_code == 400
    )
    assert [row["id"] for row in client.get("company/").json()["objects"]] == [NORDBYG_INTEMPUS]


def test_throttle_counts_per_user_and_says_when(intempus: IntempusSimulator, client: Client) -> None:
    intempus.switches.calls_per_minute = 3
    intempus.clock.set(datetime(2026, 11, 22, 12, tzinfo=UTC), freeze=True)
    assert [client.get("company/").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = client.get("company/")
    assert (answer.headers["Retry-After"], answer.content) == ("60", b"")
    intempus.switches.retry_after_http_date = True
    answer = client.get("company/")
    assert parsedate_to_datetime(answer.headers["Retry-After"]) == datetime(2026, 11, 22, 12, 1, tzinfo=UTC)
    intempus.clock.advance(61)
    assert client.get("company/").status_code == 200


# -- lists -----------------------------------------------------------------------------------------------------------


def test_customer_rows_carry_all_fields_in_alphabetical_order(client: Client) -> None:
    row = client.get("customer/").json()["objects"][0]
    assert list(row) == [
        "active", "city", "company", "contact", "country", "creation_id", "customer_group", "email", "id",
        "logical_timestamp", "name", "notes", "number", "phone", "resource_uri", "street_address", "uuid",
        "vat_registration_number", "zip_code",
    ]  # fmt: skip
    assert row["resource_uri"] == f"/web/v1/customer/{row['id']}/"
    assert row["company"] == COMPANY_URI


def test_limits(intempus: IntempusSimulator, client: Client) -> None:
    assert client.get("customer/").json()["meta"]["limit"] == 1000
    assert client.get("customer/?limit=99999").json()["meta"]["limit"] == 10_000
    assert client.get("customer/?limit=0").json()["meta"]["limit"] == 10_000
    for query in ("limit=-1", "limit=x", "offset=-1"):
        answer = client.get(f"customer/?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("Invalid ")


def test_offset_pages_shift_when_rows_go_away(intempus: IntempusSimulator, client: Client) -> None:
    ids = intempus.bulk(NORDBYG_INTEMPUS, "customer", 10)
    first = client.get("customer/?limit=5").json()
    assert first["meta"]["next"] == "/web/v1/customer/?limit=5&offset=5"
    assert first["meta"]["previous"] is None
    intempus.person_deletes(NORDBYG_INTEMPUS, "customer", ids[0])
    second = client.get(first["meta"]["next"]).json()
    seen = [row["id"] for row in first["objects"] + second["objects"]]
    assert ids[2] not in seen  # the row that slipped over the page border


def test_cursor_pages_are_stable_while_rows_come_and_go(intempus: IntempusSimulator, client: Client) -> None:
    ids = intempus.bulk(NORDBYG_INTEMPUS, "customer", 10)
    before = {row["id"] for row in intempus.rows(NORDBYG_INTEMPUS, "customer")}
    page = client.get("customer/?limit=4&pagination_type=cursor").json()
    seen = [row["id"] for row in page["objects"]]
    new = intempus.person_creates(NORDBYG_INTEMPUS, "customer", name="Kom til imens")
    intempus.person_deletes(NORDBYG_INTEMPUS, "customer", ids[0])
    while page["meta"]["next"]:
        assert page["meta"]["next"].startswith("/web/v1/customer/?")
        page = client.get(page["meta"]["next"]).json()
        seen += [row["id"] for row in page["objects"]]
    assert len(seen) == len(set(seen))
    assert set(seen) == before | {new}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("email=a", "The 'email' field does not allow filtering."),
        ("number=1001", "The 'number' field does not allow filtering."),
        ("id=1", "The 'id' field does not allow filtering."),
        ("active__iexact=true", "'iexact' is not an allowed filter on the 'active' field."),
        ("logical_timestamp__gt=x", "Invalid resource lookup data provided (mismatched type)."),
        ("order_by=nosuch", "No matching 'nosuch' field for ordering on."),
        ("order_by=name", "The 'name' field does not allow ordering."),
    ],
)
def test_refused_queries(client: Client, query: str, message: str) -> None:
    answer = client.get(f"customer/?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": message})


def test_unknown_filters_are_ignored(client: Client) -> None:
    for query in ("logical_timestamp_gt=99999999999", "nosuch=1", "nosuch__gt=1"):
        assert client.get(f"customer/?{query}").json()["meta"]["total_count"] == 3


def test_filter_by_timestamp_and_activity(intempus: IntempusSimulator, client: Client) -> None:
    rows = intempus.rows(NORDBYG_INTEMPUS, "customer")
    stamp = rows[1]["logical_timestamp"]
    later = client.get(f"customer/?logical_timestamp__gt={stamp}").json()["objects"]
    assert [row["id"] for row in later] == [rows[2]["id"]]
    assert client.get(f"customer/?logical_timestamp__gte={stamp}").json()["meta"]["total_count"] == 2
    intempus.person_edits(NORDBYG_INTEMPUS, "customer", rows[0]["id"], active=False)
    assert [row["id"] for row in client.get("customer/?active=false").json()["objects"]] == [rows[0]["id"]]
    assert client.get("customer/?active=true").json()["meta"]["total_count"] == 2


# -- the change counter ----------------------------------------------------------------------------------------------


def test_header_gives_the_highest_committed_value(intempus: IntempusSimulator, client: Client) -> None:
    row_id = intempus.rows(NORDBYG_INTEMPUS, "customer")[0]["id"]
    before = int(client.get("customer/?limit=1").headers["Logical-Timestamp"])
    intempus.person_creates(HAVNENS_EL_INTEMPUS, "customer", name="Andre skriver også")
    assert int(client.get("customer/?limit=1").headers["Logical-Timestamp"]) > before  # one counter for all
    intempus.person_edits(NORDBYG_INTEMPUS, "customer", row_id, name="Nyt")
    row = client.get(f"customer/{row_id}/").json()
    assert row["logical_timestamp"] == int(client.get("customer/").headers["Logical-Timestamp"])
    intempus.switches.logical_timestamp_header_present = False
    assert "Logical-Timestamp" not in client.get("customer/").headers


def test_a_late_commit_hides_behind_a_cursor(intempus: IntempusSimulator, client: Client) -> None:
    token = intempus.begin_late_commit(NORDBYG_INTEMPUS, "customer", name="Sen")
    intempus.person_creates(NORDBYG_INTEMPUS, "customer", name="Hurtig")
    cursor = int(client.get("customer/").headers["Logical-Timestamp"])
    row_id = intempus.finish_late_commit(token)
    assert client.get(f"customer/?logical_timestamp__gt={cursor}").json()["meta"]["total_count"] == 0
    assert client.get(f"customer/{row_id}/").json()["logical_timestamp"] < cursor


def test_resources_without_timestamp(intempus: IntempusSimulator, client: Client) -> None:
    group = client.create("case_group", name="Gruppe")
    assert "logical_timestamp" not in group
    assert "logical_timestamp" in client.create("customer_group", name="Gruppe")
    intempus.switches.customer_group_has_timestamp = False
    listed = client.get("customer_group/?logical_timestamp__gt=99999999999").json()
    assert listed["meta"]["total_count"] == 1  # ignored like any unknown field
    assert "logical_timestamp" not in listed["objects"][0]


# -- writing ---------------------------------------------------------------------------------------------------------


def test_post_ignores_what_the_server_assigns(client: Client) -> None:
    sent = {
        "name": "Ny",
        "id": 1,
        "uuid": "u",
        "logical_timestamp": 7,
        "resource_uri": "/x/",
        "nosuch": 1,
        "phone": None,
    }
    created = client.create("customer", **sent)
    assert created["id"] > 6_000_000
    assert (created["logical_timestamp"], created["uuid"], created["phone"], created["active"]) == (42, None, "", True)
    assert "nosuch" not in created


def test_missing_and_wrong_values(client: Client) -> None:
    answer = client.post("customer/", json={"company": COMPANY_URI})
    expected = {"error": "The 'name' field has no data and doesn't allow a default or null value."}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert client.post("customer/", json={"name": "x"}).status_code == 400
    wrong = {"name": "x", "company": COMPANY_URI, "customer_group": "/web/v1/customer/6661340/"}
    answer = client.post("customer/", json=wrong)
    text = "An incorrect URL was provided '/web/v1/customer/6661340/' for the 'CustomerGroupResource' resource."
    assert (answer.status_code, answer.json()["error"]) == (404, text)
    nested = {"name": "x", "company": {"id": NORDBYG_INTEMPUS, "name": "x"}}
    answer = client.post("customer/", json=nested)
    assert (answer.status_code, answer.json()["error"]) == (400, "You cannot specify pk when creating an instance")
    assert client.post("customer/", data=b"{").status_code == 400


def test_case_rules_speak_danish(client: Client) -> None:
    customer = client.create("customer", name="Kunde")["resource_uri"]
    base = {"customer": customer, "number": "1", "name": "Sag"}
    answer = client.post("case/", json=base | {"end_date": "2026-12-01"})
    assert (answer.status_code, answer.json()) == (400, {"error": ["Slutdato kræver en startdato"]})
    assert client.post("case/", json=base | {"latitude": 91}).status_code == 400
    answer = client.post("case/", json=base | {"hour_budget": "mange"})
    assert answer.json()["error"].startswith("Invalid decimal string for 'hour_budget' field")
    assert client.post("case/", json=base | {"geofence": True}).json()["geofence"] is False


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("PATCH", 202)])
def test_put_and_patch_are_partial_and_answer_the_old_timestamp(
    intempus: IntempusSimulator, client: Client, method: str, status: int
) -> None:
    old = client.get("customer/6661340/").json()
    answer = client.request(
        method, "customer/6661340/", json={"city": "Odense NV", "logical_timestamp": 1, "phone": None}
    )
    assert answer.status_code == status
    assert answer.json() == old | {"city": "Odense NV", "phone": ""}
    assert client.get("customer/6661340/").json()["logical_timestamp"] > old["logical_timestamp"]


def test_creation_id_makes_a_repeated_post_the_same_object(intempus: IntempusSimulator, client: Client) -> None:
    first = client.create("customer", name="Ny", creation_id="abc")
    again = client.create("customer", name="Ny igen", creation_id="abc")
    assert (again["id"], again["name"], again["creation_id"]) == (first["id"], "Ny", "abc")
    assert [effect.action for effect in intempus.ledger.effects()] == ["created"]
    intempus.switches.creation_id_honoured = False
    third = client.create("customer", name="Ny", creation_id="abc")
    assert third["id"] != first["id"]
    assert third["creation_id"] is None


def test_delete(intempus: IntempusSimulator, client: Client) -> None:
    group = client.create("customer_group", name="Gruppe")
    customer = client.create("customer", name="Kunde", customer_group=group["resource_uri"])
    answer = client.delete(group["resource_uri"])
    assert (answer.status_code, answer.json()) == (409, {"error": "Kan ikke slettes, da den er i brug af: kunder"})
    answer = client.delete(customer["resource_uri"])
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        answer = client.request(method, customer["resource_uri"], json={})
        assert (answer.status_code, answer.content) == (404, b"")
    with pytest.raises(PersonRefusedError):
        intempus.person_deletes(NORDBYG_INTEMPUS, "customer", customer["id"])


def test_methods_and_addresses(client: Client) -> None:
    assert client.put("customer/", json={"objects": []}).status_code == 405
    assert client.patch("customer/", json={"objects": []}).status_code == 405
    assert client.post("company/", json={}).status_code == 405
    assert client.get("nosuch/").status_code == 404
    answer = client.get("customer/6661340", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/web/v1/customer/6661340/")


def test_adverse_profile(intempus: IntempusSimulator, client: Client) -> None:
    intempus.use_profile(ALL_ADVERSE)
    group = client.create("customer_group", name="Gruppe")
    assert "logical_timestamp" not in group
    row = client.create("customer", name="Ny", creation_id="abc", customer_group=group["resource_uri"])
    assert row["creation_id"] is None
    assert client.patch(row["resource_uri"], json={"name": "x"}).status_code == 405
    detail = client.get(row["resource_uri"]).json()
    assert (detail["customer_group"]["name"], detail["company"]["id"]) == ("Gruppe", NORDBYG_INTEMPUS)
    listed = client.get("customer/?pagination_type=cursor")
    assert listed.json()["meta"]["total_count"] is None
    assert listed.json()["objects"][0]["company"] == COMPANY_URI
    assert "Logical-Timestamp" not in listed.headers
    answer = client.post("customer/", json={"company": COMPANY_URI, "name": "x" * 256})
    assert answer.json() == {"customer": {"name": ["Feltet må højst indeholde 255 tegn"]}}
    assert client.put("customer/1/", json={"company": COMPANY_URI, "name": "x"}).status_code == 201


# -- ledger, faults, determinism, size -------------------------------------------------------------------------------


def test_commit_then_drop_leaves_its_effect_in_the_ledger(intempus: IntempusSimulator, client: Client) -> None:
    intempus.faults.add("drop", method="POST", path="/customer/", times=1)
    with pytest.raises(requests.ConnectionError):
        client.create("customer", name="Tabt", creation_id="abc")
    (entry,) = intempus.ledger.calls("POST")
    assert (entry.status, entry.reply, entry.user, entry.company) == (None, "lost", "api@nordbyg.dk", NORDBYG_INTEMPUS)
    assert [(effect.action, effect.resource) for effect in entry.effects] == [("created", "customer")]
    assert client.create("customer", name="Tabt", creation_id="abc")["id"] == entry.effects[0].id


def test_server_errors_carry_an_incident_and_dates_may_come_in_both_forms(
    intempus: IntempusSimulator, client: Client
) -> None:
    intempus.faults.add("status", status=500, times=1)
    answer = client.get("customer/")
    assert (answer.status_code, "Incident ID" in answer.json()["error_message"]) == (500, True)
    intempus.faults.add("status", status=429, retry_after=5, retry_after_as="http_date", times=1)
    assert client.get("customer/").headers["Retry-After"].endswith("GMT")
    intempus.faults.add("status", status=503, times=1)
    assert client.get("customer/").headers["Content-Type"].startswith("text/html")


def test_the_same_seed_gives_the_same_ids_and_timestamps() -> None:
    def rows(seed: int) -> list[dict[str, Any]]:
        intempus = IntempusSimulator(seed, data=demo_seed())
        intempus.bulk(NORDBYG_INTEMPUS, "customer", 20)
        return intempus.rows(NORDBYG_INTEMPUS, "customer")

    assert rows(1) == rows(1)
    assert [row["logical_timestamp"] for row in rows(1)] != [row["logical_timestamp"] for row in rows(2)]
    ids = [row["id"] for row in rows(1)]
    assert ids != list(range(ids[0], ids[0] + len(ids)))


def test_20_000_customers_list_quickly(intempus: IntempusSimulator, client: Client) -> None:
    intempus.bulk(NORDBYG_INTEMPUS, "customer", 20_000, city="Odense")
    assert len(client.get("customer/?limit=0").json()["objects"]) == 10_000
    answer = client.get("customer/?limit=0")
    assert answer.elapsed.total_seconds() < 1.0  # usually 0.03 s; a busy machine is allowed for
    stamp = int(answer.headers["Logical-Timestamp"]) - 1
    answer = client.get(f"customer/?logical_timestamp__gt={stamp}")
    assert (answer.elapsed.total_seconds() < 0.5, answer.json()["meta"]["total_count"]) == (True, 1)


def test_control_channel_and_page(intempus: IntempusSimulator, client: Client) -> None:
    late = {"company": NORDBYG_INTEMPUS, "resource": "customer", "values": {"name": "Sen"}}
    token = client.post("/_control/late_commit", json=late).json()["token"]
    row_id = client.post(f"/_control/late_commit/{token}", json={}).json()["id"]
    edit = {"company": NORDBYG_INTEMPUS, "resource": "customer", "id": row_id, "values": {"name": "<b>Sen</b>"}}
    assert client.post("/_control/person/edit", json=edit).status_code == 200
    assert client.get(f"/_control/rows/{NORDBYG_INTEMPUS}/customer").json()[-1]["name"] == "<b>Sen</b>"
    shown = client.get("/", params={"company": NORDBYG_INTEMPUS, "row": row_id}).text
    assert "Intempus simulator – a stand-in for the demo" in shown
    assert "<b>Sen</b>" not in shown
    form = {"company": NORDBYG_INTEMPUS, "resource": "customer", "row": row_id, "act": "save", "name": "Rettet"}
    assert "was saved at" in client.post("/", data=form).text  # without "active" in the form: the tick was taken away
    row = intempus.row(NORDBYG_INTEMPUS, "customer", row_id)
    assert row is not None
    assert (row["name"], row["active"]) == ("Rettet", False)


def test_a_product_and_its_group(client: Client) -> None:
    group = client.create("product_group", number="10", name="Kabler")
    assert "logical_timestamp" not in group
    product = client.create(
        "product", name="Kabel", product_group=group["resource_uri"], sales_price="125.5", available="7"
    )
    assert (product["product_group"], product["sales_price"]) == (group["resource_uri"], "125.50")
    assert (product["accessible"], product["cost_price"]) == (True, None)
    assert product["available"] == "0.00"  # counted by Intempus: not taken, without a word
    refused = client.post("product/", json={"company": COMPANY_URI, "name": "Kabel", "sales_price": "125,50"})
    assert refused.status_code == 400
    assert "Invalid decimal string for 'sales_price' field" in refused.json()["error"]


PERSON = {"name": "Jens", "username": "jens", "password": "hemmeligt", "password_generation": 2}


def test_an_employee_comes_with_a_user_and_stays(intempus: IntempusSimulator, client: Client) -> None:
    group = client.create("employee_group", number="10", name="Montører")
    values = PERSON | {"number": "17", "employee_group": group["resource_uri"], "cpr_number": "0101801234"}
    employee = client.create("employee", **values, unsubscribe_date="2026-01-31", active_contract=True)
    assert employee["employee_group"] == group["resource_uri"]
    assert (employee["logical_timestamp"], employee["cpr_number"]) == (42, "0101801234")
    assert (employee["unsubscribe_date"], employee["active_contract"], employee["contract"]) == (None, False, [])
    assert not {"password", "password_generation", "active"} & set(employee)
    [profile] = client.get("userprofile/").json()["objects"]
    assert profile["employee"] == employee["resource_uri"]
    refused = client.delete(f"employee/{employee['id']}/")
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": "Kan ikke slettes, da den er i brug af: brugerprofiler"},
    )
    assert client.delete(f"userprofile/{profile['id']}/").status_code == 405
    changed = client.patch(f"employee/{employee['id']}/", json={"may_CUD_customers_and_cases": True, "city": "Aarhus"})
    assert changed.status_code == 202
    assert (changed.json()["may_CUD_customers_and_cases"], changed.json()["city"]) == (True, "Aarhus")


@pytest.mark.parametrize("number", ["JH", "0", "1000000", "-5", "1.5"])
def test_employee_numbers_are_whole_and_below_a_million(client: Client, number: str) -> None:
    refused = client.post("employee/", json={"company": COMPANY_URI, **PERSON, "number": number})
    assert refused.status_code == 400
    assert "heltal fra 1 til 999999" in refused.json()["employee"]["number"][0]


@pytest.mark.parametrize("missing", sorted(PERSON))
def test_what_a_new_employee_needs(client: Client, missing: str) -> None:
    values = {name: value for name, value in PERSON.items() if name != missing}
    refused = client.post("employee/", json={"company": COMPANY_URI, **values})
    assert refused.status_code == 400
    assert f"The '{missing}' field has no data" in refused.json()["error"]


@pytest.mark.parametrize("values", [{"password_generation": 0}, {"password_generation": 1}])
def test_how_a_new_employee_gets_a_password(client: Client, values: dict[str, Any]) -> None:
    refused = client.post("employee/", json={"company": COMPANY_URI, **PERSON, **values})
    assert refused.status_code == 400
    mailed = PERSON | {"password_generation": 1, "email": "jens@firma.dk"}
    assert client.create("employee", **mailed)["email"] == "jens@firma.dk"


def test_a_person_makes_an_employee_on_the_page(intempus: IntempusSimulator, client: Client) -> None:
    form = {"company": NORDBYG_INTEMPUS, "resource": "employee", "act": "save", "name": "Ida", "number": "18"}
    assert "was created at" in client.post("/", data=form).text
    [row] = intempus.rows(NORDBYG_INTEMPUS, "employee")
    assert (row["name"], row["number"], row["username"]) == ("Ida", "18", "Ida")


def test_a_case_has_a_person_in_charge(client: Client) -> None:
    customer, employee = client.create("customer", name="Hansen"), client.create("employee", **PERSON)
    values = {"customer": customer["resource_uri"], "number": "5001", "name": "Nyt tag"}
    case = client.post("case/", json=values | {"responsible": employee["resource_uri"]}).json()
    assert (case["responsible"], case["responsible_name"]) == (employee["resource_uri"], PERSON["name"])
    assert case["responsible_id"] == str(employee["id"])
    assert client.patch(f"case/{case['id']}/", json={"responsible": None}).json()["responsible"] is None


# -- work reports ----------------------------------------------------------------------------------------------------

MODEL, WORK, SICKNESS, HOURS, OVERTIME, SICK, OTHERS_HOURS = 7101, 7111, 7112, 7121, 7122, 7123, 7124
MASON, FOREMAN, WALL, CLOSED_CASE, CONTRACT = 7201, 7202, 7301, 7302, 7401
WEDNESDAY = "2026-11-04"


def uri(resource: str, row_id: int) -> str:
    return f"/web/v1/{resource}/{row_id}/"


def employee(row_id: int, number: str, name: str) -> dict[str, Any]:
    return {"id": row_id, "number": number, "name": name, "username": f"u{number}", "password_generation": 2}


@pytest.fixture
def hours(intempus: IntempusSimulator) -> None:
    """Two employees, one of them with a contract, a case that is open and one that is closed, and what is done."""
    rows: list[tuple[str, list[dict[str, Any]]]] = [
        ("employee", [employee(MASON, "11", "Åge Lund"), employee(FOREMAN, "12", "Gro Dam")]),
        ("responsible", [{"employee": FOREMAN, "level": "final_approver"}]),
        ("customer", [{"id": 7001, "name": "Ørsted", "number": "1"}]),
        ("case", [{"id": WALL, "number": "P1", "name": "Mur", "customer": 7001}]),
        ("case", [{"id": CLOSED_CASE, "number": "P2", "name": "Tag", "customer": 7001, "permit_new_workreports": False}]),
        ("work_model", [{"id": MODEL, "name": "Timelønnede"}, {"id": 7102, "name": "Funktionærer"}]),
        ("work_category", [{"id": WORK, "name": "Projekt", "work_model": MODEL}]),
        ("work_category", [{"id": SICKNESS, "name": "Fravær", "type": "absence", "case_related": False, "work_model": MODEL}]),
        ("work_category", [{"id": 7113, "name": "Tillæg", "supplement": True, "work_model": MODEL}]),
        ("work_type", [{"id": HOURS, "name": "Murerarbejde", "unit": "Timer", "work_model": MODEL, "work_category": WORK}]),
        ("work_type", [{"id": OVERTIME, "name": "Overtid 1", "unit": "Overtimer", "work_model": MODEL, "work_category": 7113}]),
        ("work_type", [{"id": SICK, "name": "Sygdom", "unit": "Timer", "work_model": MODEL, "work_category": SICKNESS}]),
        ("work_type", [{"id": OTHERS_HOURS, "name": "Kontor", "work_model": 7102, "work_category": WORK}]),
        ("contract", [{"id": CONTRACT, "employee": MASON, "work_model": MODEL, "start_date": "2026-01-01"}]),
        ("product", [{"id": 7501, "number": "M1", "name": "Mørtel", "unit": "Sæk"}]),
    ]  # fmt: skip
    intempus.load({"rows": [{"company": NORDBYG_INTEMPUS, "resource": name, "rows": each} for name, each in rows]})


def report_values(**values: Any) -> dict[str, Any]:
    known = {"company": COMPANY_URI, "employee": uri("employee", MASON), "worktype": uri("work_type", HOURS)}
    return known | {"case": uri("case", WALL), "start_date": WEDNESDAY, "amount": 7.4} | values


def report(client: Client, **values: Any) -> dict[str, Any]:
    answer = client.post("work_report/", json=report_values(**values))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def reread(client: Client, row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(row["resource_uri"]).json()
    return found


@pytest.mark.usefixtures("hours")
def test_a_work_report_repeats_what_it_refers_to(intempus: IntempusSimulator, client: Client) -> None:
    intempus.clock.set(datetime(2026, 11, 4, 14, tzinfo=UTC), freeze=True)
    created = report(
        client, amount="2.53333333", start_time="22:00", end_time="00:32:00", remarks="Fugt", creation_id="r1"
    )
    listed = client.get("work_report/").json()["objects"]
    assert [row["id"] for row in listed] == [created["id"]]
    waiting = {"date": None, "time": None, "name": None, "number": None, "username": None}
    assert listed[0] == {
        "additional_remarks": "",
        "amount": "2.53333333",
        "approved": False,
        "approved_by": [
            {"level": "second_approver", "label": "Anden godkender"} | waiting,
            {"level": "final_approver", "label": "Endelig godkender"} | waiting,
        ],
        "approved_by_final": None,
        "approved_by_initial": None,
        "break_duration": None,
        "case": uri("case", WALL),
        "case_name": "Mur",
        "company": COMPANY_URI,
        "contract": uri("contract", CONTRACT),
        "creation_datetime": "2026-11-04T15:00:00",
        "creation_id": "r1",
        "employee": uri("employee", MASON),
        "employee_id": str(MASON),
        "employee_name": "Åge Lund",
        "employee_number": "11",
        "end_date": WEDNESDAY,
        "end_time": "00:32:00",
        "id": created["id"],
        "isimmutable": False,
        "logical_timestamp": intempus.row(NORDBYG_INTEMPUS, "work_report", created["id"])["logical_timestamp"],  # type: ignore[index]
        "origin": "",
        "product": None,
        "remarks": "Fugt",
        "resource_uri": uri("work_report", created["id"]),
        "start_date": WEDNESDAY,
        "start_time": "22:00:00",
        "start_week_number": 45,
        "uuid": None,
        "work_category_name": "Projekt",
        "work_type_unit": "Timer",
        "worktype": uri("work_type", HOURS),
        "worktype_name": "Murerarbejde",
    }
    client.patch(f"employee/{MASON}/", json={"name": "Åge B. Lund"})
    assert client.get("work_report/").json()["objects"][0]["employee_name"] == "Åge B. Lund"


@pytest.mark.usefixtures("hours")
def test_filters_of_work_reports(intempus: IntempusSimulator, client: Client) -> None:
    days = {day: report(client, start_date=f"2026-11-{day:02}")["id"] for day in (2, 3, 4)}
    other = intempus.store_seed_rows(
        NORDBYG_INTEMPUS,
        "work_report",
        [
            {
                "employee": FOREMAN,
                "worktype": HOURS,
                "case": CLOSED_CASE,
                "start_date": "2026-11-03",
                "amount": "1",
                "approved": True,
            }
        ],
    )[0]

    def found(query: str) -> set[int]:
        answer = client.get(f"work_report/?{query}")
        assert answer.status_code == 200, answer.text
        return {row["id"] for row in answer.json()["objects"]}

    assert found("start_date__gte=2026-11-03&start_date__lte=2026-11-03") == {days[3], other}
    assert found("approved=false&start_date__lt=2026-11-04") == {days[2], days[3]}
    assert found("approved=true") == {other}
    assert found(f"employee__in={FOREMAN},1") == {other}
    assert found(f"case={WALL}") == set(days.values())
    stamp = client.get("work_report/").headers["Logical-Timestamp"]
    assert found(f"logical_timestamp__gt={stamp}") == set()
    assert len(found("stat_date__gte=2027-01-01")) == 4  # a typo is a full download
    refused = client.get("work_report/?isimmutable=true")
    assert (refused.status_code, refused.json()) == (
        400, {"error": "The 'isimmutable' field does not allow filtering."}
    )  # fmt: skip
    intempus.switches.start_date_lt_allowed = False
    assert client.get("work_report/?start_date__lt=2026-11-04").json() == {
        "error": "'lt' is not an allowed filter on the 'start_date' field."
    }
    assert found("approved=false&start_date__lte=2026-11-03") == {days[2], days[3]}
    intempus.switches.work_report_has_timestamp = False
    assert len(found("logical_timestamp__gt=99999999999999&limit=1")) == 1
    assert "logical_timestamp" not in client.get("work_report/").json()["objects"][0]


@pytest.mark.usefixtures("hours")
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"employee": uri("employee", FOREMAN)}, "Medarbejderen har ingen kontrakt den 2026-11-04"),
        ({"start_date": "2025-12-31"}, "Medarbejderen har ingen kontrakt den 2025-12-31"),
        ({"start_date": "2026-06-30"}, "Perioden er låst til og med 2026-06-30"),
        ({"worktype": uri("work_type", OTHERS_HOURS)}, "Arbejdstypen hører ikke til kontraktens arbejdsmodel"),
        ({"worktype": uri("work_type", OVERTIME), "start_time": "07:00"}, "Start- og sluttidspunkt skal udfyldes"),
        ({"worktype": uri("work_type", SICK + 2)}, "Arbejdstypen er ikke aktiv"),
        ({"case": None}, "Der skal vælges en sag"),
        ({"case": uri("case", CLOSED_CASE)}, "Sagen er lukket for nye registreringer"),
    ],
)
def test_a_report_that_does_not_fit_is_refused(
    intempus: IntempusSimulator, client: Client, values: dict[str, Any], sentence: str
) -> None:
    old = {"id": SICK + 2, "name": "Gammel", "active": False, "work_model": MODEL, "work_category": WORK}
    intempus.store_seed_rows(NORDBYG_INTEMPUS, "work_type", [old])
    intempus.person_edits(NORDBYG_INTEMPUS, "contract", CONTRACT, locked_date="2026-06-30")
    intempus.person_edits(NORDBYG_INTEMPUS, "work_type", OVERTIME, report_interval=True)
    answer = client.post("work_report/", json=report_values(**values))
    assert (answer.status_code, answer.json()) == (400, {"error": [sentence]})
    assert intempus.rows(NORDBYG_INTEMPUS, "work_report") == []


@pytest.mark.usefixtures("hours")
def test_absence_and_material_need_no_case(client: Client) -> None:
    absence = report(client, worktype=uri("work_type", SICK), case=None, end_date="2026-11-06")
    assert (absence["case_name"], absence["work_category_name"], absence["end_date"]) == (None, "Fravær", "2026-11-06")
    material = report(client, worktype=None, product=uri("product", 7501), amount=3)
    assert (material["product"], material["worktype_name"]) == (uri("product", 7501), None)
    assert (material["work_type_unit"], material["amount"]) == (None, "3.00000000")


@pytest.mark.usefixtures("hours")
def test_only_a_person_approves(intempus: IntempusSimulator, client: Client) -> None:
    intempus.clock.set(datetime(2026, 11, 5, 7, 30, tzinfo=UTC), freeze=True)
    row = report(client)
    answer = client.patch(row["resource_uri"], json={"approved": True, "isimmutable": True})
    assert (answer.status_code, reread(client, row)["approved"], reread(client, row)["isimmutable"]) == (
        202,
        False,
        False,
    )
    before = reread(client, row)["logical_timestamp"]
    intempus.person_approves(NORDBYG_INTEMPUS, row["id"], level="second_approver", by=MASON)
    half = reread(client, row)
    assert (half["approved"], [each["name"] for each in half["approved_by"]]) == (False, ["Åge Lund", None])
    intempus.person_approves(NORDBYG_INTEMPUS, row["id"], level="final_approver")
    whole = reread(client, row)
    assert (whole["approved"], whole["approved_by"][1]) == (True, {
        "level": "final_approver", "label": "Endelig godkender", "date": "2026-11-05", "time": "08:30:00",
        "name": "Gro Dam", "number": "12", "username": "u12",
    })  # fmt: skip
    assert before < half["logical_timestamp"] < whole["logical_timestamp"]
    intempus.person_withdraws(NORDBYG_INTEMPUS, row["id"], level="final_approver")
    assert reread(client, row)["approved"] is False
    intempus.switches.approval_moves_timestamp = False
    stamp = reread(client, row)["logical_timestamp"]
    intempus.person_approves(NORDBYG_INTEMPUS, row["id"])
    assert (reread(client, row)["approved"], reread(client, row)["logical_timestamp"]) == (True, stamp)


@pytest.mark.usefixtures("hours")
def test_an_approved_report_is_closed_to_the_api_and_open_to_people(
    intempus: IntempusSimulator, client: Client
) -> None:
    row = report(client)
    intempus.person_approves(NORDBYG_INTEMPUS, row["id"])
    fixed = {"error": ["Registreringen er godkendt eller låst og kan ikke ændres"]}
    for answer in (client.patch(row["resource_uri"], json={"amount": 8}), client.delete(row["resource_uri"])):
        assert (answer.status_code, answer.json()) == (400, fixed)
    intempus.person_edits(NORDBYG_INTEMPUS, "work_report", row["id"], amount="8")
    assert (reread(client, row)["approved"], reread(client, row)["amount"]) == (True, "8.00000000")
    intempus.person_locks(NORDBYG_INTEMPUS, row["id"])
    for act in (
        lambda: intempus.person_edits(NORDBYG_INTEMPUS, "work_report", row["id"], amount="9"),
        lambda: intempus.person_deletes(NORDBYG_INTEMPUS, "work_report", row["id"]),
        lambda: intempus.person_withdraws(NORDBYG_INTEMPUS, row["id"]),
    ):
        with pytest.raises(PersonRefusedError):
            act()
    intempus.person_locks(NORDBYG_INTEMPUS, row["id"], locked=False)
    intempus.switches.edit_withdraws_approval = True
    intempus.person_edits(NORDBYG_INTEMPUS, "work_report", row["id"], amount="9")
    assert reread(client, row)["approved"] is False
    intempus.person_deletes(NORDBYG_INTEMPUS, "work_report", row["id"])
    assert client.get(row["resource_uri"]).status_code == 404
    assert client.get("work_report/").json()["objects"] == []


@pytest.mark.usefixtures("hours")
def test_approved_reports_open_to_the_api_by_switch(intempus: IntempusSimulator, client: Client) -> None:
    row = report(client)
    intempus.person_approves(NORDBYG_INTEMPUS, row["id"])
    intempus.switches.approved_reports_editable = True
    assert client.patch(row["resource_uri"], json={"amount": 8}).status_code == 202
    assert client.delete(row["resource_uri"]).status_code == 204


@pytest.mark.usefixtures("hours")
def test_bulk_lock_needs_an_origin_and_the_feature(intempus: IntempusSimulator, client: Client) -> None:
    row = report(client)
    body = {"ids": [row["id"]], "immutable": True, "action": "work_report_state"}
    assert client.post("work_report/bulk/", json=body).status_code == 400
    refused = client.post("work_report/bulk/", json=body | {"origin": "x"})
    assert (refused.status_code, refused.json()) == (401, {"error": "Virksomheden har ikke adgang til denne funktion"})
    intempus.switches.bulk_lock_enabled = True
    assert client.post("work_report/bulk/", json=body | {"origin": "x"}).status_code == 200
    assert reread(client, row)["isimmutable"] is True


@pytest.mark.usefixtures("hours")
def test_overtime_appears_by_itself(intempus: IntempusSimulator, client: Client) -> None:
    intempus.add_overtime_rule(NORDBYG_INTEMPUS, MODEL, OVERTIME, "7.4")

    def overtime() -> list[tuple[str, str, str]]:
        rows = client.get("work_report/").json()["objects"]
        return [(r["worktype_name"], r["amount"], r["start_date"]) for r in rows if r["origin"] == "intempus:overtime"]

    report(client, amount=7)
    assert overtime() == []
    second = report(client, amount="2.53333333")
    assert overtime() == [("Overtid 1", "2.13333333", WEDNESDAY)]
    client.patch(second["resource_uri"], json={"amount": 1})
    assert overtime() == [("Overtid 1", "0.60000000", WEDNESDAY)]
    client.delete(second["resource_uri"])
    assert overtime() == []


@pytest.mark.usefixtures("hours")
def test_a_work_type_embeds_its_model_and_category_in_a_detail(client: Client) -> None:
    listed = next(row for row in client.get("work_type/").json()["objects"] if row["id"] == HOURS)
    assert (listed["work_model"], listed["work_category"]) == (uri("work_model", MODEL), uri("work_category", WORK))
    detail = client.get(f"work_type/{HOURS}/").json()
    assert (detail["work_model"]["name"], detail["work_category"]["name"]) == ("Timelønnede", "Projekt")
    assert "unit" not in detail
    category = client.get(f"work_category/{SICKNESS}/").json()
    assert set(category) == {
        "active_worktypes", "case_related", "creation_id", "eligible_for_anomaly_detection", "hue", "id", "name",
        "number", "resource_uri", "supplement", "type", "uuid", "work_model",
    }  # fmt: skip


@pytest.mark.usefixtures("hours")
def test_an_employee_shows_the_contracts(intempus: IntempusSimulator, client: Client) -> None:
    intempus.clock.set(datetime(2026, 11, 4, 14, tzinfo=UTC), freeze=True)
    listed = {row["id"]: row for row in client.get("employee/").json()["objects"]}
    assert (listed[MASON]["contract"], listed[MASON]["active_contract"]) == ([uri("contract", CONTRACT)], True)
    assert (listed[FOREMAN]["contract"], listed[FOREMAN]["active_contract"]) == ([], False)
    detail = client.get(f"employee/{MASON}/").json()
    assert [each["work_model_name"] for each in detail["contract"]] == ["Timelønnede"]
    assert client.patch(f"contract/{CONTRACT}/", json={"end_date": "2026-11-03"}).status_code == 202
    assert client.get(f"employee/{MASON}/").json()["active_contract"] is False


@pytest.mark.usefixtures("hours")
@pytest.mark.parametrize(
    ("resource", "values"),
    [
        (
            "contract",
            {"employee": uri("employee", MASON), "work_model": uri("work_model", MODEL), "start_date": WEDNESDAY},
        ),
        ("work_report", {"company": COMPANY_URI, "employee": uri("employee", MASON), "amount": "1"}),
        ("responsible", {"employee": uri("employee", MASON), "level": "final_approver"}),
    ],
)
def test_what_must_be_there(client: Client, resource: str, values: dict[str, str]) -> None:
    for name in values:
        answer = client.post(f"{resource}/", json={k: v for k, v in values.items() if k != name})
        sentence = f"The '{name}' field has no data and doesn't allow a default or null value."
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert client.post(f"{resource}/", json=values).status_code == 201


@pytest.mark.usefixtures("hours")
def test_what_reports_use_is_not_deleted(client: Client) -> None:
    report(client)
    for path in (f"contract/{CONTRACT}/", f"case/{WALL}/", f"work_type/{HOURS}/"):
        answer = client.delete(path)
        sentence = "Kan ikke slettes, da den er i brug af: arbejdsregistreringer"
        assert (answer.status_code, answer.json()) == (409, {"error": sentence})


@pytest.mark.usefixtures("hours")
def test_a_report_may_commit_behind_stamps_already_seen(intempus: IntempusSimulator, client: Client) -> None:
    values = {"employee": MASON, "worktype": HOURS, "case": WALL, "start_date": WEDNESDAY, "amount": "3"}
    token = intempus.begin_late_commit(NORDBYG_INTEMPUS, "work_report", **values)
    seen = reread(client, report(client))["logical_timestamp"]
    late = intempus.row(NORDBYG_INTEMPUS, "work_report", intempus.finish_late_commit(token))
    assert late is not None
    assert late["logical_timestamp"] < seen


@pytest.mark.usefixtures("hours")
def test_reports_of_another_company_stay_out_of_sight(server: Served, client: Client) -> None:
    row = report(client)
    with Client(server.url) as other:
        other.headers["Authorization"] = "ApiKey api@havnensel.dk:h"
        assert other.get("work_report/").json()["objects"] == []
        assert other.get(row["resource_uri"]).status_code == 404


@pytest.mark.usefixtures("hours")
def test_reports_over_the_control_channel_and_the_page(server: Served, client: Client) -> None:
    control = f"{server.url}/_control"
    rows = [{"employee": MASON, "worktype": HOURS, "case": WALL, "start_date": WEDNESDAY, "amount": "7"}] * 3
    body: dict[str, Any] = {"company": NORDBYG_INTEMPUS, "resource": "work_report", "rows": rows}
    ids = requests.post(f"{control}/seed_rows", json=body, timeout=5).json()["ids"]

    def state() -> list[tuple[bool, bool]]:
        return [(row["approved"], row["isimmutable"]) for row in client.get("work_report/").json()["objects"]]

    body = {"company": NORDBYG_INTEMPUS, "ids": ids[:2]}
    assert requests.post(f"{control}/work_report/approve", json=body, timeout=5).json() == {"ids": ids[:2]}
    requests.post(f"{control}/work_report/lock", json=body | {"ids": ids[:1]}, timeout=5)
    assert state() == [(True, True), (True, False), (False, False)]
    address = f"{server.url}/?company={NORDBYG_INTEMPUS}&resource=work_report"
    page = requests.get(address, timeout=5).text
    assert [page.count(f'value="{act}"') for act in ("approve", "withdraw", "lock", "unlock")] == [1, 1, 1, 1]
    form = {"company": NORDBYG_INTEMPUS, "resource": "work_report", "row": ids[2], "act": "approve"}
    assert f"Report {ids[2]} was approved." in requests.post(f"{server.url}/", data=form, timeout=5).text
    assert state() == [(True, True), (True, False), (True, False)]
    edit = {"company": NORDBYG_INTEMPUS, "resource": "work_report", "row": ids[2], "act": "save", "amount": "6.5"}
    edit |= {"employee": MASON, "worktype": HOURS, "case": WALL, "start_date": WEDNESDAY, "end_date": WEDNESDAY}
    assert "was saved at" in requests.post(f"{server.url}/", data=edit, timeout=5).text
    assert [row["amount"][:4] for row in client.get("work_report/").json()["objects"]] == ["7.00", "7.00", "6.50"]
    values = {"employee": MASON, "worktype": HOURS, "start_date": WEDNESDAY, "amount": "1", "remarks": "Nr. {n}"}
    body = {"company": NORDBYG_INTEMPUS, "resource": "work_report", "count": 2, "values": values}
    assert requests.post(f"{control}/bulk", json=body, timeout=5).json()["count"] == 2
    assert [row["remarks"] for row in client.get("work_report/").json()["objects"]] == ["", "", "", "Nr. 1", "Nr. 2"]
