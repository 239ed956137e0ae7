"""Lots change only by moves, purchases keep to their states, the floor is what a team owes, budgets grow within their caps.

Inserting a move is what changes its lot, in the same breath.
"""

from django.db import migrations

LOTS = """
CREATE FUNCTION billing_guard_lot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.moves_count <> 0 OR NEW.granted <> 0 OR NEW.extended THEN
            RAISE EXCEPTION 'a lot starts empty and is filled by a move'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    -- Inside a move's own trigger the depth is two: there, and only there, the buckets change.
    ELSIF pg_trigger_depth() = 1 AND (
        (NEW.id, NEW.team_id, NEW.source, NEW.priority, NEW.granted, NEW.remaining, NEW.held, NEW.frozen,
            NEW.spent, NEW.expired, NEW.reversed, NEW.moves_count, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.source, OLD.priority, OLD.granted, OLD.remaining, OLD.held, OLD.frozen,
            OLD.spent, OLD.expired, OLD.reversed, OLD.moves_count, OLD.created_at)
        OR NEW.expires_at IS DISTINCT FROM OLD.expires_at AND (OLD.extended OR NOT NEW.extended)
        OR OLD.extended AND NOT NEW.extended
    ) THEN
        RAISE EXCEPTION 'lot % changes only by moves, and its end is put off once', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_lot
    FOR EACH ROW EXECUTE FUNCTION billing_guard_lot();

CREATE FUNCTION billing_apply_lot_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_lot AS l SET
            moves_count = l.moves_count + 1,
            granted = l.granted + CASE NEW.source WHEN 'granted' THEN NEW.amount ELSE 0 END,
            remaining = l.remaining + CASE 'remaining' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END,
            held = l.held + CASE 'held' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END,
            frozen = l.frozen + CASE 'frozen' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END,
            spent = l.spent + CASE 'spent' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END,
            expired = l.expired + CASE 'expired' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END,
            reversed = l.reversed + CASE 'reversed' WHEN NEW.target THEN NEW.amount WHEN NEW.source THEN -NEW.amount ELSE 0 END
        WHERE l.id = NEW.lot_id
            -- Not a join: that would be planned once, while the table is small, as a scan of all transactions.
            AND l.team_id = (
                SELECT t.team_id FROM billing_transaction AS t
                WHERE t.id = NEW.transaction_id AND t.database_xid = pg_current_xact_id()::text::bigint
            )
            -- A lot is filled once, by its first move.
            AND (NEW.source = 'granted') = (l.moves_count = 0)
        RETURNING l.moves_count INTO NEW.position;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lot % takes no such move by transaction %', NEW.lot_id, NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER applied BEFORE INSERT ON billing_lotmove
    FOR EACH ROW EXECUTE FUNCTION billing_apply_lot_move();
"""

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
"""

DEBTS = """
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

BUDGETS = """
CREATE FUNCTION billing_guard_budget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.held <> 0 OR NEW.spent <> 0 THEN
            RAISE EXCEPTION 'a budget starts unused' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF (NEW.id, NEW.limit_id, NEW.period_start) IS DISTINCT FROM (OLD.id, OLD.limit_id, OLD.period_start) THEN
        RAISE EXCEPTION 'budget % keeps its limit and its period', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    -- A cap may be lowered below what is used already; it only stops more.
    ELSIF NEW.held + NEW.spent > OLD.held + OLD.spent AND NEW.held + NEW.spent > NEW.cap THEN
        RAISE EXCEPTION 'budget % grows beyond its cap', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_budget FOR EACH ROW EXECUTE FUNCTION billing_guard_budget();
"""

REMOVE = """
DROP TRIGGER guarded ON billing_budget;
DROP FUNCTION billing_guard_budget();
DROP TRIGGER guarded ON billing_debt;
DROP FUNCTION billing_guard_debt();
DROP TRIGGER floor_is_debt ON billing_debt;
DROP TRIGGER floor_is_debt ON billing_account;
DROP FUNCTION billing_check_floor();
DROP TRIGGER credited ON billing_purchase;
DROP FUNCTION billing_check_purchase();
DROP TRIGGER guarded ON billing_purchase;
DROP FUNCTION billing_guard_purchase();
DROP TRIGGER applied ON billing_lotmove;
DROP FUNCTION billing_apply_lot_move();
DROP TRIGGER guarded ON billing_lot;
DROP FUNCTION billing_guard_lot();
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0010_lot_walls"), ("billing", "0012_purchase_walls")]
    dependencies = [("billing", "0007_walls_of_the_book")]

    operations = [migrations.RunSQL(LOTS + PURCHASES + DEBTS + BUDGETS, REMOVE)]
