"""Buying and taking back: purchases, refunds and disputes, one function each.

All about one team lock its available row before they read what they decide on, also refunds and disputes, which
settlements change as well; a purchase is locked before the wallet, because its credit may be what opens one.
Each answers (outcome, amount in µ$); asking again answers `replayed` and moves nothing.
"""

from django.db import migrations

LOCK = """
CREATE FUNCTION billing_lock_wallet(p_team uuid) RETURNS billing_account LANGUAGE sql AS $$
    SELECT a FROM billing_account AS a WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
$$;

-- For rules that a hold must see all of or nothing: limits, and whether a team may spend.
CREATE FUNCTION billing_wait_for_wallet(p_team uuid) RETURNS void LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
BEGIN
    PERFORM billing_lock_wallet(p_team);
END $$;

-- A transaction under its key; NULL when the key is taken.
CREATE FUNCTION billing_begin(
    p_key text, p_kind text, p_team uuid, p_actor text, p_reason text, p_request_hash text, p_hold bigint, p_purchase bigint
) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO billing_transaction (key, kind, team_id, actor, reason, request_hash, hold_id, purchase_id)
        VALUES (p_key, p_kind, p_team, p_actor, p_reason, p_request_hash, p_hold, p_purchase)
        ON CONFLICT (key) DO NOTHING RETURNING id;
$$;

CREATE FUNCTION billing_outcome_of(p_key text, p_request_hash text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN t.request_hash = p_request_hash THEN 'replayed' ELSE 'key_reused' END
        FROM billing_transaction AS t WHERE t.key = p_key;
$$;
"""

PURCHASE = """
CREATE FUNCTION billing_credit_purchase(
    p_purchase bigint, p_gross_cents bigint, p_tax_cents bigint, p_actor text, p_now timestamptz
) RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    bought billing_purchase;
    new_transaction bigint;
BEGIN
    SELECT p.* INTO STRICT bought FROM billing_purchase AS p WHERE p.id = p_purchase FOR NO KEY UPDATE;
    outcome := 'replayed';
    amount := bought.credit;
    IF bought.state <> 'paid' THEN
        UPDATE billing_purchase SET state = 'paid', paid_at = p_now, gross_cents = p_gross_cents, tax_cents = p_tax_cents
            WHERE id = p_purchase;
        new_transaction := billing_begin(
            format('purchase:%s:credit', p_purchase), 'top_up', bought.team_id, p_actor, '', '', NULL, p_purchase
        );
        PERFORM billing_credit(
            new_transaction, bought.team_id, ARRAY['clearing', 'tax_payable'],
            ARRAY[-p_gross_cents * 10000, p_tax_cents * 10000], 'purchase', bought.credit,
            p_now + make_interval(days => bought.credit_days), p_purchase
        );
        outcome := 'credited';
    END IF;
    RETURN NEXT;
END $$;
"""

TAKE_BACK = """
-- What refunds that succeeded and disputes that were lost should have taken of a purchase's credit, altogether, less
-- what they did take; `p_more_cents` come on top.
CREATE FUNCTION billing_due_back(p_purchase billing_purchase, p_more_cents bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT div(p_purchase.credit::numeric * (coalesce(sum(b.gross_cents), 0) + p_more_cents), p_purchase.gross_cents)::bigint
            - coalesce(sum(b.posted), 0)::bigint
        FROM (
            SELECT r.gross_cents, r.posted FROM billing_refund AS r WHERE r.purchase_id = p_purchase.id AND r.state = 'succeeded'
            UNION ALL
            SELECT d.gross_cents, d.posted FROM billing_dispute AS d WHERE d.purchase_id = p_purchase.id AND d.state = 'lost'
            UNION ALL
            -- A late failure leaves rounding here, so that the sum stays on target.
            SELECT 0, r.posted FROM billing_refund AS r WHERE r.purchase_id = p_purchase.id AND r.state = 'failed'
        ) AS b;
$$;

-- Take `p_due` µ$ of a purchase's credit back, `p_frozen` of which were set aside: first those, then what remains of the
-- purchase, then of other lots; the rest becomes debt. What was frozen beyond the due returns. Cash leaves `p_cash`.
CREATE FUNCTION billing_take_back(
    p_transaction bigint, p_purchase billing_purchase, p_due bigint, p_frozen bigint, p_gross bigint, p_cash text,
    p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    more bigint := greatest(0, p_due - p_frozen);
    back bigint := greatest(0, p_frozen - p_due);
    found_more bigint;
    owed bigint;
BEGIN
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        SELECT p_transaction, l.id, 'frozen', share.target, share.amount
            FROM billing_lot AS l, (VALUES ('reversed', least(p_due, p_frozen)), ('remaining', back)) AS share (target, amount)
            WHERE l.purchase_id = p_purchase.id AND share.amount > 0;
    WITH moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT p_transaction, share.id, 'remaining', 'reversed', share.part
                FROM billing_burn(p_purchase.team_id, p_purchase.id, more) AS share
            RETURNING amount
    )
    SELECT coalesce(sum(moved.amount), 0) INTO found_more FROM moved;
    IF found_more < more THEN
        INSERT INTO billing_debt (team_id, transaction_id, amount) VALUES (p_purchase.team_id, p_transaction, more - found_more);
    END IF;
    SELECT least(-a.floor, back) INTO STRICT owed
        FROM billing_account AS a WHERE a.team_id = p_purchase.team_id AND a.kind = 'available';
    PERFORM billing_post(
        p_transaction, p_purchase.team_id, ARRAY['frozen', 'available', 'tax_payable', p_cash],
        ARRAY[-p_frozen, p_frozen - p_due, p_due - p_gross, p_gross], owed - (more - found_more)
    );
    IF owed > 0 THEN
        PERFORM billing_repay_debt(p_transaction, p_purchase.team_id, owed);
    END IF;
    PERFORM billing_extend_lots(p_transaction, p_now);
END $$;

-- Credit that was frozen for a refund or a dispute returns.
CREATE FUNCTION billing_unfreeze(
    p_transaction bigint, p_purchase billing_purchase, p_frozen bigint, p_now timestamptz
) RETURNS void LANGUAGE sql AS $$
    SELECT billing_take_back(p_transaction, p_purchase, 0, p_frozen, 0, 'clearing', p_now);
$$;

-- Set at most `p_wanted` µ$ of what remains of a purchase's credit aside; answers how much that was.
CREATE FUNCTION billing_freeze(
    p_key text, p_kind text, p_purchase billing_purchase, p_wanted bigint, p_actor text, p_reason text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lot record;
    aside bigint;
    new_transaction bigint;
BEGIN
    SELECT l.id, l.remaining INTO STRICT lot FROM billing_lot AS l WHERE l.purchase_id = p_purchase.id AND l.source = 'purchase';
    aside := least(lot.remaining, p_wanted);
    IF aside > 0 THEN
        new_transaction := billing_begin(p_key, p_kind, p_purchase.team_id, p_actor, p_reason, '', NULL, p_purchase.id);
        PERFORM billing_post(new_transaction, p_purchase.team_id, ARRAY['available', 'frozen'], ARRAY[-aside, aside]);
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            VALUES (new_transaction, lot.id, 'remaining', 'frozen', aside);
    END IF;
    RETURN aside;
END $$;
"""

REFUND = """
CREATE FUNCTION billing_freeze_refund(p_refund bigint, p_actor text, p_reason text)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    back billing_refund;
    bought billing_purchase;
    promised bigint;
BEGIN
    SELECT p.* INTO STRICT bought FROM billing_purchase AS p JOIN billing_refund AS r ON r.purchase_id = p.id WHERE r.id = p_refund;
    PERFORM billing_lock_wallet(bought.team_id);
    SELECT r.* INTO STRICT back FROM billing_refund AS r WHERE r.id = p_refund;
    amount := back.frozen;
    outcome := 'replayed';
    IF back.state = 'requested' AND back.frozen = 0 THEN
        SELECT coalesce(sum(r.gross_cents), 0) INTO promised
            FROM billing_refund AS r WHERE r.purchase_id = bought.id AND r.state = 'requested' AND r.frozen > 0;
        amount := billing_due_back(bought, promised + back.gross_cents) - (
            SELECT coalesce(sum(r.frozen), 0) FROM billing_refund AS r WHERE r.purchase_id = bought.id AND r.state = 'requested'
        );
        outcome := 'spent';
        IF (SELECT l.remaining FROM billing_lot AS l WHERE l.purchase_id = bought.id AND l.source = 'purchase') >= amount
            AND NOT EXISTS (SELECT FROM billing_lot AS l WHERE l.purchase_id = bought.id AND l.disputed)
        THEN
            PERFORM billing_freeze(format('refund:%s:freeze', p_refund), 'refund_freeze', bought, amount, p_actor, p_reason);
            UPDATE billing_refund SET frozen = amount WHERE id = p_refund;
            outcome := 'frozen';
        END IF;
    END IF;
    RETURN NEXT;
END $$;

-- What Stripe says became of a refund, ours or not; a late failure is undone, to the lower target.
CREATE FUNCTION billing_settle_refund(p_refund bigint, p_succeeded boolean, p_actor text, p_now timestamptz)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    back billing_refund;
    bought billing_purchase;
    new_transaction bigint;
BEGIN
    SELECT p.* INTO STRICT bought FROM billing_purchase AS p JOIN billing_refund AS r ON r.purchase_id = p.id WHERE r.id = p_refund;
    PERFORM billing_lock_wallet(bought.team_id);
    SELECT r.* INTO STRICT back FROM billing_refund AS r WHERE r.id = p_refund;
    outcome := 'replayed';
    amount := back.posted;
    IF p_succeeded AND back.state = 'requested' THEN
        amount := billing_due_back(bought, back.gross_cents);
        new_transaction := billing_begin(
            format('refund:%s:%s', p_refund, CASE WHEN back.frozen > 0 THEN 'done' ELSE 'claw' END),
            CASE WHEN back.frozen > 0 THEN 'refund_done' ELSE 'clawback' END,
            bought.team_id, p_actor, back.reason, '', NULL, bought.id
        );
        PERFORM billing_take_back(new_transaction, bought, amount, back.frozen, back.gross_cents * 10000, 'clearing', p_now);
        UPDATE billing_refund SET state = 'succeeded', posted = amount, frozen = 0 WHERE id = p_refund;
        outcome := 'taken';
    ELSIF NOT p_succeeded AND back.state <> 'failed' THEN
        UPDATE billing_refund SET state = 'failed', frozen = 0 WHERE id = p_refund;
        amount := CASE back.state WHEN 'succeeded' THEN -billing_due_back(bought, 0) ELSE back.frozen END;
        IF amount > 0 THEN
            new_transaction := billing_begin(
                format('refund:%s:undo', p_refund), 'refund_undo', bought.team_id, p_actor, back.reason, '', NULL, bought.id
            );
            IF back.state = 'succeeded' THEN
                PERFORM billing_undo_taking(new_transaction, bought, p_refund, amount, back.gross_cents * 10000, p_now);
                UPDATE billing_refund SET posted = posted - amount WHERE id = p_refund;
            ELSE
                PERFORM billing_unfreeze(new_transaction, bought, amount, p_now);
            END IF;
        END IF;
        outcome := 'undone';
    END IF;
    RETURN NEXT;
END $$;

-- Each lot gets back what the refund took from it; what had become debt comes as a lot of its own, and repays it.
CREATE FUNCTION billing_undo_taking(
    p_transaction bigint, p_purchase billing_purchase, p_refund bigint, p_amount bigint, p_gross bigint, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_back bigint;
    owed bigint;
    new_lot bigint;
BEGIN
    WITH moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT p_transaction, taken.lot_id, 'reversed', 'remaining', least(taken.amount, p_amount - taken.sooner) FROM (
                SELECT m.id, m.lot_id, m.amount, coalesce(sum(m.amount) OVER (
                    ORDER BY m.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), 0) AS sooner
                FROM billing_lotmove AS m JOIN billing_transaction AS t ON t.id = m.transaction_id
                WHERE m.target = 'reversed' AND t.key IN (format('refund:%s:done', p_refund), format('refund:%s:claw', p_refund))
            ) AS taken WHERE taken.sooner < p_amount
            RETURNING amount
    )
    SELECT coalesce(sum(moved.amount), 0) INTO found_back FROM moved;
    IF found_back < p_amount THEN
        INSERT INTO billing_lot (team_id, source, priority) VALUES (p_purchase.team_id, 'adjustment', 20) RETURNING id INTO new_lot;
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            VALUES (p_transaction, new_lot, 'granted', 'remaining', p_amount - found_back);
    END IF;
    SELECT least(-a.floor, p_amount) INTO STRICT owed
        FROM billing_account AS a WHERE a.team_id = p_purchase.team_id AND a.kind = 'available';
    PERFORM billing_post(
        p_transaction, p_purchase.team_id, ARRAY['available', 'tax_payable', 'clearing'],
        ARRAY[p_amount, p_gross - p_amount, -p_gross], owed
    );
    IF owed > 0 THEN
        PERFORM billing_repay_debt(p_transaction, p_purchase.team_id, owed);
    END IF;
    PERFORM billing_extend_lots(p_transaction, p_now);
END $$;
"""

DISPUTE = """
CREATE FUNCTION billing_open_dispute(p_dispute bigint, p_actor text)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    claim billing_dispute;
    bought billing_purchase;
BEGIN
    SELECT p.* INTO STRICT bought FROM billing_purchase AS p JOIN billing_dispute AS d ON d.purchase_id = p.id WHERE d.id = p_dispute;
    PERFORM billing_lock_wallet(bought.team_id);
    SELECT d.* INTO STRICT claim FROM billing_dispute AS d WHERE d.id = p_dispute;
    outcome := 'replayed';
    amount := claim.frozen;
    IF claim.state = 'new' THEN
        amount := billing_freeze(
            format('dispute:%s:freeze', p_dispute), 'dispute_freeze', bought,
            billing_due_back(bought, claim.gross_cents), p_actor, ''
        );
        UPDATE billing_dispute SET state = 'open', frozen = amount WHERE id = p_dispute;
        UPDATE billing_lot SET disputed = true WHERE purchase_id = bought.id;
        outcome := 'frozen';
    END IF;
    RETURN NEXT;
END $$;

CREATE FUNCTION billing_close_dispute(p_dispute bigint, p_won boolean, p_actor text, p_now timestamptz)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    claim billing_dispute;
    bought billing_purchase;
    new_transaction bigint;
BEGIN
    SELECT p.* INTO STRICT bought FROM billing_purchase AS p JOIN billing_dispute AS d ON d.purchase_id = p.id WHERE d.id = p_dispute;
    PERFORM billing_lock_wallet(bought.team_id);
    SELECT d.* INTO STRICT claim FROM billing_dispute AS d WHERE d.id = p_dispute;
    outcome := 'replayed';
    amount := claim.posted;
    IF claim.state IN ('new', 'open') THEN
        UPDATE billing_lot SET disputed = false WHERE purchase_id = bought.id AND disputed;
        amount := CASE WHEN p_won THEN claim.frozen ELSE billing_due_back(bought, claim.gross_cents) END;
        IF NOT p_won OR amount > 0 THEN
            new_transaction := billing_begin(
                format('dispute:%s:%s', p_dispute, CASE WHEN p_won THEN 'won' ELSE 'lost' END),
                CASE WHEN p_won THEN 'dispute_won' ELSE 'dispute_lost' END, bought.team_id, p_actor, '', '', NULL, bought.id
            );
        END IF;
        IF NOT p_won THEN
            PERFORM billing_take_back(
                new_transaction, bought, amount, claim.frozen, claim.gross_cents * 10000, 'dispute_pending', p_now
            );
        ELSIF amount > 0 THEN
            PERFORM billing_unfreeze(new_transaction, bought, amount, p_now);
        END IF;
        UPDATE billing_dispute SET state = CASE WHEN p_won THEN 'won' ELSE 'lost' END, frozen = 0,
                posted = CASE WHEN p_won THEN 0 ELSE amount END
            WHERE id = p_dispute;
        outcome := CASE WHEN p_won THEN 'restored' ELSE 'taken' END;
    END IF;
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_close_dispute(bigint, boolean, text, timestamptz);
DROP FUNCTION billing_open_dispute(bigint, text);
DROP FUNCTION billing_undo_taking(bigint, billing_purchase, bigint, bigint, bigint, timestamptz);
DROP FUNCTION billing_settle_refund(bigint, boolean, text, timestamptz);
DROP FUNCTION billing_freeze_refund(bigint, text, text);
DROP FUNCTION billing_freeze(text, text, billing_purchase, bigint, text, text);
DROP FUNCTION billing_unfreeze(bigint, billing_purchase, bigint, timestamptz);
DROP FUNCTION billing_take_back(bigint, billing_purchase, bigint, bigint, bigint, text, timestamptz);
DROP FUNCTION billing_due_back(billing_purchase, bigint);
DROP FUNCTION billing_credit_purchase(bigint, bigint, bigint, text, timestamptz);
DROP FUNCTION billing_outcome_of(text, text);
DROP FUNCTION billing_begin(text, text, uuid, text, text, text, bigint, bigint);
DROP FUNCTION billing_wait_for_wallet(uuid);
DROP FUNCTION billing_lock_wallet(uuid);
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0017_purchase_functions")]
    dependencies = [("billing", "0012_hold_functions")]

    operations = [migrations.RunSQL(LOCK + PURCHASE + TAKE_BACK + REFUND + DISPUTE, REMOVE)]
