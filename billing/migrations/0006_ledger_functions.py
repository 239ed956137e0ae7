"""Hold, settle and grant as functions in the database: one round trip each, with the wallet locked for less time.

`billing.ledger` is their only caller. Lock order: the team's available row, then the hold, then the rest of the
wallet. Every statement of a function sees what was committed before it (READ COMMITTED), so what is read after
the lock is current.
"""

from django.db import migrations

POST = """
-- All legs of a transaction in one statement: amounts[n] µ$ on the team's account of kinds[n], or on the platform's.
-- Amounts of zero are left out. The row locks that the update takes order each wallet account's entries.
CREATE FUNCTION billing_post(p_transaction bigint, p_team uuid, p_kinds text[], p_amounts bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    posted integer;
BEGIN
    WITH leg AS (
        SELECT * FROM unnest(p_kinds, p_amounts) AS each (kind, amount) WHERE amount <> 0
    ), changed AS (
        UPDATE billing_account AS a SET balance = a.balance + leg.amount, version = a.version + 1
            FROM leg WHERE a.team_id = p_team AND a.kind = leg.kind
            RETURNING a.id, leg.amount, a.balance, a.version
    )
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        SELECT p_transaction, id, amount, balance, version FROM changed
        UNION ALL
        -- Without a balance, so that no row makes all teams wait for each other.
        SELECT p_transaction, a.id, leg.amount, NULL, NULL
            FROM leg JOIN billing_account AS a ON a.kind = leg.kind AND a.team_id IS NULL;
    GET DIAGNOSTICS posted = ROW_COUNT;
    IF posted <> (SELECT count(*) FROM unnest(p_amounts) AS amount WHERE amount <> 0) THEN
        RAISE EXCEPTION 'an account of % is missing for team %', p_kinds, p_team
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;
"""

HOLD = """
CREATE FUNCTION billing_hold_credits(
    p_team uuid, p_attempt uuid, p_amount bigint, p_actor text, p_request_hash text,
    p_price_version bigint, p_rate_nanos bigint, p_num_frames integer, p_passes integer, p_expires_at timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    known_hash text;
    new_transaction bigint;
    new_hold bigint;
BEGIN
    SELECT a.balance INTO available FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    available := coalesce(available, 0);

    -- The key comes before the balance: a repeated request gets its answer even when the wallet is empty.
    SELECT t.request_hash INTO known_hash FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt;
    IF FOUND THEN
        outcome := 'key_reused';
        IF known_hash = p_request_hash THEN
            outcome := 'replayed';
            SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    IF available < p_amount THEN
        outcome := 'insufficient';
        RETURN NEXT;
        RETURN;
    END IF;

    new_hold := nextval(pg_get_serial_sequence('billing_hold', 'id'));
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES ('hold:' || p_attempt, 'hold', p_team, p_actor, p_request_hash, new_hold)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO new_transaction;
    IF NOT FOUND THEN
        -- Another team was faster with the same attempt: its wallet is not ours, so our lock did not stop it.
        outcome := 'key_reused';
        RETURN NEXT;
        RETURN;
    END IF;
    INSERT INTO billing_hold (
        id, team_id, attempt, amount, price_version_id, rate_nanos, num_frames, passes, expires_at
    ) VALUES (
        new_hold, p_team, p_attempt, p_amount, p_price_version, p_rate_nanos, p_num_frames, p_passes, p_expires_at
    ) RETURNING * INTO hold;
    PERFORM billing_post(new_transaction, p_team, ARRAY['available', 'held'], ARRAY[-p_amount, p_amount]);
    outcome := 'held';
    available := available - p_amount;
    RETURN NEXT;
END $$;
"""

SETTLE = """
CREATE FUNCTION billing_settle_hold(p_attempt uuid, p_used bigint, p_actor text, p_request_hash text)
RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    team uuid;
    new_transaction bigint;
BEGIN
    SELECT h.team_id INTO team FROM billing_hold AS h WHERE h.attempt = p_attempt;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT a.balance INTO STRICT available FROM billing_account AS a
        WHERE a.team_id = team AND a.kind = 'available' FOR NO KEY UPDATE;
    UPDATE billing_hold AS h
        SET state = 'settled', captured = p_used, released = h.amount - p_used, settled_at = statement_timestamp()
        WHERE h.attempt = p_attempt AND h.state = 'open' AND p_used BETWEEN 0 AND h.amount
        RETURNING h.* INTO hold;
    IF NOT FOUND THEN
        SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
        outcome := CASE WHEN hold.state = 'open' THEN 'above_hold' ELSE 'replayed' END;
        RETURN NEXT;
        RETURN;
    END IF;

    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES (
            'settle:' || hold.id,
            CASE WHEN hold.released = 0 THEN 'capture' WHEN p_used = 0 THEN 'release' ELSE 'partial_capture' END,
            team, p_actor, p_request_hash, hold.id
        ) RETURNING id INTO new_transaction;
    PERFORM billing_post(
        new_transaction, team, ARRAY['held', 'available', 'revenue'], ARRAY[-hold.amount, hold.released, p_used]
    );
    outcome := 'settled';
    available := available + hold.released;
    RETURN NEXT;
END $$;
"""

GRANT = """
CREATE FUNCTION billing_grant_promo(
    p_team uuid, p_amount bigint, p_key text, p_actor text, p_reason text, p_request_hash text
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
    INSERT INTO billing_account (team_id, kind, materialised)
        VALUES (p_team, 'available', true), (p_team, 'held', true) ON CONFLICT (team_id, kind) DO NOTHING;
    PERFORM billing_post(new_transaction, p_team, ARRAY['promo', 'available'], ARRAY[-p_amount, p_amount]);
    SELECT a.balance INTO available FROM billing_account AS a WHERE a.team_id = p_team AND a.kind = 'available';
    outcome := 'granted';
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_grant_promo(uuid, bigint, text, text, text, text);
DROP FUNCTION billing_settle_hold(uuid, bigint, text, text);
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz
);
DROP FUNCTION billing_post(bigint, uuid, text[], bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_first_price")]

    operations = [migrations.RunSQL(POST + HOLD + SETTLE + GRANT, REMOVE)]
