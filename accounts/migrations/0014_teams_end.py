"""Teams may end; what the logs say about an ended team or person beside numbers is taken out."""

from django.db import migrations, models

INSTALL = """
CREATE OR REPLACE FUNCTION accounts_refuse_visit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('accounts.forgetting', true) = 'yes'
        AND (NEW.id, NEW.session_id, NEW.at, NEW.method, NEW.route, NEW.status)
        IS NOT DISTINCT FROM (OLD.id, OLD.session_id, OLD.at, OLD.method, OLD.route, OLD.status)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on % is refused: visits of staff are only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Names, values and addresses of everything that was done in a team. The deeds themselves stay.
CREATE FUNCTION accounts_forget_team(team uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    touched bigint;
BEGIN
    PERFORM set_config('accounts.forgetting', 'yes', true);
    UPDATE accounts_auditevent SET address = NULL, object_name = '', old = '{}', new = '{}' WHERE team_id = team;
    GET DIAGNOSTICS touched = ROW_COUNT;
    UPDATE accounts_staffvisit AS v SET path = ''
        FROM accounts_staffsession AS s WHERE s.id = v.session_id AND s.team_id = team;
    PERFORM set_config('accounts.forgetting', '', true);
    RETURN touched;
END $$;

-- Where others did something about a person, their address or name stands in the words of it.
CREATE FUNCTION accounts_forget_words(words text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    touched bigint;
BEGIN
    PERFORM set_config('accounts.forgetting', 'yes', true);
    UPDATE accounts_auditevent SET object_name = '', old = '{}', new = '{}'
        WHERE EXISTS (
            SELECT 1 FROM unnest(words) AS w
            WHERE w <> '' AND position(lower(w) IN lower(concat(object_name, ' ', old::text, ' ', new::text))) > 0
        );
    GET DIAGNOSTICS touched = ROW_COUNT;
    PERFORM set_config('accounts.forgetting', '', true);
    RETURN touched;
END $$;
"""

REMOVE = """
DROP FUNCTION accounts_forget_words(text[]);
DROP FUNCTION accounts_forget_team(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_checklist_can_be_hidden")]

    operations = [
        migrations.AddField(
            model_name="team",
            name="ends_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunSQL(INSTALL, REMOVE),
    ]
