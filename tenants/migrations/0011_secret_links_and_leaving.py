import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from tenants.row_security import policy_sql


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0010_host_down_since"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="historicaltenant",
            name="closed_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="closed"),
        ),
        migrations.AddField(
            model_name="historicaltenant",
            name="forget_on",
            field=models.DateField(editable=False, null=True, verbose_name="personal data erased on"),
        ),
        migrations.AddField(
            model_name="historicaltenant",
            name="leaving_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="off-boarding begun"),
        ),
        migrations.AddField(
            model_name="tenant",
            name="closed_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="closed"),
        ),
        migrations.AddField(
            model_name="tenant",
            name="forget_on",
            field=models.DateField(editable=False, null=True, verbose_name="personal data erased on"),
        ),
        migrations.AddField(
            model_name="tenant",
            name="forgotten_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="personal data erased"),
        ),
        migrations.AddField(
            model_name="tenant",
            name="leaving_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="off-boarding begun"),
        ),
        migrations.CreateModel(
            name="SecretLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "system",
                    models.CharField(
                        choices=[("uniconta", "Uniconta"), ("intempus", "Intempus")],
                        max_length=10,
                        verbose_name="system",
                    ),
                ),
                ("token_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="made")),
                ("expires_at", models.DateTimeField(verbose_name="valid until")),
                ("used_at", models.DateTimeField(null=True, verbose_name="used")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="withdrawn")),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secret_links",
                        to="tenants.tenant",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "link for a secret",
                "verbose_name_plural": "links for secrets",
                "indexes": [models.Index(fields=["tenant", "system"], name="secret_links_by_tenant")],
            },
        ),
        migrations.RunSQL(policy_sql("tenants_secretlink"), migrations.RunSQL.noop),
    ]
