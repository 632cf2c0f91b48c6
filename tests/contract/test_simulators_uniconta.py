"""The Uniconta simulator keeps the contract of the API page (section 7)."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.simulators.core import PersonRefusedError, Served, serve
from tests.simulators.seeds import HAVNENS_EL, NORDBYG, demo_seed
from tests.simulators.uniconta import ALL_ADVERSE, UnicontaSimulator


@pytest.fixture
def uniconta() -> UnicontaSimulator:
    return UnicontaSimulator(data=demo_seed(uniconta_password="pw"))


@pytest.fixture
def server(uniconta: UnicontaSimulator) -> Iterator[Served]:
    with serve(uniconta) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = (f"00{NORDBYG}/sync", "pw")
        session.headers["Accept"] = "application/json"
        yield session


@pytest.fixture
def receiver() -> Iterator["Receiver"]:
    with Receiver() as running:
        yield running


class Receiver:
    """Somebody whom Uniconta calls: keeps what arrives."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes, str | None]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.calls.append((self.command, self.path, body, self.headers.get("Content-Type")))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - the names http.server calls

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/secret/"

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def parameters(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def entities(server: Served, path: str) -> str:
    return f"{server.url}/api/Entities/{path}"


# -- who may ask what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sync", "4242/sync", "004242/sync", "0004242/sync"])
def test_user_name_may_name_the_company(server: Served, name: str) -> None:
    answer = requests.get(entities(server, "DebtorClient"), auth=(name, "pw"), timeout=5)
    assert (answer.status_code, {row["CompanyId"] for row in answer.json()}) == (200, {NORDBYG})


def test_company_in_the_address_wins(server: Served, client: requests.Session) -> None:
    for path in (f"/odata/{HAVNENS_EL}/DebtorClient", f"/api/Entities/{HAVNENS_EL}/DebtorClient"):
        rows = client.get(server.url + path).json()
        rows = rows["value"] if isinstance(rows, dict) else rows
        assert {row["CompanyId"] for row in rows} == {HAVNENS_EL}


def test_wrong_password_is_401_without_body_and_switchable(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    client.auth = ("sync", "wrong")
    answer = client.get(server.url + "/odata/")
    assert (answer.status_code, answer.content) == (401, b"")
    uniconta.switches.auth_failure_status = 403
    assert client.get(server.url + "/odata/").status_code == 403


def test_company_without_rights_is_403(server: Served, client: requests.Session) -> None:
    client.auth = ("havnens", "pw")
    assert client.get(f"{server.url}/odata/{NORDBYG}/DebtorClient").status_code == 403


def test_two_companies_overlap_in_row_ids_and_accounts(uniconta: UnicontaSimulator) -> None:
    here, there = uniconta.rows(NORDBYG, "Debtor"), uniconta.rows(HAVNENS_EL, "Debtor")
    assert [(row["RowId"], row["Account"]) for row in here] == [(row["RowId"], row["Account"]) for row in there]
    assert not {row["Name"] for row in here} & {row["Name"] for row in there}


# -- reading ---------------------------------------------------------------------------------------------------------


def test_without_json_accept_the_answer_is_atom(server: Served, client: requests.Session) -> None:
    answer = client.get(f"{server.url}/odata/{NORDBYG}/DebtorClient", headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("application/atom+xml")


def test_service_document_and_unknown_entity(server: Served, client: requests.Session) -> None:
    names = {entry["name"] for entry in client.get(f"{server.url}/odata/{NORDBYG}/").json()["value"]}
    assert {"DebtorClient", "DebtorClientUser", "CompanyClient", "TableChangeEventClient"} <= names
    assert client.get(f"{server.url}/odata/{NORDBYG}/NoSuchClient").status_code == 404
    assert client.get(entities(server, "Debtor")).status_code == 404


def test_user_fields_only_on_client_user_and_only_where_defined(server: Served, client: requests.Session) -> None:
    def read(company: int, entity: str) -> dict[str, object]:
        return client.get(f"{server.url}/odata/{company}/{entity}").json()["value"][0]

    assert read(NORDBYG, "DebtorClientUser")["xIntempus"] is True
    assert "xIntempus" not in read(NORDBYG, "DebtorClient")
    assert "xIntempus" not in read(HAVNENS_EL, "DebtorClientUser")


def test_blank_values_are_left_out_and_others_stay(server: Served, client: requests.Session) -> None:
    row = client.get(entities(server, "DebtorClient?Name=Account&Value=1007")).json()[0]
    assert "CompanyRegNo" not in row
    assert "Address2" not in row
    assert (row["Blocked"], row["CreditMax"], row["LastInvoice"]) == (False, 0.0, "0001-01-01T00:00:00")


def test_enums_speak_the_language_of_the_user_but_countries_do_not(server: Served, client: requests.Session) -> None:
    english = client.get(entities(server, "DebtorClient")).json()[0]
    client.auth = ("nordbyg", "pw")
    danish = client.get(entities(server, "DebtorClient")).json()[0]
    assert (english["VatZone"], danish["VatZone"]) == ("Domestic", "Indland")
    assert english["Country"] == danish["Country"] == "Denmark"


@pytest.mark.parametrize(
    ("condition", "accounts"),
    [
        ("RowId eq 3", ["1003"]),
        ("RowId eq 3 or RowId eq 5", ["1003", "1005"]),
        ("Account ge '1010' and Account ne '1011'", ["1010", "1012"]),
        ("startswith(Name,'Ø')", ["1002"]),
        ("endswith(Name,'K/S') and Blocked eq false", ["1008"]),
        ("(City eq 'Faaborg' or City eq 'Assens') and Group eq '1'", ["1012"]),
        ("UpdatedAt ge datetime'2026-09-01T00:00:00' and RowId lt 3", ["1001", "1002"]),
        ("UpdatedAt lt datetime'2026-09-01'", []),
        ("xIntempus eq false", ["1004", "1006", "1009"]),
        ("VatZone eq 'Indland' and RowId le 1", ["1001"]),
        ("Name eq 'It''s not there'", []),
    ],
)
def test_filter(server: Served, client: requests.Session, condition: str, accounts: list[str]) -> None:
    url = f"{server.url}/odata/{NORDBYG}/DebtorClientUser"
    answer = client.get(url, params={"$filter": condition, "$orderby": "Account asc"})
    assert [row["Account"] for row in answer.json()["value"]] == accounts


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "contains(Name,'x')"},
        {"$filter": "tolower(Name) eq 'x'"},
        {"$filter": "UpdatedAt ge 2026-01-01T00:00:00"},
        {"$filter": "Name eq 'a' or City eq 'b'"},
        {"$filter": "NoSuch eq 1"},
        {"$filter": "RowId eq '3'"},
        {"$filter": " or ".join(f"RowId eq {n}" for n in range(41))},
        {"$skip": "1"},
        {"$select": "Name"},
        {"$count": "true"},
        {"$expand": "Group"},
    ],
)
def test_what_odata_here_does_not_know_is_400(server: Served, client: requests.Session, query: dict[str, str]) -> None:
    assert client.get(f"{server.url}/odata/{NORDBYG}/DebtorClient", params=query).status_code == 400


def test_order_and_top(server: Served, client: requests.Session) -> None:
    query = {"$orderby": "City desc, Account desc", "$top": "2"}
    rows = client.get(f"{server.url}/odata/{NORDBYG}/DebtorClient", params=query).json()["value"]
    assert [row["Account"] for row in rows] == ["1003", "1004"]


def test_next_link_pages_reach_every_row_once(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.switches.next_link, uniconta.switches.page_size = True, 5
    url: str | None = f"{server.url}/odata/{NORDBYG}/DebtorClient"
    seen: list[int] = []
    while url:
        page = client.get(url).json()
        seen += [row["RowId"] for row in page["value"]]
        url = page.get("@odata.nextLink")
    assert seen == list(range(1, 13))


def test_company_and_field_definitions_can_be_read(server: Served, client: requests.Session) -> None:
    (company,) = client.get(entities(server, "CompanyClient")).json()
    assert (company["PrimaryKeyId"], company["CompanyId"], company["Name"]) == (NORDBYG, NORDBYG, "Nordbyg ApS")
    assert len(company["CompanyRegNo"]) == 8
    (definition,) = client.get(entities(server, "TableFieldsClient")).json()
    assert (definition["TableId"], definition["Name"], definition["Type"]) == (50, "xIntempus", "Boolean")


# -- writing ---------------------------------------------------------------------------------------------------------


def test_insert_answers_the_stored_row_with_defaults(server: Served, client: requests.Session) -> None:
    body = {"Account": "2001", "Name": "Ny kunde", "Phone": None, "NoSuch": 1, "CurBalance": 99, "xIntempus": True}
    answer = client.post(entities(server, "Insert/DebtorClientUser"), json=body)
    row = answer.json()
    assert answer.status_code == 200
    assert (row["RowId"], row["Group"], row["Country"], row["xIntempus"]) == (13, "1", "Denmark", True)
    assert row["CurBalance"] == 0.0
    assert "NoSuch" not in row


@pytest.mark.parametrize(
    ("body", "english", "danish"),
    [
        ({"Name": "x"}, "The key must not be empty", "Nøglen må ikke være tom"),
        ({"Account": "1001"}, "A key with the name already exists", "Nøglen findes allerede"),
    ],
)
def test_refusals_are_json_strings_in_the_users_language(
    server: Served, client: requests.Session, body: dict[str, str], english: str, danish: str
) -> None:
    url = entities(server, "Insert/DebtorClient")
    answer = client.post(url, json=body)
    assert (answer.status_code, answer.json()) == (400, english)
    client.auth = ("nordbyg", "pw")
    assert client.post(url, json=body).json() == danish


def test_unknown_reference_is_refused(server: Served, client: requests.Session) -> None:
    body = {"Account": "2001", "Group": "99"}
    assert client.post(entities(server, "Insert/DebtorClient"), json=body).status_code == 400


def test_long_keys_are_truncated_silently(server: Served, client: requests.Session) -> None:
    url = entities(server, "Insert/DebtorClient")
    assert client.post(url, json={"Account": "A" * 25}).json()["Account"] == "A" * 20
    assert client.post(url, json={"Account": "A" * 25}).json() == "A key with the name already exists"


def test_put_replaces_the_whole_record(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    answer = client.put(
        entities(server, "Update/DebtorClient"), json={"RowId": 1, "Account": "1001", "Name": "Kun navn"}
    )
    assert answer.status_code == 200
    row = uniconta.row(NORDBYG, "Debtor", 1)
    assert row is not None
    assert (row["Name"], row["City"], row["Phone"], row["Group"]) == ("Kun navn", None, None, None)
    assert row["xIntempus"] is True  # the plain entity does not know user fields
    client.put(entities(server, "Update/DebtorClientUser"), json={"RowId": 1, "Account": "1001"})
    assert uniconta.rows(NORDBYG, "Debtor")[0]["xIntempus"] is False
    assert row["Created"] == "2024-03-01T00:00:00"


def test_put_merges_behind_a_switch(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    uniconta.switches.put_merges = True
    client.put(entities(server, "Update/DebtorClient"), json={"RowId": 1, "Name": "Kun navn"})
    row = uniconta.row(NORDBYG, "Debtor", 1)
    assert row is not None
    assert (row["Name"], row["City"]) == ("Kun navn", "Odense C")


def test_put_and_delete_need_a_known_row_id(server: Served, client: requests.Session) -> None:
    for body in ({"Account": "1001"}, {"RowId": 999}):
        assert client.put(entities(server, "Update/DebtorClient"), json=body).status_code == 400
        assert client.delete(entities(server, "Delete/DebtorClient"), json=body).status_code == 400


def test_delete_and_references(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    answer = client.delete(entities(server, "Delete/DebtorGroupClient"), json={"RowId": 1})
    assert (answer.status_code, answer.json()) == (400, "Cannot delete a record that others refer to")
    assert client.delete(entities(server, "Delete/DebtorClient"), json={"RowId": 12}).status_code == 200
    assert uniconta.row(NORDBYG, "Debtor", 12) is None


def test_insert_list_is_all_or_nothing(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    url = entities(server, "InsertList/DebtorClient")
    assert client.post(url, json=[{"Account": "a"}, {"Account": "1001"}, {"Account": "b"}]).status_code == 400
    assert uniconta.row_by_key(NORDBYG, "Debtor", "a") is None
    assert uniconta.ledger.effects() == []
    assert [row["Account"] for row in client.post(url, json=[{"Account": "a"}, {"Account": "b"}]).json()] == ["a", "b"]


def test_adverse_writing(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    uniconta.use_profile(ALL_ADVERSE)
    answer = client.post(entities(server, "Insert/DebtorClient"), json={"Account": "a"})
    assert (answer.status_code, answer.content) == (204, b"")
    answer = client.post(entities(server, "Insert/DebtorClient"), json={"Account": "a"})
    assert (answer.status_code, answer.text) == (400, "Nøglen findes allerede")
    assert answer.headers["Content-Type"].startswith("text/plain")
    page = client.get(f"{server.url}/odata/{NORDBYG}/DebtorClientUser").json()
    assert len(page["value"]) == 7
    assert "odata.nextLink" in page
    assert "UpdatedAt" not in page["value"][0]
    assert page["value"][0]["VatZone"] == "Indland"


def test_update_list_is_unknown_by_default(server: Served, client: requests.Session) -> None:
    assert client.put(entities(server, "UpdateList/DebtorClient"), json=[]).status_code == 404


# -- people and user fields ------------------------------------------------------------------------------------------


def test_renaming_a_group_key_re_points_debtors_without_saving_them(uniconta: UnicontaSimulator) -> None:
    before = uniconta.row(NORDBYG, "Debtor", 1)
    uniconta.person_edits(NORDBYG, "DebtorGroup", 1, Group="E", Name="Erhvervskunder")
    after = uniconta.row(NORDBYG, "Debtor", 1)
    assert before is not None
    assert after == before | {"Group": "E"}
    assert uniconta.row_by_key(NORDBYG, "DebtorGroup", "E") is not None
    assert uniconta.row(HAVNENS_EL, "Debtor", 1)["Group"] == "1"  # type: ignore[index]


def test_user_fields_come_go_and_change_their_name(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    def first() -> dict[str, object]:
        return client.get(entities(server, "DebtorClientUser")).json()[0]

    uniconta.rename_user_field(NORDBYG, "Debtor", "xIntempus", "xSync")
    assert (first()["xSync"], "xIntempus" in first()) == (True, False)
    uniconta.remove_user_field(NORDBYG, "Debtor", "xSync")
    assert "xSync" not in first()
    assert client.get(entities(server, "TableFieldsClient")).json() == []
    uniconta.add_user_field(NORDBYG, "Debtor", "xIntempus")
    assert first()["xIntempus"] is False


def test_person_is_refused_like_a_client(uniconta: UnicontaSimulator) -> None:
    with pytest.raises(PersonRefusedError, match="key"):
        uniconta.person_creates(NORDBYG, "Debtor", Account="1001")


# -- ledger and faults -----------------------------------------------------------------------------------------------


def test_commit_then_drop_leaves_its_effect_in_the_ledger(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.faults.add("drop", method="POST", path="Insert/", times=1)
    with pytest.raises(requests.ConnectionError):
        client.post(entities(server, "Insert/DebtorClient"), json={"Account": "lost"})
    entry = uniconta.ledger.entries(origin="api")[-1]
    assert (entry.status, entry.reply, entry.fault) == (None, "lost", "drop")
    assert [(e.action, e.resource, e.company, e.id) for e in entry.effects] == [("created", "Debtor", NORDBYG, 13)]
    assert uniconta.row_by_key(NORDBYG, "Debtor", "lost") is not None
    again = client.post(entities(server, "Insert/DebtorClient"), json={"Account": "lost"})
    assert again.json() == "A key with the name already exists"


def test_reset_before_the_effect_changes_nothing(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.faults.add("reset", times=1)
    with pytest.raises(requests.ConnectionError):
        client.post(entities(server, "Insert/DebtorClient"), json={"Account": "lost"})
    assert uniconta.row_by_key(NORDBYG, "Debtor", "lost") is None
    assert uniconta.ledger.effects() == []


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        ({"kind": "status", "status": 429, "retry_after": 7}, 429, b""),
        ({"kind": "status", "status": 500}, 500, b'"Exception"'),
        ({"kind": "status", "status": 502}, 502, b"<!DOCTYPE html>"),
        ({"kind": "html"}, 200, b"<!DOCTYPE html>"),
        ({"kind": "text"}, 200, b"ArgumentMissing"),
        ({"kind": "empty"}, 200, b""),
        ({"kind": "no_content"}, 204, b""),
        ({"kind": "truncate"}, 200, b'{"@odata.context"'),
        ({"kind": "huge", "bytes": 300_000}, 200, b'{"@odata.context"'),
    ],
)
def test_fault(
    uniconta: UnicontaSimulator,
    server: Served,
    client: requests.Session,
    fault: dict[str, object],
    status: int,
    start: bytes,
) -> None:
    url = f"{server.url}/odata/{NORDBYG}/DebtorClient"
    assert client.post(server.url + "/_control/faults", json=fault | {"times": 1}).status_code == 200
    answer = client.get(url)
    assert answer.status_code == status
    assert answer.content.startswith(start)
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert uniconta.ledger.entries()[-1].status == status
    assert client.get(url).status_code == 200
    if fault["kind"] == "truncate":
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.content)
    if fault["kind"] == "huge":
        assert len(answer.content) > 300_000


@pytest.mark.parametrize("kind", ["empty", "no_content"])
def test_no_fault_turns_a_refusal_into_a_yes(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session, kind: str
) -> None:
    uniconta.faults.add(kind, times=1)
    answer = client.get(f"{server.url}/odata/{NORDBYG}/NoSuchTableClient")
    assert answer.status_code >= 400
    assert uniconta.ledger.entries()[-1].status == answer.status_code


def test_cut_hang_and_drip(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    url = f"{server.url}/odata/{NORDBYG}/DebtorClient"
    uniconta.faults.add("cut", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get(url)
    uniconta.faults.add("hang", times=1)
    with pytest.raises(requests.ReadTimeout):
        client.get(url, timeout=0.2)
    started = time.monotonic()
    uniconta.faults.add("drip", seconds=0.6, times=1)
    assert client.get(url, timeout=0.4).status_code == 200  # no single read waits that long
    assert time.monotonic() - started > 0.4


def test_a_hanging_call_does_not_hold_up_others(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.faults.add("hang", path="DebtorGroupClient")
    url = f"{server.url}/odata/{NORDBYG}/"
    seen: list[str] = []

    def wait_in_vain() -> None:
        try:
            requests.get(url + "DebtorGroupClient", auth=("sync", "pw"), timeout=1)
        except requests.RequestException as error:
            seen.append(type(error).__name__)

    hanging = threading.Thread(target=wait_in_vain)
    hanging.start()
    started = time.monotonic()
    assert client.get(url + "DebtorClient").status_code == 200
    assert time.monotonic() - started < 0.8
    hanging.join()
    assert seen == ["ReadTimeout"]


def test_rules_choose_calls_by_nth_and_by_seeded_chance() -> None:
    def outcomes(seed: int) -> list[bool]:
        uniconta = UnicontaSimulator(seed)
        uniconta.faults.add("empty", probability=0.3)
        uniconta.faults.add("text", path="Insert", nth=[2, 4])
        return [bool(uniconta.faults.take("POST", "/api/Entities/Insert/DebtorClient")) for _ in range(40)]

    assert outcomes(1) == outcomes(1)
    assert outcomes(1) != outcomes(2)
    assert outcomes(1)[1]
    assert outcomes(1)[3]


def test_daily_calls_slow_down_instead_of_failing(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.switches.slow_after_calls, uniconta.switches.slow_seconds = 3, 0.15
    url = entities(server, "DebtorGroupClient")
    times = []
    for _ in range(4):
        started = time.monotonic()
        assert client.get(url).status_code == 200
        times.append(time.monotonic() - started)
    assert max(times[:2]) < 0.15 <= times[3]
    assert client.get(server.url + "/_control/calls_today").json() == {"sync": 4}


def test_connections_are_kept_alive(server: Served, client: requests.Session) -> None:
    answers = [client.get(entities(server, "DebtorGroupClient"), stream=True) for _ in range(3)]
    assert {answer.raw.version for answer in answers} == {11}
    assert "close" not in {answer.headers.get("Connection") for answer in answers}
    for answer in answers:
        answer.close()


# -- Change URLs -----------------------------------------------------------------------------------------------------


def test_person_and_api_changes_call_the_url_by_get(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session, receiver: Receiver
) -> None:
    uniconta.add_change_url(NORDBYG, receiver.url, table="Debtor")
    row_id = uniconta.person_creates(NORDBYG, "Debtor", Account="Å 1", Name="Ny")
    assert uniconta.wait_for_webhooks()
    body = client.get(entities(server, f"DebtorClientUser?Name=RowId&Value={row_id}")).json()[0]
    client.put(entities(server, "Update/DebtorClientUser"), json=body)
    assert uniconta.wait_for_webhooks()
    uniconta.person_deletes(NORDBYG, "Debtor", row_id)
    uniconta.person_edits(NORDBYG, "DebtorGroup", 2, Name="Andet")  # another table
    uniconta.person_edits(HAVNENS_EL, "Debtor", 2, Name="Andre")  # another company
    assert uniconta.wait_for_webhooks()
    common = {"CompanyId": str(NORDBYG), "Table": "Debtor", "RowId": str(row_id), "Key": "Å 1"}
    assert [(method, parameters(path)) for method, path, _, _ in receiver.calls] == [
        ("GET", common | {"Action": "add"}),
        ("GET", common | {"Action": "update"}),
        ("GET", common | {"Action": "delete"}),
    ]


def test_use_post_sends_the_record(uniconta: UnicontaSimulator, receiver: Receiver) -> None:
    uniconta.add_change_url(NORDBYG, receiver.url + "?a=1", use_post=True, argument="tenant")
    uniconta.person_edits(NORDBYG, "Debtor", 1, Name="Kjær", xIntempus=False)
    assert uniconta.wait_for_webhooks()
    ((method, path, body, content_type),) = receiver.calls
    assert (method, content_type) == ("POST", "application/json")
    assert path.endswith("&Action=update&tenant")
    assert path.startswith("/hooks/secret/?a=1&CompanyId=")
    sent = json.loads(body)
    assert (sent["Name"], sent["xIntempus"], sent["CountryName"]) == ("Kjær", False, "Denmark")
    assert "Address2" not in sent


def test_adverse_calls(uniconta: UnicontaSimulator, receiver: Receiver) -> None:
    uniconta.use_profile(ALL_ADVERSE)
    uniconta.add_change_url(NORDBYG, receiver.url)
    uniconta.person_edits(NORDBYG, "Debtor", 1, Name="Nyt navn")
    uniconta.person_edits(NORDBYG, "DebtorGroup", 1, Name="Nyt navn")
    assert uniconta.wait_for_webhooks()
    assert [method for method, _, _, _ in receiver.calls] == ["POST", "POST"]  # twice the debtor, never the group
    path = receiver.calls[0][1]
    assert path == f"/hooks/secret/?CompanyId={NORDBYG}?Table=Debtor?RowId=1?Key=1001?Operation=Update"
    assert json.loads(receiver.calls[0][2])["Name"] == "Murermester Kjær A/S"  # stale


def test_failed_call_is_noted_once_and_not_repeated(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session, receiver: Receiver
) -> None:
    receiver.status = 503
    body = {"Table": "Debtor", "Url": receiver.url, "UsePost": True}
    hook = client.post(entities(server, "Insert/TableChangeEventClient"), json=body).json()
    assert (hook["TableId"], hook["HasError"]) == (50, False)
    uniconta.person_edits(NORDBYG, "Debtor", 1, Name="x")
    assert uniconta.wait_for_webhooks()
    hook = client.get(entities(server, "TableChangeEventClient")).json()[0]
    assert (hook["HasError"], hook["ErrorMessage"][:3]) == (True, "503")
    assert len(receiver.calls) == 1
    assert client.delete(entities(server, "Delete/TableChangeEventClient"), json=hook).status_code == 200


def test_drop_and_duplicate(uniconta: UnicontaSimulator, receiver: Receiver) -> None:
    uniconta.add_change_url(NORDBYG, receiver.url)
    uniconta.switches.webhook_drop_probability = 1.0
    uniconta.person_edits(NORDBYG, "Debtor", 1, Name="x")
    uniconta.switches.webhook_drop_probability = 0.0
    uniconta.switches.webhook_duplicate = True
    uniconta.person_edits(NORDBYG, "Debtor", 2, Name="x")
    assert uniconta.wait_for_webhooks()
    assert [parameters(path)["RowId"] for _, path, _, _ in receiver.calls] == ["2", "2"]
    assert [delivery.dropped for delivery in uniconta.deliveries] == [True, False, False]


def test_a_burst_of_500_leaves_within_seconds(uniconta: UnicontaSimulator, receiver: Receiver) -> None:
    uniconta.add_change_url(NORDBYG, receiver.url, use_post=True)
    ids = uniconta.bulk(NORDBYG, "Debtor", 500, start=5000)
    for row_id in ids:
        uniconta.person_edits(NORDBYG, "Debtor", row_id, Name=f"Ny {row_id}")
    assert uniconta.wait_for_webhooks(8)
    assert {int(parameters(path)["RowId"]) for _, path, _, _ in receiver.calls} == set(ids)


# -- size, control, page ---------------------------------------------------------------------------------------------


def test_20_000_debtors_list_and_filter_quickly(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.bulk(NORDBYG, "Debtor", 20_000, start=100_000, City="Odense")
    url = f"{server.url}/odata/{NORDBYG}/DebtorClientUser"
    assert len(client.get(url).json()["value"]) == 20_012
    started = time.monotonic()
    assert client.get(url).status_code == 200
    assert time.monotonic() - started < 1.0  # usually 0.05 s; a busy machine is allowed for
    started = time.monotonic()
    condition = " or ".join(f"RowId eq {n}" for n in range(500, 540))
    assert len(client.get(url, params={"$filter": condition}).json()["value"]) == 40
    assert time.monotonic() - started < 0.5


def test_control_channel(server: Served, client: requests.Session) -> None:
    control = server.url + "/_control/"
    person = {"company": NORDBYG, "resource": "Debtor", "values": {"Account": "77", "Name": "Fra testen"}}
    row_id = client.post(control + "person/create", json=person).json()["id"]
    edit = person | {"id": row_id, "values": {"Blocked": True}}
    client.post(control + "person/edit", json=edit)
    row = next(r for r in client.get(f"{control}rows/{NORDBYG}/Debtor").json() if r["RowId"] == row_id)
    assert (row["Name"], row["Blocked"]) == ("Fra testen", True)
    ledger = client.get(control + "ledger").json()
    assert [entry["effects"][0]["action"] for entry in ledger["entries"]] == ["created", "updated"]
    assert client.get(control + f"ledger?since={ledger['last_seq']}").json()["entries"] == []
    assert client.post(control + "switches", json={"no_such": 1}).status_code == 400
    assert client.post(control + "switches", json={"profile": "ALL_ADVERSE"}).json()["next_link"] is True
    client.post(control + "clock", json={"set": "2027-01-01T00:00:00+00:00", "freeze": True})
    assert client.post(control + "clock", json={"advance": 60}).json()["now"] == "2027-01-01T00:01:00+00:00"
    client.post(control + "reset", json={})
    assert len(client.get(f"{control}rows/{NORDBYG}/Debtor").json()) == 12


def test_page_saves_what_a_person_changed_and_escapes(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.person_edits(NORDBYG, "Debtor", 4, Name="<script>alert(1)</script>")
    shown = client.get(server.url, params={"company": NORDBYG, "row": 4}).text
    assert "<script>" not in shown
    assert "Uniconta simulator – a stand-in for the demo" in shown
    before = uniconta.row(NORDBYG, "Debtor", 4)
    assert before is not None
    form = {k: v for k, v in before.items() if isinstance(v, str)} | {"Name": "Bøgelund", "xIntempus": "true"}
    answer = client.post(server.url, data=form | {"company": NORDBYG, "table": "Debtor", "row": 4, "act": "save"})
    assert "was saved at" in answer.text
    after = uniconta.row(NORDBYG, "Debtor", 4)
    changed = {name for name in before if after is not None and before[name] != after[name]}
    assert {"Name", "xIntempus"} <= changed <= {"Name", "xIntempus", "KeyName", "UpdatedAt", "PriceGroup", "CreditMax"}
    assert "Change URLs" in client.get(server.url, params={"table": "TableChangeEvent"}).text


def test_an_item_as_the_api_page_shows_it(
    client: requests.Session, server: Served, uniconta: UnicontaSimulator
) -> None:
    uniconta.bulk(NORDBYG, "InvGroup", 1, Group="10", Name="Kabler")
    values = {"Item": "4711", "Name": "Kabel", "Group": "10", "Unit": "Stk", "SalesPrice1": 125.5, "Available": 9}
    answer = client.post(f"{server.url}/api/Entities/Insert/InvItemClient", json=values | {"NoSuchField": 1})
    assert answer.status_code == 200, answer.text
    [row] = client.get(f"{server.url}/api/Entities/InvItemClient").json()
    assert (row["Item"], row["SalesPrice1"], row["CostPrice"], row["Blocked"]) == ("4711", 125.5, 0.0, False)
    assert row["Available"] == 0.0  # counted by Uniconta: not taken, without a word
    assert "EAN" not in row
    assert "NoSuchField" not in row
    refused = client.post(f"{server.url}/api/Entities/Insert/InvItemClient", json=values | {"Item": "1", "Group": "77"})
    assert refused.status_code == 400


def test_an_employee_as_the_api_page_shows_it(
    client: requests.Session, server: Served, uniconta: UnicontaSimulator
) -> None:
    uniconta.bulk(NORDBYG, "EmployeeGroup", 1, Number="10", Name="Montører")
    values = {"Number": "17", "Name": "Jens", "Group": "10", "Mobil": "20304050", "PersonalId": "0101801234"}
    answer = client.post(f"{server.url}/api/Entities/Insert/EmployeeClient", json=values | {"UserName": "x"})
    assert answer.status_code == 200, answer.text
    [row] = client.get(f"{server.url}/api/Entities/EmployeeClient").json()
    assert (row["Number"], row["Blocked"], row["Terminated"]) == ("17", False, "0001-01-01T00:00:00")
    assert row["PersonalId"] == "0101801234"
    assert not {"UserName", "Email", "UpdatedAt"} & set(row)
    ended = client.put(f"{server.url}/api/Entities/Update/EmployeeClient", json=row | {"Terminated": "2026-01-31"})
    assert ended.status_code == 200, ended.text
    [row] = client.get(f"{server.url}/api/Entities/EmployeeClient").json()
    assert row["Terminated"] == "2026-01-31T00:00:00"
    refused = client.post(
        f"{server.url}/api/Entities/Insert/EmployeeClient", json=values | {"Number": "1", "Group": "7"}
    )
    assert refused.status_code == 400
    assert "Montører" in client.get(server.url, params={"table": "Employee", "row": row["RowId"]}).text


def test_a_project_as_the_api_page_shows_it(
    client: requests.Session, server: Served, uniconta: UnicontaSimulator
) -> None:
    uniconta.bulk(NORDBYG, "ProjectGroup", 1, Group="10", Name="Fast pris", IsDefault=True)
    account = uniconta.rows(NORDBYG, "Debtor")[0]["Account"]
    values = {"Number": "5001", "Name": "Nyt tag", "Account": account, "StartDate": "2027-01-04"}
    insert = f"{server.url}/api/Entities/Insert/ProjectClient"
    assert client.post(insert, json=values).status_code == 200
    child = client.post(insert, json=values | {"Number": "5002", "MasterProject": "5001", "Phase": "Igangværende"})
    assert child.status_code == 200, child.text
    first, second = client.get(f"{server.url}/api/Entities/ProjectClient").json()
    assert (first["Group"], first["Phase"], first["StartDate"], first["EndDate"]) == (
        "10",  # the default group
        "Created",
        "2027-01-04T00:00:00",
        "0001-01-01T00:00:00",
    )
    assert (second["MasterProject"], second["Phase"], second["WorkCountry"]) == ("5001", "In progress", "Unknown")
    assert not {"MasterProject", "PersonInCharge", "UpdatedAt"} & set(first)
    for wrong in ({"Account": ""}, {"Account": "no such"}, {"MasterProject": "9999"}, {"Number": "5001"}):
        refused = client.post(insert, json=values | {"Number": "5003"} | wrong)
        assert refused.status_code == 400, wrong
    assert "Fast pris" in client.get(server.url, params={"table": "ProjectGroup"}).text


# -- project journals ------------------------------------------------------------------------------------------------


@pytest.fixture
def journal(uniconta: UnicontaSimulator) -> None:
    """Both companies have a journal, a project, an employee, an item and a pay type under the same keys."""
    for company in (NORDBYG, HAVNENS_EL):
        rows: list[tuple[str, dict[str, object]]] = [
            ("ProjectJournal", {"Journal": "Intempus", "Name": "Timer"}),
            ("Project", {"Number": "P1", "Name": "Mur", "Account": "1001"}),
            ("Employee", {"Number": "11", "Name": "Åge Lund", "CostPrice": 210}),
            ("InvItem", {"Item": "TIME", "Name": "Murertime", "SalesPrice1": 545}),
            ("PrCategory", {"Number": "L", "Name": "Løn", "CatType": "Labour"}),
            ("EmpPayrollCategory", {"Number": "100", "Name": "Normaltid", "Rate": 198, "Unit": "Hours"}),
        ]
        for table, values in rows:
            uniconta.store_seed_rows(company, table, [values])


def line(**values: object) -> dict[str, object]:
    known = {"Journal": "Intempus", "Project": "P1", "Employee": "11", "Item": "TIME", "PayrollCategory": "100"}
    return known | {"Date": "2026-11-04", "Qty": 7.4, "Unit": "Hours", "Text": "Fugt", "ReferenceNumber": "I1"} | values


def insert(server: Served, client: requests.Session, *lines: dict[str, object]) -> requests.Response:
    return client.post(entities(server, "InsertList/ProjectJournalLineClient"), json=list(lines))


def by_reference(server: Served, client: requests.Session, entity: str, reference: str) -> list[dict[str, object]]:
    query = {"$filter": f"ReferenceNumber eq '{reference}'"}
    found: list[dict[str, object]] = client.get(f"{server.url}/odata/{NORDBYG}/{entity}", params=query).json()["value"]
    return found


@pytest.mark.usefixtures("journal")
def test_a_journal_line_is_stored_with_the_prices_uniconta_knows(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    answer = client.post(
        entities(server, "Insert/ProjectJournalLineClient"), json=line(TimeFrom="07:00", TimeTo="14:54")
    )
    assert (answer.status_code, answer.json()) == (200, {
        "RowId": 1, "CompanyId": NORDBYG, "Journal": "Intempus", "Date": "2026-11-04T00:00:00", "Project": "P1",
        "PayrollCategory": "100", "Employee": "11", "Item": "TIME", "Text": "Fugt", "Qty": 7.4, "Unit": "Hours",
        "TimeFrom": "07:00:00", "TimeTo": "14:54:00", "CostPrice": 198.0, "SalesPrice": 545.0, "DiscountPct": 0.0,
        "CostAmount": 1465.2, "SalesAmount": 4033.0, "Invoiceable": False, "Voucher": 0, "ReferenceNumber": "I1",
        "Approved": False, "OnHold": False, "LineNumber": 0.0,
    })  # fmt: skip
    uniconta.switches.times_as_datetimes = True
    uniconta.switches.line_prices_filled = False
    row = insert(server, client, line(TimeFrom="2026-11-04T22:30:00", ReferenceNumber="I2")).json()[0]
    assert (row["TimeFrom"], row["CostPrice"], row["SalesAmount"]) == ("0001-01-01T22:30:00", 0.0, 0.0)


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    "values",
    [
        {"Journal": "Ukendt"},
        {"Journal": None},
        {"Project": "P9"},
        {"Project": ""},
        {"Employee": "99"},
        {"Item": "X"},
        {"PrCategory": "X"},
        {"PayrollCategory": "X"},
    ],
)
def test_a_line_that_refers_to_nothing_is_refused_with_its_whole_list(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session, values: dict[str, object]
) -> None:
    answer = insert(server, client, line(), line(ReferenceNumber="I2", **values))
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)  # one sentence; which of the lines is not said
    assert uniconta.rows(NORDBYG, "ProjectJournalLine") == []
    uniconta.switches.insert_list_all_or_nothing = False
    assert insert(server, client, line(), line(ReferenceNumber="I2", **values)).status_code == 400
    assert [row["ReferenceNumber"] for row in uniconta.rows(NORDBYG, "ProjectJournalLine")] == ["I1"]


@pytest.mark.usefixtures("journal")
def test_lines_have_no_key_so_a_lost_reply_repeated_makes_two(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.faults.add("drop", method="POST", path="InsertList", nth=1)
    with pytest.raises(requests.ConnectionError):
        insert(server, client, line())
    assert insert(server, client, line()).status_code == 200
    assert [row["RowId"] for row in by_reference(server, client, "ProjectJournalLineClient", "I1")] == [1, 2]
    by_value = client.get(entities(server, "ProjectJournalLineClient?Name=ReferenceNumber&Value=I1")).json()
    assert [row["RowId"] for row in by_value] == [1, 2]
    assert uniconta.rows(HAVNENS_EL, "ProjectJournalLine") == []


@pytest.mark.usefixtures("journal")
def test_lines_can_be_found_by_journal_and_date(server: Served, client: requests.Session) -> None:
    insert(server, client, *(line(ReferenceNumber=f"I{day}", Date=f"2026-11-{day:02}") for day in (2, 3, 4)))
    query = "Journal eq 'Intempus' and Date ge datetime'2026-11-03T00:00:00'"
    rows = client.get(f"{server.url}/odata/{NORDBYG}/ProjectJournalLineClient", params={"$filter": query}).json()[
        "value"
    ]
    assert [row["ReferenceNumber"] for row in rows] == ["I3", "I4"]


@pytest.mark.usefixtures("journal")
def test_no_webhook_for_lines_and_postings(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session, receiver: Receiver
) -> None:
    uniconta.add_change_url(NORDBYG, receiver.url)
    insert(server, client, line())
    uniconta.person_edits(NORDBYG, "ProjectJournalLine", 1, Qty=8)
    uniconta.person_posts(NORDBYG, "Intempus")
    uniconta.person_edits(NORDBYG, "EmpPayrollCategory", 1, Name="Normal")
    assert uniconta.wait_for_webhooks()
    assert [parameters(path)["Table"] for _, path, _, _ in receiver.calls] == ["EmpPayrollCategory"]


@pytest.mark.usefixtures("journal")
def test_posting_moves_the_lines_into_the_transactions(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.clock.set(datetime(2026, 11, 9, 12, tzinfo=UTC), freeze=True)
    rows = insert(server, client, line(), line(ReferenceNumber="I2", OnHold=True)).json()
    insert(server, client, line(ReferenceNumber="I3"))
    uniconta.person_deletes(NORDBYG, "ProjectJournalLine", 3)
    assert uniconta.person_posts(NORDBYG, "Intempus") == 1
    assert [row["ReferenceNumber"] for row in uniconta.rows(NORDBYG, "ProjectJournalLine")] == ["I2"]
    gone = ("Journal", "Approved", "OnHold", "LineNumber")
    as_posted = {name: value for name, value in rows[0].items() if name not in gone}
    assert by_reference(server, client, "ProjectTransClient", "I1") == [
        as_posted | {"RowId": 1, "Voucher": 1, "PostedDate": "2026-11-09T00:00:00"}
    ]
    refused = client.post(entities(server, "Insert/ProjectTransClient"), json=line())
    assert (refused.status_code, refused.json()) == (400, "No rights")
    uniconta.person_edits(NORDBYG, "ProjectJournalLine", 2, OnHold=False)
    uniconta.switches.posting_keeps_reference_number = False
    assert uniconta.person_posts(NORDBYG, "Intempus") == 2
    assert by_reference(server, client, "ProjectTransClient", "I2") == []
    insert(server, client, line(ReferenceNumber="I4"))
    assert uniconta.person_posts(NORDBYG, "Intempus", keeps_reference=True) == 3
    assert [row["Voucher"] for row in by_reference(server, client, "ProjectTransClient", "I4")] == [3]
    assert [row["Qty"] for row in uniconta.rows(NORDBYG, "ProjectTrans")] == [7.4, 7.4, 7.4]
    assert uniconta.rows(HAVNENS_EL, "ProjectTrans") == []


@pytest.mark.usefixtures("journal")
def test_a_journal_that_keeps_its_lines_shows_them_twice(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.person_edits(NORDBYG, "ProjectJournal", 1, DeleteLines=False)
    insert(server, client, line())
    uniconta.person_posts(NORDBYG, "Intempus")
    for entity in ("ProjectJournalLineClient", "ProjectTransClient"):
        assert len(by_reference(server, client, entity, "I1")) == 1


@pytest.mark.usefixtures("journal")
def test_a_journal_may_post_approved_lines_only(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    uniconta.person_edits(NORDBYG, "ProjectJournal", 1, UseApproved=True)
    insert(server, client, line(), line(ReferenceNumber="I2", Approved=True))
    uniconta.person_posts(NORDBYG, "Intempus")
    assert [row["ReferenceNumber"] for row in uniconta.rows(NORDBYG, "ProjectJournalLine")] == ["I1"]
    assert [row["ReferenceNumber"] for row in uniconta.rows(NORDBYG, "ProjectTrans")] == ["I2"]


@pytest.mark.usefixtures("journal")
def test_a_renamed_project_is_renamed_on_lines_and_transactions(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    insert(server, client, line())
    uniconta.person_posts(NORDBYG, "Intempus")
    insert(server, client, line(ReferenceNumber="I2"))
    project = uniconta.row_by_key(NORDBYG, "Project", "P1")
    assert project is not None
    uniconta.person_edits(NORDBYG, "Project", project["RowId"], Number="P100")
    for table in ("ProjectJournalLine", "ProjectTrans"):
        assert [row["Project"] for row in uniconta.rows(NORDBYG, table)] == ["P100"]


@pytest.mark.usefixtures("journal")
def test_an_api_change_of_a_line_replaces_it_and_a_deletion_removes_it(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    row = insert(server, client, line(CostPrice=100, SalesPrice=200)).json()[0]
    answer = client.put(entities(server, "Update/ProjectJournalLineClient"), json=row | {"Qty": -7.4, "OnHold": True})
    assert answer.json() == row | {"Qty": -7.4, "OnHold": True, "CostAmount": -740.0, "SalesAmount": -1480.0}
    gone = client.delete(entities(server, "Delete/ProjectJournalLineClient"), json={"RowId": row["RowId"]})
    assert (gone.status_code, uniconta.rows(NORDBYG, "ProjectJournalLine")) == (200, [])


@pytest.mark.usefixtures("journal")
def test_blocked_and_closed_are_refused_by_switch_only(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    insert(server, client, line())
    project = uniconta.row_by_key(NORDBYG, "Project", "P1")
    assert project is not None
    uniconta.person_edits(NORDBYG, "Project", project["RowId"], Blocked=True)
    uniconta.close_period(NORDBYG, "2026-11-04")
    with pytest.raises(PersonRefusedError, match="The period is closed"):
        uniconta.person_posts(NORDBYG, "Intempus")
    uniconta.person_edits(NORDBYG, "ProjectJournal", 1, Blocked=True)
    with pytest.raises(PersonRefusedError, match="The journal is blocked"):
        uniconta.person_posts(NORDBYG, "Intempus")
    assert insert(server, client, line()).status_code == 200
    sentences = []
    for name in ("closed_periods_refused", "blocked_journals_refused", "blocked_projects_refused"):
        setattr(uniconta.switches, name, True)
        answer = insert(server, client, line())
        assert answer.status_code == 400
        sentences.append(answer.json())
    assert sentences == ["The period is closed", "The journal is blocked", "The project is blocked"]
    uniconta.switches.blocked_journals_refused = uniconta.switches.blocked_projects_refused = False
    assert insert(server, client, line(Date="2026-11-05")).status_code == 200


@pytest.mark.usefixtures("journal")
def test_a_long_text_is_cut_or_refused(uniconta: UnicontaSimulator, server: Served, client: requests.Session) -> None:
    assert insert(server, client, line(Text="x" * 61)).json()[0]["Text"] == "x" * 60
    uniconta.switches.line_text_truncated = False
    refused = insert(server, client, line(Text="x" * 61))
    assert (refused.status_code, refused.json()) == (400, "The text is too long")


@pytest.mark.usefixtures("journal")
def test_posting_over_the_control_channel_and_the_page(
    uniconta: UnicontaSimulator, server: Served, client: requests.Session
) -> None:
    control = f"{server.url}/_control"
    body: dict[str, object] = {
        "company": NORDBYG,
        "table": "ProjectJournalLine",
        "rows": [line(), line(ReferenceNumber="I2")],
    }
    assert requests.post(f"{control}/seed_rows", json=body, timeout=5).json() == {"ids": [1, 2]}
    body = {"company": NORDBYG, "journal": "Intempus"}
    assert requests.post(f"{control}/post_journal", json=body, timeout=5).json() == {"voucher": 1}
    insert(server, client, line(ReferenceNumber="I3"))
    assert 'value="post"' in requests.get(f"{server.url}/?company={NORDBYG}&table=ProjectJournal", timeout=5).text
    form = {"company": NORDBYG, "table": "ProjectJournal", "row": 1, "act": "post"}
    assert "Journal Intempus was posted with voucher 2." in requests.post(f"{server.url}/", data=form, timeout=5).text
    for table in ("ProjectJournalLine", "ProjectTrans", "EmpPayrollCategory", "PrCategory"):
        assert requests.get(f"{server.url}/?company={NORDBYG}&table={table}&row=1", timeout=5).status_code == 200
    requests.post(f"{control}/close_period", json={"company": NORDBYG, "until": "2026-11-30"}, timeout=5)
    assert uniconta.closed_until == {NORDBYG: "2026-11-30"}
