"""A lot changes only by moves: inserting a move is what changes the lot, in the same breath."""

from django.db import migrations

INSTALL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_lotmove
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_lot
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_lotmove EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_lot EXECUTE FUNCTION billing_refuse_change();

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

REMOVE = """
DROP TRIGGER applied ON billing_lotmove;
DROP FUNCTION billing_apply_lot_move();
DROP TRIGGER guarded ON billing_lot;
DROP FUNCTION billing_guard_lot();
DROP TRIGGER append_only ON billing_lotmove;
DROP TRIGGER kept ON billing_lot;
DROP TRIGGER not_emptied ON billing_lotmove;
DROP TRIGGER not_emptied ON billing_lot;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_checks_at_once")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
