"""What was done is only ever added to, and a team keeps an owner, whoever tries otherwise.

The check of owners waits for the end of the transaction, so that a team can be handed over in either order, and locks
the team's row, so that the second of two such transactions sees what the first one did: two owners who leave at the same
moment. A team that is deleted needs no owner; one whose row has to stay is named in `accounts.ending_team` by the
transaction that takes its people out.
"""

from django.db import migrations

LOGS = """
-- One change is allowed: taking a person out who has a right to be forgotten.
CREATE FUNCTION accounts_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('accounts.forgetting', true) = 'yes'
        AND (NEW.id, NEW.at, NEW.team_id, NEW.kind, NEW.user_id, NEW.key_id, NEW.action, NEW.object_type,
             NEW.object_id, NEW.request_id, NEW.staff_session)
        IS NOT DISTINCT FROM
            (OLD.id, OLD.at, OLD.team_id, OLD.kind, OLD.user_id, OLD.key_id, OLD.action, OLD.object_type,
             OLD.object_id, OLD.request_id, OLD.staff_session)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on % is refused: the audit log is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_audit_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON accounts_auditevent
    EXECUTE FUNCTION accounts_refuse_audit_change();

-- The same for addresses that staff opened.
CREATE FUNCTION accounts_refuse_visit_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_staffvisit
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_visit_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON accounts_staffvisit
    EXECUTE FUNCTION accounts_refuse_visit_change();
"""

FORGETTING = """
-- What a deed says about a person beside their number: addresses, names and values. The deed itself stays.
CREATE FUNCTION accounts_forget_person(person bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    touched bigint;
BEGIN
    PERFORM set_config('accounts.forgetting', 'yes', true);
    UPDATE accounts_auditevent SET address = NULL, object_name = '', old = '{}', new = '{}'
    WHERE user_id = person OR (object_type = 'user' AND object_id = person::text);
    GET DIAGNOSTICS touched = ROW_COUNT;
    PERFORM set_config('accounts.forgetting', '', true);
    RETURN touched;
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

OWNERS = """
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
DROP FUNCTION accounts_forget_words(text[]);
DROP FUNCTION accounts_forget_team(uuid);
DROP FUNCTION accounts_forget_person(bigint);
DROP TRIGGER not_emptied ON accounts_staffvisit;
DROP TRIGGER append_only ON accounts_staffvisit;
DROP FUNCTION accounts_refuse_visit_change();
DROP TRIGGER not_emptied ON accounts_auditevent;
DROP TRIGGER append_only ON accounts_auditevent;
DROP FUNCTION accounts_refuse_audit_change();
"""


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0003_audit_is_append_only"),
        ("accounts", "0005_visits_are_append_only"),
        ("accounts", "0008_a_team_has_an_owner"),
        ("accounts", "0014_teams_end"),
        ("accounts", "0019_key_hashes_are_keyed"),
    ]
    dependencies = [("accounts", "0002_log_tables")]

    operations = [migrations.RunSQL(LOGS + FORGETTING + OWNERS, REMOVE)]
