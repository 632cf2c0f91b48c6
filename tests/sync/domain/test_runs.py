"""The run's row is the truth: what a killed worker or a lost task leaves behind is done all the same, and once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from sync.domain import runs
from sync.domain.actions import compare_again, start_run
from sync.domain.runs import begin, fail_run, finish_run, progress, queue_run, resume_runs, sign_of_life, start
from sync.models import Run
from tenants.scoping import ALL, tenant_scope
from tests.factories import make_tenant, make_user


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
    started = begin(run.tenant_id, run.kind, run.pk)
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    progress(started, 500, 1000)
    assert resume_runs() == 0


def test_a_sign_of_life_is_that_of_the_start_at_work(run, settings):
    """A worker that was thought dead goes on calling: that keeps no successor alive that died."""
    zombie = begin(run.tenant_id, run.kind, run.pk)
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    assert resume_runs() == 1
    successor = begin(run.tenant_id, run.kind, run.pk)
    for worker, resumed in ((successor, 0), (zombie, 1)):
        let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
        with tenant_scope(run.tenant_id):
            sign_of_life(worker)
        assert resume_runs() == resumed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wish", ["rule", "button"])
def test_what_waits_for_the_same_begins_after_the_change_that_was_made_for_it(queued, wish):
    """A queued run answers the next wish, too; one that began before that is committed would read the old rule."""
    tenant, person = make_tenant("nordbyg"), make_user("person")

    def ask():
        if wish == "rule":
            return compare_again(tenant.pk, "customer", person.pk)
        return start_run(Run(tenant_id=tenant.pk, kind=Run.Kind.SWEEP, requested_by_id=person.pk))

    def take(run):
        with tenant_scope(tenant.pk), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
            return start(run.pk)

    def from_another_worker(run):
        try:
            return take(run)
        except DatabaseError:
            return "waits"
        finally:
            connection.close()

    with tenant_scope(tenant.pk):
        first = ask()
    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(tenant.pk):
            assert ask() == first
            assert pool.submit(from_another_worker, first).result() == "waits"
        assert pool.submit(from_another_worker, first).result() == first
    with tenant_scope(tenant.pk):
        assert ask() != first  # it has begun, so a new one follows


def test_a_second_run_of_a_kind_waits_for_the_first_unless_that_is_dead(run, queued, settings):
    assert begin(run.tenant_id, run.kind, run.pk)
    assert begin(run.tenant_id, run.kind) is None  # the schedule has no wish of its own
    with tenant_scope(run.tenant_id):
        second = queue_run(Run(tenant_id=run.tenant_id, kind=run.kind))
        third = queue_run(Run(tenant_id=run.tenant_id, kind=run.kind))
        assert Run.objects.count() == 3
    assert begin(run.tenant_id, run.kind, second.pk) is None
    assert stored(second) == (Run.State.QUEUED, "follows_another")
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    started = begin(run.tenant_id, run.kind, third.pk)
    assert stored(run) == (Run.State.FAILED, "crashed")
    del queued[:]
    finish_run(started)
    assert queued == [("sync.tasks.pull", (run.tenant_id, second.pk))]
    assert stored(second) == (Run.State.QUEUED, "")


def test_a_wish_that_waits_starts_when_the_run_at_work_has_ended(run, queued):
    other = new_run("havnen")
    first = begin(run.tenant_id, run.kind, run.pk)
    with tenant_scope(run.tenant_id):
        wishes = [queue_run(Run(tenant_id=run.tenant_id, kind=run.kind)) for _ in range(2)]
    for wish in wishes:
        assert begin(run.tenant_id, run.kind, wish.pk) is None
    del queued[:]
    fail_run(first, "timeout")
    assert queued == [("sync.tasks.pull", (run.tenant_id, wishes[0].pk))]
    assert [stored(wish) for wish in wishes] == [(Run.State.QUEUED, ""), (Run.State.QUEUED, "follows_another")]
    finish_run(begin(run.tenant_id, run.kind, wishes[0].pk))
    assert queued[1:] == [("sync.tasks.pull", (run.tenant_id, wishes[1].pk))]
    assert stored(other) == (Run.State.QUEUED, "")


def test_a_wish_is_kept_though_the_run_at_work_ends_at_the_same_instant(run, queued, monkeypatch):
    """Its end saw nobody wait, and nobody else would look."""
    first = begin(run.tenant_id, run.kind, run.pk)
    with tenant_scope(run.tenant_id):
        wish = queue_run(Run(tenant_id=run.tenant_id, kind=run.kind))
    del queued[:]
    look_again = runs._start_next

    def end_first(tenant_id, kind):
        monkeypatch.setattr(runs, "_start_next", lambda *_: None)
        finish_run(first)
        look_again(tenant_id, kind)

    monkeypatch.setattr(runs, "_start_next", end_first)
    assert begin(run.tenant_id, run.kind, wish.pk) is None
    assert queued == [("sync.tasks.pull", (run.tenant_id, wish.pk))]


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_run_thought_dead_does_not_end_its_successor(run, settings, is_begun):
    zombie = begin(run.tenant_id, run.kind, run.pk)
    let_time_pass(run, settings.RUN_SILENT_SECONDS + 1)
    assert resume_runs() == 1
    successor = begin(run.tenant_id, run.kind, run.pk) if is_begun else None
    expected = (Run.State.RUNNING if is_begun else Run.State.QUEUED, "")
    progress(zombie, 7, 9)
    finish_run(zombie, counts={"read": 7})
    assert stored(run) == expected
    assert (run.counts, run.done) == ({}, 0)
    fail_run(zombie, "timeout")
    assert stored(run) == expected
    if successor:
        finish_run(successor, counts={"read": 9})
        assert (stored(run), run.counts, run.done) == ((Run.State.DONE, ""), {"read": 9}, 9)
