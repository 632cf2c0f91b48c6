"""The console's pages about what moves: companies with their health, linked pairs, changes, runs and the log."""

# ruff: noqa: F401 - imported to register the pages

from sync.admin import (
    alert,
    attention,
    change_event,
    field_rule,
    held_set,
    hours,
    log,
    queue,
    record_link,
    run,
    template,
    tenant,
)
