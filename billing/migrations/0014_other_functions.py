"""Refunded clips, adjustments, debt written off, and the platform's own postings, one function each."""

from django.db import migrations

OTHERS = """
CREATE FUNCTION billing_refund_job(p_attempt uuid, p_actor text, p_reason text, p_now timestamptz)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    paid billing_hold;
    wallet billing_account;
    new_transaction bigint;
    disputed bigint;
    owed bigint;
BEGIN
    SELECT h.* INTO paid FROM billing_hold AS h WHERE h.attempt = p_attempt;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM billing_lock_wallet(paid.team_id);
    SELECT h.* INTO STRICT paid FROM billing_hold AS h WHERE h.attempt = p_attempt;
    amount := paid.captured;
    outcome := 'uncharged';
    IF amount > 0 THEN
        new_transaction := billing_begin(
            'unsettle:' || paid.id, 'job_refund', paid.team_id, p_actor, p_reason, '', paid.id, NULL
        );
        outcome := CASE WHEN new_transaction IS NULL THEN 'replayed' ELSE 'refunded' END;
    END IF;
    IF outcome = 'refunded' THEN
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT new_transaction, m.lot_id, 'spent', CASE WHEN l.disputed THEN 'frozen' ELSE 'remaining' END, m.amount
                FROM billing_lotmove AS m JOIN billing_lot AS l ON l.id = m.lot_id
                WHERE m.target = 'spent' AND m.transaction_id = (
                    SELECT t.id FROM billing_transaction AS t WHERE t.key = 'settle:' || paid.id
                ) ORDER BY m.id;
        disputed := billing_freeze_more(new_transaction);
        SELECT least(-a.floor, amount - disputed) INTO STRICT owed
            FROM billing_account AS a WHERE a.team_id = paid.team_id AND a.kind = 'available';
        PERFORM billing_post(
            new_transaction, paid.team_id, ARRAY['revenue', 'available', 'frozen'],
            ARRAY[-amount, amount - disputed, disputed], owed
        );
        IF owed > 0 THEN
            PERFORM billing_repay_debt(new_transaction, paid.team_id, owed);
        END IF;
        PERFORM billing_extend_lots(new_transaction, p_now);
        PERFORM billing_settle_budgets(paid.id, 0, -amount);
    END IF;
    RETURN NEXT;
END $$;

-- Credit given (`p_amount` above zero) or taken; what is not there is not taken.
CREATE FUNCTION billing_adjust(
    p_team uuid, p_amount bigint, p_key text, p_actor text, p_reason text, p_request_hash text, p_now timestamptz
) RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    new_transaction bigint;
BEGIN
    SELECT coalesce((billing_lock_wallet(p_team)).balance, 0) INTO amount;
    outcome := billing_outcome_of('adjust:' || p_key, p_request_hash);
    IF outcome IS NULL AND p_amount < 0 THEN
        amount := amount - billing_expire_overdue(p_team, p_now);
        IF amount < -p_amount THEN
            outcome := 'insufficient';
        END IF;
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    new_transaction := billing_begin('adjust:' || p_key, 'adjustment', p_team, p_actor, p_reason, p_request_hash, NULL, NULL);
    IF new_transaction IS NULL THEN
        -- Another team's, or a twin that was faster before there was a wallet to lock.
        outcome := billing_outcome_of('adjust:' || p_key, p_request_hash);
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_amount > 0 THEN
        PERFORM billing_credit(new_transaction, p_team, ARRAY['adjustment'], ARRAY[-p_amount], 'adjustment', p_amount, NULL, NULL);
    ELSE
        PERFORM billing_post(new_transaction, p_team, ARRAY['available', 'adjustment'], ARRAY[p_amount, -p_amount]);
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT new_transaction, share.id, 'remaining', 'reversed', share.part FROM billing_burn(p_team, NULL, -p_amount) AS share;
    END IF;
    amount := amount + p_amount;
    outcome := 'adjusted';
    RETURN NEXT;
END $$;

CREATE FUNCTION billing_write_off_debt(p_debt bigint, p_actor text, p_reason text)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    due billing_debt;
    new_transaction bigint;
BEGIN
    PERFORM billing_lock_wallet((SELECT d.team_id FROM billing_debt AS d WHERE d.id = p_debt));
    SELECT d.* INTO STRICT due FROM billing_debt AS d WHERE d.id = p_debt;
    amount := due.amount - due.repaid - due.written_off;
    outcome := 'closed';
    IF amount > 0 THEN
        new_transaction := billing_begin(
            format('debt:%s:off', p_debt), 'write_off', due.team_id, p_actor, p_reason, '', NULL, NULL
        );
        PERFORM billing_post(new_transaction, due.team_id, ARRAY['dispute_loss', 'available'], ARRAY[-amount, amount], amount);
        UPDATE billing_debt AS d SET written_off = d.amount - d.repaid WHERE d.id = p_debt;
        outcome := 'written_off';
    END IF;
    RETURN NEXT;
END $$;

-- Between the platform's own accounts: `p_amount` µ$ from `p_debit` to `p_credit`.
CREATE FUNCTION billing_move_own(
    p_key text, p_kind text, p_debit text, p_credit text, p_amount bigint, p_actor text, p_request_hash text
) RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    new_transaction bigint := billing_begin(p_key, p_kind, NULL, p_actor, '', p_request_hash, NULL, NULL);
BEGIN
    amount := p_amount;
    outcome := billing_outcome_of(p_key, p_request_hash);
    IF new_transaction IS NOT NULL THEN
        PERFORM billing_post(new_transaction, NULL, ARRAY[p_debit, p_credit], ARRAY[-p_amount, p_amount]);
        outcome := 'posted';
    END IF;
    RETURN NEXT;
END $$;

-- The provider's price of an attempt, as far as it is known now; only the difference is posted.
CREATE FUNCTION billing_post_provider_cost(p_attempt uuid, p_units numeric, p_cost_nanos bigint, p_actor text)
RETURNS TABLE (outcome text, amount bigint) LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    charge billing_providercharge;
    new_transaction bigint;
BEGIN
    INSERT INTO billing_providercharge (attempt, units, cost_nanos) VALUES (p_attempt, p_units, p_cost_nanos)
        ON CONFLICT (attempt) DO UPDATE SET units = p_units, cost_nanos = p_cost_nanos RETURNING * INTO charge;
    amount := (p_cost_nanos + 999) / 1000 - charge.posted;
    outcome := 'replayed';
    IF amount <> 0 THEN
        new_transaction := billing_begin(
            format('attempt:%s:cost:%s', p_attempt, charge.postings + 1), 'provider_cost', NULL, p_actor, '', '', NULL, NULL
        );
        PERFORM billing_post(new_transaction, NULL, ARRAY['provider_cost', 'provider_funds'], ARRAY[-amount, amount]);
        UPDATE billing_providercharge SET posted = posted + amount, postings = postings + 1 WHERE id = charge.id;
        outcome := 'posted';
    END IF;
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_post_provider_cost(uuid, numeric, bigint, text);
DROP FUNCTION billing_move_own(text, text, text, text, bigint, text, text);
DROP FUNCTION billing_write_off_debt(bigint, text, text);
DROP FUNCTION billing_adjust(uuid, bigint, text, text, text, text, timestamptz);
DROP FUNCTION billing_refund_job(uuid, text, text, timestamptz);
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0018_other_functions")]
    dependencies = [("billing", "0013_purchase_functions")]

    operations = [migrations.RunSQL(OTHERS, REMOVE)]
