"""The oracle can fail: each of its questions answered with no, on rows made up for it."""

from typing import ClassVar

from tests.chaos.oracle import judge


class Place:
    """What an installation would answer."""

    companies: ClassVar[dict[str, tuple[int, int]]] = {"nordbyg": (4242, 61001), "havnen": (4343, 61002)}

    def __init__(self, *, hooks=(), unhappy=(), logged=(), calls=(), differences=()):
        self.tables = {"origin = 'webhook'": hooks, "NOT IN": unhappy, "sync_synclogentry": logged}
        self.calls, self.found = calls, list(differences)

    def wait_until_quiet(self, seconds):
        pass

    def query(self, statement, *parameters):
        [rows] = [rows for words, rows in self.tables.items() if words in statement]
        return list(rows)

    def control(self, system, what):
        return {"entries": list(self.calls) if system == "intempus" else []}

    def differences(self):
        return self.found


def call(company=61001, user="api@nordbyg.dk", **effect):
    effects = [{"company": company, "resource": "customer", "id": 7, **effect}] if effect else []
    return {"company": company, "user": user, "path": "/web/v1/customer/", "effects": effects}


LOGGED = ("nordbyg", "customer", "intempus", "create", "1", "7")


def test_all_is_well():
    place = Place(hooks=[("a",)], logged=[LOGGED], calls=[call(action="created"), call()])
    assert judge(place, ["a"], seconds=1).sentences == []


def test_a_hint_that_was_answered_and_not_stored_is_lost():
    assert judge(Place(hooks=[("a",)]), ["a", "b"], seconds=1).lost == ["answered, but not stored: b"]


def test_an_event_without_a_good_end_is_wrong():
    place = Place(unhappy=[(3, "quarantined", "crashed")])
    assert judge(place, seconds=1).wrong == ["event 3 ended quarantined: crashed"]


def test_a_record_that_stands_twice_is_duplicated():
    sentence = "nordbyg: 2 customers for debtor 1001"
    assert judge(Place(differences=[sentence]), seconds=1).duplicated == [sentence]


def test_a_write_without_an_entry_and_an_entry_without_a_write_are_wrong():
    place = Place(calls=[call(action="created")])
    assert judge(place, seconds=1).wrong == ["written, but not in the log: nordbyg customer intempus 7 created (1)"]
    place = Place(logged=[LOGGED])
    assert judge(place, seconds=1).wrong == ["in the log, but not written: nordbyg customer intempus 7 created (1)"]


def test_a_log_in_at_another_company_is_wrong():
    place = Place(calls=[call(company=61002)])
    assert judge(place, seconds=1).wrong == ["api@nordbyg.dk called /web/v1/customer/"]
