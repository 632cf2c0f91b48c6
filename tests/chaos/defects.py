"""Defects a row starts the processes with, to prove that it would see them. Named by the variable DEFECT.

Processes get them through `tests.chaos.defective_settings`; nothing of the product knows about it.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from django.apps import AppConfig


class DefectsConfig(AppConfig):
    name = "tests.chaos"
    label = "defects"

    def ready(self) -> None:
        defect = os.environ.get("DEFECT")
        if defect:
            DEFECTS[defect]()


def claims_are_never_released() -> None:
    """What a killed drain had claimed stays claimed."""
    from sync.domain import drain

    drain.recover = lambda context, lease: None  # type: ignore[assignment]


def nothing_is_looked_up_before_a_create() -> None:
    """A record whose creation was never answered is created again."""
    from sync.domain import decide

    decide.worth_matching = lambda entity, links: set()  # type: ignore[assignment]


def numbers_are_not_looked_up_before_a_create() -> None:
    """The same towards Uniconta."""
    from sync.domain import drain

    drain._look_before_create = lambda context, lease, entity, work: work


def what_arrived_unheard_counts_as_a_persons_edit() -> None:
    """Writes whose answer was lost are never settled."""
    from sync.domain import drain

    drain.settle_unclear = lambda entity, items: None


def answered_before_it_is_stored() -> None:
    """A webhook gets its 200 first; the hint is stored a moment later."""
    from sync.api import webhooks
    from sync.domain.receive import Outcome

    store = webhooks.receive_uniconta

    def later(*arguments: Any) -> None:
        time.sleep(0.3)
        store(*arguments)

    def answer_first(*arguments: Any) -> Outcome:
        threading.Thread(target=later, args=arguments, daemon=True).start()
        return Outcome.STORED

    webhooks.receive_uniconta = answer_first


def orphans_live_on() -> None:
    """The worker's processes do not ask to die with their parent."""
    from sync.management.commands import run_worker

    run_worker.die_with_parent = lambda parent: None


def a_company_may_take_every_worker() -> None:
    """As many drains of one company as there are workers, each waiting for the same remote."""
    import uuid

    from sync.domain import doorbell, drain

    at_work = "AND NOT EXISTS (SELECT FROM sync_drainlease l WHERE l.tenant_id = t.id AND l.lease_until > statement_timestamp())"
    for name in ("RING_DUE", "TAKE_BELLS"):
        assert at_work in getattr(doorbell, name)
        setattr(doorbell, name, getattr(doorbell, name).replace(at_work, ""))
    drain.take_lease = lambda tenant_id: (
        doorbell.take_lease(tenant_id)
        or doorbell.Lease(  # type: ignore[assignment]
            tenant_id, uuid.uuid4(), time.monotonic() + 60
        )
    )


def events_end_before_the_answer_is_stored() -> None:
    """Two transactions where one is needed: the events are over in the first, what was written is noted in the second."""
    from sync.domain import claim, drain
    from sync.models import ChangeEvent
    from tenants.scoping import tenant_scope

    remember = drain._remember

    def in_two_steps(context: Any, lease: Any, entity: Any, handful: Any) -> None:
        with tenant_scope(context.tenant_id):
            claim.finish([event for done in handful for event in done.item.events], ChangeEvent.State.DONE)
        remember(context, lease, entity, handful)

    drain._remember = in_two_steps


def what_came_in_meanwhile_counts_as_answered() -> None:
    """A hint that arrives between our read and its outcome ends with the event that caused the read."""
    from sync.domain import drain
    from sync.models import ChangeEvent
    from tenants.scoping import tenant_scope

    remember = drain._remember

    def end_all(context: Any, lease: Any, entity: Any, handful: Any) -> None:
        remember(context, lease, entity, handful)
        with tenant_scope(context.tenant_id):
            for done in handful:
                record = {"entity": entity.name, "system": "uniconta", "remote_id": done.item.link.uniconta_id}
                ChangeEvent.objects.filter(tenant_id=context.tenant_id, state="pending", **record).update(state="done")

    drain._remember = end_all


def a_check_of_uniconta_sees_nothing() -> None:
    """The check reads every row, and makes no change of any."""
    from sync.domain import sweep
    from sync.domain.observe import Observed

    seen = sweep.observe

    def observe(context: Any, *arguments: Any, **options: Any) -> Any:
        is_loaded = context.policies[arguments[0].name].loaded_at is not None
        return Observed() if is_loaded else seen(context, *arguments, **options)

    sweep.observe = observe


def a_look_always_writes() -> None:
    """A record that was looked at is written to Uniconta, changed or not."""
    from dataclasses import replace

    from mappings.engine import Action, FieldChange, Write
    from mappings.spec import System
    from sync.domain import drain

    plan_items = drain.plan_items

    def plan_too_much(context: Any, entity: Any, items: Any, **options: Any) -> None:
        plan_items(context, entity, items, **options)
        for item in items:
            if not item.plan.writes and item.link.is_linked and entity.name == "customer":
                name = item.link.current(System.UNICONTA)["name"]
                change = FieldChange("name", name, name, "changed_in_intempus")
                item.plan = replace(item.plan, writes=(Write(System.UNICONTA, Action.UPDATE, (change,)),))

    drain.plan_items = plan_too_much


def nothing_says_what_was_overwritten() -> None:
    """The loser of a conflict is written over, and the log is silent about it."""
    from sync.domain import push

    describe = push.describe

    def forget(*arguments: Any) -> dict[str, Any]:
        return {name: value for name, value in describe(*arguments).items() if name != "overwritten"}

    push.describe = forget


def a_pull_restarts_where_it_stopped() -> None:
    """Without overlap, what commits late with a lower stamp is never read."""
    from datetime import timedelta

    from sync.domain import pull

    pull.OVERLAP = timedelta(0)


def a_crash_is_forgotten() -> None:
    """However often a record takes its worker down, it is tried again."""
    from sync.domain import claim

    claim.CRASHES_ALONE = 10**6


def nobody_rings_for_what_is_due() -> None:
    """A bell that is lost stays lost."""
    from sync.domain import doorbell

    doorbell.ring_due = lambda: 0


def a_breaker_never_opens() -> None:
    """Each outage is forgotten at once, so the next drain hangs as well."""
    from sync.domain import connections

    connections.OUTAGES_BEFORE_PAUSE = connections.OUTAGES_OF_A_HOST = 10**6


def readings_are_dated_by_our_clock() -> None:
    """What is compared with the database's instants comes from this machine's clock."""
    from django.utils import timezone

    from sync.domain import claim, drain, pull

    renew = claim.renew
    claim.renew = lambda lease: timezone.now() if renew(lease) else None
    for module in (drain, pull):
        module.database_now = timezone.now  # type: ignore[attr-defined]


def a_drain_keeps_its_worker() -> None:
    """It goes on until nothing is due any more, and whoever comes after it waits."""
    from sync.domain import drain

    drain.SLICE_SECONDS = 10**6


DEFECTS = {
    function.__name__: function
    for function in (
        claims_are_never_released,
        nothing_is_looked_up_before_a_create,
        numbers_are_not_looked_up_before_a_create,
        what_arrived_unheard_counts_as_a_persons_edit,
        answered_before_it_is_stored,
        orphans_live_on,
        a_company_may_take_every_worker,
        events_end_before_the_answer_is_stored,
        what_came_in_meanwhile_counts_as_answered,
        a_check_of_uniconta_sees_nothing,
        a_look_always_writes,
        nothing_says_what_was_overwritten,
        a_pull_restarts_where_it_stopped,
        a_crash_is_forgotten,
        nobody_rings_for_what_is_due,
        a_breaker_never_opens,
        readings_are_dated_by_our_clock,
        a_drain_keeps_its_worker,
    )
}
