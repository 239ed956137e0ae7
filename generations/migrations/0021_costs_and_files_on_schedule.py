"""fal's billing is asked, old files are deleted and lost ones are found from the queue's own schedule."""

from django.db import migrations

SCHEDULES = {
    "costs": ("generations.tasks.reconcile_costs", 15),
    "retention": ("generations.tasks.delete_expired_media", 60),
    "orphans": ("generations.tasks.remove_orphans", 60),
}


def add(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    for name, (task, minutes) in SCHEDULES.items():
        schedules.objects.update_or_create(
            name=name,
            defaults={
                "func": task,
                "schedule_type": "I",
                "minutes": minutes,
                "repeats": -1,
                "cluster": "media",
            },
        )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name__in=SCHEDULES).delete()


class Migration(migrations.Migration):
    dependencies = [("generations", "0020_costs_failures_and_files"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
