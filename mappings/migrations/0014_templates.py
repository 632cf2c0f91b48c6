import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from tenants.row_security import policy_sql


def make_standard(apps, _schema_editor):
    """A template to begin with: the rules of the integration as they come (section 2 of the design)."""
    template = apps.get_model("mappings", "Template").objects.create(name="Standard")
    policies = apps.get_model("mappings", "TemplatePolicy")
    policies.objects.create(template=template, entity="customer", number_prefix="I")
    policies.objects.create(template=template, entity="product", create_in_uniconta=False)
    policies.objects.create(template=template, entity="employee", create_in_intempus=False, create_in_uniconta=False)
    policies.objects.create(
        template=template, entity="project", phases=["Created", "Accepted", "InProgress"], number_prefix="I"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("mappings", "0011_other_urls"),
        ("tenants", "0007_onboarding"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                ("description", models.TextField(blank=True, verbose_name="for whom it is")),
            ],
            options={
                "verbose_name": "policy template",
                "verbose_name_plural": "policy templates",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="TemplateUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("given", models.JSONField(default=dict)),
                ("given_at", models.DateTimeField(auto_now=True, verbose_name="given")),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="mappings.template",
                        verbose_name="policy template",
                    ),
                ),
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="template_use",
                        to="tenants.tenant",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "use of a template",
                "verbose_name_plural": "uses of templates",
            },
        ),
        migrations.CreateModel(
            name="HistoricalTemplate",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("name", models.CharField(db_index=True, max_length=80, verbose_name="name")),
                ("description", models.TextField(blank=True, verbose_name="for whom it is")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical policy template",
                "verbose_name_plural": "historical policy templates",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "indexes": [models.Index(fields=["history_date", "id"], name="mappings_hi_history_c00a6f_idx")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalTemplatePolicy",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("entity", models.CharField(max_length=40, verbose_name="entity")),
                ("enabled", models.BooleanField(default=True, verbose_name="synchronise")),
                ("to_intempus", models.BooleanField(default=True, verbose_name="Uniconta → Intempus")),
                ("to_uniconta", models.BooleanField(default=True, verbose_name="Intempus → Uniconta")),
                ("create_in_intempus", models.BooleanField(default=True, verbose_name="create in Intempus")),
                ("create_in_uniconta", models.BooleanField(default=True, verbose_name="create in Uniconta")),
                (
                    "number_series",
                    models.CharField(
                        blank=True,
                        help_text="Records born in Intempus get the next number of this Uniconta series.",
                        max_length=60,
                        verbose_name="number series",
                    ),
                ),
                (
                    "number_prefix",
                    models.CharField(
                        blank=True,
                        help_text="Without a series: the prefix followed by the Intempus id.",
                        max_length=10,
                        verbose_name="number prefix",
                    ),
                ),
                (
                    "default_group",
                    models.CharField(
                        blank=True,
                        help_text="Uniconta group for records whose Intempus group Uniconta does not know.",
                        max_length=40,
                        verbose_name="default group",
                    ),
                ),
                (
                    "phases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        help_text="Projects only: the phases in which a project is in use in Intempus. In any other its case is closed.",
                        size=None,
                        verbose_name="phases",
                    ),
                ),
                (
                    "on_uniconta_delete",
                    models.CharField(
                        choices=[("ask", "Ask a person"), ("deactivate", "Set inactive in Intempus")],
                        default="ask",
                        max_length=10,
                        verbose_name="deleted in Uniconta",
                    ),
                ),
                (
                    "on_intempus_delete",
                    models.CharField(
                        choices=[("ask", "Ask a person"), ("block", "Block in Uniconta")],
                        default="ask",
                        max_length=10,
                        verbose_name="deleted in Intempus",
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="mappings.template",
                        verbose_name="policy template",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical policy of the template",
                "verbose_name_plural": "historical policies of the template",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "indexes": [models.Index(fields=["history_date", "id"], name="mappings_hi_history_629e17_idx")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="TemplatePolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entity", models.CharField(max_length=40, verbose_name="entity")),
                ("enabled", models.BooleanField(default=True, verbose_name="synchronise")),
                ("to_intempus", models.BooleanField(default=True, verbose_name="Uniconta → Intempus")),
                ("to_uniconta", models.BooleanField(default=True, verbose_name="Intempus → Uniconta")),
                ("create_in_intempus", models.BooleanField(default=True, verbose_name="create in Intempus")),
                ("create_in_uniconta", models.BooleanField(default=True, verbose_name="create in Uniconta")),
                (
                    "number_series",
                    models.CharField(
                        blank=True,
                        help_text="Records born in Intempus get the next number of this Uniconta series.",
                        max_length=60,
                        verbose_name="number series",
                    ),
                ),
                (
                    "number_prefix",
                    models.CharField(
                        blank=True,
                        help_text="Without a series: the prefix followed by the Intempus id.",
                        max_length=10,
                        verbose_name="number prefix",
                    ),
                ),
                (
                    "default_group",
                    models.CharField(
                        blank=True,
                        help_text="Uniconta group for records whose Intempus group Uniconta does not know.",
                        max_length=40,
                        verbose_name="default group",
                    ),
                ),
                (
                    "phases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        help_text="Projects only: the phases in which a project is in use in Intempus. In any other its case is closed.",
                        size=None,
                        verbose_name="phases",
                    ),
                ),
                (
                    "on_uniconta_delete",
                    models.CharField(
                        choices=[("ask", "Ask a person"), ("deactivate", "Set inactive in Intempus")],
                        default="ask",
                        max_length=10,
                        verbose_name="deleted in Uniconta",
                    ),
                ),
                (
                    "on_intempus_delete",
                    models.CharField(
                        choices=[("ask", "Ask a person"), ("block", "Block in Uniconta")],
                        default="ask",
                        max_length=10,
                        verbose_name="deleted in Intempus",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="policies",
                        to="mappings.template",
                        verbose_name="policy template",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy of the template",
                "verbose_name_plural": "policies of the template",
                "constraints": [
                    models.UniqueConstraint(fields=("template", "entity"), name="one_template_policy_per_entity")
                ],
            },
        ),
        migrations.RunSQL(policy_sql("mappings_templateuse"), migrations.RunSQL.noop),
        migrations.RunPython(make_standard, migrations.RunPython.noop),
    ]
