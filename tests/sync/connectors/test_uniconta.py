"""What is peculiar to Uniconta: the company everywhere, filters in small bites, whole records back."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mappings.entities import ENTITIES
from sync.connectors.base import ConnectionSettings, Exchange, Reference
from sync.connectors.errors import ConnectionBroken, Gone, Moved, NeedsAttention, RemoteError, RetryLater, Unclear
from sync.connectors.uniconta import UnicontaConnector
from tests.sync.connectors.scripted import Scripted, answer

DEBTOR = ENTITIES["customer"].uniconta

CALM: dict[str, Any] = {"is_as_planned": lambda row: True, "stamp": None}


def row(row_id: int, **values: Any) -> dict[str, Any]:
    return {"RowId": row_id, "CompanyId": 4242, "Account": str(1000 + row_id), "Name": "Kunde", **values}


def rows(*items: dict[str, Any], **outside: Any) -> bytes:
    return answer(200, {**{name.replace("__", "."): value for name, value in outside.items()}, "value": list(items)})


def settings(script: Scripted, **changes: Any) -> ConnectionSettings:
    values = {"username": "sync", "secret": "kode", "company_id": "4242", **changes}
    return ConnectionSettings("uniconta", script.url, allow_private_targets=True, **values)


@pytest.fixture
def uniconta(script: Scripted, exchanges: list[Exchange]) -> Iterator[UnicontaConnector]:
    connector = UnicontaConnector(settings(script), exchanges.append)
    yield connector
    connector.close()


def code_of(error: type[RemoteError], act: Any) -> str:
    with pytest.raises(error) as caught:
        act()
    assert type(caught.value) is error
    return caught.value.code


# --- who and where ---


def test_the_company_is_in_the_address_and_in_the_user_name(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows())
    list(uniconta.read_all(DEBTOR))
    heard = script.heard[0]
    assert heard.line == "GET /odata/4242/DebtorClientUser HTTP/1.1"
    assert base64.b64decode(heard.headers["authorization"].removeprefix("Basic ")) == b"004242/sync:kode"
    assert heard.headers["accept"] == heard.headers["content-type"] == "application/json"


@pytest.mark.parametrize("username", ["4242/sync", "004242/sync", "0004242/sync"])
def test_a_user_name_may_come_with_its_company(script: Scripted, username: str) -> None:
    connector = UnicontaConnector(settings(script, username=username, company_id="0004242"), lambda _: None)
    script.say(rows())
    list(connector.read_all(DEBTOR))
    assert base64.b64decode(script.heard[0].headers["authorization"].removeprefix("Basic ")) == b"004242/sync:kode"
    connector.close()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"company_id": ""}, "company_missing"),
        ({"company_id": "4242/../1"}, "company_missing"),
        ({"username": "4343/sync"}, "wrong_company"),
    ],
)
def test_without_a_sure_company_nothing_is_sent(script: Scripted, changes: dict[str, Any], code: str) -> None:
    connector = UnicontaConnector(settings(script, **changes), lambda _: None)
    assert code_of(ConnectionBroken, connector.identify) == code
    assert code_of(ConnectionBroken, lambda: connector.create(DEBTOR, {"Account": "1"}, creation_id="x")) == code
    assert script.heard == []


def test_it_picks_its_company_among_several(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(
        rows({"PrimaryKeyId": 1, "RowId": 4242, "Name": "Forkert"}, {"PrimaryKeyId": 4242, "CompanyName": "Vores"})
    )
    assert uniconta.identify().name == "Vores"
    script.say(rows({"PrimaryKeyId": 1, "RowId": 4242, "Name": "Forkert"}))
    assert code_of(ConnectionBroken, uniconta.identify) == "wrong_company"


def test_a_row_of_another_company_stops_everything(script: Scripted, uniconta: UnicontaConnector) -> None:
    stranger = row(1, CompanyId=4343)
    script.say(rows(stranger))
    assert code_of(ConnectionBroken, lambda: list(uniconta.read_all(DEBTOR))) == "wrong_company"
    assert code_of(ConnectionBroken, lambda: uniconta.read_by_ids(DEBTOR, ["1"])) == "wrong_company"
    assert code_of(ConnectionBroken, lambda: uniconta.find_by_key(DEBTOR, ["1001"])) == "wrong_company"
    script.say(answer(200, [stranger]))
    assert code_of(ConnectionBroken, lambda: uniconta.update(DEBTOR, "1", {"Name": "x"}, **CALM)) == "wrong_company"


# --- reading ---


@pytest.mark.parametrize("name", ["@odata__nextLink", "odata__nextLink"])
def test_pages_are_followed(script: Scripted, uniconta: UnicontaConnector, name: str) -> None:
    link = "DebtorClientUser?$skiptoken=1"
    script.say(
        rows(row(1), **{name: f"{script.url}/odata/4242/{link}"}), rows(row(2), **{name: f"{link}2"}), rows(row(3))
    )
    assert [each["RowId"] for each in uniconta.read_all(DEBTOR)] == [1, 2, 3]
    assert [heard.line.split()[1] for heard in script.heard[1:]] == [f"/odata/4242/{link}", f"/odata/4242/{link}2"]


def test_pages_do_not_lead_away_or_in_a_circle(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows(row(1), odata__nextLink="https://evil.test/odata/4242/DebtorClientUser"))
    assert code_of(ConnectionBroken, lambda: list(uniconta.read_all(DEBTOR))) == "foreign_next_page"
    script.say(rows(odata__nextLink="DebtorClientUser?$skiptoken=1"))
    assert code_of(RetryLater, lambda: list(uniconta.read_all(DEBTOR))) == "paging_stuck"


def test_strange_tables_are_refused(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows(row(1), row(1)))
    assert code_of(RetryLater, lambda: list(uniconta.read_all(DEBTOR))) == "duplicate_rows"
    for body in ({"value": [{"Name": "x"}]}, {"value": [7]}, {"other": []}, {"value": None}):
        script.say(answer(200, body))
        assert code_of(RetryLater, lambda: list(uniconta.read_all(DEBTOR))) == "unreadable_answer"


def test_field_names_are_those_of_all_rows_of_a_complete_read(script: Scripted, uniconta: UnicontaConnector) -> None:
    assert uniconta.field_names(DEBTOR) is None
    script.say(rows(row(1), row(2, xIntempus=True)))
    reading = uniconta.read_all(DEBTOR)
    next(reading)
    assert uniconta.field_names(DEBTOR) is None
    list(reading)
    names = uniconta.field_names(DEBTOR)
    assert names is not None
    assert "xIntempus" in names
    script.say(rows())
    list(uniconta.read_all(DEBTOR))
    assert uniconta.field_names(DEBTOR) is None


def test_ids_are_asked_for_forty_at_a_time(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows(*(row(number) for number in range(1, 41))), rows(row(41)), rows())
    found = uniconta.read_by_ids(DEBTOR, [str(number) for number in [*range(1, 83), 1]])
    assert len(found) == 41
    asked = [parse_qs(urlsplit(heard.line.split()[1]).query)["$filter"][0].split(" or ") for heard in script.heard]
    assert [len(each) for each in asked] == [40, 40, 2]
    assert asked[2] == ["RowId eq 81", "RowId eq 82"]


def test_ignored_filters_are_noticed(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows(row(1), row(2)))
    assert code_of(NeedsAttention, lambda: uniconta.read_by_ids(DEBTOR, ["1"])) == "filter_ignored"
    assert code_of(NeedsAttention, lambda: uniconta.find_by_key(DEBTOR, ["1001"])) == "filter_ignored"


def test_keys_are_quoted_and_impossible_ones_not_asked_for(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(rows(row(1, Account="o'hara")))
    assert len(uniconta.find_by_key(DEBTOR, ["O'Hara", "x" * 21, ""])) == 1
    assert parse_qs(urlsplit(script.heard[0].line.split()[1]).query)["$filter"] == ["Account eq 'O''Hara'"]
    assert uniconta.find_by_key(DEBTOR, ["x" * 21]) == []
    assert len(script.heard) == 1


# --- creating ---


def test_a_key_that_is_too_long_is_not_sent(script: Scripted, uniconta: UnicontaConnector) -> None:
    values = {"Account": "x" * 21, "Name": "Kunde"}
    assert code_of(NeedsAttention, lambda: uniconta.create(DEBTOR, values, creation_id="c")) == "key_too_long"
    assert code_of(NeedsAttention, lambda: uniconta.update(DEBTOR, "1", values, **CALM)) == "key_too_long"
    assert script.heard == []


def test_only_given_fields_are_sent_and_references_by_their_key(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(answer(200, row(7, Account="1007")))
    written = uniconta.create(
        DEBTOR, {"Account": "1007", "Group": Reference("DebtorGroup", "2"), "Phone": ""}, creation_id="c"
    )
    assert (written.id, written.row["Account"]) == ("7", "1007")
    assert script.heard[0].line == "POST /api/Entities/Insert/DebtorClientUser HTTP/1.1"
    assert script.heard[0].json() == {"Account": "1007", "Group": "2", "Phone": ""}


def test_a_silently_shortened_key_is_reported_with_the_row(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(answer(200, row(7, Account="12345")))
    with pytest.raises(NeedsAttention) as caught:
        uniconta.create(DEBTOR, {"Account": "1234567"}, creation_id="c")
    assert caught.value.code == "key_truncated"
    assert "RowId 7" in caught.value.detail


@pytest.mark.parametrize("empty", [answer(204), answer(200, ""), answer(200, {"Account": "1007"}), answer(200, [])])
def test_an_insert_without_a_row_is_looked_up(script: Scripted, uniconta: UnicontaConnector, empty: bytes) -> None:
    script.say(empty, rows(row(7)))
    assert uniconta.create(DEBTOR, {"Account": "1007"}, creation_id="c").id == "7"
    script.say(empty, rows())
    assert code_of(Unclear, lambda: uniconta.create(DEBTOR, {"Account": "1007"}, creation_id="c")) == (
        "not_found_after_write"
    )
    script.say(empty, answer(500, "no"))
    assert (
        code_of(Unclear, lambda: uniconta.create(DEBTOR, {"Account": "1007"}, creation_id="c")) == "unconfirmed_write"
    )


# --- updating ---


def test_the_whole_record_goes_back_with_only_our_fields_changed(script: Scripted, uniconta: UnicontaConnector) -> None:
    before = row(7, Phone="1", CreditMax=5.0, Blocked=False, xIntempus=True)
    script.say(answer(200, [before]), answer(200, {**before, "Name": "Ny"}))
    written = uniconta.update(
        DEBTOR, "7", {"Name": "Ny", "Phone": None, "City": ""}, is_as_planned=lambda row: row == before, stamp=None
    )
    assert script.heard[0].line == "GET /api/Entities/DebtorClientUser?Name=RowId&Value=7 HTTP/1.1"
    assert script.heard[1].line == "PUT /api/Entities/Update/DebtorClientUser HTTP/1.1"
    assert script.heard[1].json() == {**before, "Name": "Ny", "Phone": None, "City": ""}
    assert (written.pre_image, written.row["Name"]) == (before, "Ny")


def test_an_ignored_condition_still_finds_the_record(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(answer(200, [row(6), row(7), row(8)]), answer(204), rows(row(7, Name="Ny")))
    assert uniconta.update(DEBTOR, "7", {"Name": "Ny"}, **CALM).row == row(7, Name="Ny")


def test_gone_is_said_only_when_both_ways_of_reading_agree(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(answer(200, []), rows())
    assert code_of(Gone, lambda: uniconta.update(DEBTOR, "7", {"Name": "Ny"}, **CALM)) == "gone"
    script.say(answer(200, []), rows(row(7)))
    assert code_of(RetryLater, lambda: uniconta.update(DEBTOR, "7", {"Name": "Ny"}, **CALM)) == "unreadable_answer"
    script.say(answer(200, [row(7)]), answer(400, '"Posten findes ikke"'))
    assert code_of(Gone, lambda: uniconta.update(DEBTOR, "7", {"Name": "Ny"}, **CALM)) == "gone"


def test_what_moved_is_not_written(script: Scripted, uniconta: UnicontaConnector) -> None:
    script.say(answer(200, [row(7, Name="Af en anden")]))
    shown: list[Any] = []

    def is_as_planned(found: Any) -> bool:
        shown.append(found)
        return False

    assert (
        code_of(
            Moved,
            lambda: uniconta.update(DEBTOR, "7", {"Name": "Ny"}, is_as_planned=is_as_planned, stamp=None),
        )
        == "moved_since_read"
    )
    assert shown == [row(7, Name="Af en anden")]
    assert len(script.heard) == 1


def test_an_update_that_cannot_be_confirmed_is_unclear(script: Scripted, uniconta: UnicontaConnector) -> None:
    def update() -> Any:
        return uniconta.update(DEBTOR, "7", {"Name": "Ny"}, **CALM)

    script.say(answer(200, [row(7)]), answer(204), answer(500))
    assert code_of(Unclear, update) == "unconfirmed_write"
    script.say(answer(200, [row(7)]), answer(204), rows())
    assert code_of(Unclear, update) == "not_found_after_write"
    script.say(answer(200, [row(7)]), answer(200, row(8)))
    assert code_of(Unclear, update) == "unreadable_answer"
    script.say(answer(200, [row(7)]), answer(500, '"Exception"'))
    assert code_of(Unclear, update) == "server_error"
