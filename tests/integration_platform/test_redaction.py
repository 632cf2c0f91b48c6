import json
from io import StringIO

import pytest
import structlog

from integration_platform.logging_settings import logging_settings
from integration_platform.redaction import redact, redact_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /hooks/nordbyg/s3cr3t-t0ken_x/uniconta/ 204", "GET /hooks/nordbyg/***/uniconta/ 204"),
        ("https://x.dk/hooks/a/t0ken?table=Debtor", "https://x.dk/hooks/a/***?table=Debtor"),
        ("POST https://x.dk/secret/t0ken_-x/ 200", "POST https://x.dk/secret/***/ 200"),
        ("Authorization: Basic c3luYzpzZWNyZXQ=", "Authorization: Basic ***"),
        ("'Authorization': 'ApiKey api@nordbyg.dk:0123abc'", "'Authorization': 'ApiKey ***'"),
        ("Bearer eyJhbGciOi.x.y, next", "Bearer ***, next"),
        ("postgresql://platform:pa55w0rd@/platform?host=x", "postgresql://platform:***@/platform?host=x"),
        ('{"password": "hunter2", "name": "Kjær"}', '{"password": "***", "name": "Kjær"}'),
        ("login?username=sync&password=hunter2&x=1", "login?username=sync&password=***&x=1"),
        ("api_key=abcdef123", "api_key=***"),
        ("CPR 010190-1234 and 3112991234", "CPR *** and ***"),
        ("born 70 later: 710190-1234", "born 70 later: ***"),
    ],
)
def test_secrets_in_text_are_masked(text, clean):
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "customer 1001 updated",
        "phone 66124478",
        "CVR 28417731",
        "RowId 9999999999",  # ten digits, but no date
        "2026-11-22T08:00:00Z",
        "https://intempus.dk/web/v1/case/661340/",
        "the token was revoked",
    ],
)
def test_everything_else_stays(text):
    assert redact_text(text) == text


def test_values_are_masked_by_the_name_they_stand_under_to_any_depth():
    assert redact(
        {
            "tenant": "nordbyg",
            "headers": {"Authorization": "whatever", "Accept": "json"},
            "rows": [{"api_key": "k", "count": 3, "ok": True, "none": None}],
            "cpr": 101901234,
            "number": 101901234,
            "raw": b"password=x",
        }
    ) == {
        "tenant": "nordbyg",
        "headers": {"Authorization": "***", "Accept": "json"},
        "rows": [{"api_key": "***", "count": 3, "ok": True, "none": None}],
        "cpr": "***",
        "number": 101901234,
        "raw": "password=***",
    }


@pytest.fixture
def log_line():
    """Log through the real formatter; returns what would be written."""

    def write(readable, log):
        import logging.config

        config = logging_settings(readable=readable)
        formatter = logging.config.DictConfigurator(config).configure_formatter(config["formatters"]["structured"])
        stream = StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        logger = logging.getLogger("tests.redaction")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            log(structlog.get_logger("tests.redaction"), logger)
        finally:
            logger.removeHandler(handler)
        return stream.getvalue()

    return write


@pytest.mark.parametrize("readable", [True, False])
def test_no_secret_reaches_the_log_by_any_road(log_line, readable):
    def log(ours, librarys):
        ours.info("sent", password="geheim1", url="/hooks/nordbyg/geheim2/uniconta/")
        librarys.warning("Not Found: %s", "/hooks/nordbyg/geheim3/uniconta/")
        librarys.info("with extra", extra={"api_key": "geheim4"})
        try:
            int("Authorization: Basic geheim5")
        except ValueError:
            ours.exception("failed")
            librarys.exception("failed")

    text = log_line(readable, log)
    assert "geheim" not in text
    assert "/hooks/nordbyg/***/uniconta/" in text
    assert "ValueError" in text


def test_production_logs_one_json_object_per_line(log_line):
    text = log_line(False, lambda ours, _: ours.info("drained", tenant="nordbyg", count=3))
    entry = json.loads(text)
    assert (entry["event"], entry["tenant"], entry["count"], entry["level"]) == ("drained", "nordbyg", 3, "info")


def test_links_that_open_something_are_masked():
    for address in ("/status/{}/", "/account/password/reset/key/{}/"):
        assert redact_text(f"GET {address.format('eyJ0ZW5-x')}") == f"GET {address.format('***')}"
    assert redact_text("GET /api/status/ and /account/password/reset/key/done/").endswith("key/done/")
