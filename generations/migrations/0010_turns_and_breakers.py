"""Lines are read in the order of turns, keys remember what was accepted and told, attempts what they were refused."""

from django.db import migrations, models

# One key served everything until now.
NAME_THE_KEY = """
    UPDATE generations_submission SET fal_key = 'main' WHERE fal_key = '';
    UPDATE generations_generation SET fal_key = 'main'
        WHERE fal_key = '' AND status IN ('dispatching', 'processing', 'finalizing');
"""
# Before: a job's lines are made when it becomes ready. These were ready before there were lines.
OPEN_THE_LINES = """
    INSERT INTO generations_teamline (team_id, weight, turn, ready_at)
        SELECT team_id, 1, 0, min(due_at) FROM generations_generation
        WHERE status = 'queued' AND paused_at IS NULL AND due_at IS NOT NULL GROUP BY team_id
        ON CONFLICT DO NOTHING;
    INSERT INTO generations_memberline (team_id, member_id, turn, ready_at)
        SELECT team_id, created_by_id, 0, min(due_at) FROM generations_generation
        WHERE status = 'queued' AND paused_at IS NULL AND due_at IS NOT NULL GROUP BY team_id, created_by_id
        ON CONFLICT DO NOTHING;
"""


def by_turn(*first):
    return [*map(models.F, first), models.F("turn"), models.F("served_at").asc(nulls_first=True)]


class Migration(migrations.Migration):
    dependencies = [("generations", "0021_costs_and_files_on_schedule")]

    operations = [
        migrations.RemoveIndex("teamline", "team_line_next"),
        migrations.AddIndex(
            "teamline",
            models.Index(*by_turn(), condition=models.Q(("ready_at__isnull", False)), name="team_line_next"),
        ),
        migrations.RemoveIndex("memberline", "member_line_next"),
        migrations.AddIndex(
            "memberline",
            models.Index(
                *by_turn("team"), condition=models.Q(("ready_at__isnull", False)), name="member_line_next"
            ),
        ),
        migrations.AddField("falkey", "accepted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("falkey", "told_open", models.BooleanField(default=False)),
        migrations.AddField(
            "submission",
            "refusal",
            models.CharField(blank=True, help_text="fal's status and words", max_length=300),
        ),
        migrations.AlterField(
            "submission",
            "state",
            models.CharField(
                choices=[
                    ("intent", "about to be sent"),
                    ("accepted", "accepted by fal"),
                    ("refused", "refused by fal"),
                    ("lost", "answer lost"),
                    ("abandoned", "never arrived"),
                    ("superseded", "input changed since"),
                ],
                default="intent",
                max_length=10,
            ),
        ),
        migrations.RunSQL(NAME_THE_KEY, migrations.RunSQL.noop),
        migrations.RunSQL(OPEN_THE_LINES, migrations.RunSQL.noop),
    ]
