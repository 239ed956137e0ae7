"""A hold says which project its clip is for, and keeps saying it; usage is counted for each project."""

from importlib import import_module

from django.db import migrations, models

walls = import_module("billing.migrations.0003_ledger_walls")
holds = import_module("billing.migrations.0016_hold_functions")
usage = import_module("billing.migrations.0040_usage_by_day")


def _changed(text, *pairs):
    for old, new in pairs:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} should stand here once.")
        text = text.replace(old, new)
    return text


def _function(text, name):
    """One function out of a migration's SQL, to be replaced in place."""
    start = text.index(f"CREATE FUNCTION {name}(")
    return text[start : text.index("END $$;", start) + len("END $$;")].replace(
        "CREATE", "CREATE OR REPLACE", 1
    )


BEFORE = [
    _function(holds.HOLD, "billing_hold_credits"),
    _function(
        import_module("billing.migrations.0009_checks_at_once").HOLDS.replace("OR REPLACE ", "")
        + walls.HOLDS,
        "billing_guard_hold",
    ),
    _function(usage.USAGE, "billing_count_usage"),
    _function(usage.USAGE, "billing_uncount_usage"),
]
AFTER = [
    _changed(
        BEFORE[0],
        ("passes, expires_at, has_budgets\n", "passes, expires_at, has_budgets,\n            project_id\n"),
        ("p_expires_at,\n            is_limited\n", "p_expires_at,\n            is_limited, p_project\n"),
    ),
    _changed(
        BEFORE[1],
        ("NEW.passes, NEW.created_at)", "NEW.passes, NEW.created_at, NEW.project_id)"),
        ("OLD.passes, OLD.created_at)", "OLD.passes, OLD.created_at, OLD.project_id)"),
        ("its price and its owner", "its price, its owner and its project"),
    ),
    _changed(
        BEFORE[2],
        ("(team_id, day, actor, clips, spent)", "(team_id, day, actor, project_id, clips, spent)"),
        ("t.actor, 1, NEW.captured", "t.actor, NEW.project_id, 1, NEW.captured"),
        ("ON CONFLICT (team_id, day, actor)", "ON CONFLICT (team_id, day, actor, project_id)"),
    ),
    _changed(
        BEFORE[3],
        (
            "AND u.actor = t.actor;",
            "AND u.actor = t.actor\n            AND u.project_id IS NOT DISTINCT FROM h.project_id;",
        ),
    ),
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0042_requests_are_told")]

    operations = [
        migrations.AddField("hold", "project_id", models.UUIDField(blank=True, null=True)),
        migrations.AddField("usageday", "project_id", models.UUIDField(blank=True, null=True)),
        migrations.RemoveConstraint("usageday", "usage_once_per_day_and_actor"),
        migrations.AddConstraint(
            "usageday",
            models.UniqueConstraint(
                fields=("team", "day", "actor", "project_id"),
                name="usage_once_per_day_actor_and_project",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL("\n".join(AFTER), "\n".join(BEFORE)),
    ]
