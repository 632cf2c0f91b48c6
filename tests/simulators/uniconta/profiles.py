"""What is not known about Uniconta, as switches (numbers: section 8 of the API page), and the two profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass
class Switches:
    # Reading
    language: str = ""  # "": each user's own; "en" or "da": everybody's
    updated_at_present: bool = True  # 15
    updated_at_zone: str = "Europe/Copenhagen"  # 15
    next_link: bool = False  # 8
    next_link_name: str = "@odata.nextLink"
    page_size: int = 1000
    skip_select_count_supported: bool = False  # 8
    company_client_lists: str = "current"  # or "all": every company the user may open
    omit_false_booleans: bool = False
    json_needs_accept_header: bool = True
    max_or_values: int = 40
    # Writing
    put_merges: bool = False  # 1
    update_answers_row: bool = True
    update_list_supported: bool = False  # 7
    insert_answers_204: bool = False  # 5
    insert_list_answers_empty: bool = False  # 6
    insert_list_all_or_nothing: bool = True  # 6
    null_clears: bool = True  # 2: an explicit null empties the field; off: it is ignored
    read_only_fields: tuple[str, ...] = ()  # accepted in a write and silently not kept
    truncate_keys: bool = True  # 18; off: a key that is too long is refused
    references_checked: bool = True
    enum_accepts_any_language: bool = True  # 16
    delete_needs_row_id: bool = True  # 3; off: the logical key is enough
    # Project journals
    blocked_projects_refused: bool = False  # in a line that the API inserts or moves
    blocked_journals_refused: bool = False
    closed_periods_refused: bool = False  # by the API; posting refuses them in any case
    line_text_max: int = 60  # 0: no limit
    line_text_truncated: bool = True  # off: a text that is too long is refused
    line_prices_filled: bool = True  # blank prices come from pay type, item and employee; off: they stay 0
    line_reference_max: int = 0  # a longer reference is cut without a word; 0: none is
    posting_keeps_reference_number: bool = True
    times_as_datetimes: bool = False  # TimeFrom and TimeTo read 0001-01-01T07:00:00 instead of 07:00:00
    # Errors and limits
    auth_failure_status: int = 401  # 22
    error_body: str = "json_string"  # 4: or json_object, text, html
    slow_after_calls: int = 5000
    slow_seconds: float = 1.0
    # Webhooks
    webhook_operation_name: str = "Action"  # 9: or "Operation"
    webhook_method: str = ""  # 10: "" = as the row's UsePost says; "GET" or "POST" for all
    webhook_stray_question_mark: bool = False  # 9
    webhook_argument_style: str = "raw"  # or "named": &Argument=…
    webhook_body_on_delete: bool = True
    webhook_api_writes_fire: bool = True
    webhook_groups_fire: bool = True  # 13
    webhook_stale_body: bool = False  # the body shows the row as it was before the change
    webhook_duplicate: bool = False
    webhook_reorder: bool = False
    webhook_delay_seconds: float = 0.0
    webhook_drop_probability: float = 0.0
    webhook_timeout_seconds: float = 10.0


DEFAULT: Mapping[str, Any] = MappingProxyType({})

#: The less convenient answer to every open question. What only disturbs delivery in time (delay, drop) and what the
#: API page calls settled (null clears, booleans always present) keeps its default; turn it per test.
ALL_ADVERSE: Mapping[str, Any] = MappingProxyType(
    {
        "language": "da",
        "updated_at_present": False,
        "next_link": True,
        "next_link_name": "odata.nextLink",
        "page_size": 7,
        "company_client_lists": "all",
        "put_merges": False,
        "update_answers_row": False,
        "insert_answers_204": True,
        "insert_list_answers_empty": True,
        "insert_list_all_or_nothing": False,
        "truncate_keys": True,
        "enum_accepts_any_language": False,
        "blocked_projects_refused": True,
        "blocked_journals_refused": True,
        "closed_periods_refused": True,
        "line_text_truncated": False,
        "line_prices_filled": False,
        "posting_keeps_reference_number": False,
        "times_as_datetimes": True,
        "auth_failure_status": 403,
        "error_body": "text",
        "webhook_operation_name": "Operation",
        "webhook_method": "POST",
        "webhook_stray_question_mark": True,
        "webhook_argument_style": "named",
        "webhook_body_on_delete": False,
        "webhook_groups_fire": False,
        "webhook_stale_body": True,
        "webhook_duplicate": True,
        "webhook_reorder": True,
    }
)

PROFILES: dict[str, Mapping[str, Any]] = {"DEFAULT": DEFAULT, "ALL_ADVERSE": ALL_ADVERSE}
