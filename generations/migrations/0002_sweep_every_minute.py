"""The sweep runs from the queue's own schedule too, so that work goes on while no poller does."""

from django.db import migrations

NAME = "sweep"


def add(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    schedules.objects.update_or_create(
        name=NAME,
        defaults={"func": "generations.tasks.enqueue_due", "schedule_type": "I", "minutes": 1, "repeats": -1},
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0001_pictures_and_generations"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [migrations.RunPython(add, remove)]
