"""The doctor's checks of one tenant as a run: once a week by the schedule, so that drift is found before a customer finds it;
and those of one step of the onboarding, whenever a person asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mappings.spec import System
from sync.connectors.errors import RemoteError
from sync.domain.check import Area, Check, Grade
from sync.domain.connections import Recorder, check_connection_now
from sync.domain.doctor import check_tenant
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.domain.said import in_all_languages
from sync.models import Run
from tenants.models import Connection
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError


def check_up(tenant_id: int, run_id: int | None = None) -> Run | None:
    """Returns the run, None when one is on already; it fails with `check_up_found` when a check does.

    `counts`: checks by grade. `result["checks"]`: each as {"name", "grade", "found", "fix", "page", "area"}, in the doctor's
    order; the texts as `in_all_languages` keeps them.
    """
    run = begin(tenant_id, Run.Kind.CHECK_UP, run_id)
    return run and _carry_out(run, tuple(Area))


def check_step(tenant_id: int, run_id: int) -> Run | None:
    """The checks of the area that the run names, kept in the same way. A connection is tried first, which pins its company."""
    run = begin(tenant_id, Run.Kind.STEP, run_id)
    if run is None:
        return None
    area = Area(run.result["area"])
    if area.value in set(System):
        _try_connection(run, area.value)
    return _carry_out(run, (area,))


def _try_connection(run: Run, system: str) -> None:
    """What goes wrong is on the connection afterwards, and among the checks."""
    with tenant_scope(run.tenant_id):
        connection = Connection.objects.filter(tenant_id=run.tenant_id, system=system).select_related("tenant").first()
    if connection is None or not connection.sealed_secret:
        return
    try:
        check_connection_now(connection, Recorder(run.tenant_id, run))
    except (RemoteError, SecretError):
        return


def _carry_out(run: Run, areas: Sequence[Area]) -> Run:
    checks = []
    for check in check_tenant(run.tenant_id, areas):
        checks.append(check)
        progress(run, len(checks))
    counts = dict(Counter(f"checks_{check.grade}" for check in checks))
    result = run.result | {"checks": [_kept(check) for check in checks]}
    if any(check.grade is Grade.FAILED for check in checks):
        return fail_run(run, "check_up_found", counts=counts, result=result)
    return finish_run(run, counts=counts, result=result)


def _kept(check: Check) -> dict[str, Any]:
    texts = {"name": check.name, "found": check.found, "fix": check.fix}
    return {
        "grade": check.grade.value,
        "page": check.page,
        "area": check.area,
        **{name: in_all_languages(text) for name, text in texts.items()},
    }
