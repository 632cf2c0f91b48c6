"""What workers execute: shells around one domain call each. Arguments are primary keys, so that a task may be lost,
doubled or late without carrying old data. Queue them by their path: `enqueue("sync.tasks.pull", tenant_id)`.
"""

from __future__ import annotations

from sync.domain import alerts as alerting
from sync.domain import check_up as checking
from sync.domain import connections, doorbell, match_decisions, templates, undo
from sync.domain import digest as digests
from sync.domain import draft as drafting
from sync.domain import drain as draining
from sync.domain import explain_run as explaining
from sync.domain import first_matching as matching
from sync.domain import hooks as hooking
from sync.domain import pre_sale as counting
from sync.domain import preview as previewing
from sync.domain import pull as pulling
from sync.domain import reconcile as reconciling
from sync.domain import retry_many as retrying
from sync.domain import sweep as sweeping
from sync.domain.hours import run as transferring


def drain(tenant_id: int) -> None:
    """Process the tenant's due change events."""
    draining.drain(tenant_id)


def pull(tenant_id: int, run_id: int | None = None) -> None:
    """Fetch what changed in Intempus."""
    pulling.pull(tenant_id, run_id)


def sweep(tenant_id: int, run_id: int | None = None) -> None:
    """Compare Uniconta with what we know of it: all that is asked for by a run, or what the schedule finds due."""
    if run_id is None:
        sweeping.tick(tenant_id)
    else:
        sweeping.sweep(tenant_id, run_id)


def hours(tenant_id: int, run_id: int | None = None) -> None:
    """Read work reports and transfer what is ready."""
    transferring.hours(tenant_id, run_id)


def reconcile(tenant_id: int, run_id: int | None = None) -> None:
    """Read both systems completely and compare."""
    reconciling.reconcile(tenant_id, run_id)


def check_up(tenant_id: int, run_id: int | None = None) -> None:
    """Everything the doctor looks at, kept as a run."""
    checking.check_up(tenant_id, run_id)


def check_step(tenant_id: int, run_id: int) -> None:
    """What the doctor looks at in one step of the onboarding."""
    checking.check_step(tenant_id, run_id)


def roll_out(tenant_id: int, run_id: int) -> None:
    """Give a tenant what a changed template says."""
    templates.roll_out(tenant_id, run_id)


def pre_sale(tenant_id: int, run_id: int) -> None:
    """Count what both systems of a customer to be hold."""
    counting.pre_sale(tenant_id, run_id)


def digest(tenant_id: int) -> None:
    """Mail what was overwritten."""
    digests.send_digest(tenant_id)


def check_connection(tenant_id: int, run_id: int) -> None:
    """Try a connection's credentials and note what it may do."""
    connections.check_connection(tenant_id, run_id)


def retry_many(tenant_id: int, run_id: int) -> None:
    """Try many records again."""
    retrying.retry_many(tenant_id, run_id)


def hooks(tenant_id: int, run_id: int) -> None:
    """Look at the Change URL rows in Uniconta, or create the missing ones: the run says which."""
    hooking.hooks(tenant_id, run_id)


def first_matching(tenant_id: int, run_id: int) -> None:
    """Read both systems and list what corresponds to what."""
    matching.first_matching(tenant_id, run_id)


def decide_many(tenant_id: int, run_id: int) -> None:
    """Decide on many rows of the first matching."""
    match_decisions.decide_many(tenant_id, run_id)


def undo_run(tenant_id: int, run_id: int) -> None:
    """Take back what a run wrote."""
    undo.undo_run(tenant_id, run_id)


def explain(tenant_id: int, run_id: int) -> None:
    """Look a record up in both systems and say why it is not here."""
    explaining.explain_run(tenant_id, run_id)


def preview(tenant_id: int, run_id: int) -> None:
    """Say what would happen to one record, without anything happening."""
    previewing.preview(tenant_id, run_id)


def try_out(tenant_id: int, run_id: int) -> None:
    """Say what a draft of own fields makes of one record."""
    drafting.try_out(tenant_id, run_id)


def preview_effect(tenant_id: int, run_id: int) -> None:
    """Say which records a draft of own fields would alter."""
    drafting.preview_effect(tenant_id, run_id)


def alert() -> None:
    """Tell people what is wrong, and what is over."""
    alerting.tell()


def alert_test(channel_id: int) -> None:
    """Send a test message."""
    alerting.send_test(channel_id)


def beat(name: str) -> None:
    """Prove that tasks are executed."""
    doorbell.beat(name)
