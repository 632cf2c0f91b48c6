"""Policy templates: one set of policies for many tenants. A change of a template reaches nobody until it is rolled out, and
what a tenant chose otherwise since it was given stays its own choice. Call inside a scope, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.entities import ENTITIES
from mappings.models import EntityPolicy, PolicySettings, Template, TemplateUse
from sync.domain.actions import audit, compare_again, start_run
from sync.domain.runs import begin, fail_run, finish_run
from sync.models import Run
from tenants.models import Tenant
from tenants.scoping import tenant_scope

#: What a template gives, in the order of the forms.
FIELDS = tuple(field.name for field in PolicySettings._meta.get_fields() if field.name != "entity")  # noqa: SLF001


@dataclass(frozen=True)
class Difference:
    """One setting in which a tenant is not as the template says. `kept`: why it stays all the same, "" where it travels."""

    entity: str
    field: str
    before: Any  # None: the tenant has no policy for the entity yet
    after: Any
    kept: str = ""


#: Why a difference stays: codes of the catalogue.
OWN_CHOICE, NEEDS_MATCHING = "template_own_choice", "template_needs_matching"


def differences(
    tenant: Tenant,
    wanted: Iterable[PolicySettings],
    policies: Mapping[str, EntityPolicy],
    given: Mapping[str, Mapping[str, Any]],
) -> list[Difference]:
    """What rolling out would do to one tenant; `given`: what the template gave it last. Computing it writes nothing."""
    found = []
    for template in wanted:
        policy = policies.get(template.entity)
        before_us = given.get(template.entity, {})
        for field in FIELDS:
            after = getattr(template, field)
            if after in ("", []) or _is_agreed_with_the_customer(template.entity, field):
                continue
            before = getattr(policy, field) if policy else None
            if before != after:
                kept = _kept(tenant, field, before, after, before_us)
                found.append(Difference(template.entity, field, before, after, kept))
    return found


def _is_agreed_with_the_customer(entity: str, field: str) -> bool:
    """Creating an employee in Intempus may cost a seat: no template decides that."""
    return field == "create_in_intempus" and entity in ENTITIES and ENTITIES[entity].is_creation_costly


def _kept(tenant: Tenant, field: str, before: Any, after: Any, given: Mapping[str, Any]) -> str:
    if field == "enabled" and after and tenant.state != Tenant.State.PREPARING:
        return NEEDS_MATCHING  # a kind of record begins with a first matching, and with a person's word after it
    if before is not None and field in given and before != given[field]:
        return OWN_CHOICE
    return ""


@dataclass(frozen=True)
class Affected:
    """A tenant that follows the template, and what rolling out would do to it."""

    tenant: Tenant
    changes: Sequence[Difference]
    kept: Sequence[Difference]


def affected(template: Template, tenant_ids: str | Collection[int]) -> list[Affected]:
    """Those of the tenants named ("*": all) that follow the template, by name. Three queries, however many they are."""
    uses = TemplateUse.objects.filter(template=template).select_related("tenant").order_by("tenant__name")
    if not isinstance(tenant_ids, str):
        uses = uses.filter(tenant__in=tenant_ids)
    following = list(uses.exclude(tenant__state__in=[Tenant.State.LEAVING, Tenant.State.CLOSED]))
    wanted = list(template.policies.order_by("pk"))
    policies: dict[int, dict[str, EntityPolicy]] = {}
    for row in EntityPolicy.objects.filter(tenant__in=[use.tenant_id for use in following]):
        policies.setdefault(row.tenant_id, {})[row.entity] = row
    found = []
    for use in following:
        all_of_it = differences(use.tenant, wanted, policies.get(use.tenant_id, {}), use.given)
        travelling, kept = [each for each in all_of_it if not each.kept], [each for each in all_of_it if each.kept]
        found.append(Affected(use.tenant, travelling, kept))
    return found


def preview(template: Template, tenant: Tenant) -> Affected:
    """What giving the template to this tenant would do."""
    policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}
    use = TemplateUse.objects.filter(tenant=tenant, template=template).first()
    found = differences(tenant, template.policies.order_by("pk"), policies, use.given if use else {})
    return Affected(tenant, [each for each in found if not each.kept], [each for each in found if each.kept])


def give(template: Template, tenant_id: int, user_id: int | None) -> int:
    """Make the tenant's policies what the template says, own choices excepted; returns how many settings changed.

    From then on the tenant follows this template. A live company is compared again where something changed.
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
    plan = preview(template, tenant)
    policies = {row.entity: row for row in EntityPolicy.objects.filter(tenant=tenant)}
    use = TemplateUse.objects.filter(tenant=tenant).first() or TemplateUse(tenant=tenant)
    given: dict[str, dict[str, Any]] = use.given if use.template_id == template.pk else {}
    blocked = {(each.entity, each.field) for each in plan.kept}
    for wanted in template.policies.order_by("pk"):
        policy = policies.setdefault(wanted.entity, _new_policy(tenant, wanted, blocked))
        for each in plan.changes:
            if each.entity == wanted.entity:
                setattr(policy, each.field, each.after)
        policy._change_reason = f"template: {template}"  # type: ignore[attr-defined]  # noqa: SLF001 - how simple_history takes its reason
        if policy.pk is None or any(each.entity == wanted.entity for each in plan.changes):
            policy.save()
        # A kept choice is remembered as what was offered: it stays the tenant's own as long as it differs.
        given[wanted.entity] = {field: getattr(wanted, field) for field in FIELDS}
    use.template, use.given = template, given
    use.save()
    said = "; ".join(f"{each.entity}.{each.field}: {each.before} → {each.after}" for each in plan.changes)
    audit(tenant_id, user_id, "template_given", f"{template}: {said or '–'}")
    for entity in sorted({each.entity for each in plan.changes}):
        compare_again(tenant_id, entity, user_id)
    return len(plan.changes)


def _new_policy(tenant: Tenant, wanted: PolicySettings, blocked: set[tuple[str, str]]) -> EntityPolicy:
    return EntityPolicy(tenant=tenant, entity=wanted.entity, enabled=(wanted.entity, "enabled") not in blocked)


def start_roll_out(template: Template, tenant_ids: Iterable[int], user_id: int | None) -> list[Run]:
    """A run for each of the tenants, so that one in trouble keeps no other waiting."""
    return [
        start_run(
            Run(tenant_id=tenant_id, kind=Run.Kind.TEMPLATE, requested_by_id=user_id, result={"template": template.pk})
        )
        for tenant_id in tenant_ids
    ]


def roll_out(tenant_id: int, run_id: int) -> Run | None:
    """Carry a roll-out out for one tenant. Opens its own scope."""
    run = begin(tenant_id, Run.Kind.TEMPLATE, run_id)
    if run is None:
        return None
    with tenant_scope(tenant_id):
        template = Template.objects.filter(pk=run.result["template"]).first()
        count = give(template, tenant_id, run.requested_by_id) if template else 0
    if template is None:
        return fail_run(run, "template_gone")
    return finish_run(run, counts={"altered": count})


def runs_of(template: Template, tenant_ids: Collection[int]) -> dict[int, Run]:
    """The newest roll-out of each tenant."""
    rows = Run.objects.filter(tenant__in=tenant_ids, kind=Run.Kind.TEMPLATE, result__template=template.pk)
    return {run.tenant_id: run for run in rows.order_by("created_at")}
