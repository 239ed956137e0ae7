"""Whether a person asked for a deletion or the platform's operators began it for them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("data_rights", "0002_on_schedule")]

    operations = [
        migrations.AddField(
            model_name="deletion",
            name="by_operators",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
