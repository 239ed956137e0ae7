"""From the queue's own schedule: the sweep, so that work goes on while no poller does; fal's billing; old and lost files."""

from django.db import migrations

# By name: the task, every how many minutes, and the queue; none is django-q2's own choice.
SCHEDULES = {
    "sweep": ("generations.tasks.enqueue_due", 1, None),
    "costs": ("generations.tasks.reconcile_costs", 15, "media"),
    "retention": ("generations.tasks.delete_expired_media", 60, "media"),
    "orphans": ("generations.tasks.remove_orphans", 60, "media"),
}


def add(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    for name, (task, minutes, queue) in SCHEDULES.items():
        schedules.objects.update_or_create(
            name=name,
            defaults={
                "func": task,
                "schedule_type": "I",
                "minutes": minutes,
                "repeats": -1,
                "cluster": queue,
            },
        )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name__in=SCHEDULES).delete()


class Migration(migrations.Migration):
    replaces = [
        ("generations", "0002_sweep_every_minute"),
        ("generations", "0021_costs_and_files_on_schedule"),
    ]
    dependencies = [("generations", "0004_claims"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
