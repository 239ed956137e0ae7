"""What all operations share: posting, new credit and the debt it repays, burning lots, and their end."""

from django.db import migrations

POST = """
-- All legs of a transaction in one statement: amounts[n] µ$ on the team's account of kinds[n], or on the platform's.
-- Amounts of zero are left out. `p_floor_change` goes with the available leg: down with new debt, up as it is repaid.
CREATE FUNCTION billing_post(
    p_transaction bigint, p_team uuid, p_kinds text[], p_amounts bigint[], p_floor_change bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    posted integer;
BEGIN
    WITH leg AS (
        SELECT * FROM unnest(p_kinds, p_amounts) AS each (kind, amount) WHERE amount <> 0
    ), changed AS (
        UPDATE billing_account AS a SET balance = a.balance + leg.amount, version = a.version + 1,
                floor = a.floor + CASE a.kind WHEN 'available' THEN p_floor_change ELSE 0 END
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
    IF posted <> cardinality(array_remove(p_amounts, 0)) THEN
        RAISE EXCEPTION 'an account of % is missing for team %', p_kinds, p_team
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE FUNCTION billing_open_wallet(p_team uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO billing_account (team_id, kind, materialised)
        SELECT p_team, kind, true FROM unnest(ARRAY['available', 'held', 'frozen']) AS kind
        ON CONFLICT (team_id, kind) DO NOTHING;
$$;

-- Debt is repaid as soon as there is credit: from lots in burn order, the oldest debt first.
CREATE FUNCTION billing_repay_debt(p_transaction bigint, p_team uuid, p_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        SELECT p_transaction, share.id, 'remaining', 'reversed', share.part FROM billing_burn(p_team, NULL, p_amount) AS share;
    UPDATE billing_debt AS d SET repaid = d.repaid + least(due.owed, p_amount - due.sooner)
        FROM (
            SELECT o.id, o.amount - o.repaid - o.written_off AS owed, coalesce(sum(o.amount - o.repaid - o.written_off)
                OVER (ORDER BY o.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS sooner
            FROM billing_debt AS o WHERE o.team_id = p_team AND o.amount > o.repaid + o.written_off
        ) AS due
        WHERE d.id = due.id AND due.sooner < p_amount;
END $$;

-- Which lots give how much of `p_amount`: a purchase's own lot first, then all in burn order. Perhaps less than asked.
CREATE FUNCTION billing_burn(p_team uuid, p_purchase bigint, p_amount bigint) RETURNS TABLE (id bigint, part bigint)
LANGUAGE sql AS $$
    SELECT lot.id, least(lot.remaining, p_amount - lot.sooner)::bigint FROM (
        SELECT l.id, l.remaining, row_number() OVER burning AS place, coalesce(sum(l.remaining) OVER (
            burning ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS sooner
        FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable
        WINDOW burning AS (
            ORDER BY (l.purchase_id IS NOT DISTINCT FROM p_purchase AND p_purchase IS NOT NULL) DESC,
                l.priority, l.expires_at NULLS LAST, l.created_at, l.id
        )
    ) AS lot WHERE lot.sooner < p_amount ORDER BY lot.place;
$$;

-- New credit of any kind: the other legs, the team's available, a lot; what is owed is repaid first.
CREATE FUNCTION billing_credit(
    p_transaction bigint, p_team uuid, p_kinds text[], p_amounts bigint[],
    p_source text, p_amount bigint, p_expires_at timestamptz, p_purchase bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    owed bigint;
    balance_after bigint;
    new_lot bigint;
BEGIN
    PERFORM billing_open_wallet(p_team);
    SELECT least(-a.floor, p_amount), a.balance + p_amount INTO STRICT owed, balance_after FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    PERFORM billing_post(p_transaction, p_team, p_kinds || 'available'::text, p_amounts || p_amount, owed);
    -- Lower burns first: what was given before what was paid for.
    INSERT INTO billing_lot (team_id, source, priority, expires_at, purchase_id) VALUES (
        p_team, p_source, CASE p_source WHEN 'promo' THEN 10 WHEN 'adjustment' THEN 20 ELSE 30 END, p_expires_at, p_purchase
    ) RETURNING id INTO new_lot;
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        VALUES (p_transaction, new_lot, 'granted', 'remaining', p_amount);
    IF owed > 0 THEN
        PERFORM billing_repay_debt(p_transaction, p_team, owed);
    END IF;
    RETURN balance_after;
END $$;
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

REMOVE = """
DROP FUNCTION billing_expire_lots(uuid, timestamptz);
DROP FUNCTION billing_expire_overdue(uuid, timestamptz);
DROP FUNCTION billing_credit(bigint, uuid, text[], bigint[], text, bigint, timestamptz, bigint);
DROP FUNCTION billing_burn(uuid, bigint, bigint);
DROP FUNCTION billing_repay_debt(bigint, uuid, bigint);
DROP FUNCTION billing_open_wallet(uuid);
DROP FUNCTION billing_post(bigint, uuid, text[], bigint[], bigint);
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0015_credit_functions")]
    dependencies = [("billing", "0009_usage_and_past_balances")]

    operations = [migrations.RunSQL(POST + EXPIRE, REMOVE)]
