"""Row security, this year's partitions, and the one function through which a webhook enters."""

from django.db import migrations

from sync.partitions import ensure_partitions
from tenants.row_security import GRANT, policy_sql

TABLES = ("sync_changeevent", "sync_run", "sync_cursor", "sync_bell", "sync_drainlease")

# A webhook has no scope yet: its token tells the tenant. So this function, and only it, looks past row security.
# Check, event and bell are one statement, hence one commit: after the 2xx the hint cannot be lost.
# The bell is rung with DO UPDATE: it locks the row until our commit, so that whoever takes the bell away meanwhile
# waits for us and then sees the event. With DO NOTHING the hint would be left without a bell.
RECEIVE_HINT = """
CREATE FUNCTION receive_hint(
    slug_given text, token_hash_given text, company_given text, table_given text, entity_given text,
    record_given text, key_given text, operation_given text, size_given integer
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    tenant bigint;
    company text;
BEGIN
    SELECT t.id, coalesce(nullif(c.pinned_company_id, ''), c.company_id, '') INTO tenant, company
    FROM tenants_webhooktoken w
    JOIN tenants_tenant t ON t.id = w.tenant_id
    LEFT JOIN tenants_connection c ON c.tenant_id = t.id AND c.system = 'uniconta'
    WHERE w.token_hash = token_hash_given AND w.revoked_at IS NULL AND t.slug = slug_given;
    IF tenant IS NULL THEN
        RETURN 'unknown';
    END IF;
    IF company_given <> company THEN
        INSERT INTO tenants_auditentry (tenant_id, action, detail, at)
        VALUES (tenant, 'webhook_wrong_company', 'company ' || left(company_given, 40), clock_timestamp());
        RETURN 'wrong_company';
    END IF;
    INSERT INTO sync_changeevent (
        tenant_id, entity, system, remote_id, key, origin, "table", operation, size, state, priority,
        due_at, attempts, crashes, error_code, error_detail, waits_for, received_at, finished_at
    ) VALUES (
        tenant, entity_given, 'uniconta', record_given, key_given, 'webhook', table_given, operation_given, size_given,
        CASE entity_given WHEN '' THEN 'ignored' ELSE 'pending' END, 10,
        clock_timestamp(), 0, 0, CASE entity_given WHEN '' THEN 'unknown_table' ELSE '' END, '', '',
        clock_timestamp(), CASE entity_given WHEN '' THEN clock_timestamp() END
    );
    IF entity_given = '' THEN
        RETURN 'ignored';
    END IF;
    INSERT INTO sync_bell (tenant_id, rung_at) VALUES (tenant, clock_timestamp())
    ON CONFLICT (tenant_id) DO UPDATE SET rung_at = excluded.rung_at;
    PERFORM pg_notify('doorbell', '');
    RETURN 'stored';
END $$;
REVOKE ALL ON FUNCTION receive_hint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION receive_hint TO platform_app;
"""


def make_partitions(_apps, _schema_editor):
    ensure_partitions()


class Migration(migrations.Migration):
    dependencies = [("sync", "0001_initial"), ("mappings", "0002_row_security")]

    operations = [
        *[migrations.RunSQL(policy_sql(table), migrations.RunSQL.noop) for table in TABLES],
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
        migrations.RunSQL(RECEIVE_HINT, "DROP FUNCTION receive_hint"),
        migrations.RunSQL(GRANT, migrations.RunSQL.noop),
    ]
