"""Overdue credit ends, and old quotes go, from the queue's own schedule. No hold depends on it: each looks for itself."""

from django.db import migrations

NAME = "billing ends"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "billing.tasks.end_what_is_over",
            "schedule_type": "I",
            "minutes": 10,
            "repeats": -1,
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0023_several_holds"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
