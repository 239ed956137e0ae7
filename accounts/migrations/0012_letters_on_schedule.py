"""Letters whose message got lost are sent from the queue's own schedule."""

from django.db import migrations

NAME = "letters"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "accounts.tasks.mail_notifications",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
            "cluster": "default",
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_notifications"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
