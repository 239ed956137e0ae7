"""Payments, receipts and notices are looked after from the queue's own schedule."""

from django.db import migrations

SCHEDULES = {
    "payments": ("billing.tasks.enqueue_due", 1),
    "stripe events": ("billing.tasks.back_fill", 5),
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
                "cluster": "default",
            },
        )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name__in=SCHEDULES).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0030_payments"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
