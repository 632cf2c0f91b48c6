"""Rows in memory: companies → resources → rows by id.

A stored row is never changed in place; a change replaces it. A reader can therefore take the list of rows under the
lock and turn it into JSON outside, and a row may carry its own rendered text until it is replaced.
"""

from collections.abc import Iterable, Iterator
from typing import Any


class Row(dict[str, Any]):
    """One stored row; `rendered` remembers its JSON text per view."""

    __slots__ = ("rendered",)

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.rendered: dict[Any, str] = {}


class Table:
    """The rows of one resource in one company, with an index on the logical key where there is one."""

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.rows: dict[int, Row] = {}
        self._ids_by_key: dict[str, int] = {}
        self._ids_by_text: dict[str, dict[str, set[int]]] = {}  # name → text → ids; made when first asked for

    def put(self, row_id: int, values: dict[str, Any]) -> Row:
        self.drop(row_id, keep_place=True)
        row = Row(values)
        self.rows[row_id] = row
        if self.key is not None:
            self._ids_by_key[fold(row.get(self.key))] = row_id
        for name, index in self._ids_by_text.items():
            index.setdefault(fold(row.get(name)), set()).add(row_id)
        return row

    def drop(self, row_id: int, *, keep_place: bool = False) -> None:
        old = self.rows.get(row_id) if keep_place else self.rows.pop(row_id, None)
        if old is not None and self.key is not None:
            folded = fold(old.get(self.key))
            if self._ids_by_key.get(folded) == row_id:
                del self._ids_by_key[folded]
        for name, index in self._ids_by_text.items() if old is not None else ():
            index[fold(old.get(name))].discard(row_id)

    def by_key(self, key: Any) -> Row | None:
        row_id = self._ids_by_key.get(fold(key))
        return None if row_id is None else self.rows.get(row_id)

    def with_text(self, name: str, texts: Iterable[str]) -> list[Row]:
        """The rows whose text in `name` is one of these, whatever the case, by id: tens of thousands are not looked through."""
        if name not in self._ids_by_text:
            index = self._ids_by_text[name] = {}
            for row_id, row in self.rows.items():
                index.setdefault(fold(row.get(name)), set()).add(row_id)
        found = set().union(*(self._ids_by_text[name].get(fold(text), ()) for text in texts))
        return [self.rows[row_id] for row_id in sorted(found)]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)


class Store:
    def __init__(self) -> None:
        self._tables: dict[tuple[int, str], Table] = {}

    def table(self, company: int, resource: str, key: str | None = None) -> Table:
        table = self._tables.get((company, resource))
        if table is None:
            table = self._tables[(company, resource)] = Table(key)
        return table

    def clear(self) -> None:
        self._tables.clear()


def fold(key: Any) -> str:
    """Keys are unique regardless of case, as in SQL Server's usual collation."""
    return "" if key is None else str(key).casefold()
