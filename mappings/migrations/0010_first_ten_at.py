from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mappings", "0009_hours"),
    ]

    operations = [
        migrations.AddField(
            model_name="entitypolicy",
            name="first_ten_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        # Whoever has not looked yet goes on being asked.
        migrations.RunSQL(
            "UPDATE mappings_entitypolicy SET first_ten_at = now() WHERE first_left IS NOT NULL",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(
            model_name="entitypolicy",
            name="first_left",
        ),
    ]
