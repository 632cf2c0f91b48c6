"""The doctor's checks of one tenant as a run: once a week by the schedule, so that drift is found before a customer finds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from sync.domain.doctor import Grade, check_tenant
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.models import Run


def check_up(tenant_id: int, run_id: int | None = None) -> Run | None:
    """Returns the run, None when one is on already; it fails with `check_up_found` when a check does.

    `counts`: checks by grade. `result["checks"]`: each as {"name", "grade", "found", "fix"}, in the doctor's order.
    """
    run = begin(tenant_id, Run.Kind.CHECK_UP, run_id)
    if run is None:
        return None
    checks = []
    for check in check_tenant(tenant_id):
        checks.append(check)
        progress(run, len(checks))
    counts = dict(Counter(f"checks_{check.grade}" for check in checks))
    result = {"checks": [asdict(check) for check in checks]}
    if found := [check.name for check in checks if check.grade is Grade.FAILED]:
        return fail_run(run, "check_up_found", ", ".join(found), counts=counts, result=result)
    return finish_run(run, counts=counts, result=result)
