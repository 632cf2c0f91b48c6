"""Row security on every table that belongs to a tenant, from the first installation on."""

from django.db import migrations

from tenants.row_security import CREATE_ROLE, policy_sql

TABLES = (
    ("tenants_tenant", "id"),
    ("tenants_historicaltenant", "id"),
    ("tenants_connection", "tenant_id"),
    ("tenants_historicalconnection", "tenant_id"),
    ("tenants_webhooktoken", "tenant_id"),
    ("tenants_membership", "tenant_id"),
    ("tenants_auditentry", "tenant_id"),
)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE_ROLE, migrations.RunSQL.noop),
        *[migrations.RunSQL(policy_sql(table, column), migrations.RunSQL.noop) for table, column in TABLES],
    ]
