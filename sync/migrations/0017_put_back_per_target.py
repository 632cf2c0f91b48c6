from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0016_hours"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="putback",
            name="one_open_put_back_per_field",
        ),
        migrations.AddConstraint(
            model_name="putback",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("link", "field", "target"),
                name="one_open_put_back_per_field",
            ),
        ),
    ]
