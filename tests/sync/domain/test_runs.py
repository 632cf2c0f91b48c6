"""The run's row is the truth: what a killed worker or a lost task leaves behind is done all the same, and once."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from sync.domain.runs import begin, finish_run, progress, queue_run, resume_runs, start
from sync.models import Run
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_tenant


@pytest.fixture
def queued(monkeypatch):
    """What was put into the queue, (task, arguments); nothing of it is carried out."""
    tasks = []
    monkeypatch.setattr("sync.queue.enqueue", lambda task, *arguments, delay: tasks.append((task, arguments)))
    return tasks


@pytest.fixture
def run(db, queued):
    return new_run("nordbyg")


def new_run(slug):
    tenant = make_tenant(slug)
    with tenant_scope(tenant.pk):
        return queue_run(Run(tenant=tenant, kind=Run.Kind.PULL))


def let_time_pass(run, seconds):
    with tenant_scope(ALL):
        Run.objects.filter(pk=run.pk).update(alive_at=Now() - timedelta(seconds=seconds))


def stored(run):
    with tenant_scope(ALL):
        run.refresh_from_db()
    return run.state, run.error_code


def test_a_lost_task_is_queued_again(run, queued, settings):
    assert queued == [("sync.tasks.pull", (run.tenant_id, run.pk))]
    assert resume_runs() == 0
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    assert resume_runs() == 1
    assert queued[1:] == queued[:1]
    assert resume_runs() == 0  # its new task is on the way


def test_a_run_whose_worker_died_starts_again_and_others_are_left_alone(run, queued, settings):
    other = new_run("havnen")
    for each in (run, other):
        assert begin(each.tenant_id, each.kind, each.pk)
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    assert resume_runs() == 1
    assert stored(run) == (Run.State.QUEUED, "")
    assert stored(other) == (Run.State.RUNNING, "")
    assert begin(run.tenant_id, run.kind, run.pk).start_count == 2


def test_a_task_that_comes_twice_does_nothing_the_second_time(run):
    first = begin(run.tenant_id, run.kind, run.pk)
    assert begin(run.tenant_id, run.kind, run.pk) is None
    with tenant_scope(run.tenant_id):
        assert start(run.pk) is None
    assert stored(run) == (Run.State.RUNNING, "")
    finish_run(first)
    assert begin(run.tenant_id, run.kind, run.pk) is None
    assert stored(run) == (Run.State.DONE, "")


def test_what_takes_its_worker_down_time_and_again_is_given_up(run, settings):
    for _ in range(3):
        assert begin(run.tenant_id, run.kind, run.pk)
        let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
        assert resume_runs() == 1
    assert stored(run) == (Run.State.FAILED, "crashed")


def test_progress_is_a_sign_of_life(run, settings):
    begin(run.tenant_id, run.kind, run.pk)
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    progress(run, 500, 1000)
    assert resume_runs() == 0


def test_a_second_run_of_a_kind_ends_at_once_unless_the_first_is_dead(run, settings):
    assert begin(run.tenant_id, run.kind, run.pk)
    with tenant_scope(run.tenant_id):
        second = queue_run(Run(tenant_id=run.tenant_id, kind=run.kind))
        third = queue_run(Run(tenant_id=run.tenant_id, kind=run.kind))
    assert begin(run.tenant_id, run.kind, second.pk) is None
    assert stored(second) == (Run.State.DONE, "already_running")
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    assert begin(run.tenant_id, run.kind, third.pk)
    assert stored(run) == (Run.State.FAILED, "crashed")
