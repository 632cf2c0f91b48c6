"""The doctor's checks of one tenant as a run: once a week by the schedule, so that drift is found before a customer finds it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sync.domain.doctor import Check, Grade, check_tenant
from sync.domain.runs import begin, fail_run, finish_run, progress
from sync.domain.said import in_all_languages
from sync.models import Run


def check_up(tenant_id: int, run_id: int | None = None) -> Run | None:
    """Returns the run, None when one is on already; it fails with `check_up_found` when a check does.

    `counts`: checks by grade. `result["checks"]`: each as {"name", "grade", "found", "fix", "page"}, in the doctor's order; the
    texts as `in_all_languages` keeps them.
    """
    run = begin(tenant_id, Run.Kind.CHECK_UP, run_id)
    if run is None:
        return None
    checks = []
    for check in check_tenant(tenant_id):
        checks.append(check)
        progress(run, len(checks))
    counts = dict(Counter(f"checks_{check.grade}" for check in checks))
    result = {"checks": [_kept(check) for check in checks]}
    if any(check.grade is Grade.FAILED for check in checks):
        return fail_run(run, "check_up_found", counts=counts, result=result)
    return finish_run(run, counts=counts, result=result)


def _kept(check: Check) -> dict[str, Any]:
    texts = {"name": check.name, "found": check.found, "fix": check.fix}
    return {
        "grade": check.grade.value,
        "page": check.page,
        **{name: in_all_languages(text) for name, text in texts.items()},
    }
