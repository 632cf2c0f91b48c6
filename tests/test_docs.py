"""The docs tell the truth where a machine can tell: what they name exists, and is called what they call it."""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.utils import translation
from django.utils.translation import gettext

from mappings import spec
from mappings.entities import ENTITIES
from mappings.models import FieldRule, ValueMap, WorkTypeRule
from sync.domain import tenant_file
from sync.domain.catalogue import SENTENCES
from sync.domain.tenant_file import editable_fields
from sync.models import PayCalendar

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP = "integration_platform|tenants|mappings|sync|tests|docs|requirements|templates|\\.ci"
#: Made while running, or made by the reader.
NOT_IN_THE_PROJECT = re.compile(r"^(var|/|http|hooks)|^(product|product_group|nordbyg)\.")
#: Functions, settings, constants and options: `ring_due`, `LEASE_SECONDS`, `--beat-limit`.
NAMES = re.compile(r"\b[A-Za-z]+(?:_[A-Za-z]+)+\b|(?<!\w)--[a-z][a-z-]+")
OF_OTHERS = {"FORWARDED_ALLOW_IPS", "pg_dump"}  # gunicorn's and PostgreSQL's

every_doc = pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(ROOT)))


def quoted(doc: Path) -> Iterator[str]:
    """What stands between backticks, blocks of code excepted."""
    for line in doc.read_text(encoding="utf-8").splitlines():
        if not line.startswith("    "):
            yield from re.findall(r"`([^`]+)`", line)


def blocks(doc: Path) -> list[str]:
    """Indented code, one text per block."""
    text = doc.read_text(encoding="utf-8")
    found = re.findall(r"(?:^|\n\n)((?: {4}.*\n|\n(?= {4}))+)", text)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in found]


def anchors(doc: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", doc.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def sources() -> str:
    """All code, and the Makefile."""
    folders = ("integration_platform", "tenants", "mappings", "sync", "tests")
    files = [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if path.name != "test_docs.py"
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in [*files, ROOT / "Makefile"])


@every_doc
def test_links_lead_somewhere(doc: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", doc.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        found = (doc.parent / path).resolve() if path else doc
        assert found.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


@every_doc
def test_files_and_tests_that_are_named_exist(doc: Path) -> None:
    for text in quoted(doc):
        for name in re.findall(rf"(?<![\w/.])(?:{TOP})/[\w./:-]*", text):
            path, _, test = name.rstrip(".").partition("::")
            assert (ROOT / path).exists(), f"{path} does not exist"
            assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"no {test} in {path}"
        if re.fullmatch(r"[\w-]+\.(?:py|toml|md)", text) and not NOT_IN_THE_PROJECT.match(text):
            assert (ROOT / text).exists(), f"{text} does not exist"


@every_doc
def test_modules_that_are_named_exist(doc: Path) -> None:
    for text in doc.read_text(encoding="utf-8").splitlines():
        for name in re.findall(r"(?:-m|from) ((?:integration_platform|tenants|mappings|sync|tests)[\w.]*)", text):
            assert importlib.util.find_spec(name) is not None, f"{name} does not exist"


@every_doc
def test_make_targets_and_commands_exist(doc: Path) -> None:
    text = doc.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    missing = {"bench"} if doc.name.startswith("0009") else set()  # which says that it is missing
    named = set(re.findall(r"(?:^ {4}(?:[A-Z]+=\S+ )*|`(?:[A-Z]+=\S+ )*)make ([a-z]+)", text, re.MULTILINE))
    assert named - targets == missing
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())


@every_doc
def test_names_stand_in_the_code(doc: Path) -> None:
    for text in quoted(doc):
        for name in NAMES.findall(text) if "/" not in text and ".py" not in text else ():  # files: see above
            is_ours = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", sources())
            assert is_ours or name in OF_OTHERS, f"{name} stands nowhere in the code"


def test_every_page_is_in_the_handbook() -> None:
    """Its build fails on a page that is missing, and on a link that leads nowhere; not on a page nobody is led to."""
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for doc in DOCS[1:]:
        name = doc.relative_to(ROOT / "docs").as_posix()
        assert f": {name}\n" in menu or f"({doc.name})" in listed, name


def tenant_file_keys() -> dict[str, set[str]]:
    """The keys the page lists, by heading."""
    keys: dict[str, set[str]] = {}
    for line in (ROOT / "docs" / "tenant-file.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = keys.setdefault(line[3:], set())
        elif match := re.match(r"- ((?:`\w+`(?:, )?)+):", line):
            heading |= set(re.findall(r"`(\w+)`", match[1]))
    return keys


def test_every_key_of_the_tenant_file_is_explained_and_known() -> None:
    tables = {"uniconta", "intempus", "entities", "work_type_rules", "pay_calendars", "field_rules", "value_maps"}
    assert tenant_file_keys() == {
        "[[tenant]]": {*tenant_file.tenant_fields(), *tenant_file.TENANT_KEYS, *tables},
        "[tenant.uniconta] and [tenant.intempus]": {
            *tenant_file.connection_fields(),
            *tenant_file.SECRET_KEYS.values(),
        },
        "[tenant.entities.NAME]": set(tenant_file.policy_fields()),
        "[tenant.entities.work_report]": set(tenant_file.hours_fields()),
        "[[tenant.work_type_rules]]": set(editable_fields(WorkTypeRule, "tenant")),
        "[[tenant.pay_calendars]]": set(editable_fields(PayCalendar, "tenant")),
        "[[tenant.field_rules]]": set(editable_fields(FieldRule, "tenant")),
        "[[tenant.value_maps]]": set(editable_fields(ValueMap, "tenant")),
    }


@pytest.mark.parametrize("name", ["README.md", "docs/howto/customise-a-tenant.md"])
def test_tenant_files_in_the_docs_have_no_mistakes(name: str) -> None:
    found = [block for block in blocks(ROOT / name) if "[[tenant" in block]
    assert found
    for block in found:
        text = block if "[[tenant]]" in block else f'[[tenant]]\nslug = "nordbyg"\n{block}'
        assert tenant_file.read_tenant_file(text)


def test_the_glossarys_labels_are_those_of_the_console() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!Word)([^|]+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    assert len(rows) > 30
    entities = {entity.label: entity.label_da for entity in ENTITIES.values()}
    with translation.override("da"):
        for word, english, danish in rows:
            if english != "–":
                assert (entities.get(english) or gettext(english)) == danish, word


def test_codes_that_are_named_are_in_the_catalogue() -> None:
    text = (ROOT / "docs" / "howto" / "find-out-why.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
    assert named
    assert named <= set(SENTENCES)


def test_the_walk_to_a_new_entity_declares_entities() -> None:
    """What the page shows is valid, the register's order included."""
    found: dict[str, spec.Entity] = {}
    for block in blocks(ROOT / "docs" / "howto" / "add-an-entity.md"):
        if "Entity(" in block or "declare_group(" in block:
            names: dict[str, object] = {}
            exec(block, names)
            found |= {name: value for name, value in names.items() if isinstance(value, spec.Entity)}
    assert set(found) == {"PRODUCT_GROUP", "PRODUCT"}
    assert {a.reference for a in found["PRODUCT"].references} == {found["PRODUCT_GROUP"].name}


def test_pictures_are_there_and_not_too_large() -> None:
    sizes = {picture.name: picture.stat().st_size for picture in (ROOT / "docs" / "images").glob("*.png")}
    assert sizes
    assert max(sizes.values()) < 400_000, sizes


@pytest.mark.parametrize(("name", "language"), [("hours.md", 0), ("timer.md", 2)])
def test_what_hours_ask_for_is_what_the_console_says(name: str, language: int) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    said = [row for row in rows if row[0] in SENTENCES]
    assert len(said) > 30
    for code, text, fix in said:
        assert (text, fix) == (SENTENCES[code][language], SENTENCES[code][language + 1] or "–"), code
