"""Row security on every table that belongs to a tenant, from the first installation on."""

from django.db import migrations

from tenants.row_security import policy_sql

TABLES = (
    "mappings_entitypolicy",
    "mappings_historicalentitypolicy",
    "mappings_fieldrule",
    "mappings_historicalfieldrule",
    "mappings_valuemap",
    "mappings_historicalvaluemap",
    "mappings_recordlink",
)


class Migration(migrations.Migration):
    dependencies = [("mappings", "0001_initial"), ("tenants", "0002_row_security")]

    operations = [migrations.RunSQL(policy_sql(table), migrations.RunSQL.noop) for table in TABLES]
