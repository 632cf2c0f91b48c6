"""Writing many rows at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, models
from django.utils import timezone


def save_many(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """UPDATE these fields of all rows, pipelined: about ten times as fast as `bulk_update`, whose one large statement
    costs more to build than to run. `auto_now` fields are set, as `save` would. Call inside a scope.
    """
    if not rows:
        return
    meta = type(rows[0])._meta  # noqa: SLF001 - Django's public way to a model's fields
    columns = [column for column in meta.concrete_fields if column.name in fields or column.attname in fields]
    stamped = [column for column in meta.concrete_fields if getattr(column, "auto_now", False)]
    now = timezone.now()
    assignments = ", ".join(f'"{column.column}" = %s' for column in [*columns, *stamped])
    with connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{meta.db_table}" SET {assignments} WHERE id = %s',  # noqa: S608 - names of our own models
            [
                [
                    *(column.get_db_prep_save(getattr(row, column.attname), connection) for column in columns),
                    *(now for _ in stamped),
                    row.pk,
                ]
                for row in rows
            ],
        )
