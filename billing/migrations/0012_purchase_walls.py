"""Purchases keep to their states, and an account's floor is what its team owes."""

from django.db import migrations

PURCHASES = """
CREATE FUNCTION billing_guard_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'a purchase starts as a draft' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'open'), ('draft', 'paid'), ('draft', 'failed'), ('draft', 'expired'),
        ('open', 'paid'), ('open', 'failed'), ('open', 'expired'),
        -- Money that came after all is still money.
        ('failed', 'open'), ('failed', 'paid'), ('expired', 'paid')
    ) THEN
        RAISE EXCEPTION 'purchase % does not go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    ELSIF (NEW.id, NEW.team_id, NEW.origin, NEW.credit) IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.origin, OLD.credit)
        OR OLD.state = 'paid' AND (NEW.gross_cents, NEW.tax_cents, NEW.paid_at)
            IS DISTINCT FROM (OLD.gross_cents, OLD.tax_cents, OLD.paid_at)
    THEN
        RAISE EXCEPTION 'purchase % keeps its team and its amounts', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_purchase
    FOR EACH ROW EXECUTE FUNCTION billing_guard_purchase();

CREATE FUNCTION billing_check_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM billing_transaction
        WHERE key = format('purchase:%s:credit', NEW.id) AND team_id = NEW.team_id AND purchase_id = NEW.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'purchase % became paid without its credit', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credited AFTER UPDATE ON billing_purchase DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'paid' AND OLD.state <> 'paid') EXECUTE FUNCTION billing_check_purchase();

CREATE TRIGGER kept BEFORE DELETE ON billing_purchase FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_refund FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_dispute FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_debt FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_purchase EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_refund EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_dispute EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_debt EXECUTE FUNCTION billing_refuse_change();
"""

DEBTS = """
CREATE OR REPLACE FUNCTION billing_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.balance <> 0 OR NEW.version <> 0 OR NEW.floor <> 0 THEN
            RAISE EXCEPTION 'an account starts with nothing'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF (NEW.id, NEW.team_id, NEW.kind, NEW.materialised) IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.kind, OLD.materialised)
        OR NEW.version <> OLD.version + 1
    THEN
        RAISE EXCEPTION 'account % may only take one entry at a time', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

-- The floor is exactly what the team owes: neither moves without the other.
CREATE FUNCTION billing_check_floor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM billing_account AS a WHERE a.team_id = NEW.team_id AND a.floor <> CASE a.kind WHEN 'available' THEN -(
            SELECT coalesce(sum(d.amount - d.repaid - d.written_off), 0) FROM billing_debt AS d WHERE d.team_id = NEW.team_id
        ) ELSE 0 END
    ) THEN
        RAISE EXCEPTION 'the floor of team % is not what the team owes', NEW.team_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER floor_is_debt AFTER UPDATE ON billing_account DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.floor <> OLD.floor) EXECUTE FUNCTION billing_check_floor();
CREATE CONSTRAINT TRIGGER floor_is_debt AFTER INSERT OR UPDATE ON billing_debt DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_check_floor();

CREATE FUNCTION billing_guard_debt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.team_id, NEW.transaction_id, NEW.amount) IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.transaction_id, OLD.amount)
        OR NEW.repaid < OLD.repaid OR NEW.written_off < OLD.written_off
    THEN
        RAISE EXCEPTION 'debt % only shrinks', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE UPDATE ON billing_debt FOR EACH ROW EXECUTE FUNCTION billing_guard_debt();
"""

REMOVE = """
DROP TRIGGER guarded ON billing_debt;
DROP FUNCTION billing_guard_debt();
DROP TRIGGER floor_is_debt ON billing_debt;
DROP TRIGGER floor_is_debt ON billing_account;
DROP FUNCTION billing_check_floor();
DROP TRIGGER kept ON billing_purchase;
DROP TRIGGER kept ON billing_refund;
DROP TRIGGER kept ON billing_dispute;
DROP TRIGGER kept ON billing_debt;
DROP TRIGGER not_emptied ON billing_purchase;
DROP TRIGGER not_emptied ON billing_refund;
DROP TRIGGER not_emptied ON billing_dispute;
DROP TRIGGER not_emptied ON billing_debt;
DROP TRIGGER credited ON billing_purchase;
DROP FUNCTION billing_check_purchase();
DROP TRIGGER guarded ON billing_purchase;
DROP FUNCTION billing_guard_purchase();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_purchases_and_debt")]

    # The account's guard goes with its trigger, when the migration before puts the old ones back.
    operations = [migrations.RunSQL(PURCHASES + DEBTS, REMOVE)]
