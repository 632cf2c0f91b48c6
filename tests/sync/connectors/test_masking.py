"""What is stored of an exchange: no credentials, no personal numbers, and what is needed to find a fault."""

import json
from typing import Any

import pytest

from sync.connectors.masking import BODY_CHARACTERS, mask_body, mask_text, mask_url


def masked(value: Any) -> Any:
    return json.loads(mask_body(json.dumps(value).encode(), ("hemmeligt",)))


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "user_password", "api_key", "ApiKey", "apikey", "PersonalId", "cpr_number", "cpr", "pin",
     "personal_id", "PersonalNumber", "Personnummer", "cprNr", "social_security_number",
     "pin_code", "access_token", "refreshToken", "client_secret", "Authorization"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["x", 'with "quotes" inside', "0101901234", 1234])
def test_secret_fields_are_hidden(name: str, value: Any) -> None:
    assert masked({"a": 1, name: value, "b": [{"id": 2, name: value}]}) == {
        "a": 1,
        name: "***",
        "b": [{"id": 2, name: "***"}],
    }


@pytest.mark.parametrize("text", ["010190-1234", "0101901234", "311299 4321", "290200-4321"])
def test_personal_numbers_are_hidden_wherever_they_are_typed(text: str) -> None:
    assert masked({"Name": text, "notes": f"cpr {text}, ring"}) == {"Name": "***", "notes": "cpr ***, ring"}
    assert mask_text(f"the value {text} is refused") == "the value *** is refused"


def test_a_personal_number_as_a_number_stays_readable_json() -> None:
    assert masked({"remark": 1201901234}) == {"remark": "***"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Phone", "0101901234"),
        ("MobilPhone", "+45 1201901234"),
        ("Mobil", "1201901234"),
        ("phone", "1201901234"),
        ("CompanyRegNo", "1201901234"),
        ("vat_registration_number", "1201901234"),
        ("number", "1201901234"),
        ("Number", "1201901234"),
        ("Account", "1201901234"),
        ("EAN", "5790001201901"),
        ("RowId", 1201901234),
        ("id", 1201901234),
        ("customer_id", "1201901234"),
        ("logical_timestamp", 1201901234),
        ("Name", "3201901234"),  # no such day
        ("Name", "0113901234"),  # no such month
        ("Name", "12019012345"),
        ("amount", "2.5333333333"),
        ("customer", "/web/v1/customer/6666940/"),
    ],
)
def test_other_numbers_stay(name: str, value: Any) -> None:
    assert masked({name: value}) == {name: value}


def test_the_secret_itself_is_hidden_in_any_place() -> None:
    assert mask_text("Basic hemmeligt is wrong", ("hemmeligt",)) == "Basic *** is wrong"
    assert mask_text("abc", ("b",)) == "abc"


def test_nothing_survives_the_cut() -> None:
    for size in range(BODY_CHARACTERS - 60, BODY_CHARACTERS + 5):
        text = mask_body(json.dumps({"x": "a" * size, "password": "hemmelig kode", "n": "010190-1234"}).encode())
        assert "hemmelig" not in text
        assert "010190" not in text
        assert len(text) <= BODY_CHARACTERS


def test_a_value_without_an_end_is_hidden() -> None:
    assert mask_text('{"password": "hemmelig') == '{"password": "***"'
    assert mask_text('{"password": "hemmelig\\') == '{"password": "***"'


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert mask_body(b"\xff\xfe\x00") == "��\x00"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@host/x", "https://host/x"),
        ("https://host/x?username=a&api_key=b&limit=5", "https://host/x?username=a&api_key=***&limit=5"),
        (
            "https://host/x?%24filter=Account+eq+%27010190-1234%27",
            "https://host/x?$filter=Account%20eq%20'010190-1234'",
        ),
        ("https://host/x?%24filter=Name+eq+%27010190-1234%27", "https://host/x?$filter=Name%20eq%20'***'"),
        ("https://host/x?%24filter=PersonalId+eq+%27x%27", "https://host/x?$filter=***"),
        ("https://host/x?Name=PersonalId&Value=x", "https://host/x?Name=PersonalId&Value=***"),
        ("https://host/x?Name=RowId&Value=1201901234", "https://host/x?Name=RowId&Value=1201901234"),
        ("https://host/x?logical_timestamp__gt=1201901234", "https://host/x?logical_timestamp__gt=1201901234"),
        ("https://host/hemmeligt?q=hemmeligt", "https://host/***?q=***"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    assert mask_url(url, ("hemmeligt",)) == shown
