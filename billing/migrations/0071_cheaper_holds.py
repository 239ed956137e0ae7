"""Holding and settling in fewer and smaller statements, and checks that ask less.

Plans are made once for each connection and are always by index: a plan made while the tables were small would read them
whole, for as long as the connection lives. What is refused stays the same.
"""

import re
from importlib import import_module

from django.db import migrations

walls = import_module("billing.migrations.0009_checks_at_once")
functions = import_module("billing.migrations.0016_hold_functions")
projects = import_module("billing.migrations.0050_holds_name_projects")

HOLD = """
CREATE OR REPLACE FUNCTION billing_hold_credits(
    p_team uuid, p_attempt uuid, p_amount bigint, p_actor text, p_request_hash text,
    p_price_version bigint, p_rate_nanos bigint, p_num_frames integer, p_passes integer,
    p_expires_at timestamptz, p_now timestamptz, p_member bigint, p_key uuid, p_project uuid
) RETURNS TABLE (outcome text, available bigint, hold billing_hold, blockers jsonb)
LANGUAGE plpgsql SET lock_timeout = '3s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known_hash text;
    is_overdue boolean;
    is_limited boolean;
    why_suspended text;
    new_transaction bigint;
    new_hold bigint;
    first_lot bigint;
    burned bigint;
BEGIN
    SELECT a.balance, a.suspended INTO available, why_suspended FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    available := coalesce(available, 0);

    -- The key comes before the balance: a repeated request gets its answer even when the wallet is empty.
    SELECT (SELECT t.request_hash FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt),
            EXISTS (SELECT FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable AND l.expires_at <= p_now),
            EXISTS (
                SELECT FROM billing_limit AS l WHERE l.team_id = p_team AND l.active
                    AND (l.member_id = p_member OR l.key_id = p_key OR l.project_id = p_project)
            )
        INTO known_hash, is_overdue, is_limited;
    IF known_hash IS NOT NULL THEN
        outcome := 'key_reused';
        IF known_hash = p_request_hash THEN
            outcome := 'replayed';
            SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    IF is_overdue THEN
        available := available - billing_expire_overdue(p_team, p_now);
    END IF;
    IF available < p_amount OR why_suspended <> '' OR is_limited THEN
        -- Everything that stands in the way, in the order in which people can do something about it.
        blockers := CASE WHEN why_suspended <> '' THEN '[{"scope": "team"}]'::jsonb ELSE '[]'::jsonb END
            || CASE WHEN available < p_amount THEN '[{"scope": "balance"}]'::jsonb ELSE '[]'::jsonb END;
        IF is_limited THEN
            blockers := blockers || billing_blockers(p_team, p_member, p_key, p_project, p_amount, p_now);
        END IF;
        IF blockers <> '[]'::jsonb THEN
            outcome := 'refused';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;

    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES ('hold:' || p_attempt, 'hold', p_team, p_actor, p_request_hash, nextval('billing_hold_id_seq'))
        ON CONFLICT (key) DO NOTHING RETURNING id, hold_id INTO new_transaction, new_hold;
    IF NOT FOUND THEN
        -- Another team was faster with the same attempt: its wallet is not ours, so our lock did not stop it.
        outcome := 'key_reused';
        RETURN NEXT;
        RETURN;
    END IF;
    INSERT INTO billing_hold (
        id, team_id, attempt, amount, price_version_id, rate_nanos, num_frames, passes, expires_at, has_budgets,
        project_id
    ) VALUES (
        new_hold, p_team, p_attempt, p_amount, p_price_version, p_rate_nanos, p_num_frames, p_passes, p_expires_at,
        is_limited, p_project
    ) RETURNING * INTO hold;
    -- In one statement, at whose end account and entries are compared.
    WITH changed AS (
        UPDATE billing_account AS a SET version = a.version + 1,
                balance = a.balance + CASE a.kind WHEN 'held' THEN p_amount ELSE -p_amount END
            WHERE a.team_id = p_team AND a.kind IN ('available', 'held')
            RETURNING a.id, CASE a.kind WHEN 'held' THEN p_amount ELSE -p_amount END AS amount, a.balance, a.version
    )
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        SELECT new_transaction, id, amount, balance, version FROM changed;
    -- Mostly the lot that burns first has enough.
    SELECT l.id, l.remaining INTO first_lot, burned FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable
        ORDER BY l.priority, l.expires_at NULLS LAST, l.created_at, l.id LIMIT 1;
    IF burned >= p_amount THEN
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            VALUES (new_transaction, first_lot, 'remaining', 'held', p_amount);
    ELSE
        WITH moved AS (
            INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
                SELECT new_transaction, share.id, 'remaining', 'held', share.part
                    FROM billing_burn(p_team, NULL, p_amount) AS share
                RETURNING amount
        )
        SELECT sum(moved.amount) INTO burned FROM moved;
        IF burned IS DISTINCT FROM p_amount THEN
            RAISE EXCEPTION 'the lots of team % do not hold what its balance says', p_team
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF is_limited THEN
        PERFORM billing_count_hold(hold, p_member, p_key, p_project, p_now);
    END IF;
    outcome := 'held';
    available := available - p_amount;
    RETURN NEXT;
END $$;
"""

SETTLE = """
CREATE OR REPLACE FUNCTION billing_settle_hold(
    p_attempt uuid, p_used bigint, p_actor text, p_request_hash text, p_now timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    team uuid;
    back bigint;
    new_transaction bigint;
BEGIN
    SELECT a.balance, a.team_id INTO available, team
        FROM billing_hold AS h JOIN billing_account AS a ON a.team_id = h.team_id AND a.kind = 'available'
        WHERE h.attempt = p_attempt FOR NO KEY UPDATE OF a;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
    back := hold.amount - p_used;
    IF hold.state <> 'open' OR p_used < 0 OR back < 0 THEN
        outcome := CASE WHEN hold.state = 'open' THEN 'above_hold' ELSE 'replayed' END;
        RETURN NEXT;
        RETURN;
    END IF;

    IF hold.has_budgets THEN
        PERFORM billing_settle_budgets(hold.id, hold.amount, p_used);
    END IF;
    IF back > 0 THEN
        hold := billing_return_hold(hold, p_used, p_actor, p_request_hash, p_now);
        SELECT a.balance INTO STRICT available FROM billing_account AS a WHERE a.team_id = team AND a.kind = 'available';
        outcome := 'settled';
        RETURN NEXT;
        RETURN;
    END IF;

    -- The common case, a full capture.
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES ('settle:' || hold.id, 'capture', team, p_actor, p_request_hash, hold.id) RETURNING id INTO new_transaction;
    UPDATE billing_hold AS h SET state = 'settled', captured = p_used, settled_at = statement_timestamp()
        WHERE h.id = hold.id RETURNING h.* INTO hold;
    WITH changed AS (
        UPDATE billing_account AS a SET version = a.version + 1, balance = a.balance - p_used
            WHERE a.team_id = team AND a.kind = 'held'
            RETURNING a.id, a.balance, a.version
    )
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        SELECT new_transaction, id, -p_used, balance, version FROM changed
        UNION ALL
        -- Without a balance, so that no row makes all teams wait for each other.
        SELECT new_transaction, a.id, p_used, NULL, NULL
            FROM billing_account AS a WHERE a.team_id IS NULL AND a.kind = 'revenue';
    WITH moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT new_transaction, m.lot_id, 'held', 'spent', m.amount FROM billing_lotmove AS m
                WHERE m.transaction_id = (SELECT t.id FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt)
                ORDER BY m.id
            RETURNING amount
    )
    SELECT sum(moved.amount) INTO back FROM moved;
    IF back IS DISTINCT FROM p_used THEN
        RAISE EXCEPTION 'the lots of team % do not hold what was held for %', team, p_attempt
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    outcome := 'settled';
    RETURN NEXT;
END $$;
"""

CHECKS = """
CREATE OR REPLACE FUNCTION billing_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION billing_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION billing_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


def _again(text: str, name: str) -> str:
    """The function as it was before, out of the SQL that made it."""
    made = re.compile(rf"CREATE (?:OR REPLACE )?(FUNCTION {name}\(.*?END \$\$;\n)", re.DOTALL)
    return "CREATE OR REPLACE " + made.findall(text)[0]


UNDO = (
    projects.AFTER[0]
    + _again(functions.SETTLE, "billing_settle_hold")
    + _again(walls.TRANSACTIONS, "billing_check_transaction")
    + _again(walls.ENTRIES, "billing_check_entries")
    + _again(walls.HOLDS, "billing_check_hold")
)


class Migration(migrations.Migration):
    dependencies = [("billing", "0070_checks_told_shortly")]

    operations = [migrations.RunSQL(HOLD + SETTLE + CHECKS, UNDO)]
