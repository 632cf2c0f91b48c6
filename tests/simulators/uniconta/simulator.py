"""The Uniconta simulator: companies, users, rows, and what happens when one of them changes.

The two API families are in `odata` and `entities_api`; both end in `change`, as does a person in the page. Only
`change` writes rows, so effects, webhooks and references cannot be forgotten.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Request, Response

from tests.simulators.core import (
    Call,
    Effect,
    PersonRefusedError,
    RefusedError,
    Reply,
    Row,
    Simulator,
    control_response,
    json_reply,
    make_switches,
)
from tests.simulators.core import Table as Rows
from tests.simulators.core.store import fold
from tests.simulators.core.switches import apply_switches

from . import entities_api, journals, odata
from .profiles import DEFAULT, PROFILES, Switches
from .rows import BadValueError, UserField, coerce, empty_values, row_as_json
from .tables import EMPTY_DATE, TABLE_IDS, TABLES, Property, Table, referring
from .texts import refuse
from .webhooks import Delivery, Sender, call_url

SEED_SWITCHES = Switches()  # a seed is read alike under every profile
USER_FIELD_TYPES = {"bool": "Boolean", "text": "String", "int": "Integer", "number": "Double", "date": "Date"}


@dataclass
class User:
    name: str
    password: str
    language: str = "en"
    companies: list[int] = field(default_factory=list)

    @property
    def default_company(self) -> int | None:
        return self.companies[0] if self.companies else None


@dataclass
class Change:
    """One committed change of one row, waiting to be told to the Change URLs."""

    action: str  # add, update, delete
    table: Table
    company: int
    row: Row
    before: Row | None


class UnicontaSimulator(Simulator):
    title = "Uniconta simulator"
    api_prefixes = ("/odata", "/api/")
    profiles = PROFILES

    def __init__(
        self, seed: int = 1, switches: Mapping[str, Any] = DEFAULT, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(seed)
        self.switches = make_switches(Switches, switches)
        self.initial_data = data
        self.sender = Sender(self._delivered)
        self._clear()
        if data is not None:
            self.load(data)

    def _clear(self) -> None:
        self.store.clear()
        self.users: dict[str, User] = {}
        self.company_ids: list[int] = []
        self.user_fields: dict[tuple[int, str], dict[str, UserField]] = {}
        self.deliveries: list[Delivery] = []
        self.calls_today: dict[str, tuple[str, int, int]] = {}  # user → (day, calls, calls of the day before)
        self.closed_until: dict[int, str] = {}  # company → last day of its closed periods; told nowhere
        self._last_row_id: dict[tuple[int, str], int] = {}

    # -- set-up ------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        with self.lock:
            self.sender.stop()
            self.ledger.clear()
            self.faults.clear()
            self.random.seed(self.seed)
            self._clear()
            if self.initial_data is not None:
                self.load(self.initial_data)

    def use_profile(self, profile: Mapping[str, Any]) -> None:
        """All switches to their defaults, then those of the profile."""
        apply_switches(self.switches, {**vars(Switches()), **profile})

    def load(self, data: Mapping[str, Any]) -> None:
        """Add the `uniconta` part of a seed document (format: `tests/simulators/seeds.py`)."""
        data = data.get("uniconta", data)
        with self.lock:
            for company in data.get("companies", []):
                self.add_company(**company)
            for user in data.get("users", []):
                self.add_user(**user)
            for each in data.get("user_fields", []):
                self.add_user_field(each["company"], each["table"], each["name"], each.get("kind", "bool"))
            for each in data.get("rows", []):
                self.store_seed_rows(each["company"], each["table"], each["rows"])
            for hook in data.get("change_urls", []):
                self.add_change_url(**hook)

    def add_company(self, company: int, name: str, cvr: str = "", **values: Any) -> None:
        if company not in self.company_ids:
            self.company_ids.append(company)
        table = TABLES["Company"]
        row = empty_values(table, {}) | {"Name": name, "CompanyRegNo": cvr or None} | values
        self._table(company, table).put(
            company, self._finished(table, company, company, row) | {"PrimaryKeyId": company}
        )

    def add_user(self, name: str, password: str, language: str = "en", companies: Iterable[int] | None = None) -> None:
        """Add a user or replace the one of that name; without companies: all of them."""
        allowed = list(self.company_ids) if companies is None else list(companies)
        self.users[name] = User(name, password, language, allowed)

    def remove_user(self, name: str) -> None:
        self.users.pop(name, None)

    def store_seed_rows(self, company: int, table: str, rows: Iterable[Mapping[str, Any]]) -> list[int]:
        """Store many rows unchecked, as data that was there before; returns their RowIds."""
        with self.lock:
            return [self._store_seed_row(company, TABLES[table], values) for values in rows]

    def _store_seed_row(self, company: int, table: Table, values: Mapping[str, Any]) -> int:
        """Seed rows come without webhook and ledger entry; read-only properties and RowId may be given."""
        fields = self.fields_of(company, table)
        unknown = set(values) - set(table.by_name) - set(fields) - {"RowId", "UpdatedAt"}
        if unknown:
            raise ValueError(f"{table.name} has no {', '.join(sorted(unknown))}")
        row = empty_values(table, fields)
        row.update(
            {k: self._coerced(company, table, k, v) for k, v in values.items() if k not in ("RowId", "UpdatedAt")}
        )
        row_id = values.get("RowId") or self._next_row_id(company, table)
        key = (company, table.name)
        self._last_row_id[key] = max(self._last_row_id.get(key, 0), row_id)
        self._fill_defaults(company, table, row)
        if table.name == "TableChangeEvent":
            self._complete_change_url(row)
        if table is journals.LINE:
            journals.complete_line(self, company, row)
        finished = self._finished(table, company, row_id, row)
        finished.update({k: v for k, v in values.items() if k == "UpdatedAt"})
        self._table(company, table).put(row_id, finished)
        return row_id

    def add_change_url(
        self, company: int, url: str, table: str = "", use_post: bool = False, argument: str = "", job: str = ""
    ) -> int:
        """A row of the Change URL page; without a table it stands for all master tables."""
        values = {"Url": url, "Table": table, "UsePost": use_post, "Argument": argument, "Job": job}
        with self.lock:
            return self._store_seed_row(company, TABLES["TableChangeEvent"], values)

    # -- user-defined fields -----------------------------------------------------------------------------------------

    def fields_of(self, company: int, table: Table) -> dict[str, UserField]:
        return self.user_fields.get((company, table.name), {})

    def add_user_field(self, company: int, table: str, name: str, kind: str = "bool") -> None:
        declared = TABLES[table]
        if name in declared.by_name:
            raise ValueError(f"{table} already has a property {name}")
        with self.lock:
            new = UserField(name, kind)
            fields = self.user_fields.setdefault((company, table), {})
            fields[name] = new
            self._rewrite(company, declared, lambda row: row.setdefault(name, new.as_property().empty))
            values = {"TableId": declared.table_id, "Table": table, "Name": name, "Prompt": name}
            values |= {"Type": USER_FIELD_TYPES[kind], "Index": len(fields) - 1}
            self._store_seed_row(company, TABLES["TableFields"], values)

    def remove_user_field(self, company: int, table: str, name: str) -> None:
        with self.lock:
            del self.user_fields[(company, table)][name]
            self._rewrite(company, TABLES[table], lambda row: row.pop(name, None))
            definitions = self._table(company, TABLES["TableFields"])
            for row in list(definitions):
                if (row["Table"], row["Name"]) == (table, name):
                    definitions.drop(row["RowId"])

    def rename_user_field(self, company: int, table: str, name: str, new_name: str) -> None:
        """The values stay with the rows, under the new name."""
        with self.lock:
            fields = self.user_fields[(company, table)]
            fields[new_name] = UserField(new_name, fields.pop(name).type)
            self._rewrite(company, TABLES[table], lambda row: row.update({new_name: row.pop(name, None)}))
            definitions = self._table(company, TABLES["TableFields"])
            for row in list(definitions):
                if (row["Table"], row["Name"]) == (table, name):
                    definitions.put(row["RowId"], {**row, "Name": new_name, "Prompt": new_name, "KeyName": new_name})

    def _rewrite(self, company: int, table: Table, edit: Any) -> None:
        rows = self._table(company, table)
        for row in list(rows):
            values = dict(row)
            edit(values)
            rows.put(row["RowId"], values)

    # -- reading, for tests and oracles ------------------------------------------------------------------------------

    def rows(self, company: int, table: str) -> list[dict[str, Any]]:
        """Every row as stored: enums as member names, empty texts as None, user fields among the others."""
        with self.lock:
            return [dict(row) for row in self._table(company, TABLES[table])]

    def row(self, company: int, table: str, row_id: int) -> dict[str, Any] | None:
        with self.lock:
            found = self._table(company, TABLES[table]).rows.get(row_id)
            return None if found is None else dict(found)

    def row_by_key(self, company: int, table: str, key: str) -> dict[str, Any] | None:
        with self.lock:
            found = self._table(company, TABLES[table]).by_key(key)
            return None if found is None else dict(found)

    def companies_as_json(self) -> list[dict[str, Any]]:
        return [{"id": i, "name": self._table(i, TABLES["Company"]).rows[i]["Name"]} for i in self.company_ids]

    # -- a person in the user interface ------------------------------------------------------------------------------

    def person_creates(self, company: int, table: str, /, **values: Any) -> int:
        changes: list[Change] = []
        with self.lock:
            row = self._as_person(lambda: self.insert(company, TABLES[table], values, "en", changes, True))
            self._commit_person(f"/person/create/{table}", company, values, changes)
            return int(row["RowId"])

    def person_edits(self, company: int, table: str, row_id: int, /, **values: Any) -> None:
        changes: list[Change] = []
        with self.lock:
            if TABLES[table].name == "Company":
                self._edit_company(company, values)
                return
            self._as_person(lambda: self.update(company, TABLES[table], row_id, values, "en", changes, True, True))
            self._commit_person(f"/person/edit/{table}/{row_id}", company, values, changes)

    def person_deletes(self, company: int, table: str, row_id: int, /) -> None:
        changes: list[Change] = []
        with self.lock:
            self._as_person(lambda: self.delete(company, TABLES[table], row_id, "en", changes))
            self._commit_person(f"/person/delete/{table}/{row_id}", company, None, changes)

    def bulk(self, company: int, table: str, count: int, /, *, start: int = 1, **values: Any) -> list[int]:
        """Many rows at once, without webhooks: the existing data of a company. `{n}` in texts is the running number."""
        declared = TABLES[table]
        names = {"Name": f"{declared.name} {{n}}"} | ({declared.key: "{n}"} if declared.key else {})
        template = {name: value for name, value in names.items() if name in declared.by_name} | values
        rows = (
            {k: v.replace("{n}", str(n)) if isinstance(v, str) else v for k, v in template.items()}
            for n in range(start, start + count)
        )
        return self.store_seed_rows(company, table, rows)

    def person_posts(self, company: int, journal: str, /, *, keeps_reference: bool | None = None) -> int:
        """Post a project journal and return the voucher number; its lines become project transactions.

        Whether these keep the ReferenceNumber is for the switch to say, unless it is given.
        """
        changes: list[Change] = []
        if keeps_reference is None:
            keeps_reference = self.switches.posting_keeps_reference_number
        with self.lock:
            voucher = journals.post(self, company, journal, changes, keeps_reference=keeps_reference)
            self._commit_person(f"/person/post/ProjectJournal/{journal}", company, {"voucher": voucher}, changes)
            return voucher

    def close_period(self, company: int, until: str) -> None:
        """Close the accounting up to and including a day (ISO date; blank opens all again)."""
        with self.lock:
            self.closed_until[company] = until

    def _as_person(self, act: Any) -> Any:
        try:
            return act()
        except RefusedError as refused:
            raise PersonRefusedError(refused.reply.render().decode()) from None

    def _commit_person(self, path: str, company: int, body: Any, changes: list[Change]) -> None:
        self.enter_person(path, company, body, effects_of(changes))
        self._fire(changes, by_api=False)

    def _edit_company(self, company: int, values: dict[str, Any]) -> None:
        table = TABLES["Company"]
        row = dict(self._table(company, table).rows[company]) | values
        self._table(company, table).put(company, row | {"KeyName": row["Name"]})
        self.enter_person(f"/person/edit/Company/{company}", company, values, [])

    # -- one call ----------------------------------------------------------------------------------------------------

    def identify(self, call: Call) -> None:
        name, password, company = _basic_credentials(call.headers.get("Authorization", ""))
        user = self.users.get(name)
        if user is None or user.password != password:
            raise RefusedError(Reply(self.switches.auth_failure_status, b"", None))
        call.user = user.name
        call.language = self.switches.language or user.language
        in_url = _company_in_path(call.path)
        call.company = in_url or company or user.default_company
        if call.company not in user.companies:
            raise RefusedError(Reply(403, b"", None))

    def answer(self, call: Call) -> Reply:
        return odata.answer(self, call) if call.path.startswith("/odata") else entities_api.answer(self, call)

    def latency(self, call: Call) -> float:
        """Uniconta slows down instead of refusing: one second per further 5,000 calls of a user's day.

        The delay of a day lasts into the next one, which is why the count of the day before is kept.
        """
        if call.user is None:
            return 0.0
        with self.lock:
            today = self.clock.now().date()
            day, count, before = self.calls_today.get(call.user, ("", 0, 0))
            if day != today.isoformat():
                yesterday = (today - timedelta(days=1)).isoformat()
                day, count, before = today.isoformat(), 0, count if day == yesterday else 0
            self.calls_today[call.user] = (day, count + 1, before)
            steps = max(count + 1, before) // max(1, self.switches.slow_after_calls)
            return steps * self.switches.slow_seconds

    def server_error(self) -> Reply:
        return json_reply("Exception", 500)

    def refuse(self, code: str, language: str, status: int = 400, detail: str = "") -> RefusedError:
        return refuse(code, language, self.switches.error_body, status, detail)

    # -- changing rows -----------------------------------------------------------------------------------------------

    def _table(self, company: int, table: Table) -> Rows:
        return self.store.table(company, table.name, table.key)

    def table_rows(self, company: int, table: Table) -> Rows:
        return self._table(company, table)

    def insert(
        self,
        company: int,
        table: Table,
        values: Mapping[str, Any],
        language: str,
        changes: list[Change],
        with_user_fields: bool,
    ) -> Row:
        fields = self.fields_of(company, table)
        row = empty_values(table, fields)
        row.update(self._writable(company, table, values, language, with_user_fields))
        self._fill_defaults(company, table, row)
        if table.name == "TableChangeEvent":
            self._complete_change_url(row)
        if "Created" in table.by_name:
            row["Created"] = self._local_now()[:10] + "T00:00:00"
        self._check(company, table, row, None, language)
        if table is journals.LINE:
            journals.complete_line(self, company, row)
            journals.check_line(self, company, row, language)
        row_id = self._next_row_id(company, table)
        stored = self._table(company, table).put(row_id, self._finished(table, company, row_id, row))
        changes.append(Change("add", table, company, stored, None))
        return stored

    def update(
        self,
        company: int,
        table: Table,
        row_id: int,
        values: Mapping[str, Any],
        language: str,
        changes: list[Change],
        with_user_fields: bool,
        merge: bool,
    ) -> Row:
        old = self._table(company, table).rows.get(row_id)
        if old is None:
            raise self.refuse("CouldNotFind", language)
        row = dict(old)
        if not merge:
            for prop in table.properties:
                if not self._is_kept(prop):
                    row[prop.name] = prop.empty
            if with_user_fields:
                row.update({name: f.as_property().empty for name, f in self.fields_of(company, table).items()})
        row.update(self._writable(company, table, values, language, with_user_fields))
        self._check(company, table, row, old, language)
        if table is journals.LINE:
            journals.complete_line(self, company, row)
            journals.check_line(self, company, row, language)
        stored = self._table(company, table).put(row_id, self._finished(table, company, row_id, row))
        if table.key is not None and old[table.key] != stored[table.key]:
            self._repoint(company, table, old[table.key], stored[table.key])
        changes.append(Change("update", table, company, stored, old))
        return stored

    def delete(self, company: int, table: Table, row_id: int, language: str, changes: list[Change]) -> None:
        old = self._table(company, table).rows.get(row_id)
        if old is None:
            raise self.refuse("CouldNotFind", language)
        if table.key is not None and self._is_referred(company, table, old[table.key], row_id):
            raise self.refuse("CouldNotDeleteRecordThatIsReferred", language)
        self._table(company, table).drop(row_id)
        changes.append(Change("delete", table, company, old, old))

    def put_transaction(self, company: int, values: Mapping[str, Any], changes: list[Change]) -> None:
        """What posting writes: a project transaction, with today as its day of posting."""
        row = empty_values(journals.TRANS, {}) | dict(values) | {"PostedDate": self._local_now()[:10] + "T00:00:00"}
        row_id = self._next_row_id(company, journals.TRANS)
        finished = self._finished(journals.TRANS, company, row_id, row)
        stored = self._table(company, journals.TRANS).put(row_id, finished)
        changes.append(Change("add", journals.TRANS, company, stored, None))

    def undo(self, changes: list[Change]) -> None:
        """Take back inserts of a list that failed half way."""
        for change in changes:
            self._table(change.company, change.table).drop(change.row["RowId"])
        changes.clear()

    def _is_kept(self, prop: Property) -> bool:
        """Whether the property keeps its value whatever is sent."""
        return prop.read_only or prop.name in self.switches.read_only_fields

    def _writable(
        self, company: int, table: Table, values: Mapping[str, Any], language: str, with_user_fields: bool
    ) -> dict[str, Any]:
        """The part of a client's JSON that the server takes; unknown and read-only properties vanish silently."""
        taken: dict[str, Any] = {}
        fields = self.fields_of(company, table) if with_user_fields else {}
        for name, value in values.items():
            prop = table.by_name.get(name)
            if prop is None and name in fields:
                prop = fields[name].as_property()
            if prop is None or self._is_kept(prop) or (value is None and not self.switches.null_clears):
                continue
            try:
                taken[name] = coerce(prop, value, language, self.switches)
            except BadValueError as error:
                raise self.refuse("InvalidValue", language, detail=str(error)) from None
        return taken

    def _coerced(self, company: int, table: Table, name: str, value: Any) -> Any:
        prop = table.by_name.get(name) or self.fields_of(company, table)[name].as_property()
        return coerce(prop, value, "en", SEED_SWITCHES)

    def _fill_defaults(self, company: int, table: Table, row: dict[str, Any]) -> None:
        for name, source in table.default_from.items():
            if row[name] is None:
                default = next((r for r in self._table(company, TABLES[source]) if r.get("IsDefault")), None)
                row[name] = None if default is None else default[TABLES[source].key or ""]
        if row.get("Country") == "Unknown" and table.name != "Company":
            own = self._table(company, TABLES["Company"]).rows.get(company)
            row["Country"] = "Unknown" if own is None else own["Country"]

    def _complete_change_url(self, row: dict[str, Any]) -> None:
        """`Table` and `TableId` say the same thing; either may be given."""
        if row["Table"]:
            name = str(row["Table"]).removesuffix("Client")
            row["Table"] = name
            row["TableId"] = TABLES[name].table_id if name in TABLES else row["TableId"]
        elif row["TableId"] in TABLE_IDS:
            row["Table"] = TABLE_IDS[row["TableId"]].name

    def _check(self, company: int, table: Table, row: dict[str, Any], old: Row | None, language: str) -> None:
        if table.key is not None:
            self._check_key(company, table, row, old, language)
        for prop in table.properties:
            if prop.mandatory and row[prop.name] is None:
                raise self.refuse("FieldCannotBeBlank", language, detail=prop.name)
            if prop.references is None or row[prop.name] is None or not self.switches.references_checked:
                continue
            target = self._table(company, TABLES[prop.references]).by_key(row[prop.name])
            if target is None and not (old is not None and old[prop.name] == row[prop.name]):
                raise self.refuse("AccountIsMissing", language, detail=f"{prop.name} {row[prop.name]}")
            if target is not None:
                row[prop.name] = target[TABLES[prop.references].key or ""]

    def _check_key(self, company: int, table: Table, row: dict[str, Any], old: Row | None, language: str) -> None:
        assert table.key is not None
        key = row[table.key]
        if key is None or not str(key).strip():
            raise self.refuse("KeyIsEmpty", language)
        if len(key) > table.key_max:
            if not self.switches.truncate_keys:
                raise self.refuse("KeyTooLong", language)
            key = row[table.key] = key[: table.key_max]
        taken = self._table(company, table).by_key(key)
        if taken is not None and (old is None or taken["RowId"] != old["RowId"]):
            raise self.refuse("KeyExists", language)

    def _is_referred(self, company: int, table: Table, key: str, row_id: int) -> bool:
        return any(
            fold(row[prop.name]) == fold(key) and not (other is table and row["RowId"] == row_id)
            for other, prop in referring(table.name)
            for row in self._table(company, other)
        )

    def _repoint(self, company: int, table: Table, old_key: str, new_key: str) -> None:
        """References are ids inside Uniconta: after a rename they show the new key, and nothing counts as saved."""
        for other, prop in referring(table.name):
            rows = self._table(company, other)
            for row in [row for row in rows if fold(row[prop.name]) == fold(old_key)]:
                rows.put(row["RowId"], {**row, prop.name: new_key})

    def _next_row_id(self, company: int, table: Table) -> int:
        key = (company, table.name)
        self._last_row_id[key] = self._last_row_id.get(key, 0) + 1
        return self._last_row_id[key]

    def _finished(self, table: Table, company: int, row_id: int, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its technical properties."""
        finished = {"RowId": row_id, "CompanyId": company, **row}
        if table.key is not None:
            finished["KeyStr"] = row[table.key]
        if table.key_name is not None:
            finished["KeyName"] = row.get(table.key_name)
        if table.has_updated_at:
            finished["UpdatedAt"] = self._local_now()
        return finished

    def _local_now(self) -> str:
        zone = ZoneInfo(self.switches.updated_at_zone)
        return self.clock.now().astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()

    # -- Change URLs -------------------------------------------------------------------------------------------------

    def commit(self, call: Call, changes: list[Change]) -> None:
        """An API call's changes are final: note the effects, tell the Change URLs (echo included)."""
        call.effects.extend(effects_of(changes))
        self._fire(changes, by_api=True)

    def _fire(self, changes: list[Change], *, by_api: bool) -> None:
        switches = self.switches
        for change in changes:
            if not change.table.master or (by_api and not switches.webhook_api_writes_fire):
                continue
            if change.table.group and not switches.webhook_groups_fire:
                continue
            for hook in self._table(change.company, TABLES["TableChangeEvent"]):
                if not hook["Job"] and hook["TableId"] in (0, change.table.table_id):
                    self._plan_delivery(hook, change)

    def _plan_delivery(self, hook: Row, change: Change) -> None:
        switches = self.switches
        url = self.webhook_url(hook, change)
        method = switches.webhook_method or ("POST" if hook["UsePost"] else "GET")
        body = None
        if method == "POST" and (change.action != "delete" or switches.webhook_body_on_delete):
            body = json.dumps(self.webhook_body(change), ensure_ascii=False).encode()
        for _ in range(2 if switches.webhook_duplicate else 1):
            delivery = Delivery(
                seq=len(self.deliveries) + 1,
                company=change.company,
                hook_id=hook["RowId"],
                method=method,
                url=url,
                body=body if method == "POST" else None,
                timeout=switches.webhook_timeout_seconds,
            )
            self.deliveries.append(delivery)
            # Drawn under the lock and in commit order, so a seed gives the same losses again.
            delivery.dropped = self.random.random() < switches.webhook_drop_probability
            if not delivery.dropped:
                shuffle = self.random.uniform(0, 0.2) if switches.webhook_reorder else 0.0
                self.sender.put(delivery, switches.webhook_delay_seconds + shuffle)

    def webhook_url(self, hook: Mapping[str, Any], change: Change) -> str:
        switches = self.switches
        old_words = switches.webhook_operation_name == "Operation"
        operation = (
            {"add": "Insert", "update": "Update", "delete": "Delete"}[change.action] if old_words else change.action
        )
        parameters = {
            "CompanyId": change.company,
            "Table": change.table.name,
            "RowId": change.row["RowId"],
            "Key": change.row.get("KeyStr") or "",
            switches.webhook_operation_name: operation,
        }
        return call_url(
            hook["Url"] or "",
            parameters,
            hook["Argument"] or "",
            stray=switches.webhook_stray_question_mark,
            argument_style=switches.webhook_argument_style,
        )

    def webhook_body(self, change: Change) -> dict[str, Any]:
        row = change.before if self.switches.webhook_stale_body and change.before is not None else change.row
        shown = row_as_json(row, change.table, self.switches.language or "en", self.switches)
        for name in ("Country", "DeliveryCountry"):
            if name in shown:
                shown[f"{name}Name"] = shown[name]
        return shown

    def _delivered(self, delivery: Delivery) -> None:
        with self.lock:
            rows = self._table(delivery.company, TABLES["TableChangeEvent"])
            hook = rows.rows.get(delivery.hook_id)
            if hook is not None:
                noted = {"HasError": bool(delivery.error), "ErrorMessage": delivery.error or None}
                rows.put(delivery.hook_id, {**hook, **noted, "LastEvent": self._local_now()})

    def wait_for_webhooks(self, timeout: float = 10.0) -> bool:
        return self.sender.wait_idle(timeout)

    def stopped(self) -> None:
        super().stopped()
        self.sender.stop()

    # -- page and control --------------------------------------------------------------------------------------------

    def page(self, request: Request) -> Response:
        from .page import page

        return page(self, request)

    def control(self, request: Request) -> Response:
        return control_response(self, request, self._control_extra)

    def _control_extra(self, request: Request, parts: list[str], body: dict[str, Any]) -> Any:
        """Answer Uniconta's own control endpoints.

        POST user_fields {"action": "add" | "remove" | "rename", "company", "table", "name", "kind"?, "new_name"?}
        POST users {"name", "password", "language", "companies"}      DELETE users/<name>
        POST change_urls {"company", "url", "table", "use_post", "argument"}
        POST post_journal {"company", "journal", "keeps_reference"?} → {"voucher"}      POST close_period {"company", "until"}
        POST seed_rows {"company", "table", "rows": [...]} → {"ids"}     tens of thousands at once, unchecked
        GET deliveries?since=N      POST wait_for_webhooks {"timeout"}      GET calls_today
        """
        match parts:
            case ["user_fields"] if request.method == "POST":
                return self._control_user_field(**body)
            case ["user_fields"]:
                return [
                    {"company": c, "table": t, "name": f.name, "kind": f.type}
                    for (c, t), fields in self.user_fields.items()
                    for f in fields.values()
                ]
            case ["users"]:
                self.add_user(**body)
                return {"ok": True}
            case ["users", name] if request.method == "DELETE":
                self.remove_user(name)
                return {"ok": True}
            case ["change_urls"]:
                return {"id": self.add_change_url(**body)}
            case ["post_journal"]:
                return {"voucher": self._control_posts(**body)}
            case ["close_period"]:
                self.close_period(body["company"], body["until"])
                return {"ok": True}
            case ["seed_rows"]:
                return {"ids": self.store_seed_rows(body["company"], body["table"], body["rows"])}
            case ["deliveries"]:
                since = int(request.args.get("since", 0))
                return [delivery.as_json() for delivery in self.deliveries[since:]]
            case ["wait_for_webhooks"]:
                return {"idle": self.wait_for_webhooks(body.get("timeout", 10.0))}
            case ["calls_today"]:
                return {user: count for user, (_, count, _) in self.calls_today.items()}
        return NotImplemented

    def _control_posts(self, company: int, journal: str, keeps_reference: bool | None = None) -> int:
        return self.person_posts(company, journal, keeps_reference=keeps_reference)

    def _control_user_field(
        self, action: str, company: int, table: str, name: str, kind: str = "bool", new_name: str = ""
    ) -> Any:
        if action == "add":
            self.add_user_field(company, table, name, kind)
        elif action == "remove":
            self.remove_user_field(company, table, name)
        elif action == "rename":
            self.rename_user_field(company, table, name, new_name)
        else:
            raise ValueError(f"unknown action {action}")
        return {"ok": True}


def effects_of(changes: list[Change]) -> list[Effect]:
    words = {"add": "created", "update": "updated", "delete": "deleted"}
    return [Effect(words[c.action], c.table.name, c.company, c.row["RowId"]) for c in changes]


def _basic_credentials(header: str) -> tuple[str, str, int | None]:
    """User, password and the company named in front of the user: `4242/user`, `004242/user`, `0004242/user`."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", "", None
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", "", None
    company, slash, login = name.partition("/")
    if slash and company.isdigit():
        return login, password, int(company)
    return name, password, None


def _company_in_path(path: str) -> int | None:
    parts = path.strip("/").split("/")
    if parts[0] == "odata" and len(parts) > 1 and parts[1].isdigit():
        return int(parts[1])
    if parts[:2] == ["api", "Entities"] and len(parts) > 2 and parts[2].isdigit():
        return int(parts[2])
    return None


__all__ = ["EMPTY_DATE", "Change", "Property", "UnicontaSimulator", "User"]
