"""Hold, settle and grant as functions in the database: one round trip each, with the wallet locked for less time.

`billing.ledger` is their only caller. Lock order: the team's available row, then the hold, then the rest of the
wallet. Every statement of a function sees what was committed before it (READ COMMITTED), so what is read after
the lock is current.
"""

from django.db import migrations

LEGS = """
-- One leg on a wallet account: the row lock that the update takes orders the account's entries.
CREATE FUNCTION billing_wallet_leg(p_transaction bigint, p_team uuid, p_kind text, p_amount bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account billing_account;
BEGIN
    UPDATE billing_account SET balance = balance + p_amount, version = version + 1
        WHERE team_id = p_team AND kind = p_kind RETURNING * INTO STRICT account;
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        VALUES (p_transaction, account.id, p_amount, account.balance, account.version);
END $$;

-- One leg on a platform account: no row that all teams would wait for.
CREATE FUNCTION billing_platform_leg(p_transaction bigint, p_kind text, p_amount bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    account bigint;
BEGIN
    SELECT id INTO STRICT account FROM billing_account WHERE team_id IS NULL AND kind = p_kind;
    INSERT INTO billing_entry (transaction_id, account_id, amount) VALUES (p_transaction, account, p_amount);
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
    PERFORM billing_wallet_leg(new_transaction, p_team, 'available', -p_amount);
    PERFORM billing_wallet_leg(new_transaction, p_team, 'held', p_amount);
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
    new_transaction bigint;
BEGIN
    SELECT h.* INTO hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT a.balance INTO STRICT available FROM billing_account AS a
        WHERE a.team_id = hold.team_id AND a.kind = 'available' FOR NO KEY UPDATE;
    SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt FOR NO KEY UPDATE;
    IF hold.state = 'settled' THEN
        outcome := 'replayed';
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_used NOT BETWEEN 0 AND hold.amount THEN
        outcome := 'above_hold';
        RETURN NEXT;
        RETURN;
    END IF;

    UPDATE billing_hold AS h
        SET state = 'settled', captured = p_used, released = h.amount - p_used, settled_at = statement_timestamp()
        WHERE h.id = hold.id RETURNING h.* INTO hold;
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES (
            'settle:' || hold.id,
            CASE WHEN hold.released = 0 THEN 'capture' WHEN p_used = 0 THEN 'release' ELSE 'partial_capture' END,
            hold.team_id, p_actor, p_request_hash, hold.id
        ) RETURNING id INTO new_transaction;
    PERFORM billing_wallet_leg(new_transaction, hold.team_id, 'held', -hold.amount);
    IF hold.released > 0 THEN
        PERFORM billing_wallet_leg(new_transaction, hold.team_id, 'available', hold.released);
    END IF;
    IF p_used > 0 THEN
        PERFORM billing_platform_leg(new_transaction, 'revenue', p_used);
    END IF;
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
    PERFORM billing_platform_leg(new_transaction, 'promo', -p_amount);
    PERFORM billing_wallet_leg(new_transaction, p_team, 'available', p_amount);
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
DROP FUNCTION billing_platform_leg(bigint, text, bigint);
DROP FUNCTION billing_wallet_leg(bigint, uuid, text, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_first_price")]

    operations = [migrations.RunSQL(LEGS + HOLD + SETTLE + GRANT, REMOVE)]
