"""What is not known about Intempus, as switches (section 8 of the API page), and the profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass
class Switches:
    # Reading
    logical_timestamp_header_present: bool = True
    customer_has_timestamp: bool = True
    customer_group_has_timestamp: bool = True
    product_has_timestamp: bool = True
    employee_has_timestamp: bool = True
    contract_has_timestamp: bool = True
    work_type_has_timestamp: bool = True
    work_report_has_timestamp: bool = True
    list_total_count: bool = True  # off: null in cursor mode
    list_order_by_id: bool = True  # off: a fixed but arbitrary order in offset mode
    cursor_paging_supported: bool = True
    detail_embeds_related: bool = False  # on: every relation is embedded in detail, PUT and PATCH answers
    number_filter_allowed: bool = False
    order_by_allowed: bool = False
    start_date_lt_allowed: bool = True  # off: as seen live, `start_date__gte` and `__lte` only
    default_limit: int = 1000
    max_limit: int = 10_000
    # Writing
    creation_id_honoured: bool = True  # off: accepted but not kept, the field reads null
    creation_id_replay_status: int = 201
    patch_allowed: bool = True  # off: 405
    patch_answers_empty: bool = False
    put_on_missing_creates: bool = False
    max_text_length: int = 0  # 0: no limit
    number_unique: bool = False
    delete_refused_with_dependants: bool = True
    read_only_fields: tuple[str, ...] = ()  # accepted in a write and silently not kept
    # Work reports
    approval_moves_timestamp: bool = True  # approving, withdrawing, locking; off: `logical_timestamp` stays
    approved_reports_editable: bool = False  # over the API: on, an approved or locked report can be changed and deleted
    edit_withdraws_approval: bool = False  # a person's edit of an approved report makes it wait again
    bulk_lock_enabled: bool = False  # the company's feature behind `work_report/bulk/`
    creation_datetime_utc: bool = False  # off: Danish local time without a zone
    # Errors and limits
    language: str = "da"
    retry_after_http_date: bool = False
    calls_per_minute: int = 500
    calls_per_day: int = 50_000
    # The change counter
    timestamp_gap: int = 40  # the counter is shared by all companies in the world: each change skips up to so many


DEFAULT: Mapping[str, Any] = MappingProxyType({})

#: The less convenient answer to every open question.
ALL_ADVERSE: Mapping[str, Any] = MappingProxyType(
    {
        "logical_timestamp_header_present": False,
        "customer_group_has_timestamp": False,
        "product_has_timestamp": False,
        "employee_has_timestamp": False,
        "contract_has_timestamp": False,
        "work_type_has_timestamp": False,
        "work_report_has_timestamp": False,
        "list_total_count": False,
        "list_order_by_id": False,
        "start_date_lt_allowed": False,
        "detail_embeds_related": True,
        "creation_id_honoured": False,
        "creation_id_replay_status": 200,
        "patch_allowed": False,
        "patch_answers_empty": True,
        "put_on_missing_creates": True,
        "max_text_length": 255,
        "approval_moves_timestamp": False,
        "approved_reports_editable": True,
        "edit_withdraws_approval": True,
        "creation_datetime_utc": True,
        "language": "da",
        "retry_after_http_date": True,
    }
)

#: As above, and customers without `logical_timestamp` as well: nothing can be pulled by cursor.
NO_TIMESTAMPS: Mapping[str, Any] = MappingProxyType({**ALL_ADVERSE, "customer_has_timestamp": False})

PROFILES: dict[str, Mapping[str, Any]] = {
    "DEFAULT": DEFAULT,
    "ALL_ADVERSE": ALL_ADVERSE,
    "NO_TIMESTAMPS": NO_TIMESTAMPS,
}
