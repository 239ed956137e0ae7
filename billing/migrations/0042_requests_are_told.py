"""Mail about requests that was not sent is sent from the queue's own schedule."""

from django.db import migrations

NAME = "raise requests"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "billing.tasks.tell_about_requests",
            "schedule_type": "I",
            "minutes": 5,
            "repeats": -1,
            "cluster": "media",
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0041_raise_requests"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
