"""Which of Uniconta's replies is which error. The table is closed: every reply that is not a success finds a row.

Uniconta answers business errors with 400 and the localised text of an SDK error code in any of several shapes
(uniconta-api.md 1.7 and 8.4). The known English and Danish texts and the code names are recognised; everything else
is shown to a person as it came.
"""

from __future__ import annotations

from collections.abc import Callable

from sync.connectors.classify import AFTER, BEFORE, Rule
from sync.connectors.errors import ConnectionBroken, Gone, NeedsAttention
from sync.connectors.reply import Reply


def _says(*phrases: str) -> Callable[[Reply], bool]:
    wanted = tuple(phrase.casefold() for phrase in phrases)

    def applies(reply: Reply) -> bool:
        message = reply.message.casefold()
        return 400 <= reply.status < 500 and any(phrase in message for phrase in wanted)

    return applies


def _answers_with_word(*words: str) -> Callable[[Reply], bool]:
    """Success by status, but the body is nothing but an error's name (seen: 200 with `"NoCompanyId"`)."""
    return lambda reply: reply.is_success and not reply.is_as_wanted and reply.message in words


RULES: tuple[Rule, ...] = (
    *BEFORE,
    Rule(
        _says("UserOrPasswordIsWrong", "Forkert brugernavn", "user name or password"),
        ConnectionBroken,
        "bad_credentials",
        "Whatever the status.",
    ),
    Rule(
        _says("NoSubscription"),
        ConnectionBroken,
        "no_licence",
        "The company's package is missing; every call will fail alike.",
    ),
    Rule(
        lambda r: r.status == 401,
        ConnectionBroken,
        "bad_credentials",
        "API page 8.22: stop at once, lock-out rules are unknown.",
    ),
    Rule(
        lambda r: r.status == 403 and not r.message,
        ConnectionBroken,
        "bad_credentials",
        "Without a word, 403 is the other spelling of a wrong log-in.",
    ),
    Rule(
        lambda r: r.status == 403,
        ConnectionBroken,
        "no_access",
        "The user is known but has no rights in this company.",
    ),
    Rule(
        _answers_with_word("UserOrPasswordIsWrong"), ConnectionBroken, "bad_credentials", "200 with the error's name."
    ),
    Rule(_answers_with_word("NoCompanyId", "NoCompany"), ConnectionBroken, "no_access", "200 with the error's name."),
    Rule(
        _says("KeyExists", "RecordExists", "key with the name already exists", "record already exists"),
        NeedsAttention,
        "key_exists",
        "The number is taken: link to that record or choose another number.",
    ),
    Rule(_says("Nøglen findes allerede", "Posten findes allerede"), NeedsAttention, "key_exists", "The same, Danish."),
    Rule(
        _says("KeyIsEmpty", "key must not be empty", "Nøglen må ikke være tom"),
        NeedsAttention,
        "key_missing",
        "Numbers are not given by the server over this API.",
    ),
    Rule(
        _says("KeyTooLong", "key is too long", "Nøglen er for lang"),
        NeedsAttention,
        "key_too_long",
        "Some keys are refused, others silently shortened.",
    ),
    Rule(
        _says("FieldCannotBeBlank", "value is missing in the field", "mangler en værdi i feltet"),
        NeedsAttention,
        "value_missing",
        "A mandatory field is blank.",
    ),
    Rule(
        _says("CouldNotDeleteRecordThatIsReferred", "CannotDeleteRecord", "others refer to", "andre refererer til"),
        NeedsAttention,
        "in_use",
        "Referenced records cannot be deleted.",
    ),
    Rule(
        _says("CouldNotFind", "record does not exist", "Posten findes ikke"),
        Gone,
        "gone",
        "An update names its record by RowId; it is not there any more.",
    ),
    Rule(
        _says("AccountIsMissing", "account does not exist", "Kontoen findes ikke"),
        NeedsAttention,
        "wrong_reference",
        "The value refers to a record that is not there.",
    ),
    Rule(_says("NoRights", "no rights", "Ingen rettighed"), NeedsAttention, "no_rights", "On one table or record."),
    Rule(lambda r: r.status == 404, NeedsAttention, "unknown_resource", "Records are never asked for by path."),
    Rule(lambda r: r.status == 405, NeedsAttention, "not_allowed", "The verb is not offered for this table."),
    Rule(
        lambda r: 400 <= r.status < 500 and r.status != 408,
        NeedsAttention,
        "refused",
        "Refused for a reason we do not know: shown in the server's words.",
    ),
    *AFTER,
)
