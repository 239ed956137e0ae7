"""Every transaction balances, and a wallet changes only together with the entry that explains it.

Checks of entries and accounts cost one query for a whole statement and are made as it ends. All entries of a transaction,
and the balances they explain, are therefore written by a single statement. What a foreign key would prove is proved here
without locking rows that all teams share. Checks that need the whole transaction run when it commits (deferred
constraint triggers).
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
    IF EXISTS (SELECT FROM billing_entry WHERE transaction_id = NEW.id)
        -- A hold is never deleted and keeps its team, so this stays true.
        AND (NEW.hold_id IS NULL OR EXISTS (SELECT FROM billing_hold WHERE id = NEW.hold_id AND team_id = NEW.team_id))
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = CASE
        WHEN EXISTS (SELECT FROM billing_entry WHERE transaction_id = NEW.id)
            THEN format('transaction %s names a hold that its team does not have', NEW.id)
        ELSE format('transaction %s has no entries', NEW.id) END;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON billing_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_transaction();
"""

ENTRIES = """
-- Entries that came by one statement balance by themselves, so a transaction that takes two lots balances too.
CREATE FUNCTION billing_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    platform constant uuid := '00000000-0000-0000-0000-000000000000';
    is_sound boolean;
    bad record;
BEGIN
    -- What almost every statement brings: all of one transaction. Words for the rest are looked for below.
    SELECT count(*) >= 2 AND sum(n.amount) = 0 AND min(n.transaction_id) = max(n.transaction_id)
            AND bool_and(coalesce(n.owner IN (n.about, platform), false)) AND bool_or(n.owner = n.about)
        INTO is_sound
        FROM (
            SELECT e.transaction_id, e.amount,
                (SELECT coalesce(t.team_id, platform) FROM billing_transaction AS t
                    WHERE t.id = e.transaction_id AND t.database_xid = pg_current_xact_id()::text::bigint) AS about,
                (SELECT coalesce(a.team_id, platform) FROM billing_account AS a WHERE a.id = e.account_id
                    AND CASE WHEN a.materialised THEN e.version BETWEEN 1 AND a.version ELSE e.version IS NULL END) AS owner
            FROM added AS e OFFSET 0
        ) AS n;
    IF is_sound THEN
        RETURN NULL;
    END IF;
    -- Each look-up is a subquery of its own: a join would be planned once, while the tables are small, as scans.
    SELECT n.transaction_id, min(n.id) AS entry, count(*) AS legs, sum(n.amount) AS total,
            bool_and(n.about IS NOT NULL) AS is_new,
            -- A team's accounts are never deleted, so the team of a transaction stays real.
            bool_and(n.owner IN ('platform', n.about)) AND bool_or(n.about = 'platform' OR n.owner <> 'platform') AS is_own,
            bool_and(coalesce(n.continues, false)) AS continues
        INTO bad
        FROM (
            SELECT e.*,
                (SELECT coalesce(t.team_id::text, 'platform') FROM billing_transaction AS t
                    WHERE t.id = e.transaction_id AND t.database_xid = pg_current_xact_id()::text::bigint) AS about,
                (SELECT coalesce(a.team_id::text, 'platform') FROM billing_account AS a WHERE a.id = e.account_id) AS owner,
                -- With the account's own check and the unique version: one entry for each change, no more.
                (SELECT CASE WHEN a.materialised THEN e.version BETWEEN 1 AND a.version ELSE e.version IS NULL END
                    FROM billing_account AS a WHERE a.id = e.account_id) AS continues
            FROM added AS e OFFSET 0
        ) AS n
        GROUP BY n.transaction_id
        HAVING (
            count(*) >= 2 AND sum(n.amount) = 0 AND bool_and(n.about IS NOT NULL)
            AND bool_and(n.owner IN ('platform', n.about)) AND bool_or(n.about = 'platform' OR n.owner <> 'platform')
            AND bool_and(coalesce(n.continues, false))
        ) IS NOT TRUE
        LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = CASE
        WHEN NOT bad.is_new THEN format('entry %s joins transaction %s, which was complete before', bad.entry, bad.transaction_id)
        WHEN NOT bad.is_own THEN format('transaction %s moves credit of a team it is not about', bad.transaction_id)
        WHEN NOT bad.continues THEN format('transaction %s has an entry that does not continue its account', bad.transaction_id)
        ELSE format(
            'transaction %s has %s entries that sum to %s µ$: it needs two or more that sum to zero',
            bad.transaction_id, bad.legs, bad.total
        ) END;
END $$;
CREATE TRIGGER balanced AFTER INSERT ON billing_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_check_entries();
"""

ACCOUNTS = """
CREATE FUNCTION billing_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.balance <> 0 OR NEW.version <> 0 OR NEW.floor <> 0 THEN
            RAISE EXCEPTION 'an account starts with nothing'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF (NEW.id, NEW.team_id, NEW.kind, NEW.materialised) IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.kind, OLD.materialised)
        OR NEW.version <> OLD.version + 1 AND ((NEW.version, NEW.balance, NEW.floor) <> (OLD.version, OLD.balance, OLD.floor) OR NEW.suspended = OLD.suspended)
    THEN
        RAISE EXCEPTION 'account % may only take one entry at a time', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_account
    FOR EACH ROW EXECUTE FUNCTION billing_guard_account();

CREATE FUNCTION billing_check_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT n.id, o.balance AS old, n.balance AS new INTO bad
        FROM changed AS n
        JOIN was AS o ON o.id = n.id
        LEFT JOIN billing_entry AS e ON e.account_id = n.id AND e.version = n.version
            AND e.balance_after = n.balance AND e.amount = n.balance - o.balance
        WHERE n.version <> o.version AND e.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the balance of account % changed from % to % µ$ without an entry that says so',
            bad.id, bad.old, bad.new USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER explained AFTER UPDATE ON billing_account
    REFERENCING OLD TABLE AS was NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION billing_check_accounts();
"""

HOLDS = """
CREATE FUNCTION billing_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' THEN
        RAISE EXCEPTION 'hold % is settled and stays as it is', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.team_id, NEW.attempt, NEW.amount, NEW.price_version_id, NEW.rate_nanos,
            NEW.num_frames, NEW.passes, NEW.created_at, NEW.project_id)
        IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.attempt, OLD.amount, OLD.price_version_id, OLD.rate_nanos,
            OLD.num_frames, OLD.passes, OLD.created_at, OLD.project_id)
    THEN
        RAISE EXCEPTION 'hold % keeps its amount, its price, its owner and its project', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_guard_hold();

-- A hold exists, and ends, only with the transaction that moves its credit; its price is one of the book.
CREATE FUNCTION billing_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    expected text := CASE WHEN NEW.state = 'open' THEN 'hold:' || NEW.attempt ELSE 'settle:' || NEW.id END;
BEGIN
    IF NOT EXISTS (
            SELECT FROM billing_transaction AS t WHERE t.key = expected AND t.hold_id = NEW.id AND t.team_id = NEW.team_id
        ) OR TG_OP = 'INSERT' AND NOT EXISTS (SELECT FROM billing_priceversion AS p WHERE p.id = NEW.price_version_id)
    THEN
        RAISE EXCEPTION 'hold % became % without transaction %', NEW.id, NEW.state, expected
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER explained_when_made AFTER INSERT ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_check_hold();
-- Everything else about a hold is guarded, and `expires_at` explains itself.
CREATE TRIGGER explained_when_settled AFTER UPDATE OF state ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_check_hold();
"""

REMOVE = """
DROP TRIGGER explained_when_settled ON billing_hold;
DROP TRIGGER explained_when_made ON billing_hold;
DROP FUNCTION billing_check_hold();
DROP TRIGGER guarded ON billing_hold;
DROP FUNCTION billing_guard_hold();
DROP TRIGGER explained ON billing_account;
DROP FUNCTION billing_check_accounts();
DROP TRIGGER guarded ON billing_account;
DROP FUNCTION billing_guard_account();
DROP TRIGGER balanced ON billing_entry;
DROP FUNCTION billing_check_entries();
DROP TRIGGER balanced ON billing_transaction;
DROP FUNCTION billing_check_transaction();
DROP TRIGGER stamped ON billing_transaction;
DROP FUNCTION billing_stamp_transaction();
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0003_ledger_walls"), ("billing", "0009_checks_at_once")]
    dependencies = [("billing", "0006_history_stays")]

    operations = [migrations.RunSQL(TRANSACTIONS + ENTRIES + ACCOUNTS + HOLDS, REMOVE)]
