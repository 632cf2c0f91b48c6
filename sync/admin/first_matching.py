"""The page *First matching*: what corresponds to what, per company and entity, and a person's decisions about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from mappings.engine import Winner
from mappings.entities import ENTITIES
from mappings.labels import attribute_label
from mappings.models import EntityPolicy, MatchRow, RecordLink
from mappings.spec import Attribute, Direction, Entity, System
from sync.domain import actions
from sync.domain.catalogue import explain_code
from sync.domain.context import Context
from sync.domain.decide import Item
from sync.domain.first_matching import PAIRS, listed, plan_rows, to_match
from sync.domain.match_decisions import TakenError, choose_winners, decide, free_records, link_by_hand, looking_context
from sync.domain.match_list import FORMATS, LARGEST_BYTES, ListError, export_list, import_list
from sync.domain.personal_number import PREFIX
from sync.domain.spreadsheet import XLSX
from sync.domain.timeline import Names, names_referred_to
from sync.models import Run
from tenants.models import Tenant
from tenants.roles import Right, has_right

PER_PAGE = 50
TONES = {
    MatchRow.Category.CERTAIN: "good",
    MatchRow.Category.PROBABLE: "warning",
    MatchRow.Category.AMBIGUOUS: "bad",
    MatchRow.Category.ONLY_IN_UNICONTA: "neutral",
    MatchRow.Category.ONLY_IN_INTEMPUS: "neutral",
}
#: What may be decided in bulk for a whole category: nothing ambiguous is linked that way.
DECISIONS = {
    MatchRow.Category.CERTAIN: ("link", "exclude", "create"),
    MatchRow.Category.PROBABLE: ("link", "exclude", "create"),
    MatchRow.Category.AMBIGUOUS: ("exclude", "create"),
    MatchRow.Category.ONLY_IN_UNICONTA: ("create", "exclude"),
    MatchRow.Category.ONLY_IN_INTEMPUS: ("create", "exclude"),
}
#: Whose value stands where a pair differs at its first writing.
WINNERS = (
    (Winner.UNICONTA.value, "Uniconta"),
    (Winner.INTEMPUS.value, "Intempus"),
    (Winner.BLANKS.value, _("fill blanks only")),
)


def first_matching_view(model_admin: Any, request: HttpRequest, object_id: str, entity: str = "") -> HttpResponse:
    """GET shows one category of one entity, fifty rows at a time; POST decides."""
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    context = looking_context(tenant.pk)
    entities = listed(context)
    if not entity and entities:
        return HttpResponseRedirect(page_url(tenant.pk, entities[0].name))
    chosen = next((each for each in entities if each.name == entity), None)
    if chosen is None and entity:
        raise Http404
    may_decide = has_right(request.user, Right.OPERATE, tenant.pk)
    if request.method == "POST":
        if not may_decide:
            raise PermissionDenied
        if chosen is None:
            raise Http404
        return _decide(request, tenant, chosen)
    return TemplateResponse(
        request,
        "console/first_matching.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "original": tenant,
            "title": gettext("First matching"),
            "tenant": tenant,
            "entities": [(each.name, page_url(tenant.pk, each.name)) for each in entities],
            "may_decide": may_decide,
            "may_configure": has_right(request.user, Right.CONFIGURE, tenant.pk),
            "is_preparing": tenant.state == Tenant.State.PREPARING,
            "is_to_match": bool(to_match(context)),
            **(_page(request, context, chosen) if chosen else {}),
        },
    )


def export_view(model_admin: Any, request: HttpRequest, object_id: str, entity: str, form: str) -> HttpResponse:
    """The list as a file, for a spreadsheet."""
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    if form not in FORMATS or entity not in ENTITIES:
        raise Http404
    types = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
    response = HttpResponse(export_list(tenant.pk, entity, form), content_type=types[form])
    response["Content-Disposition"] = f'attachment; filename="{tenant.slug}-{entity}-matching.{form}"'
    actions.audit(tenant.pk, request.user.pk, "match_list_exported", entity)
    return response


def import_view(model_admin: Any, request: HttpRequest, object_id: str, entity: str) -> HttpResponse:
    """Take a list in again that was decided in a spreadsheet: all of it, or nothing and the reasons."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant: Tenant = model_admin.object_or_404(request, object_id)
    if not has_right(request.user, Right.OPERATE, tenant.pk):
        raise PermissionDenied
    file = request.FILES.get("list")
    if entity not in ENTITIES or file is None:
        raise Http404
    form = "xlsx" if str(file.name).lower().endswith(".xlsx") else "csv"
    try:
        count = import_list(tenant.pk, entity, file.read(LARGEST_BYTES + 1), form, request.user.pk)
    except ListError as error:
        for problem in error.problems:
            messages.error(request, problem)
        messages.error(request, gettext("Nothing of the list was taken in."))
    else:
        _say_decided(request, count)
    return HttpResponseRedirect(page_url(tenant.pk, entity))


def page_url(tenant_id: int, entity: str, **query: Any) -> str:
    url = reverse("admin:tenants_tenant_first_matching", args=[tenant_id, entity])
    return f"{url}?{urlencode(query)}" if query else url


# ------------------------------------------------------------------------------------------------ showing


def _page(request: HttpRequest, context: Context, entity: Entity) -> dict[str, Any]:
    of_entity = MatchRow.objects.filter(tenant_id=context.tenant_id, entity=entity.name)
    grouped = of_entity.values("category").annotate(all=Count("pk"), open=Count("pk", filter=Q(decision="")))
    counts: dict[str, tuple[int, int]] = {row["category"]: (row["all"], row["open"]) for row in grouped}
    category = request.GET.get("category", "")
    if category not in MatchRow.Category.values:
        # What a person has to look at comes first.
        asked = [c for c in (*MatchRow.ASKED, *MatchRow.Category) if counts.get(c, (0, 0))[1]]
        category = asked[0].value if asked else MatchRow.Category.CERTAIN.value
    search = request.GET.get("q", "").strip()
    shows = request.GET.get("show", "open")
    rows, has_more = _rows(request, of_entity.filter(category=category), search, shows)
    items = plan_rows(context, entity, rows, {link.pk: link for link in _links(rows)})
    candidates = RecordLink.objects.in_bulk({pk for row in rows if row.is_asked for pk in row.candidates})
    names = names_referred_to(entity, _links(rows))
    policy = EntityPolicy.objects.filter(tenant_id=context.tenant_id, entity=entity.name).first()
    query = {"category": category, "show": shows} | ({"q": search} if search else {})
    return {
        "entity": entity.name,
        "matched_at": policy.matched_at if policy else None,
        "tabs": [
            {
                "value": each.value,
                "label": each.label,
                "tone": TONES[each],
                "open": counts.get(each, (0, 0))[1],
                "all": counts.get(each, (0, 0))[0],
                "url": page_url(context.tenant_id, entity.name, category=each.value),
            }
            for each in MatchRow.Category
        ],
        "category": category,
        "open_count": counts.get(category, (0, 0))[1],
        "decisions": [(MatchRow.Decision(each), each) for each in DECISIONS[MatchRow.Category(category)]],
        "search": search,
        "shows": shows,
        "rows": [_shown(entity, row, item, candidates, names) for row, item in zip(rows, items, strict=True)],
        "winners": WINNERS if category in PAIRS else (),
        "here": request.get_full_path(),
        "first_url": page_url(context.tenant_id, entity.name, **query) if "after" in request.GET else "",
        "next_url": page_url(context.tenant_id, entity.name, **query, after=rows[-1].pk) if has_more else "",
    }


def _rows(request: HttpRequest, rows: QuerySet[MatchRow], search: str, shows: str) -> tuple[list[MatchRow], bool]:
    """The next rows after the one the page before ended with, so the last page costs what the first does."""
    after = request.GET.get("after", "0")
    if not after.isdigit():
        raise Http404
    if shows == "open":
        rows = rows.filter(decision="")
    elif shows == "decided":
        rows = rows.exclude(decision="")
    if search:
        found = Q()
        for side in ("link", "other"):
            found |= Q(**{f"{side}__name__istartswith": search})
            found |= Q(**{f"{side}__uniconta_key__startswith": search})
            found |= Q(**{f"{side}__intempus_key__startswith": search})
        rows = rows.filter(found)
    wanted = rows.filter(pk__gt=int(after)).select_related("link", "other", "decided_by").order_by("pk")
    page = list(wanted[: PER_PAGE + 1])
    return page[:PER_PAGE], len(page) > PER_PAGE


def _links(rows: Sequence[MatchRow]) -> list[RecordLink]:
    return [link for row in rows for link in (row.link, row.other) if link is not None]


def _shown(
    entity: Entity, row: MatchRow, item: Item, candidates: dict[int, RecordLink], names: Names
) -> dict[str, Any]:
    decisions = DECISIONS[MatchRow.Category(row.category)]
    if row.other_id and "link" not in decisions:
        decisions = ("link", *decisions)
    in_uniconta = row.link if row.link.uniconta_id else None
    in_intempus = row.other or (None if in_uniconta and not row.link.is_linked else row.link)
    fields = _fields(entity, in_uniconta, in_intempus, item, names)
    return {
        "row": row,
        "key": _key_label(entity, row.key),
        "tone": TONES[MatchRow.Category(row.category)],
        "is_settled": row.link.is_linked,
        "uniconta": in_uniconta,
        "intempus": in_intempus,
        "fields": fields,
        "has_choices": any(field["choices"] for field in fields),
        "creates": [System(write.split()[1]).value for write in row.writes if write.startswith("create")],
        "why": explain_code(row.reason) if row.reason and not row.is_asked else None,
        "candidates": [candidates[pk] for pk in row.candidates if pk in candidates and not candidates[pk].is_linked],
        "decisions": [(MatchRow.Decision(each), each) for each in decisions if each != row.decision],
    }


def _key_label(entity: Entity, key: str) -> str:
    """Which values are equal, in the reader's words; "" where a person said so."""
    index, _, value = key.partition(":")
    if key == PREFIX:
        return gettext("CPR number")
    if key == "name":
        return attribute_label(entity, "name")
    if not index.isdigit() or int(index) >= len(entity.match):
        return ""
    rule = entity.match[int(index)]
    names = [attribute_label(entity, rule.uniconta), attribute_label(entity, rule.intempus)]
    return f"{' = '.join(dict.fromkeys(names))}: {value}"


def _fields(
    entity: Entity, uniconta: RecordLink | None, intempus: RecordLink | None, item: Item, names: Names
) -> list[dict[str, Any]]:
    """What both records hold, field by field, and what either would hold afterwards."""
    left = (uniconta.current(System.UNICONTA) if uniconta else None) or {}
    right = (intempus.current(System.INTEMPUS) if intempus else None) or {}
    becomes = {
        (write.target, change.field): change.new
        for write in item.plan.writes
        if write.action != "create"
        for change in write.changes
    }
    identifying = {name for rule in entity.match for name in (rule.uniconta, rule.intempus)}

    def shown(attribute: Attribute, system: System, value: Any) -> Any:
        return names.get((item.link.tenant_id, system.value, attribute.reference, str(value)), value)

    fields = []
    for attribute in entity.attributes:
        name = attribute.name
        new = {system: becomes.get((system, name)) for system in System}
        changes = any(value is not None for value in new.values())
        is_blank = left.get(name, "") == "" and right.get(name, "") == ""
        differs = bool(left and right) and not attribute.reference and left.get(name) != right.get(name)
        if not changes and (is_blank or not (name in identifying or differs)):
            continue
        fields.append(
            {
                "name": name,
                "label": attribute_label(entity, name),
                "choices": _choices(attribute, uniconta, left, right) if intempus and not intempus.is_linked else (),
                "uniconta": shown(attribute, System.UNICONTA, left.get(name, "")),
                "intempus": shown(attribute, System.INTEMPUS, right.get(name, "")),
                "differs": differs or changes,
                "new_uniconta": (new[System.UNICONTA],) if new[System.UNICONTA] is not None else None,
                # A new reference is Uniconta's own: Intempus may not have the record yet.
                "new_intempus": (
                    shown(attribute, System.UNICONTA, left.get(name)) if attribute.reference else new[System.INTEMPUS],
                )
                if new[System.INTEMPUS] is not None
                else None,
            }
        )
    return fields


def _choices(
    attribute: Attribute, link: RecordLink | None, left: Mapping[str, Any], right: Mapping[str, Any]
) -> list[tuple[str, Any, bool]]:
    """Whose value may stand: (value, words, whether it is chosen now). A blank never does, so there is no choice then."""
    name = attribute.name
    if link is None or attribute.reference or left.get(name, "") == "" or right.get(name, "") == "":
        return []
    if left[name] == right[name]:
        return []
    chosen = link.winners.get(name, link.winners.get("", Winner.UNICONTA))
    is_open = attribute.direction is Direction.BOTH
    return [(value, text, value == chosen) for value, text in WINNERS if is_open or value != Winner.INTEMPUS.value]


# ------------------------------------------------------------------------------------------------ deciding


def _decide(request: HttpRequest, tenant: Tenant, entity: Entity) -> HttpResponse:
    """One row by its own button, the ticked rows, or all open rows of a category as a run."""
    here = request.POST.get("here", "")
    page = reverse("admin:tenants_tenant_first_matching", args=[tenant.pk, entity.name])
    back = HttpResponseRedirect(here if here.startswith(page) else page)
    rows = MatchRow.objects.filter(tenant=tenant, entity=entity.name)
    one = request.POST.get("one", "")
    if "nothing" in request.POST:
        return back
    if one:
        row_id, _, what = one.partition(":")
        row = rows.filter(pk=int(row_id) if row_id.isdigit() else 0).select_related("link").first()
        if row is None:
            raise Http404
        if what == "hand" or what.startswith("same:"):
            _link_by_hand(request, tenant, row, what)
            return back
        if what == "fields":
            prefix = f"win-{row.pk}-"
            posted = {
                name.removeprefix(prefix): str(value) for name, value in request.POST.items() if name.startswith(prefix)
            }
            return _choose(request, tenant, [row.pk], posted, back)
        ids, decision = [row.pk], what
    elif request.POST.get("scope") == "all":
        return _decide_all(request, tenant, entity)
    else:
        ids = [int(pk) for pk in request.POST.getlist("row") if pk.isdigit()]
        decision = request.POST.get("decision", "")
        if decision == "winner":
            own = list(rows.filter(pk__in=ids).values_list("pk", flat=True))
            return _choose(request, tenant, own, {"": request.POST.get("winner", "")}, back)
    if decision not in ("", *MatchRow.Decision.values):
        raise Http404
    own = list(rows.filter(pk__in=ids).values_list("pk", flat=True))
    count = decide(tenant.pk, own, decision, request.user.pk)
    if not count:
        messages.warning(request, gettext("Nothing was decided: tick rows that are not linked yet."))
    else:
        _say_decided(request, count)
    return back


def _say_decided(request: HttpRequest, count: int) -> None:
    text = ngettext("%(count)s row is decided.", "%(count)s rows are decided.", count)
    messages.success(request, text % {"count": count})


def _decide_all(request: HttpRequest, tenant: Tenant, entity: Entity) -> HttpResponse:
    category, decision = request.POST.get("category", ""), request.POST.get("decision", "")
    winner = request.POST.get("winner", "") if decision == "winner" else ""
    if category not in MatchRow.Category.values:
        raise Http404
    if winner not in dict(WINNERS) if decision == "winner" else decision not in DECISIONS[MatchRow.Category(category)]:
        raise Http404
    run = Run(tenant=tenant, kind=Run.Kind.DECIDE, entity=entity.name, requested_by_id=request.user.pk)
    run.result = {"category": category, **({"winners": {"": winner}} if winner else {"decision": decision})}
    run.total = MatchRow.objects.filter(tenant=tenant, entity=entity.name, category=category, decision="").count()
    actions.start_run(run)
    return HttpResponseRedirect(reverse("admin:sync_run_change", args=[run.pk]))


def _choose(
    request: HttpRequest, tenant: Tenant, ids: list[int], winners: dict[str, str], back: HttpResponse
) -> HttpResponse:
    if not winners or not set(winners.values()) <= set(dict(WINNERS)):
        raise Http404
    count = choose_winners(tenant.pk, ids, winners, request.user.pk)
    text = ngettext("The choice is kept for %(count)s row.", "The choice is kept for %(count)s rows.", count)
    messages.success(request, text % {"count": count})
    return back


def _link_by_hand(request: HttpRequest, tenant: Tenant, row: MatchRow, what: str) -> None:
    text = request.POST.get(f"hand-{row.pk}", "").strip()
    found: list[RecordLink]
    if what == "hand":
        found = free_records(row.link, text) if text else []
    else:
        pk = what.removeprefix("same:")
        found = list(RecordLink.objects.filter(tenant=tenant, entity=row.entity, pk=int(pk) if pk.isdigit() else 0))
    if len(found) != 1:
        text = gettext("There is no single free record in the other system with that number, id or name.")
        messages.error(request, text)
        return
    try:
        link_by_hand(tenant.pk, row.pk, found[0].pk, request.user.pk)
    except TakenError:
        text = gettext("These two records cannot be linked: one of them is linked already.")
        messages.error(request, text)
    else:
        messages.success(request, gettext("Linked: %(one)s = %(other)s") % {"one": row.link, "other": found[0]})
