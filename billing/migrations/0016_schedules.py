"""From the queue's own schedule: what is over ends, and payments, receipts, notices and requests are looked after.

No hold depends on the end of overdue credit: each looks for itself.
"""

from django.db import migrations

# By name: the task, every how many minutes, and the queue; none is django-q2's own choice.
SCHEDULES = {
    "billing ends": ("billing.tasks.end_what_is_over", 10, None),
    "payments": ("billing.tasks.enqueue_due", 1, "default"),
    "stripe events": ("billing.tasks.back_fill", 5, "default"),
    "raise requests": ("billing.tasks.tell_about_requests", 5, "media"),
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
        ("billing", "0024_lots_end_on_schedule"),
        ("billing", "0031_payments_on_schedule"),
        ("billing", "0042_requests_are_told"),
    ]
    dependencies = [("billing", "0015_violations"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
