"""Letters of invitation that could not be sent are looked after from the queue's own schedule."""

from django.db import migrations

NAME = "invitations"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "accounts.tasks.enqueue_invitations",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
            "cluster": "default",
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_invitations"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
