"""Every transaction balances, and a wallet changes only together with the entry that explains it.

The checks that need the whole transaction run when it commits (deferred constraint triggers).
"""

from django.db import migrations

TRANSACTIONS = """
-- The number of the database transaction, which savepoints do not change; whatever the writer claims.
CREATE FUNCTION billing_stamp_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.database_xid := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER stamped BEFORE INSERT ON billing_transaction
    FOR EACH ROW EXECUTE FUNCTION billing_stamp_transaction();

-- Entries that are there have a check of their own, below.
CREATE FUNCTION billing_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM billing_entry WHERE transaction_id = NEW.id LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'transaction % has no entries', NEW.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON billing_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_transaction();
"""

ENTRIES = """
CREATE FUNCTION billing_check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    legs bigint;
    total numeric;
    is_new boolean;
    is_own boolean;
    continues boolean;
BEGIN
    SELECT count(*), sum(e.amount),
            bool_and(t.database_xid = pg_current_xact_id()::text::bigint),
            bool_and(a.team_id IS NULL OR a.team_id IS NOT DISTINCT FROM t.team_id),
            -- With the account's own check and the unique version: one entry for each change, no more.
            bool_and(coalesce(
                CASE WHEN a.materialised THEN e.version BETWEEN 1 AND a.version ELSE e.version IS NULL END, false
            ))
        INTO legs, total, is_new, is_own, continues
        FROM billing_entry AS e
        JOIN billing_transaction AS t ON t.id = e.transaction_id
        JOIN billing_account AS a ON a.id = e.account_id
        WHERE e.transaction_id = NEW.transaction_id;
    IF is_new AND is_own AND continues AND legs >= 2 AND total = 0 THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = CASE
        WHEN NOT is_new THEN format('entry %s joins transaction %s, which was complete before', NEW.id, NEW.transaction_id)
        WHEN NOT is_own THEN format('transaction %s moves credit of a team it is not about', NEW.transaction_id)
        WHEN NOT continues THEN format('transaction %s has an entry that does not continue its account', NEW.transaction_id)
        ELSE format(
            'transaction %s has %s entries that sum to %s µ$: it needs two or more that sum to zero',
            NEW.transaction_id, legs, total
        ) END;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_entry();
"""

ACCOUNTS = """
CREATE FUNCTION billing_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.balance <> 0 OR NEW.version <> 0 OR NEW.floor <> 0 THEN
            RAISE EXCEPTION 'an account starts with nothing'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF (NEW.id, NEW.team_id, NEW.kind, NEW.materialised, NEW.floor)
            IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.kind, OLD.materialised, OLD.floor)
        OR NEW.version <> OLD.version + 1
    THEN
        RAISE EXCEPTION 'account % may only take one entry at a time', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_account
    FOR EACH ROW EXECUTE FUNCTION billing_guard_account();

CREATE FUNCTION billing_check_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM billing_entry
        WHERE account_id = NEW.id AND version = NEW.version
            AND balance_after = NEW.balance AND amount = NEW.balance - OLD.balance;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the balance of account % changed from % to % µ$ without an entry that says so',
            NEW.id, OLD.balance, NEW.balance USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER explained AFTER UPDATE ON billing_account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_account();
"""

HOLDS = """
CREATE FUNCTION billing_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' THEN
        RAISE EXCEPTION 'hold % is settled and stays as it is', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.team_id, NEW.attempt, NEW.amount, NEW.price_version_id, NEW.rate_nanos,
            NEW.num_frames, NEW.passes, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.attempt, OLD.amount, OLD.price_version_id, OLD.rate_nanos,
            OLD.num_frames, OLD.passes, OLD.created_at)
    THEN
        RAISE EXCEPTION 'hold % keeps its amount, its price and its owner', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_guard_hold();

-- A hold exists, and ends, only with the transaction that moves its credit.
CREATE FUNCTION billing_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected text := CASE WHEN NEW.state = 'open' THEN 'hold:' || NEW.attempt ELSE 'settle:' || NEW.id END;
BEGIN
    PERFORM 1 FROM billing_transaction
        WHERE key = expected AND hold_id = NEW.id AND team_id = NEW.team_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'hold % became % without transaction %', NEW.id, NEW.state, expected
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER explained AFTER INSERT OR UPDATE ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_hold();
"""

REMOVE = """
DROP TRIGGER explained ON billing_hold;
DROP TRIGGER guarded ON billing_hold;
DROP TRIGGER explained ON billing_account;
DROP TRIGGER guarded ON billing_account;
DROP TRIGGER balanced ON billing_entry;
DROP TRIGGER balanced ON billing_transaction;
DROP TRIGGER stamped ON billing_transaction;
DROP FUNCTION billing_check_hold();
DROP FUNCTION billing_guard_hold();
DROP FUNCTION billing_check_account();
DROP FUNCTION billing_guard_account();
DROP FUNCTION billing_check_entry();
DROP FUNCTION billing_check_transaction();
DROP FUNCTION billing_stamp_transaction();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_append_only")]

    operations = [migrations.RunSQL(TRANSACTIONS + ENTRIES + ACCOUNTS + HOLDS, REMOVE)]
