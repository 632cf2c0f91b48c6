"""Error codes with their English and Danish texts, and the shapes an error body may have."""

import json

from tests.simulators.core import RefusedError, Reply

TEXTS = {
    "KeyExists": ("A key with the name already exists", "Nøglen findes allerede"),
    "RecordExists": ("The record already exists", "Posten findes allerede"),
    "CouldNotFind": ("Record does not exist", "Posten findes ikke"),
    "KeyIsEmpty": ("The key must not be empty", "Nøglen må ikke være tom"),
    "FieldCannotBeBlank": ("A value is missing in the field", "Der mangler en værdi i feltet"),
    "NoRights": ("No rights", "Ingen rettighed"),
    "CouldNotDeleteRecordThatIsReferred": (
        "Cannot delete a record that others refer to",
        "Kan ikke slette en post, som andre refererer til",
    ),
    "AccountIsMissing": ("The account does not exist", "Kontoen findes ikke"),
    "KeyTooLong": ("The key is too long", "Nøglen er for lang"),
    "ProjectIsBlocked": ("The project is blocked", "Projektet er spærret"),
    "JournalIsBlocked": ("The journal is blocked", "Kladden er spærret"),
    "PeriodIsClosed": ("The period is closed", "Perioden er lukket"),
    "TextTooLong": ("The text is too long", "Teksten er for lang"),
    "InvalidValue": ("The value is not valid", "Værdien er ikke gyldig"),
}


def error_text(code: str, language: str, detail: str = "") -> str:
    english, danish = TEXTS[code]
    text = danish if language == "da" else english
    return f"{text}: {detail}" if detail else text


def refuse(code: str, language: str, shape: str, status: int = 400, detail: str = "") -> RefusedError:
    text = error_text(code, language, detail)
    if shape == "json_object":
        return RefusedError(Reply(status, json.dumps({"Message": text}, ensure_ascii=False).encode()))
    if shape == "text":
        return RefusedError(Reply(status, text.encode(), "text/plain; charset=utf-8"))
    if shape == "html":
        return RefusedError(
            Reply(status, f"<html><body><h2>{text}</h2></body></html>".encode(), "text/html; charset=utf-8")
        )
    return RefusedError(Reply(status, json.dumps(text, ensure_ascii=False).encode()))
