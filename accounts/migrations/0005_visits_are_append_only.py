"""Addresses that staff opened are only ever added to; visits that nobody ends are ended every minute."""

from django.db import migrations

INSTALL = """
CREATE FUNCTION accounts_refuse_visit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: visits of staff are only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_staffvisit
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_visit_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON accounts_staffvisit
    EXECUTE FUNCTION accounts_refuse_visit_change();
"""

REMOVE = """
DROP TRIGGER append_only ON accounts_staffvisit;
DROP TRIGGER not_emptied ON accounts_staffvisit;
DROP FUNCTION accounts_refuse_visit_change();
"""

NAME = "staff-sessions"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "accounts.tasks.end_staff_sessions",
            "schedule_type": "I",
            "minutes": 1,
            "repeats": -1,
        },
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_staff_sessions"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [migrations.RunSQL(INSTALL, REMOVE), migrations.RunPython(add, remove)]
