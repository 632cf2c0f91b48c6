from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.countries import MEMBER_OF_CODE
from mappings.phases import PHASES
from mappings.transforms import TRANSFORMS, MappingError

READS: list[tuple[str, Any, Any]] = [
    ("text", None, ""),
    ("text", "  Åse \r\nHolm ", "Åse \nHolm"),
    ("text", 42, "42"),
    ("text", "Nul\0Nul", "NulNul"),
    ("text", "halv \ud800 og \n hel", "halv ? og \n hel"),
    ("boolean", None, False),
    ("boolean", True, True),
    ("boolean", "true", True),
    ("boolean", "False", False),
    ("boolean", 1, True),
    ("boolean", "", False),
    ("inverted", True, False),
    ("inverted", None, True),
    ("decimal", None, ""),
    ("decimal", "12.500", "12.5"),
    ("decimal", 0.0, "0"),
    ("decimal", "-0.00", "0"),
    ("decimal", 1e21, "1000000000000000000000"),
    ("decimal", "0.10", "0.1"),
    ("price", None, ""),
    ("price", 0.0, "0"),
    ("price", 125.5, "125.5"),
    ("price", "125.50", "125.5"),
    ("price", 1234.567, "1234.57"),
    ("price", 0.1 + 0.2, "0.3"),
    ("price", "-0.004", "0"),
    ("withdrawn_when_past", None, ""),
    ("withdrawn_when_past", "0001-01-01T00:00:00", ""),
    ("withdrawn_when_past", "2020-01-31T00:00:00", False),
    ("withdrawn_when_past", "2999-01-31T00:00:00", ""),
    ("phone_number", "+45 20 30 40 50", "20304050"),
    ("phone_number", "0045-20304050", "20304050"),
    ("phone_number", "(20) 30.40.50", "20304050"),
    ("phone_number", "+46 70 123", "+4670123"),
    ("phone_number", None, ""),
    ("unit_member", None, ""),
    ("unit_member", "None", ""),
    ("unit_member", "Ingen", ""),
    ("unit_member", "Pcs", "Pcs"),
    ("unit_member", "Stk", "Pcs"),
    ("unit_member", "Timer", "Hours"),
    ("unit_member", "Palle", "Palle"),
    ("unit_text", "styk", "Pcs"),
    ("unit_text", "Kilometer", "km"),
    ("active_unless_false", None, True),
    ("active_unless_false", False, False),
    ("active_unless_false", True, True),
    ("date", None, ""),
    ("date", "0001-01-01T00:00:00", ""),
    ("date", "2027-02-28T23:59:59", "2027-02-28"),
    ("date", "2027-02-28", "2027-02-28"),
    ("country_member", "Denmark", "DK"),
    ("country_member", "Atlantis", "Atlantis"),
    ("country_member", "Unknown", ""),
    ("phase_member", "Igangværende", "InProgress"),
    ("phase_member", "in progress", "InProgress"),
    ("phase_member", "ReportedAsFinished", "ReportedAsFinished"),
    ("phase_member", None, ""),
    ("country_code", "dk", "DK"),
    ("country_code", "Denmark", "DK"),
    ("country_code", "", ""),
    ("registration_number", "DK 12 34 56 78", "12345678"),
    ("registration_number", "12345678", "12345678"),
    ("registration_number", "DKDK12", "12"),
    ("text", "a\r\r\nb", "a\nb"),
    ("registration_number", None, ""),
    ("reference_key", "01", "01"),
    ("reference_uri", "/web/v1/customer_group/17/", "17"),
    ("reference_uri", {"id": 17, "resource_uri": "/web/v1/customer_group/17/"}, "17"),
    ("reference_uri", {"id": 17}, "17"),
    ("reference_uri", None, ""),
]


@pytest.mark.parametrize(("name", "raw", "value"), READS)
def test_reading(name: str, raw: Any, value: Any) -> None:
    assert TRANSFORMS[name].read(raw) == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("text", {"id": 1}),
        ("text", ["a"]),
        ("boolean", "måske"),
        ("boolean", 2),
        ("decimal", "1,5"),
        ("decimal", "1_000"),
        ("price", "1.234,50"),
        ("price", "1,234"),
        ("price", True),
        ("decimal", "NaN"),
        ("decimal", "Infinity"),
        ("phase_member", "Tilbud"),
        ("date", "28-02-2027"),
        ("date", "2027-02-30"),
        ("reference_uri", "///"),
    ],
)
def test_what_cannot_be_understood_says_so(name: str, raw: Any) -> None:
    with pytest.raises(MappingError):
        TRANSFORMS[name].read(raw)


@pytest.mark.parametrize(
    ("name", "value", "raw"),
    [
        ("date", "", None),
        ("date", "2027-02-28", "2027-02-28"),
        ("country_member", "DK", "Denmark"),
        ("country_member", "", ""),
        ("country_code", "DK", "DK"),
        ("inverted", True, False),
        ("boolean", 1, True),
    ],
)
def test_writing(name: str, value: Any, raw: Any) -> None:
    assert TRANSFORMS[name].write(value) == raw


RAW: dict[str, st.SearchStrategy[Any]] = {
    "text": st.none() | st.text() | st.integers(),
    "boolean": st.none() | st.booleans() | st.sampled_from(["true", "false", "1", "0", "", 0, 1]),
    "inverted": st.none() | st.booleans(),
    "active_unless_false": st.none() | st.booleans(),
    "price": st.none() | st.floats(-1e9, 1e9),
    "unit_member": st.sampled_from([None, "", "None", "Pcs", "Stk", "Timer", "km", "Dage"]),
    "unit_text": st.none() | st.sampled_from(["Styk", "Kilometer", "Palle"]) | st.text(max_size=20),
    "decimal": st.none()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    "date": st.none() | st.dates().map(str) | st.datetimes().map(lambda moment: moment.isoformat()),
    "phase_member": st.none() | st.sampled_from([label for phase in PHASES for label in phase]),
    "country_member": st.none() | st.sampled_from(sorted(MEMBER_OF_CODE.values())),
    "country_code": st.none() | st.sampled_from(sorted(MEMBER_OF_CODE)) | st.text(),
    "registration_number": st.none() | st.text(alphabet="0123456789 DK"),
    "employee_number": st.integers(1, 999_999) | st.integers(1, 999_999).map(str),
    "phone_number": st.none() | st.from_regex(r"(\+45 ?)?[2-9](\d ?){7}", fullmatch=True),
    "reference_key": st.none() | st.text(),
    "reference_uri": st.none() | st.integers(min_value=1).map(lambda number: f"/web/v1/case/{number}/"),
}


def test_every_transform_has_a_strategy() -> None:
    assert RAW.keys() | {"withdrawn_when_past"} == TRANSFORMS.keys()  # that one is never written


@pytest.mark.parametrize("name", RAW)
@given(data=st.data())
def test_writing_what_was_read_keeps_its_meaning(name: str, data: st.DataObject) -> None:
    transform = TRANSFORMS[name]
    value = transform.read(data.draw(RAW[name]))
    assert transform.read(transform.write(value)) == value


def test_a_country_that_uniconta_does_not_have_is_refused() -> None:
    with pytest.raises(MappingError, match="Uniconta has no country 'Atlantis'"):
        TRANSFORMS["country_member"].write("Atlantis")


def test_units_are_written_as_each_system_spells_them() -> None:
    member, text = TRANSFORMS["unit_member"], TRANSFORMS["unit_text"]
    assert (member.write("Pcs"), text.write("Pcs"), text.write("Palle")) == ("Pcs", "Styk", "Palle")
    with pytest.raises(MappingError, match="Uniconta has no unit 'Palle'"):
        member.write("Palle")


def test_a_comma_is_named_in_the_error() -> None:
    with pytest.raises(MappingError, match=r"with a decimal point .* got '12,50' with a comma"):
        TRANSFORMS["price"].read("12,50")


@pytest.mark.parametrize("number", ["1", "17", "999999"])
def test_an_employee_number_that_intempus_takes(number: str) -> None:
    assert TRANSFORMS["employee_number"].write(number) == number


@pytest.mark.parametrize("number", ["", "0", "007", "JH", "1000000", "-1", "1.5", "１７"])
def test_an_employee_number_that_intempus_refuses_has_its_own_sentence(number: str) -> None:
    with pytest.raises(MappingError) as caught:
        TRANSFORMS["employee_number"].write(number)
    assert caught.value.code == "number_refused"


def test_a_withdrawal_is_never_written() -> None:
    with pytest.raises(MappingError):
        TRANSFORMS["withdrawn_when_past"].write(False)


def test_the_last_day_is_still_a_day_by_the_danish_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Midnight(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Midnight":
            return cls(2026, 6, 30, 22, 30, tzinfo=UTC).astimezone(tz)  # half past midnight in Copenhagen

    monkeypatch.setattr("mappings.transforms.datetime", Midnight)
    read = TRANSFORMS["withdrawn_when_past"].read
    assert (read("2026-06-30T00:00:00"), read("2026-07-01T00:00:00")) == (False, "")
