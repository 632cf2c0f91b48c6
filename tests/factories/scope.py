"""The scope in which a factory stores its rows."""

from contextlib import AbstractContextManager, nullcontext

from tenants import scoping
from tenants.scoping import ALL, tenant_scope


def scope_of(tenants: int | str) -> AbstractContextManager[None]:
    """A scope of its own, or that of a caller who makes many rows inside `tenant_scope(ALL)`: each scope costs statements."""
    return nullcontext() if scoping._named.get() == ALL else tenant_scope(tenants)
