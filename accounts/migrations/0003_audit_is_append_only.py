"""Refuse every change of the audit log but one: taking a person out of it who has a right to be forgotten."""

from django.db import migrations

INSTALL = """
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
"""

REMOVE = """
DROP FUNCTION accounts_forget_person(bigint);
DROP TRIGGER append_only ON accounts_auditevent;
DROP TRIGGER not_emptied ON accounts_auditevent;
DROP FUNCTION accounts_refuse_audit_change();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_log")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
