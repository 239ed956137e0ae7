"""From the queue's own schedule: visits of staff that nobody ended, and e-mails whose message got lost."""

from django.db import migrations

# By name: the task, every how many minutes, and the queue; none is django-q2's own choice.
SCHEDULES = {
    "staff-sessions": ("accounts.tasks.end_staff_sessions", 1, None),
    "letters": ("accounts.tasks.mail_notifications", 1, "default"),
    "invitations": ("accounts.tasks.enqueue_invitations", 1, "default"),
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
    replaces = [("accounts", "0012_letters_on_schedule"), ("accounts", "0016_invitations_on_schedule")]
    dependencies = [("accounts", "0003_walls"), ("django_q", "0018_task_success_index")]

    operations = [migrations.RunPython(add, remove)]
