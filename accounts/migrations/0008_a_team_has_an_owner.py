"""Refuse to end a team's last owner, whoever tries: two owners who leave at the same moment, or a script.

The check waits for the end of the transaction, so that a team can be handed over in either order, and locks the team's
row, so that the second of two such transactions sees what the first one did. A team that is deleted needs no owner;
one whose row has to stay is named in `accounts.ending_team` by the transaction that takes its people out.
"""

from django.db import migrations

INSTALL = """
CREATE FUNCTION accounts_keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.team_id::text = current_setting('accounts.ending_team', true) THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM accounts_team WHERE id = OLD.team_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT 1 FROM accounts_membership WHERE team_id = OLD.team_id AND role = 'owner'
    ) THEN
        RAISE EXCEPTION 'team % would have no owner', OLD.team_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER an_owner_stays AFTER UPDATE OF role, team_id OR DELETE ON accounts_membership
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.role = 'owner')
    EXECUTE FUNCTION accounts_keep_an_owner();
"""

REMOVE = """
DROP TRIGGER an_owner_stays ON accounts_membership;
DROP FUNCTION accounts_keep_an_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_last_seen")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
