"""The functions again, now burning lots; all of a hold, and all of a settlement, in one statement each.

Lock order: the team's available row, then the hold, then lots in burn order. Every statement of a function sees
what was committed before it (READ COMMITTED), so what is read after the lock is current.
"""

from importlib import import_module

from django.db import migrations

before = import_module("billing.migrations.0006_ledger_functions")

POST = """
CREATE FUNCTION billing_open_wallet(p_team uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO billing_account (team_id, kind, materialised)
        SELECT p_team, kind, true FROM unnest(ARRAY['available', 'held', 'frozen']) AS kind
        ON CONFLICT (team_id, kind) DO NOTHING;
$$;

-- Lower burns first: what was given before what was paid for.
CREATE FUNCTION billing_add_lot(
    p_transaction bigint, p_team uuid, p_source text, p_amount bigint, p_expires_at timestamptz
) RETURNS bigint LANGUAGE sql AS $$
    WITH made AS (
        INSERT INTO billing_lot (team_id, source, priority, expires_at)
            VALUES (p_team, p_source, CASE p_source WHEN 'promo' THEN 10 WHEN 'adjustment' THEN 20 ELSE 30 END, p_expires_at)
            RETURNING id
    )
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        SELECT p_transaction, id, 'granted', 'remaining', p_amount FROM made RETURNING lot_id;
$$;
"""

EXPIRE = """
-- Takes what is left of overdue lots, so that no dead credit is spent. The caller has locked the wallet.
CREATE FUNCTION billing_expire_overdue(p_team uuid, p_now timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lot record;
    new_transaction bigint;
    total bigint := 0;
BEGIN
    FOR lot IN
        SELECT l.id, l.source, l.remaining,
            (SELECT 1 + count(*) FROM billing_lotmove AS m WHERE m.lot_id = l.id AND m.target = 'expired') AS number
        FROM billing_lot AS l
        WHERE l.team_id = p_team AND l.spendable AND l.expires_at <= p_now
        ORDER BY l.priority, l.expires_at, l.created_at, l.id
    LOOP
        INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash)
            VALUES (format('lot:%s:expire:%s', lot.id, lot.number), 'expiry', p_team, 'system', '')
            RETURNING id INTO new_transaction;
        PERFORM billing_post(
            new_transaction, p_team,
            ARRAY['available', CASE lot.source WHEN 'purchase' THEN 'breakage' ELSE lot.source END],
            ARRAY[-lot.remaining, lot.remaining]
        );
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            VALUES (new_transaction, lot.id, 'remaining', 'expired', lot.remaining);
        total := total + lot.remaining;
    END LOOP;
    RETURN total;
END $$;

CREATE FUNCTION billing_expire_lots(p_team uuid, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
BEGIN
    PERFORM 1 FROM billing_account AS a WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    RETURN billing_expire_overdue(p_team, p_now);
END $$;
"""

HOLD = """
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz
);
CREATE FUNCTION billing_hold_credits(
    p_team uuid, p_attempt uuid, p_amount bigint, p_actor text, p_request_hash text,
    p_price_version bigint, p_rate_nanos bigint, p_num_frames integer, p_passes integer,
    p_expires_at timestamptz, p_now timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    known_hash text;
    is_overdue boolean;
BEGIN
    SELECT a.balance INTO available FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    available := coalesce(available, 0);

    -- The key comes before the balance: a repeated request gets its answer even when the wallet is empty.
    SELECT (SELECT t.request_hash FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt),
            EXISTS (SELECT FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable AND l.expires_at <= p_now)
        INTO known_hash, is_overdue;
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
    IF available < p_amount THEN
        outcome := 'insufficient';
        RETURN NEXT;
        RETURN;
    END IF;

    WITH posting AS (
        INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
            VALUES ('hold:' || p_attempt, 'hold', p_team, p_actor, p_request_hash, nextval('billing_hold_id_seq'))
            ON CONFLICT (key) DO NOTHING RETURNING id, hold_id
    ), made AS (
        INSERT INTO billing_hold (
            id, team_id, attempt, amount, price_version_id, rate_nanos, num_frames, passes, expires_at
        ) SELECT
            hold_id, p_team, p_attempt, p_amount, p_price_version, p_rate_nanos, p_num_frames, p_passes, p_expires_at
        FROM posting RETURNING *
    ), changed AS (
        UPDATE billing_account AS a SET version = a.version + 1,
                balance = a.balance + CASE a.kind WHEN 'held' THEN p_amount ELSE -p_amount END
            FROM posting WHERE a.team_id = p_team AND a.kind IN ('available', 'held')
            RETURNING posting.id AS posting, a.id, a.kind, a.balance, a.version
    ), posted AS (
        INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
            SELECT posting, id, CASE kind WHEN 'held' THEN p_amount ELSE -p_amount END, balance, version FROM changed
    ), burned AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT posting.id, lot.id, 'remaining', 'held', least(lot.remaining, p_amount - lot.sooner)
            FROM posting, (
                SELECT l.id, l.remaining, coalesce(sum(l.remaining) OVER (
                    ORDER BY l.priority, l.expires_at NULLS LAST, l.created_at, l.id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), 0) AS sooner
                FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable
            ) AS lot
            WHERE lot.sooner < p_amount
            RETURNING amount
    )
    SELECT made.* INTO hold FROM made WHERE (SELECT sum(burned.amount) FROM burned) = p_amount;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM billing_hold AS h WHERE h.attempt = p_attempt AND h.team_id = p_team) THEN
            RAISE EXCEPTION 'the lots of team % do not hold what its balance says', p_team
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        -- Another team was faster with the same attempt: its wallet is not ours, so our lock did not stop it.
        outcome := 'key_reused';
        RETURN NEXT;
        RETURN;
    END IF;
    outcome := 'held';
    available := available - p_amount;
    RETURN NEXT;
END $$;
"""

SETTLE = """
DROP FUNCTION billing_settle_hold(uuid, bigint, text, text);
CREATE FUNCTION billing_settle_hold(
    p_attempt uuid, p_used bigint, p_actor text, p_request_hash text, p_now timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    team uuid;
    back bigint;
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

    WITH posting AS (
        INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
            VALUES (
                'settle:' || hold.id,
                CASE WHEN back = 0 THEN 'capture' WHEN p_used = 0 THEN 'release' ELSE 'partial_capture' END,
                team, p_actor, p_request_hash, hold.id
            ) RETURNING id
    ), done AS (
        UPDATE billing_hold AS h
            SET state = 'settled', captured = p_used, released = back, settled_at = statement_timestamp()
            WHERE h.id = hold.id RETURNING h.*
    ), changed AS (
        UPDATE billing_account AS a SET version = a.version + 1,
                balance = a.balance + CASE a.kind WHEN 'held' THEN -hold.amount ELSE back END
            FROM posting WHERE a.team_id = team AND (a.kind = 'held' OR a.kind = 'available' AND back > 0)
            RETURNING posting.id AS posting, a.id, a.kind, a.balance, a.version
    ), posted AS (
        INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
            SELECT posting, id, CASE kind WHEN 'held' THEN -hold.amount ELSE back END, balance, version FROM changed
            UNION ALL
            -- Without a balance, so that no row makes all teams wait for each other.
            SELECT posting.id, a.id, p_used, NULL, NULL
                FROM posting, billing_account AS a WHERE a.team_id IS NULL AND a.kind = 'revenue' AND p_used > 0
    ), taken AS (
        SELECT m.id, m.lot_id, m.amount,
            greatest(0, least(m.amount, p_used - coalesce(sum(m.amount) OVER (
                ORDER BY m.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0))) AS used
        FROM billing_lotmove AS m JOIN billing_transaction AS t ON t.id = m.transaction_id
        WHERE t.key = 'hold:' || p_attempt
    ), moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT posting.id, share.lot_id, 'held', share.target, share.amount FROM posting, (
                SELECT id, lot_id, 'spent' AS target, used AS amount FROM taken
                UNION ALL
                SELECT id, lot_id, 'remaining', amount - used FROM taken
            ) AS share
            WHERE share.amount > 0 ORDER BY share.id
            RETURNING amount
    )
    SELECT done.* INTO hold FROM done WHERE (SELECT sum(moved.amount) FROM moved) = done.amount;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lots of team % do not hold what was held for %', team, p_attempt
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF back > 0 THEN
        PERFORM billing_extend_lots('settle:' || hold.id, p_now);
    END IF;
    outcome := 'settled';
    available := available + back;
    RETURN NEXT;
END $$;

-- Credit that a transaction returned to an expired lot gets seven days, once for each lot.
CREATE FUNCTION billing_extend_lots(p_key text, p_now timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE billing_lot AS l SET expires_at = p_now + interval '7 days', extended = true
        WHERE l.expires_at <= p_now AND NOT l.extended AND l.id IN (
            SELECT m.lot_id FROM billing_lotmove AS m JOIN billing_transaction AS t ON t.id = m.transaction_id
            WHERE t.key = p_key AND m.target = 'remaining'
        );
$$;
"""

GRANT = """
DROP FUNCTION billing_grant_promo(uuid, bigint, text, text, text, text);
CREATE FUNCTION billing_grant_promo(
    p_team uuid, p_amount bigint, p_key text, p_actor text, p_reason text, p_request_hash text,
    p_expires_at timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    new_transaction bigint;
BEGIN
    -- A grant is never refused for want of credit, so the key itself is the first lock.
    INSERT INTO billing_transaction (key, kind, team_id, actor, reason, request_hash)
        VALUES ('promo:' || p_key, 'promo_grant', p_team, p_actor, p_reason, p_request_hash)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO new_transaction;
    IF NOT FOUND THEN
        SELECT CASE WHEN t.request_hash = p_request_hash THEN 'replayed' ELSE 'key_reused' END INTO STRICT outcome
            FROM billing_transaction AS t WHERE t.key = 'promo:' || p_key;
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM billing_open_wallet(p_team);
    PERFORM billing_post(new_transaction, p_team, ARRAY['promo', 'available'], ARRAY[-p_amount, p_amount]);
    PERFORM billing_add_lot(new_transaction, p_team, 'promo', p_amount, p_expires_at);
    SELECT a.balance INTO available FROM billing_account AS a WHERE a.team_id = p_team AND a.kind = 'available';
    outcome := 'granted';
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_grant_promo(uuid, bigint, text, text, text, text, timestamptz);
DROP FUNCTION billing_extend_lots(text, timestamptz);
DROP FUNCTION billing_settle_hold(uuid, bigint, text, text, timestamptz);
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz, timestamptz
);
DROP FUNCTION billing_expire_lots(uuid, timestamptz);
DROP FUNCTION billing_expire_overdue(uuid, timestamptz);
DROP FUNCTION billing_add_lot(bigint, uuid, text, bigint, timestamptz);
DROP FUNCTION billing_open_wallet(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_lot_walls")]

    operations = [
        migrations.RunSQL(
            POST + EXPIRE + HOLD + SETTLE + GRANT, REMOVE + before.HOLD + before.SETTLE + before.GRANT
        )
    ]
