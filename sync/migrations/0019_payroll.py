import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from tenants.row_security import policy_sql

TABLES = ("sync_paycalendar", "sync_historicalpaycalendar", "sync_signoff")

# A sign-off is written once. Only whose account it was may go, with the account.
KEEP_SIGN_OFFS = """
CREATE FUNCTION keep_sign_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'user_id') <> (to_jsonb(OLD) - 'user_id') OR NEW.user_id IS NOT NULL THEN
        RAISE EXCEPTION 'a sign-off is never changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_sign_off BEFORE UPDATE ON sync_signoff FOR EACH ROW EXECUTE FUNCTION keep_sign_off();
"""
FORGET_SIGN_OFFS = "DROP TRIGGER keep_sign_off ON sync_signoff; DROP FUNCTION keep_sign_off;"


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0018_hours_from_before"),
        ("tenants", "0004_calls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PayCalendar",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fortnight", "Every 14 days"),
                            ("month", "Monthly"),
                            ("invoicing", "Invoicing, monthly"),
                            ("year_end", "Year-end"),
                        ],
                        default="month",
                        max_length=10,
                        verbose_name="periods",
                    ),
                ),
                (
                    "anchor_on",
                    models.DateField(
                        blank=True,
                        help_text="For periods of 14 days and for year-end: the others are counted from it.",
                        null=True,
                        verbose_name="last day of one period",
                    ),
                ),
                (
                    "day_of_month",
                    models.PositiveSmallIntegerField(
                        default=31,
                        help_text="For monthly periods; 31 is the last day of any month.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                        verbose_name="last day of the period",
                    ),
                ),
                (
                    "groups",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        help_text="Numbers of the groups in Uniconta, with commas between. Empty: everybody.",
                        size=None,
                        verbose_name="employee groups",
                    ),
                ),
                (
                    "cut_off_days",
                    models.PositiveSmallIntegerField(
                        default=2,
                        help_text="From the last day of the period to the day by which hours must be through. Where that is no bank day, it is the one before.",
                        validators=[django.core.validators.MaxValueValidator(60)],
                        verbose_name="days to the cut-off",
                    ),
                ),
                (
                    "warn_days",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="So many days before the cut-off the front page says what is not through.",
                        validators=[django.core.validators.MaxValueValidator(30)],
                        verbose_name="warn days ahead",
                    ),
                ),
                (
                    "unposted_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="Lines that stand in the journal for longer are reported as not posted.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="days in the journal",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "pay calendar",
                "verbose_name_plural": "pay calendars",
                "ordering": ["tenant", "name"],
            },
        ),
        migrations.CreateModel(
            name="SignOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.DateField(verbose_name="first day")),
                ("last", models.DateField(verbose_name="last day")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                ("signed_by", models.CharField(max_length=150, verbose_name="signed off by")),
                ("figures", models.JSONField()),
                ("reason", models.TextField(blank=True, verbose_name="why in spite of differences")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                (
                    "calendar",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="+",
                        to="sync.paycalendar",
                        verbose_name="pay calendar",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="company",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-off",
                "verbose_name_plural": "sign-offs",
            },
        ),
        migrations.CreateModel(
            name="HistoricalPayCalendar",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fortnight", "Every 14 days"),
                            ("month", "Monthly"),
                            ("invoicing", "Invoicing, monthly"),
                            ("year_end", "Year-end"),
                        ],
                        default="month",
                        max_length=10,
                        verbose_name="periods",
                    ),
                ),
                (
                    "anchor_on",
                    models.DateField(
                        blank=True,
                        help_text="For periods of 14 days and for year-end: the others are counted from it.",
                        null=True,
                        verbose_name="last day of one period",
                    ),
                ),
                (
                    "day_of_month",
                    models.PositiveSmallIntegerField(
                        default=31,
                        help_text="For monthly periods; 31 is the last day of any month.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                        verbose_name="last day of the period",
                    ),
                ),
                (
                    "groups",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        help_text="Numbers of the groups in Uniconta, with commas between. Empty: everybody.",
                        size=None,
                        verbose_name="employee groups",
                    ),
                ),
                (
                    "cut_off_days",
                    models.PositiveSmallIntegerField(
                        default=2,
                        help_text="From the last day of the period to the day by which hours must be through. Where that is no bank day, it is the one before.",
                        validators=[django.core.validators.MaxValueValidator(60)],
                        verbose_name="days to the cut-off",
                    ),
                ),
                (
                    "warn_days",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="So many days before the cut-off the front page says what is not through.",
                        validators=[django.core.validators.MaxValueValidator(30)],
                        verbose_name="warn days ahead",
                    ),
                ),
                (
                    "unposted_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="Lines that stand in the journal for longer are reported as not posted.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="days in the journal",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
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
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                        verbose_name="company",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical pay calendar",
                "verbose_name_plural": "historical pay calendars",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "indexes": [models.Index(fields=["history_date", "id"], name="sync_histor_history_f9a742_idx")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddConstraint(
            model_name="paycalendar",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="one_pay_calendar_per_name"),
        ),
        migrations.AddIndex(
            model_name="signoff",
            index=models.Index(fields=["tenant", "calendar", "-last"], name="sign_offs_by_period"),
        ),
        *[migrations.RunSQL(policy_sql(table), migrations.RunSQL.noop) for table in TABLES],
        migrations.RunSQL(KEEP_SIGN_OFFS, FORGET_SIGN_OFFS),
    ]
