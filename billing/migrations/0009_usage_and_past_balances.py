"""Usage is counted as holds are captured and refunded; what an account held at any moment."""

from django.db import migrations

USAGE = """
-- A captured hold counts on the day it was settled (UTC), for whoever ordered the clip.
CREATE FUNCTION billing_count_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_usageday AS u (team_id, day, actor, project_id, clips, spent)
        SELECT NEW.team_id, (NEW.settled_at AT TIME ZONE 'UTC')::date, t.actor, NEW.project_id, 1, NEW.captured
            FROM billing_transaction AS t WHERE t.key = 'hold:' || NEW.attempt
        ON CONFLICT (team_id, day, actor, project_id) DO UPDATE SET clips = u.clips + 1, spent = u.spent + EXCLUDED.spent;
    RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER UPDATE ON billing_hold FOR EACH ROW
    WHEN (OLD.state = 'open' AND NEW.captured > 0) EXECUTE FUNCTION billing_count_usage();

-- A refunded clip was made, but was not paid for on its day after all.
CREATE FUNCTION billing_uncount_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_usageday AS u SET spent = u.spent - h.captured
        FROM billing_hold AS h JOIN billing_transaction AS t ON t.key = 'hold:' || h.attempt
        WHERE h.id = NEW.hold_id AND u.team_id = h.team_id
            AND u.day = (h.settled_at AT TIME ZONE 'UTC')::date AND u.actor = t.actor
            AND u.project_id IS NOT DISTINCT FROM h.project_id;
    RETURN NULL;
END $$;
CREATE TRIGGER uncounted AFTER INSERT ON billing_transaction FOR EACH ROW
    WHEN (NEW.kind = 'job_refund') EXECUTE FUNCTION billing_uncount_usage();

-- Inside those triggers the depth is two: there, and only there, usage changes.
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_usageday FOR EACH ROW
    WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION billing_refuse_change();
"""

# By halves: about 24 look-ups for ten million entries, and no index more for holds to keep.
LOOK_BACK = """
-- The account's first entry (by version) that was made after `p_at`, or one more than it has.
CREATE FUNCTION billing_version_after(p_account bigint, p_at timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;
    high bigint := (SELECT version + 1 FROM billing_account WHERE id = p_account);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high) / 2;
        IF (
            SELECT t.created_at FROM billing_transaction AS t WHERE t.id = (
                SELECT e.transaction_id FROM billing_entry AS e WHERE e.account_id = p_account AND e.version = middle
            )
        ) > p_at THEN
            high := middle;
        ELSE
            low := middle + 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;

-- What the account held at `p_at`. A line is dated before it waits for the wallet, so lines of the same seconds may stand in
-- another order than their dates: a wait ends after three seconds, and ten are looked at.
CREATE FUNCTION billing_balance_at(p_account bigint, p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT e.balance_after FROM billing_entry AS e
        WHERE e.account_id = p_account AND e.version < billing_version_after(p_account, p_at + interval '10 seconds')
            AND (SELECT t.created_at FROM billing_transaction AS t WHERE t.id = e.transaction_id) <= p_at
        ORDER BY e.version DESC LIMIT 1
    ), 0);
$$;
"""

REMOVE = """
DROP FUNCTION billing_balance_at(bigint, timestamptz);
DROP FUNCTION billing_version_after(bigint, timestamptz);
DROP TRIGGER guarded ON billing_usageday;
DROP TRIGGER uncounted ON billing_transaction;
DROP FUNCTION billing_uncount_usage();
DROP TRIGGER counted ON billing_hold;
DROP FUNCTION billing_count_usage();
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0040_usage_by_day"), ("billing", "0050_holds_name_projects")]
    dependencies = [("billing", "0008_walls_of_credit")]

    operations = [migrations.RunSQL(USAGE + LOOK_BACK, REMOVE)]
