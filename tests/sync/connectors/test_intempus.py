"""What is peculiar to Intempus: cursors, stamps, URIs and partial writes."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mappings.entities import ENTITIES
from sync.connectors.base import ConnectionSettings, Exchange, Reference
from sync.connectors.errors import ConnectionBroken, Gone, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.intempus import IntempusConnector, uri
from sync.connectors.intempus.uris import id_of
from tests.sync.connectors.scripted import Scripted, answer

CUSTOMER = ENTITIES["customer"].intempus

CALM: dict[str, Any] = {"is_as_planned": lambda row: True, "stamp": None}


def row(row_id: int, **values: Any) -> dict[str, Any]:
    return {
        "id": row_id,
        "resource_uri": f"/web/v1/customer/{row_id}/",
        "company": "/web/v1/company/61001/",
        "number": str(row_id),
        "name": "Kunde",
        "logical_timestamp": 9_000_000_000 + row_id,
        **values,
    }


def page(*rows: dict[str, Any], following: str | None = None, total: int | None = None, **headers: str) -> bytes:
    meta = {"limit": 1000, "next": following, "total_count": total}
    return answer(200, {"meta": meta, "objects": list(rows)}, **headers)


def connect(script: Scripted, company_id: str = "61001") -> IntempusConnector:
    settings = ConnectionSettings(
        "intempus", script.url, "api@nordbyg.dk", "nøgle", company_id, allow_private_targets=True
    )
    return IntempusConnector(settings, lambda _: None)


@pytest.fixture
def intempus(script: Scripted, exchanges: list[Exchange]) -> Iterator[IntempusConnector]:
    connector = connect(script)
    connector._door._on_exchange = exchanges.append
    yield connector
    connector.close()


def code_of(error: type[RemoteError], act: Any) -> str:
    with pytest.raises(error) as caught:
        act()
    assert type(caught.value) is error
    return caught.value.code


# --- who ---


def test_the_key_and_the_slash(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page())
    list(intempus.read_all(CUSTOMER))
    assert script.heard[0].line == "GET /web/v1/customer/?pagination_type=cursor&limit=1000 HTTP/1.1"
    assert script.heard[0].headers["authorization"].encode("latin-1").decode() == "ApiKey api@nordbyg.dk:nøgle"


def test_exactly_one_company(script: Scripted, intempus: IntempusConnector) -> None:
    company = {"id": 61001, "name": "Nordbyg ApS", "vat_registration_number": "34567121"}
    script.say(page(company))
    assert intempus.identify().number == "34567121"
    script.say(page())
    assert code_of(ConnectionBroken, intempus.identify) == "company_unclear"
    script.say(page(company, {**company, "id": 61002}))
    assert code_of(ConnectionBroken, intempus.identify) == "company_unclear"
    script.say(page({**company, "id": 61002}))
    assert code_of(ConnectionBroken, intempus.identify) == "wrong_company"


@pytest.mark.parametrize(
    "company", ["/web/v1/company/61002/", {"id": 61002}, {"resource_uri": "/web/v1/company/61002/"}]
)
def test_rows_of_another_company_stop_everything(script: Scripted, intempus: IntempusConnector, company: Any) -> None:
    stranger = row(5, company=company)
    script.say(page(stranger))
    assert code_of(ConnectionBroken, lambda: list(intempus.read_all(CUSTOMER))) == "wrong_company"
    assert code_of(ConnectionBroken, lambda: intempus.read_changes(CUSTOMER, 1)) == "wrong_company"
    script.say(answer(200, stranger))
    assert code_of(ConnectionBroken, lambda: intempus.read_by_ids(CUSTOMER, ["5"])) == "wrong_company"


# --- lists ---


def test_pages_are_followed_and_rows_given_once(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(
        page(row(1), row(2), following="/web/v1/customer/?after=a", total=3),
        page(row(2), following="/web/v1/customer/?after=b"),
        page(row(3)),
    )
    assert [each["id"] for each in intempus.read_all(CUSTOMER)] == [1, 2, 3]
    assert [heard.line.split()[1] for heard in script.heard[1:]] == [
        "/web/v1/customer/?after=a",
        "/web/v1/customer/?after=b",
    ]


def test_paging_that_leads_nowhere_ends(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(row(1), following="/web/v1/customer/?after=a"))
    assert code_of(RetryLater, lambda: list(intempus.read_all(CUSTOMER))) == "paging_stuck"
    script.say(*(page(following=f"/web/v1/customer/?after={number}") for number in range(9)))
    assert code_of(RetryLater, lambda: list(intempus.read_all(CUSTOMER))) == "paging_stuck"
    script.say(page(row(1), following="https://evil.test/web/v1/customer/"))
    assert code_of(ConnectionBroken, lambda: list(intempus.read_all(CUSTOMER))) == "foreign_next_page"


def test_fewer_rows_than_counted_is_no_complete_read(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(row(1), total=2))
    assert code_of(RetryLater, lambda: list(intempus.read_all(CUSTOMER))) == "incomplete_read"
    assert intempus.field_names(CUSTOMER) is None


@pytest.mark.parametrize(
    "body", [{"objects": []}, {"meta": {}}, {"meta": None, "objects": []}, [], {"meta": {}, "objects": [{}]},
             {"meta": {}, "objects": [7]}, {"meta": {}, "objects": None}]
)  # fmt: skip
def test_strange_lists_are_refused(script: Scripted, intempus: IntempusConnector, body: Any) -> None:
    script.say(answer(200, body))
    assert code_of(RetryLater, lambda: list(intempus.read_all(CUSTOMER))) == "unreadable_answer"


# --- changes ---


def test_the_cursor_is_the_first_pages_header(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(
        page(row(1), following="/web/v1/customer/?after=a", Logical_Timestamp="9000000500"),
        page(row(2), Logical_Timestamp="9000000900"),
    )
    changes = intempus.read_changes(CUSTOMER, 9_000_000_000)
    assert ([each["id"] for each in changes.rows], changes.cursor) == ([1, 2], 9_000_000_500)
    query = parse_qs(urlsplit(script.heard[0].line.split()[1]).query)
    assert query["logical_timestamp__gt"] == ["9000000000"]


def test_without_a_header_the_rows_tell(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(row(7), row(3)))
    assert intempus.read_changes(CUSTOMER, 9_000_000_000).cursor == 9_000_000_007
    script.say(page())
    assert intempus.read_changes(CUSTOMER, 9_000_000_000).cursor is None


def test_from_the_start_nothing_is_filtered_out(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(row(1), row(2, logical_timestamp=None), Logical_Timestamp="9000000500"))
    changes = intempus.read_changes(CUSTOMER, 0)
    assert (len(changes.rows), changes.cursor) == (2, None)
    assert "logical_timestamp" not in script.heard[0].line


def test_a_cursor_never_goes_back(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(Logical_Timestamp="8000000000"))
    assert intempus.read_changes(CUSTOMER, 9_000_000_000).cursor is None


@pytest.mark.parametrize(
    "old", [row(1, logical_timestamp=5), row(1, logical_timestamp=None), row(1, logical_timestamp=42)]
)
def test_an_ignored_filter_gives_everything_and_keeps_the_cursor(
    script: Scripted, intempus: IntempusConnector, old: dict[str, Any]
) -> None:
    script.say(page(old, row(2), Logical_Timestamp="9000000500"))
    changes = intempus.read_changes(CUSTOMER, 9_000_000_000)
    assert (len(changes.rows), changes.cursor, changes.filter_ignored) == (2, None, True)


def test_a_refused_filter_does_too(script: Scripted, intempus: IntempusConnector) -> None:
    refusal = answer(400, {"error": "The 'logical_timestamp' field does not allow filtering."})
    script.say(refusal, page(row(1), row(2)))
    changes = intempus.read_changes(CUSTOMER, 5)
    assert (len(changes.rows), changes.cursor, changes.filter_ignored) == (2, None, True)


# --- single records ---


def test_few_records_one_by_one_many_by_the_list(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(200, row(1)), answer(404), answer(200, row(3)))
    assert list(intempus.read_by_ids(CUSTOMER, ["1", "2", "3", "../company", ""])) == ["1", "3"]
    assert [heard.line.split()[1] for heard in script.heard] == [f"/web/v1/customer/{number}/" for number in (1, 2, 3)]
    script.say(page(row(1), row(99)))
    assert list(intempus.read_by_ids(CUSTOMER, [str(number) for number in range(1, 22)])) == ["1"]
    assert len(script.heard) == 4


def test_numbers_are_compared_here(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(page(row(1, number=" 77 "), row(2, number="78"), row(3, number=None)))
    assert [each["id"] for each in intempus.find_by_key(CUSTOMER, ["77", "79"])] == [1]
    assert intempus.find_by_key(CUSTOMER, ["", " "]) == []
    assert len(script.heard) == 1


# --- creating ---


def test_a_create_carries_company_and_creation_id(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(201, row(7, logical_timestamp=42)))
    written = intempus.create(
        CUSTOMER, {"name": "K", "customer_group": Reference("customer_group", "4")}, creation_id="the-id"
    )
    assert script.heard[0].json() == {
        "name": "K",
        "customer_group": "/web/v1/customer_group/4/",
        "creation_id": "the-id",
        "company": "/web/v1/company/61001/",
    }
    assert written.id == "7"
    assert "logical_timestamp" not in written.row


def test_an_unpinned_connection_asks_for_its_company_once(script: Scripted) -> None:
    connector = connect(script, company_id="")
    script.say(page({"id": 61001, "name": "Nordbyg"}), answer(201, row(7)), answer(201, row(8)))
    for _ in range(2):
        connector.create(CUSTOMER, {"name": "K"}, creation_id="the-id")
    assert [heard.line.split()[0] for heard in script.heard] == ["GET", "POST", "POST"]
    assert script.heard[1].json()["company"] == "/web/v1/company/61001/"
    connector.close()


def test_a_create_without_a_body(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(201, "", Location="/web/v1/customer/7/"), answer(200, row(7)))
    assert intempus.create(CUSTOMER, {}, creation_id="c").row == row(7)
    script.say(answer(201, ""))
    assert code_of(Unclear, lambda: intempus.create(CUSTOMER, {}, creation_id="c")) == "not_found_after_write"
    script.say(answer(201, "", Location="/web/v1/customer/7/"), answer(500))
    assert code_of(Unclear, lambda: intempus.create(CUSTOMER, {}, creation_id="c")) == "unconfirmed_write"
    script.say(answer(201, '{"id": 7, "na'))
    assert code_of(Unclear, lambda: intempus.create(CUSTOMER, {}, creation_id="c")) == "answer_lost"


# --- updating ---


def test_only_the_given_fields_are_patched(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(202, row(7, name="Ny")))
    written = intempus.update(
        CUSTOMER,
        "7",
        {"name": "Ny", "customer_group": Reference("customer_group", "")},
        is_as_planned=lambda row: False,  # not asked: the pull right before has compared
        stamp=9_000_000_007,
    )
    assert script.heard[0].line == "PATCH /web/v1/customer/7/ HTTP/1.1"
    assert script.heard[0].json() == {"name": "Ny", "customer_group": None}
    assert (written.id, written.row["name"], written.unseen_edit) == ("7", "Ny", False)
    assert "logical_timestamp" not in written.row


@pytest.mark.parametrize(
    ("known", "answered", "is_unseen"),
    [(5, 6, True), (6, 6, False), (7, 6, False), (None, 6, False), (5, None, False), (5, 42, False), (5, "6", True)],
)
def test_a_higher_stamp_gives_an_unseen_edit_away(
    script: Scripted, intempus: IntempusConnector, known: Any, answered: Any, is_unseen: bool
) -> None:
    script.say(answer(202, row(7, logical_timestamp=answered)))
    written = intempus.update(CUSTOMER, "7", {"name": "Ny"}, is_as_planned=lambda row: True, stamp=known)
    assert written.unseen_edit is is_unseen


def test_an_empty_answer_is_read_back(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(202), answer(200, row(7)))
    assert intempus.update(CUSTOMER, "7", {"name": "Ny"}, is_as_planned=lambda row: True, stamp=5).row == row(7)
    script.say(answer(202), answer(404))
    assert code_of(Unclear, lambda: intempus.update(CUSTOMER, "7", {}, **CALM)) == "not_found_after_write"


def test_where_patch_is_not_allowed_put_takes_over(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(405), answer(200, row(7)), answer(200, row(7)))
    intempus.update(CUSTOMER, "7", {"name": "Ny"}, **CALM)
    assert [heard.line.split()[0] for heard in script.heard] == ["PATCH", "GET", "PUT"]
    assert script.heard[2].json() == {"name": "Ny"}
    intempus.update(CUSTOMER, "7", {"name": "Ny"}, **CALM)
    assert [heard.line.split()[0] for heard in script.heard[3:]] == ["GET", "PUT"]
    script.say(answer(404))
    assert code_of(Gone, lambda: intempus.update(CUSTOMER, "7", {"name": "Ny"}, **CALM)) == "gone"


@pytest.mark.parametrize("record_id", ["", "0", "set", "7/../8", "٧", "7?x=1"])
def test_a_list_is_never_written_to(script: Scripted, intempus: IntempusConnector, record_id: str) -> None:
    assert code_of(Gone, lambda: intempus.update(CUSTOMER, record_id, {"name": "Ny"}, **CALM)) == "gone"
    assert script.heard == []


def test_a_refused_feature_is_no_broken_connection(script: Scripted, intempus: IntempusConnector) -> None:
    script.say(answer(401, {"error": "Ikke tilladt"}))
    assert code_of(NeedsAttention, lambda: intempus.update(CUSTOMER, "7", {}, **CALM)) == "refused_feature"


def test_uris() -> None:
    assert uri("case", "5") == "/web/v1/case/5/"
    assert uri("case", "") is None
    assert [id_of(value) for value in ("/web/v1/case/5/", "5", 5, {"id": 5}, None, "", {}, True)] == [
        "5", "5", "5", "5", "", "", "", "",
    ]  # fmt: skip
