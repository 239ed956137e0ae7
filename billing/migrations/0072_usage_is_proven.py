"""The proof also compares each day of usage with the clips it counts."""

from importlib import import_module

from django.db import migrations

before = import_module("billing.migrations.0021_violations_at_any_size")

USAGE = """
SELECT 'usage_is_captured_holds', 'usage of ' || coalesce(u.actor, h.actor) || ' of team '
        || coalesce(u.team_id, h.team_id) || ' on ' || coalesce(u.day, h.day),
    'It counts ' || coalesce(u.clips, 0) || ' clips for ' || coalesce(u.spent, 0) || ' µ$, but '
        || coalesce(h.clips, 0) || ' were captured for ' || coalesce(h.spent, 0) || ' µ$ less refunds.'
FROM (SELECT * FROM billing_usageday WHERE ($1 IS NULL OR team_id = $1)) AS u
FULL JOIN (
    SELECT h.team_id, (h.settled_at AT TIME ZONE 'UTC')::date AS day, t.actor, h.project_id, count(*) AS clips,
        coalesce(sum(h.captured) FILTER (WHERE refund.id IS NULL), 0) AS spent
    FROM billing_hold AS h
    JOIN billing_transaction AS t ON t.key = 'hold:' || h.attempt
    LEFT JOIN billing_transaction AS refund ON refund.key = 'unsettle:' || h.id
    WHERE h.captured > 0 AND ($1 IS NULL OR h.team_id = $1)
    GROUP BY 1, 2, 3, 4
) AS h ON h.team_id = u.team_id AND h.day = u.day AND h.actor = u.actor
    -- A full join takes equality alone: no project is a number of its own.
    AND coalesce(h.project_id, '00000000-0000-0000-0000-000000000000')
        = coalesce(u.project_id, '00000000-0000-0000-0000-000000000000')
WHERE (u.clips, u.spent) IS DISTINCT FROM (h.clips, h.spent)
"""

REPLACE = before.INSTALL.replace("DROP VIEW billing_violations;\n", "").replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
REPLACE = REPLACE[: REPLACE.index("CREATE VIEW")]
INSTALL = REPLACE.replace("$books$ USING", f"UNION ALL{USAGE}$books$ USING")


class Migration(migrations.Migration):
    dependencies = [("billing", "0071_cheaper_holds")]

    operations = [migrations.RunSQL(INSTALL, REPLACE)]
