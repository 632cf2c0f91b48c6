"""Every code a connector may raise, with its meaning. The sentences people read stand in `sync.domain.catalogue`."""

from __future__ import annotations

CODES: dict[str, str] = {
    # The way there (RetryLater, or ConnectionBroken where only a person can repair the connection's settings)
    "host_not_found": "The host name could not be looked up.",
    "no_connection": "The server could not be reached; nothing was sent.",
    "certificate_invalid": "The server's certificate is not valid for its name; nothing was sent.",
    "timeout": "The answer took too long.",
    "connection_lost": "The connection broke while the answer was read.",
    "redirected": "The server pointed elsewhere; redirects are not followed.",
    "target_refused": "The address is not https, or leads into a private network.",
    "foreign_next_page": "The next page is said to be on another server; it was not fetched.",
    # The server as a whole
    "rate_limited": "Too many calls; the server asked to wait.",
    "server_error": "The server failed (5xx).",
    "unreadable_answer": "The server answered with something other than data.",
    "answer_too_large": "The answer is larger than allowed.",
    "paging_stuck": "The next page leads back to a page already read.",
    "incomplete_read": "Fewer rows arrived than the server counts.",
    "duplicate_rows": "The same row arrived twice in one read.",
    # Writes whose effect is unknown (Unclear; also timeout-like codes above when a write was sent)
    "answer_lost": "A write was sent, its answer did not arrive.",
    "not_found_after_write": "The server said done, but the record could not be found afterwards.",
    "unconfirmed_write": "The server said done, but reading the record back failed.",
    # The connection (ConnectionBroken)
    "bad_credentials": "User name or secret is refused.",
    "no_access": "The log-in has no access to this company.",
    "no_licence": "The subscription does not include this.",
    "company_missing": "No company number is given, or it is not a number.",
    "company_unclear": "The log-in does not see exactly one company.",
    "wrong_company": "Data of another company than the pinned one arrived, or the log-in names another one.",
    # One record (NeedsAttention)
    "refused": "The server refused the values; its own words are in the detail.",
    "refused_feature": "The log-in has no right to this, or the feature is not enabled.",
    "no_rights": "The log-in has no right to this table or record.",
    "not_allowed": "The resource does not allow this kind of call.",
    "unknown_resource": "The table or resource does not exist there.",
    "in_use": "Other records refer to this one.",
    "wrong_reference": "A value refers to a record that does not exist there.",
    "value_missing": "A mandatory value is missing.",
    "key_exists": "A record with this number exists already.",
    "key_missing": "The number is missing.",
    "key_too_long": "The number is longer than the system can hold; nothing was sent.",
    "key_truncated": "The record was created under a shortened number.",
    "filter_ignored": "The server ignored a filter and answered with other rows than asked for.",
    # The record is not there (Gone), or moved (Moved)
    "gone": "The record does not exist any more.",
    "moved_since_read": "The record changed between our read and our write; nothing was written.",
}
