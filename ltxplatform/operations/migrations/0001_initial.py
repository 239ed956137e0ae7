from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="QueuePing",
            fields=[
                ("queue", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("answered_at", models.DateTimeField(null=True)),
                ("restarts", models.PositiveIntegerField(db_default=0, default=0)),
            ],
        ),
    ]
