"""What workers execute: shells around one domain call each. Arguments are primary keys, so that a task may be lost,
doubled or late without carrying old data. Queue them by their path: `enqueue("sync.tasks.pull", tenant_id)`.
"""

# The domain's modules are imported inside: web processes queue these tasks by name and need none of what they pull in.

from __future__ import annotations


def drain(tenant_id: int) -> None:
    """Process the tenant's due change events."""
    from sync.domain import drain as domain

    domain.drain(tenant_id)


def pull(tenant_id: int, run_id: int | None = None) -> None:
    """Fetch what changed in Intempus."""
    from sync.domain import pull as domain

    domain.pull(tenant_id, run_id)


def sweep(tenant_id: int, run_id: int | None = None) -> None:
    """Compare Uniconta with what we know of it."""
    from sync.domain import sweep as domain

    domain.sweep(tenant_id, run_id)


def test_connection(connection_id: int, run_id: int) -> None:
    """Try a connection's credentials and note what it may do."""
    from sync.domain import connections as domain

    domain.test_connection(connection_id, run_id)


def beat(name: str) -> None:
    """Prove that tasks are executed."""
    from sync.domain import doorbell

    doorbell.beat(name)
