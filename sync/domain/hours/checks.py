"""What the doctor looks at for hours: from the lists as last read, and Uniconta's Change URL rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.hours import Kind, Treatment
from mappings.models import EntityPolicy, HoursPolicy
from sync.connectors.base import Row
from sync.domain.hooks import other_hosts
from sync.domain.hours.judging import Rules
from sync.domain.said import Said, fix_of, say, text_of
from sync.models import WorkReport

Found = tuple[str, Said, Said, Said]  # grade, name, what was found, what to do


def check_hours(policy: HoursPolicy, url_rows: Sequence[Row] | None) -> Iterator[Found]:
    """Grades are those of the doctor. Call inside a scope; `url_rows` None: they could not be read."""
    name = say("Hours")
    on = set(EntityPolicy.objects.filter(tenant_id=policy.tenant_id, enabled=True).values_list("entity", flat=True))
    if missing := [entity for entity in ("employee", "project") if entity not in on]:
        found = say("need employees and projects; not switched on: {names}", names=", ".join(missing))
        yield "failed", name, found, say("Switch them on under the company’s entity policies")
    rules = Rules.load(policy)
    if not rules.lists.work_types:
        yield "warning", name, say("nothing was read yet"), say("Press Fetch now on the page of hours")
        return
    for code in _journal(policy, rules):
        yield "failed", say("Project journal"), text_of(code, policy.journal), fix_of(code)
    used = WorkReport.objects.filter(tenant_id=policy.tenant_id, kind=Kind.WORK, reason="rule_missing")
    if names := sorted(set(used.values_list("work_type_name", flat=True))):
        yield (
            "failed",
            say("Work types"),
            say("without an item: {names}", names=", ".join(names)),
            fix_of("rule_missing"),
        )
    if policy.absence == Treatment.TRANSFER.value:
        yield "warning", name, say("absence is transferred; sickness is health data"), say("See that this is agreed")
    hosts = other_hosts(url_rows or ())
    if hosts and not policy.knows_other_urls:
        yield "failed", say("Other integrations"), ", ".join(hosts), fix_of("other_integration")
    yield "ok", name, say("from {date} on, journal {journal}", date=policy.transfer_from, journal=policy.journal), ""


def _journal(policy: HoursPolicy, rules: Rules) -> list[str]:
    journal = rules.lists.journals.get(policy.journal)
    if journal is None:
        return ["journal_missing"]
    return ["journal_blocked"] if journal.data.get("Blocked") else []
