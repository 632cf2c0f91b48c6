"""Which of Intempus' replies is which error. The table is closed: every reply that is not a success finds a row.

Error bodies come in several shapes and mostly in Danish (intempus-api.md 1.7), so the status decides and the text is
only shown. The few texts looked at are the framework's own, in English, and only sort one refusal from another.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sync.connectors.classify import AFTER, BEFORE, Rule
from sync.connectors.errors import ConnectionBroken, Gone, NeedsAttention
from sync.connectors.reply import Reply

_RECORD_PATH = re.compile(r"/web/v1/[^/]+/[^/]+/$")


def _is_about_one_record(reply: Reply) -> bool:
    return _RECORD_PATH.search(urlsplit(reply.url).path) is not None


RULES: tuple[Rule, ...] = (
    *BEFORE,
    Rule(
        lambda r: r.status == 401 and not r.message,
        ConnectionBroken,
        "bad_credentials",
        "1.2: wrong credentials answer with an empty body; the user name is case-sensitive.",
    ),
    Rule(
        lambda r: r.status == 401,
        NeedsAttention,
        "refused_feature",
        "1.2: with a body it refuses a feature, not the log-in.",
    ),
    Rule(lambda r: r.status == 403, NeedsAttention, "no_rights", "Never seen; the log-in itself answers 401."),
    Rule(
        lambda r: r.status == 404 and "incorrect URL" in r.message,
        NeedsAttention,
        "wrong_reference",
        "1.5: a relation of the wrong kind, or of another company, answers 404 with this text.",
    ),
    Rule(lambda r: r.status == 404 and _is_about_one_record(r), Gone, "gone", "1.6: a missing record, empty body."),
    Rule(
        lambda r: r.status == 404 and not r.is_read,
        NeedsAttention,
        "wrong_reference",
        "A create can only miss what it refers to, or the resource, which reading would have shown.",
    ),
    Rule(lambda r: r.status == 404, NeedsAttention, "unknown_resource", "The list itself does not exist."),
    Rule(lambda r: r.status == 410, Gone, "gone", "tastypie answers so where a record was removed for good."),
    Rule(lambda r: r.status == 405, NeedsAttention, "not_allowed", "1.6: the resource does not take this method."),
    Rule(lambda r: r.status == 409, NeedsAttention, "in_use", "1.6: others refer to it, e.g. an employee's profile."),
    Rule(
        lambda r: r.status == 400 and "Could not find the provided" in r.message,
        NeedsAttention,
        "wrong_reference",
        "1.7: the related record does not exist.",
    ),
    Rule(
        lambda r: r.status == 400 and "has no data and doesn't allow a default" in r.message,
        NeedsAttention,
        "value_missing",
        "1.7: a mandatory field.",
    ),
    Rule(
        lambda r: 400 <= r.status < 500 and r.status != 408,
        NeedsAttention,
        "refused",
        "Validation and everything else that only a person can judge, in the server's words.",
    ),
    *AFTER,
)
