"""The functions again, now burning lots; all of a hold, and all of a settlement, in one statement each.

Lock order: the team's available row, then the hold, then budgets, then lots in burn order. Every statement of a function sees
what was committed before it (READ COMMITTED), so what is read after the lock is current.
"""

from importlib import import_module

from django.db import migrations

before = import_module("billing.migrations.0006_ledger_functions")

POST = """
DROP FUNCTION billing_post(bigint, uuid, text[], bigint[]);
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

HOLD = """
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz
);
CREATE FUNCTION billing_hold_credits(
    p_team uuid, p_attempt uuid, p_amount bigint, p_actor text, p_request_hash text,
    p_price_version bigint, p_rate_nanos bigint, p_num_frames integer, p_passes integer,
    p_expires_at timestamptz, p_now timestamptz, p_member bigint, p_key uuid, p_project uuid
) RETURNS TABLE (outcome text, available bigint, hold billing_hold, blockers jsonb)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    known_hash text;
    is_overdue boolean;
    is_limited boolean;
    why_suspended text;
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

    WITH posting AS (
        INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
            VALUES ('hold:' || p_attempt, 'hold', p_team, p_actor, p_request_hash, nextval('billing_hold_id_seq'))
            ON CONFLICT (key) DO NOTHING RETURNING id, hold_id
    ), made AS (
        INSERT INTO billing_hold (
            id, team_id, attempt, amount, price_version_id, rate_nanos, num_frames, passes, expires_at, has_budgets
        ) SELECT
            hold_id, p_team, p_attempt, p_amount, p_price_version, p_rate_nanos, p_num_frames, p_passes, p_expires_at,
            is_limited
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
    IF is_limited THEN
        PERFORM billing_count_hold(hold, p_member, p_key, p_project, p_now);
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

    -- The common case, a full capture, in one statement.
    WITH posting AS (
        INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
            VALUES ('settle:' || hold.id, 'capture', team, p_actor, p_request_hash, hold.id) RETURNING id
    ), done AS (
        UPDATE billing_hold AS h SET state = 'settled', captured = p_used, settled_at = statement_timestamp()
            WHERE h.id = hold.id RETURNING h.*
    ), changed AS (
        UPDATE billing_account AS a SET version = a.version + 1, balance = a.balance - hold.amount
            FROM posting WHERE a.team_id = team AND a.kind = 'held'
            RETURNING posting.id AS posting, a.id, a.balance, a.version
    ), posted AS (
        INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
            SELECT posting, id, -hold.amount, balance, version FROM changed
            UNION ALL
            -- Without a balance, so that no row makes all teams wait for each other.
            SELECT posting.id, a.id, p_used, NULL, NULL
                FROM posting, billing_account AS a WHERE a.team_id IS NULL AND a.kind = 'revenue'
    ), moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT posting.id, m.lot_id, 'held', 'spent', m.amount
                FROM posting, billing_lotmove AS m WHERE m.transaction_id = (
                    SELECT t.id FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt
                ) ORDER BY m.id
            RETURNING amount
    )
    SELECT done.* INTO hold FROM done WHERE (SELECT sum(moved.amount) FROM moved) = done.amount;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lots of team % do not hold what was held for %', team, p_attempt
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    outcome := 'settled';
    RETURN NEXT;
END $$;

-- A release or a partial capture: the lots that burn first are spent, the rest returns to where it came from. Credit
-- of a disputed purchase is frozen instead, and what the team owes is repaid.
CREATE FUNCTION billing_return_hold(
    p_hold billing_hold, p_used bigint, p_actor text, p_request_hash text, p_now timestamptz
) RETURNS billing_hold LANGUAGE plpgsql AS $$
DECLARE
    new_transaction bigint;
    back bigint := p_hold.amount - p_used;
    disputed bigint;
    owed bigint;
    done billing_hold;
BEGIN
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES (
            'settle:' || p_hold.id, CASE p_used WHEN 0 THEN 'release' ELSE 'partial_capture' END,
            p_hold.team_id, p_actor, p_request_hash, p_hold.id
        ) RETURNING id INTO new_transaction;
    UPDATE billing_hold AS h SET state = 'settled', captured = p_used, released = back, settled_at = statement_timestamp()
        WHERE h.id = p_hold.id RETURNING h.* INTO done;

    WITH taken AS (
        SELECT m.id, m.lot_id, m.amount, l.disputed,
            greatest(0, least(m.amount, p_used - coalesce(sum(m.amount) OVER (
                ORDER BY m.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0))) AS used
        FROM billing_lotmove AS m JOIN billing_lot AS l ON l.id = m.lot_id
        WHERE m.transaction_id = (SELECT t.id FROM billing_transaction AS t WHERE t.key = 'hold:' || p_hold.attempt)
    )
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        SELECT new_transaction, share.lot_id, 'held', share.target, share.amount FROM (
            SELECT id, lot_id, 'spent' AS target, used AS amount FROM taken
            UNION ALL
            SELECT id, lot_id, CASE WHEN taken.disputed THEN 'frozen' ELSE 'remaining' END, amount - used FROM taken
        ) AS share
        WHERE share.amount > 0 ORDER BY share.id;

    disputed := billing_freeze_more(new_transaction);
    SELECT least(-a.floor, back - disputed) INTO STRICT owed
        FROM billing_account AS a WHERE a.team_id = p_hold.team_id AND a.kind = 'available';
    PERFORM billing_post(
        new_transaction, p_hold.team_id, ARRAY['held', 'available', 'frozen', 'revenue'],
        ARRAY[-p_hold.amount, back - disputed, disputed, p_used], owed
    );
    IF owed > 0 THEN
        PERFORM billing_repay_debt(new_transaction, p_hold.team_id, owed);
    END IF;
    PERFORM billing_extend_lots(new_transaction, p_now);
    RETURN done;
END $$;

-- How much of a transaction went to frozen lots; the open disputes of their purchases keep count of it.
CREATE FUNCTION billing_freeze_more(p_transaction bigint) RETURNS bigint LANGUAGE sql AS $$
    WITH frozen AS (
        SELECT l.purchase_id, m.amount FROM billing_lotmove AS m JOIN billing_lot AS l ON l.id = m.lot_id
        WHERE m.transaction_id = p_transaction AND m.target = 'frozen'
    ), counted AS (
        UPDATE billing_dispute AS d SET frozen = d.frozen + f.amount
            FROM (SELECT purchase_id, sum(amount) AS amount FROM frozen GROUP BY purchase_id) AS f
            WHERE d.purchase_id = f.purchase_id AND d.state = 'open'
    )
    SELECT coalesce(sum(amount), 0)::bigint FROM frozen;
$$;

-- Credit that a transaction returned to an expired lot gets seven days, once for each lot.
CREATE FUNCTION billing_extend_lots(p_transaction bigint, p_now timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE billing_lot AS l SET expires_at = p_now + interval '7 days', extended = true
        WHERE l.expires_at <= p_now AND NOT l.extended AND l.id IN (
            SELECT m.lot_id FROM billing_lotmove AS m WHERE m.transaction_id = p_transaction AND m.target = 'remaining'
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
    available := billing_credit(
        new_transaction, p_team, ARRAY['promo'], ARRAY[-p_amount], 'promo', p_amount, p_expires_at, NULL
    );
    outcome := 'granted';
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_grant_promo(uuid, bigint, text, text, text, text, timestamptz);
DROP FUNCTION billing_extend_lots(bigint, timestamptz);
DROP FUNCTION billing_freeze_more(bigint);
DROP FUNCTION billing_return_hold(billing_hold, bigint, text, text, timestamptz);
DROP FUNCTION billing_settle_hold(uuid, bigint, text, text, timestamptz);
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz, timestamptz, bigint, uuid, uuid
);
DROP FUNCTION billing_expire_lots(uuid, timestamptz);
DROP FUNCTION billing_expire_overdue(uuid, timestamptz);
DROP FUNCTION billing_credit(bigint, uuid, text[], bigint[], text, bigint, timestamptz, bigint);
DROP FUNCTION billing_burn(uuid, bigint, bigint);
DROP FUNCTION billing_repay_debt(bigint, uuid, bigint);
DROP FUNCTION billing_post(bigint, uuid, text[], bigint[], bigint);
DROP FUNCTION billing_open_wallet(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0014_budget_walls")]

    operations = [
        migrations.RunSQL(
            POST + EXPIRE + HOLD + SETTLE + GRANT,
            REMOVE + before.POST + before.HOLD + before.SETTLE + before.GRANT,
        )
    ]
