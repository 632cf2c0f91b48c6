"""The one function through which a webhook enters, see 0002: a closed company takes nothing in, whatever token is still there."""

from django.db import migrations

RECEIVE_HINT = """
CREATE OR REPLACE FUNCTION receive_hint(
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
    WHERE w.token_hash = token_hash_given AND w.revoked_at IS NULL AND t.slug = slug_given
      AND t.state <> 'closed';
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
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0033_alerts"), ("tenants", "0011_secret_links_and_leaving")]

    operations = [migrations.RunSQL(RECEIVE_HINT, migrations.RunSQL.noop)]
