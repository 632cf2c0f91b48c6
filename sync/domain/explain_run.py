"""*Explain* as a run: a record nobody has seen is looked up in both systems, which no page shall wait for."""

from __future__ import annotations

from dataclasses import asdict

from django.utils import translation

from sync.connectors.errors import RemoteError
from sync.domain.actions import start_run
from sync.domain.explain import explain
from sync.domain.runs import fail_run, finish_run, start
from sync.models import Run
from tenants.scoping import tenant_scope
from tenants.secrets import SecretError


def ask(tenant_id: int, entity: str, key: str, language: str, user_id: int | None) -> Run:
    """Queue it, to be answered in one language. Call inside a scope."""
    result = {"key": key, "language": language}
    return start_run(
        Run(tenant_id=tenant_id, kind=Run.Kind.EXPLAIN, entity=entity, result=result, requested_by_id=user_id)
    )


def explain_run(tenant_id: int, run_id: int) -> Run | None:
    """Carry out such a run. `result`: also "answers", a list of `Explained` as dictionaries."""
    with tenant_scope(tenant_id):
        run = start(run_id)
    if run is None:
        return None
    try:
        with translation.override(run.result["language"]):
            answers = [asdict(answer) for answer in explain(tenant_id, run.entity, run.result["key"])]
    except RemoteError as error:
        return fail_run(run, error.code, error.detail)
    except SecretError as error:
        return fail_run(run, "secret_unreadable", str(error))
    return finish_run(run, result={**run.result, "answers": answers})
