"""The Intempus simulator: companies, users, one change counter for the whole world, and tastypie's manners."""

import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from tests.simulators.core import (
    Call,
    Effect,
    PersonRefusedError,
    RefusedError,
    Reply,
    Row,
    Simulator,
    apply_switches,
    control_response,
    json_reply,
    make_switches,
)

from . import reports
from .lists import answer_list
from .profiles import DEFAULT, PROFILES, Switches
from .resources import RESOURCES, TIMESTAMP, Resource, dependants, shown_in
from .rows import PLACEHOLDER_TIMESTAMP, bad_request, missing, not_found, read_value, read_values, row_as_json, uri_of
from .texts import related_name, sentence

FIRST_TIMESTAMP = 9_083_590_836  # the counter was here in December 2025
FIRST_ID = 6_660_000


@dataclass
class User:
    username: str
    api_key: str
    company: int
    role: str = "admin"


@dataclass
class LateRow:
    """A change that drew its timestamp early and commits late, behind values already handed out."""

    token: int
    company: int
    resource: Resource
    values: dict[str, Any]
    row_id: int | None
    timestamp: int


@dataclass
class Throttle:
    minute: deque[float] = field(default_factory=deque)
    day: deque[float] = field(default_factory=deque)


class IntempusSimulator(Simulator):
    title = "Intempus simulator"
    api_prefixes = ("/web/v1/",)
    profiles = PROFILES

    def __init__(
        self, seed: int = 1, switches: Mapping[str, Any] = DEFAULT, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(seed)
        self.switches = make_switches(Switches, switches)
        self.initial_data = data
        self._clear()
        if data is not None:
            self.load(data)

    def _clear(self) -> None:
        self.store.clear()
        self.users: dict[str, User] = {}
        self.company_ids: list[int] = []
        self.committed_timestamp = FIRST_TIMESTAMP
        self._last_timestamp = FIRST_TIMESTAMP
        self._last_id = FIRST_ID
        self._ids: dict[tuple[str, int], int] = {}  # (resource, id) → company; ids are global
        self.hidden_fields: dict[int, set[str]] = {}  # company → fields a log-in may not see
        self._creation_ids: dict[tuple[int, str, str], int] = {}
        self._children: dict[int, int] = {}
        self.report_index = reports.ReportIndex()
        self.overtime_rules: dict[int, list[reports.OvertimeRule]] = {}
        self._versions: dict[str, int] = {}  # resource → how often one of its rows changed
        self._late: dict[int, LateRow] = {}
        self._throttles: dict[str, Throttle] = {}
        self._gaps = random.Random(f"{self.seed}/gaps")

    # -- set-up ------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        with self.lock:
            self.ledger.clear()
            self.faults.clear()
            self._clear()
            if self.initial_data is not None:
                self.load(self.initial_data)

    def use_profile(self, profile: Mapping[str, Any]) -> None:
        """All switches to their defaults, then those of the profile."""
        apply_switches(self.switches, {**vars(Switches()), **profile})

    def load(self, data: Mapping[str, Any]) -> None:
        """Add the `intempus` part of a seed document (format: `tests/simulators/seeds.py`)."""
        data = data.get("intempus", data)
        with self.lock:
            for company in data.get("companies", []):
                self.add_company(**company)
            for user in data.get("users", []):
                self.add_user(**user)
            for each in data.get("rows", []):
                self.store_seed_rows(each["company"], each["resource"], each["rows"])
            for rule in data.get("overtime_rules", []):
                self.add_overtime_rule(**rule)

    def store_seed_rows(self, company: int, resource: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Store many rows unchecked, as data that was there before; returns their ids."""
        with self.lock:
            return [self._store_seed_row(company, RESOURCES[resource], values) for values in rows]

    def add_overtime_rule(self, company: int, work_model: int, worktype: int, after_hours: str = "7.4") -> None:
        """From now on hours above `after_hours` a day give an automatic row of `worktype`."""
        self.overtime_rules.setdefault(company, []).append(reports.OvertimeRule(work_model, worktype, after_hours))

    def add_company(self, company: int, name: str, **values: Any) -> None:
        self.company_ids.append(company)
        self._store_seed_row(company, RESOURCES["company"], {"id": company, "name": name, **values})

    def add_user(self, username: str, api_key: str, company: int, role: str = "admin") -> None:
        self.users[username] = User(username, api_key, company, role)

    def remove_user(self, username: str) -> None:
        self.users.pop(username, None)

    def _store_seed_row(self, company: int, resource: Resource, values: Mapping[str, Any]) -> int:
        """Seed rows: relations by id, no ledger entry; `id`, `creation_id` and `logical_timestamp` may be given."""
        row = self.defaults(resource, company)
        row_id = values.get("id") or self.next_id()
        for name, value in values.items():
            if name in resource.by_name:
                each = resource.by_name[name]
                plain = each.type == "uri" and isinstance(value, int)
                row[name] = value if plain or each.read_only else read_value(self, resource, each, value, company)
            elif name not in ("id", "creation_id", TIMESTAMP):
                raise ValueError(f"{resource.name} has no {name}")
        row["creation_id"] = values.get("creation_id")
        if resource.name == "work_report":
            reports.complete_seed(self, company, row)
        self.put(company, resource, row_id, row, values.get(TIMESTAMP) or self.next_timestamp())
        return row_id

    # -- reading, for tests and oracles ------------------------------------------------------------------------------

    def rows(self, company: int, resource: str) -> list[dict[str, Any]]:
        """Every row as stored: relations as ids, the real `logical_timestamp`."""
        with self.lock:
            return [dict(row) for row in self.store.table(company, resource)]

    def row(self, company: int, resource: str, row_id: int) -> dict[str, Any] | None:
        with self.lock:
            found = self.store.table(company, resource).rows.get(row_id)
            return None if found is None else dict(found)

    def companies_as_json(self) -> list[dict[str, Any]]:
        return [{"id": i, "name": self.store.table(i, "company").rows[i]["name"]} for i in self.company_ids]

    def find(self, resource: str, row_id: int) -> Row | None:
        company = self._ids.get((resource, row_id))
        return None if company is None else self.store.table(company, resource).rows.get(row_id)

    def company_of(self, resource: str, row: Row) -> int | None:
        return self._ids.get((resource, row["id"]))

    def visible_rows(self, resource: Resource, company: int) -> list[Row]:
        return list(self.store.table(company, resource.name))

    def number_of_children(self, case_id: int) -> int:
        return self._children.get(case_id, 0)

    def has_contract_now(self, employee: int) -> bool:
        return reports.contract_on(self, employee, reports.today(self)) is not None

    def contracts_of(self, employee: int) -> list[int]:
        return sorted(self.report_index.contracts.get(employee, ()))

    def has_timestamp(self, resource: Resource) -> bool:
        known: bool = getattr(self.switches, f"{resource.name}_has_timestamp", resource.has_timestamp)
        return known

    def view(self, resource: Resource) -> Any:
        """What a remembered rendering depends on besides the row."""
        related = shown_in(resource.name)
        versions = tuple(self._versions.get(name, 0) for name in related)
        day = self.clock.now().date() if related else None
        return (self.has_timestamp(resource), str(self.hidden_fields), versions, day)

    def hidden_from(self, resource: str, row_id: int) -> set[str]:
        return self.hidden_fields.get(self._ids.get((resource, row_id), 0), set()) if self.hidden_fields else set()

    # -- a person in the user interface ------------------------------------------------------------------------------

    def person_creates(self, company: int, resource: str, /, **values: Any) -> int:
        declared = RESOURCES[resource]
        with self.lock:
            row_id = self.next_id()
            row = self._as_person(
                lambda: self._new_row(declared, company, self._person_values(company, declared, values, new=True), None)
            )
            self._save(company, declared, row_id, row, self.next_timestamp())
            self.enter_person_act("create", company, resource, row_id, values, "created")
            return row_id

    def person_edits(self, company: int, resource: str, row_id: int, /, **values: Any) -> None:
        declared = RESOURCES[resource]
        with self.lock:
            old = self.store.table(company, resource).rows.get(row_id)
            if old is None:
                raise PersonRefusedError(f"no {resource} {row_id}")
            self._check_lock(old)
            row = self._as_person(
                lambda: self._changed_row(declared, company, old, self._person_values(company, declared, values))
            )
            if resource == "work_report" and old["approved"] and self.switches.edit_withdraws_approval:
                row |= reports.unsigned(self)
            self._save(company, declared, row_id, row, self.next_timestamp())
            self.enter_person_act("edit", company, resource, row_id, values, "updated")

    def person_deletes(self, company: int, resource: str, row_id: int, /) -> None:
        declared = RESOURCES[resource]
        with self.lock:
            self._check_lock(self.store.table(company, resource).rows.get(row_id, {}))
            self._as_person(lambda: self._delete(company, declared, row_id))
            self.enter_person_act("delete", company, resource, row_id, None, "deleted")

    def _check_lock(self, row: Mapping[str, Any]) -> None:
        """A locked report is closed to people as well, until it is unlocked."""
        if row.get("isimmutable"):
            raise PersonRefusedError(sentence("report_fixed", self.switches.language))

    def person_approves(self, company: int, /, *ids: int, level: str | None = None, by: int | None = None) -> None:
        """Approve work reports at one level, or finally at all; `by` is an employee, else the first approver."""
        with self.lock:
            reports.approve(self, company, ids, level, by)
            self._enter_reports("approve", company, ids, {"level": level, "by": by})

    def person_withdraws(self, company: int, /, *ids: int, level: str | None = None) -> None:
        """Take approvals back, at one level or at all."""
        with self.lock:
            reports.withdraw(self, company, ids, level)
            self._enter_reports("withdraw", company, ids, {"level": level})

    def person_locks(self, company: int, /, *ids: int, locked: bool = True) -> None:
        with self.lock:
            reports.lock(self, company, ids, locked=locked)
            self._enter_reports("lock" if locked else "unlock", company, ids, {})

    def _enter_reports(self, act: str, company: int, ids: Iterable[int], body: dict[str, Any]) -> None:
        effects = [Effect("updated", "work_report", company, row_id) for row_id in ids]
        self.enter_person(f"/person/{act}/work_report", company, body | {"ids": list(ids)}, effects)

    def bulk(self, company: int, resource: str, count: int, /, *, start: int = 1, **values: Any) -> list[int]:
        """Many rows at once: the existing data of a company. `{n}` in texts is the running number."""
        declared = RESOURCES[resource]
        names = {"number": "{n}", "name": f"{resource} {{n}}"}
        template = {name: value for name, value in names.items() if name in declared.by_name} | values
        rows = (
            {k: v.replace("{n}", str(n)) if isinstance(v, str) else v for k, v in template.items()}
            for n in range(start, start + count)
        )
        return self.store_seed_rows(company, resource, rows)

    def begin_late_commit(self, company: int, resource: str, /, row_id: int | None = None, **values: Any) -> int:
        """Draw the timestamp of a change now; `finish_late_commit` makes it visible, below values seen meanwhile."""
        with self.lock:
            timestamp = self._draw_timestamp()
            token = len(self._late) + 1
            self._late[token] = LateRow(token, company, RESOURCES[resource], values, row_id, timestamp)
            return token

    def finish_late_commit(self, token: int) -> int:
        with self.lock:
            late = self._late.pop(token)
            values = self._person_values(late.company, late.resource, late.values, new=late.row_id is None)
            if late.row_id is None:
                row_id, action = self.next_id(), "created"
                row = self._new_row(late.resource, late.company, values, None)
            else:
                row_id, action = late.row_id, "updated"
                old = self.store.table(late.company, late.resource.name).rows[row_id]
                row = self._changed_row(late.resource, late.company, old, values)
            self._save(late.company, late.resource, row_id, row, late.timestamp)
            self.enter_person_act("late", late.company, late.resource.name, row_id, late.values, action)
            return row_id

    def _person_values(
        self, company: int, resource: Resource, values: Mapping[str, Any], *, new: bool = False
    ) -> dict[str, Any]:
        """What a person chose: relations may be given by id, and the company is the one they are in."""
        relations = {each.name: each.target for each in resource.fields if each.type == "uri"}
        typed = {
            name: uri_of(relations[name], value) if name in relations and isinstance(value, int) else value
            for name, value in values.items()
        }
        if resource.name == "employee" and new:
            user = {"username": values.get("email") or values.get("name"), "password": "-", "password_generation": 2}
            typed |= {name: value for name, value in user.items() if not typed.get(name)}
        if resource.name == "work_report" and new:
            typed = {"origin": "intempus:mobile"} | typed
        return typed | ({"company": uri_of("company", company)} if "company" in relations else {})

    def _as_person(self, act: Any) -> Any:
        try:
            return act()
        except RefusedError as refused:
            raise PersonRefusedError(refused.reply.render().decode()) from None

    def enter_person_act(self, act: str, company: int, resource: str, row_id: int, body: Any, action: str) -> None:
        path = f"/person/{act}/{resource}/{row_id}"
        self.enter_person(path, company, body, [Effect(action, resource, company, row_id)])

    # -- one call ----------------------------------------------------------------------------------------------------

    def identify(self, call: Call) -> None:
        scheme, _, credentials = call.headers.get("Authorization", "").partition(" ")
        username, _, api_key = credentials.strip().partition(":")
        user = self.users.get(username)  # case-sensitive, unlike the scheme word
        if scheme.lower() != "apikey" or user is None or user.api_key != api_key:
            headers = {"WWW-Authenticate": 'CustomBasic realm="django-tastypie"'}
            raise RefusedError(Reply(401, b"", "text/html; charset=utf-8", headers))
        call.user, call.company, call.language = user.username, user.company, self.switches.language
        self._throttle(user.username)

    def _throttle(self, username: str) -> None:
        """A rolling window per user; refused calls are not counted."""
        throttle = self._throttles.setdefault(username, Throttle())
        now = self.clock.now().timestamp()
        windows = (
            (throttle.minute, 60, self.switches.calls_per_minute),
            (throttle.day, 86400, self.switches.calls_per_day),
        )
        for calls, seconds, limit in windows:
            while calls and calls[0] <= now - seconds:
                calls.popleft()
            if len(calls) >= limit:
                wait = max(1.0, calls[0] + seconds - now) if calls else float(seconds)
                raise RefusedError(Reply(429, b"", None, self.retry_after_header(wait)))
        throttle.minute.append(now)
        throttle.day.append(now)

    def retry_after_as(self) -> str:
        return "http_date" if self.switches.retry_after_http_date else "seconds"

    def server_error(self) -> Reply:
        message = f"Sorry, this request could not be processed. Incident ID: {self.ledger.last_seq + 1:08x}"
        return json_reply({"error_message": message}, 500)

    def finish_reply(self, call: Call, reply: Reply) -> None:
        if call.user is None or reply.status in (401, 429):
            return
        reply.headers.setdefault("x-django-user", call.user)
        reply.headers.setdefault("x-django-role", self.users[call.user].role)
        if call.method == "GET" and reply.status == 200 and self.switches.logical_timestamp_header_present:
            reply.headers["Logical-Timestamp"] = str(self.committed_timestamp)

    def answer(self, call: Call) -> Reply:
        parts = call.path.removeprefix("/web/v1/").split("/")
        resource = RESOURCES.get(parts[0])
        if parts == ["work_report", "bulk", ""] and call.method == "POST":
            return reports.answer_bulk(self, call)
        if resource is None or len(parts) > 3 or (len(parts) == 3 and parts[2]):
            return Reply(404, b"", None)
        if parts[-1]:  # no trailing slash
            if call.method == "GET":
                query = f"?{call.query_string}" if call.query_string else ""
                return Reply(301, b"", None, {"Location": f"{call.path}/{query}"})
            return Reply(404, b"", None)
        if call.method not in resource.methods or (call.method == "PATCH" and not self.switches.patch_allowed):
            return Reply(405, b"", None)
        return self._answer_all(call, resource) if len(parts) == 2 else self._answer_one(call, resource, parts[1])

    def _answer_all(self, call: Call, resource: Resource) -> Reply:
        if call.method == "GET":
            return answer_list(self, call, resource)
        if call.method == "POST":
            return self._post(call, resource)
        return Reply(405, b"", None)  # a PUT here would replace the collection

    def _answer_one(self, call: Call, resource: Resource, id_text: str) -> Reply:
        assert call.company is not None
        row_id = int(id_text) if id_text.isdigit() else -1
        row = self.store.table(call.company, resource.name).rows.get(row_id)
        if row is None and call.method == "PUT" and self.switches.put_on_missing_creates and id_text.isdigit():
            return self._post(call, resource)
        if row is None:
            raise not_found()
        if call.method == "GET":
            return json_reply(row_as_json(self, resource, row, self._embedded(resource)))
        if call.method != "GET" and resource.name == "work_report":
            reports.check_api_may_change(self, row)
        if call.method == "DELETE":
            self._delete(call.company, resource, row_id)
            call.effects.append(Effect("deleted", resource.name, call.company, row_id))
            return Reply(204, b"", None)
        if call.method in ("PUT", "PATCH"):
            return self._change(call, resource, row)
        return Reply(405, b"", None)

    def _embedded(self, resource: Resource) -> tuple[str, ...]:
        if not self.switches.detail_embeds_related:
            return resource.embedded_on_detail
        related = tuple(each.name for each in resource.fields if each.type == "uri")
        return related + resource.embedded_on_detail

    def _post(self, call: Call, resource: Resource) -> Reply:
        assert call.company is not None
        body = self.body(call)
        creation_id = body.get("creation_id") if self.switches.creation_id_honoured else None
        known = self._creation_ids.get((call.company, resource.name, str(creation_id)))
        existing = None if creation_id is None or known is None else self.find(resource.name, known)
        if existing is not None:
            return self._created_reply(resource, existing, self.switches.creation_id_replay_status)
        row = self._new_row(resource, call.company, body, creation_id)
        row_id = self.next_id()
        stored = self._save(call.company, resource, row_id, row, self.next_timestamp())
        call.effects.append(Effect("created", resource.name, call.company, row_id))
        return self._created_reply(resource, stored, 201)

    def _created_reply(self, resource: Resource, row: Row, status: int) -> Reply:
        shown = row_as_json(self, resource, row)
        if TIMESTAMP in shown:
            shown[TIMESTAMP] = PLACEHOLDER_TIMESTAMP
        return json_reply(shown, status, Location=uri_of(resource.name, row["id"]))

    def _change(self, call: Call, resource: Resource, old: Row) -> Reply:
        """PUT and PATCH alike are partial; the answer carries the timestamp from before the change."""
        assert call.company is not None
        row = self._changed_row(resource, call.company, old, self.body(call))
        stored = self._save(call.company, resource, old["id"], row, self.next_timestamp())
        call.effects.append(Effect("updated", resource.name, call.company, old["id"]))
        status = 202 if call.method == "PATCH" else 200
        if status == 202 and self.switches.patch_answers_empty:
            return Reply(202, b"", None)
        shown = row_as_json(self, resource, stored, self._embedded(resource) + resource.embedded_on_write)
        if TIMESTAMP in shown:
            shown[TIMESTAMP] = old[TIMESTAMP]
        return json_reply(shown, status)

    def body(self, call: Call) -> dict[str, Any]:
        try:
            body = call.json()
        except ValueError:
            raise bad_request("Invalid JSON") from None
        if not isinstance(body, dict):
            raise bad_request("Invalid data sent")
        return {name: value for name, value in body.items() if name not in self.switches.read_only_fields}

    # -- changing rows -----------------------------------------------------------------------------------------------

    def defaults(self, resource: Resource, company: int) -> dict[str, Any]:
        row = {
            each.name: list(each.default) if isinstance(each.default, list) else each.default
            for each in resource.fields
            if each.type != "copy"
        }
        if "company" in row:
            row["company"] = company
        if "creation_date" in row:
            row["creation_date"] = self.clock.now().date().isoformat()
        return row

    def _new_row(self, resource: Resource, company: int, body: dict[str, Any], creation_id: Any) -> dict[str, Any]:
        for each in resource.fields:
            if each.required and body.get(each.name) is None:
                raise missing(each)
        row = self.defaults(resource, company)
        row.update(read_values(self, resource, body, company))
        row["creation_id"] = None if creation_id is None else str(creation_id)
        self._validate(resource, company, row, None)
        if resource.name == "employee":
            self._check_password(row)
        return row

    def _check_password(self, row: Mapping[str, Any]) -> None:
        """0 is for users who are there already; 1 mails the password (API page 3.5)."""
        if row["password_generation"] not in (1, 2) or (row["password_generation"] == 1 and not row["email"]):
            message = sentence("password_generation", self.switches.language)
            raise RefusedError(json_reply({"employee": {"password_generation": [message]}}, 400))

    def _changed_row(self, resource: Resource, company: int, old: Row, body: dict[str, Any]) -> dict[str, Any]:
        row = dict(old)
        row.update(read_values(self, resource, body, company))
        if "creation_date" in row:
            row["creation_date"] = self.clock.now().date().isoformat()
        self._validate(resource, company, row, old)
        return row

    def _validate(self, resource: Resource, company: int, row: dict[str, Any], old: Row | None) -> None:
        language = self.switches.language
        if resource.name == "work_report":
            reports.complete(self, row)
            reports.validate(self, row, old)
        if resource.name == "case":
            if row["end_date"] and not row["start_date"]:
                raise bad_request([sentence("end_date_needs_start_date", language)])
            if row["latitude"] is not None and abs(float(row["latitude"])) > 90:
                raise bad_request([sentence("latitude_range", language)])
            if row["latitude"] is None or row["longitude"] is None:
                row["geofence"] = False
        if self.switches.number_unique and row.get("number"):
            for other in self.store.table(company, resource.name):
                if other["number"] == row["number"] and (old is None or other["id"] != old["id"]):
                    raise RefusedError(
                        json_reply({resource.name: {"number": [sentence("number_taken", language)]}}, 400)
                    )

    def _save(self, company: int, resource: Resource, row_id: int, row: dict[str, Any], timestamp: int) -> Row:
        """Store what a client or a person saved, with what Intempus does by itself afterwards."""
        stored = self.put(company, resource, row_id, row, timestamp)
        if resource.name == "work_report":
            reports.settle_overtime(self, company, stored["employee"], stored["start_date"])
        return stored

    def put(self, company: int, resource: Resource, row_id: int, row: dict[str, Any], timestamp: int) -> Row:
        table = self.store.table(company, resource.name)
        old = table.rows.get(row_id)
        if resource.name == "employee" and old is None:
            profile = self.defaults(RESOURCES["userprofile"], company) | {"employee": row_id, "creation_id": None}
            self.put(company, RESOURCES["userprofile"], max(self._last_id, row_id) + 1, profile, timestamp)
        row["id"] = row_id
        row[TIMESTAMP] = timestamp
        if resource.name == "case":
            self._count_child(None if old is None else old["parent"], -1)
            self._count_child(row["parent"], 1)
        self._ids[(resource.name, row_id)] = company
        self._last_id = max(self._last_id, row_id)
        if row.get("creation_id") is not None:
            self._creation_ids[(company, resource.name, row["creation_id"])] = row_id
        self.report_index.remove(resource.name, old)
        self.report_index.add(resource.name, row)
        self._versions[resource.name] = self._versions.get(resource.name, 0) + 1
        self.committed_timestamp = max(self.committed_timestamp, timestamp)
        self._last_timestamp = max(self._last_timestamp, timestamp)
        return table.put(row_id, row)

    def _count_child(self, parent: int | None, step: int) -> None:
        if parent is not None:
            self._children[parent] = self._children.get(parent, 0) + step

    def _delete(self, company: int, resource: Resource, row_id: int) -> None:
        row = self.find(resource.name, row_id)
        if row is None or self._ids[(resource.name, row_id)] != company:
            raise not_found()
        if resource.name == "work_report":
            reports.check_period(self, self.find("contract", row["contract"] or 0), row)
        if self.switches.delete_refused_with_dependants:
            for other, each in dependants(resource.name):
                if any(row[each.name] == row_id for row in self.store.table(company, other.name)):
                    related = related_name(other.name, self.switches.language)
                    message = sentence("dependants", self.switches.language, related=related)
                    raise RefusedError(json_reply({"error": message}, 409))
        self.drop(company, resource, row_id)
        if resource.name == "work_report":
            reports.settle_overtime(self, company, row["employee"], row["start_date"])

    def drop(self, company: int, resource: Resource, row_id: int) -> None:
        table = self.store.table(company, resource.name)
        self.report_index.remove(resource.name, table.rows[row_id])
        self._versions[resource.name] = self._versions.get(resource.name, 0) + 1
        table.drop(row_id)
        del self._ids[(resource.name, row_id)]

    def _draw_timestamp(self) -> int:
        self._last_timestamp += self._gaps.randint(1, max(1, self.switches.timestamp_gap))
        return self._last_timestamp

    def next_timestamp(self) -> int:
        return self._draw_timestamp()

    def next_id(self) -> int:
        self._last_id += self._gaps.randint(1, 9)
        return self._last_id

    # -- page and control --------------------------------------------------------------------------------------------

    def page(self, request: Request) -> Response:
        from .page import page

        return page(self, request)

    def control(self, request: Request) -> Response:
        return control_response(self, request, self._control_extra)

    def _control_extra(self, request: Request, parts: list[str], body: dict[str, Any]) -> Any:
        """Answer Intempus' own control endpoints.

        POST late_commit {"company", "resource", "id"?, "values"} → {"token"}     POST late_commit/<token> → {"id"}
        POST users {"username", "api_key", "company"}     DELETE users/<username>     GET timestamp
        POST work_report/approve {"company", "ids", "level"?, "by"?}     POST work_report/withdraw {"company", "ids",
        "level"?}     POST work_report/lock, work_report/unlock {"company", "ids"}
        POST seed_rows {"company", "resource", "rows": [...]} → {"ids"}     tens of thousands at once, unchecked
        POST overtime_rules {"company", "work_model", "worktype", "after_hours"}
        """
        match parts:
            case ["late_commit"]:
                values = body.get("values", {})
                token = self.begin_late_commit(body["company"], body["resource"], row_id=body.get("id"), **values)
                return {"token": token}
            case ["late_commit", token]:
                return {"id": self.finish_late_commit(int(token))}
            case ["users"]:
                self.add_user(**body)
                return {"ok": True}
            case ["users", name] if request.method == "DELETE":
                self.remove_user(name)
                return {"ok": True}
            case ["timestamp"]:
                return {"committed": self.committed_timestamp}
            case ["work_report", act]:
                return self._control_reports(act, **body)
            case ["seed_rows"]:
                return {"ids": self.store_seed_rows(body["company"], body["resource"], body["rows"])}
            case ["overtime_rules"]:
                self.add_overtime_rule(**body)
                return {"ok": True}
        return NotImplemented

    def _control_reports(self, act: str, company: int, ids: list[int], **values: Any) -> Any:
        match act:
            case "approve":
                self.person_approves(company, *ids, **values)
            case "withdraw":
                self.person_withdraws(company, *ids, **values)
            case "lock" | "unlock":
                self.person_locks(company, *ids, locked=act == "lock")
            case _:
                raise ValueError(f"unknown act {act}")
        return {"ids": ids}
