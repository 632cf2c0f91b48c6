from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_bookkeeper"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="confirmed_company_id",
            field=models.CharField(blank=True, editable=False, max_length=40),
        ),
        migrations.AddField(
            model_name="historicalconnection",
            name="confirmed_company_id",
            field=models.CharField(blank=True, editable=False, max_length=40),
        ),
        migrations.AlterField(
            model_name="historicaltenant",
            name="state",
            field=models.CharField(
                choices=[
                    ("preparing", "Preparing"),
                    ("live", "Live"),
                    ("paused", "Paused"),
                    ("leaving", "Leaving"),
                    ("closed", "Closed"),
                ],
                default="preparing",
                help_text="Nothing is written to either system until the company is live.",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="tenant",
            name="state",
            field=models.CharField(
                choices=[
                    ("preparing", "Preparing"),
                    ("live", "Live"),
                    ("paused", "Paused"),
                    ("leaving", "Leaving"),
                    ("closed", "Closed"),
                ],
                default="preparing",
                help_text="Nothing is written to either system until the company is live.",
                max_length=10,
                verbose_name="state",
            ),
        ),
    ]
