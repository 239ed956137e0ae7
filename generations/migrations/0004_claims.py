"""The dispatcher's claim as functions: whose turn it is, with which key, and the intent to send, in one statement.

What the rules are is said in services/lines.py and services/windows.py; their numbers come from there as parameters.
Every statement of these functions sees what was committed before it (READ COMMITTED), so what is read after a lock is
current.
"""

from django.db import migrations

WINDOWS = """
-- By key, in the given order: how many more jobs it may have, and whether the next one would be its probe. A key that
-- rests may have one, its probe, when that is due.
CREATE FUNCTION generations_free_places(p_keys text[], p_windows integer[], p_now timestamptz)
RETURNS TABLE (place bigint, key text, free bigint, is_probe boolean) LANGUAGE sql STABLE AS $$
    SELECT given.place, given.key,
        greatest(0, least(
            given.size - coalesce(used.jobs, 0),
            CASE WHEN known.name IS NULL THEN given.size ELSE (coalesce(known.probe_at, p_now) <= p_now)::integer END
        )),
        known.name IS NOT NULL
    FROM unnest(p_keys, p_windows) WITH ORDINALITY AS given (key, size, place)
    LEFT JOIN generations_falkey AS known ON known.name = given.key AND known.breaker <> 'closed'
    LEFT JOIN (
        SELECT fal_key, count(*) AS jobs FROM generations_generation
        WHERE status IN ('dispatching', 'processing') GROUP BY fal_key
    ) AS used ON used.fal_key = given.key
$$;
"""

LINES = """
-- The earliest moment at which a member's jobs may be sent, and the one to send now: locked, or null where there is
-- none. Planned at each call: one plan for all lines would serve neither those with a member nor those without.
CREATE FUNCTION generations_first_of(p_line generations_memberline, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    job uuid;
    whose text := CASE WHEN p_line.member_id IS NULL THEN 'created_by_id IS NULL' ELSE 'created_by_id = $2' END;
    waiting text := 'FROM generations_generation WHERE team_id = $1 AND ' || whose
        || ' AND status = ''queued'' AND paused_at IS NULL AND start_deadline > $3';
BEGIN
    EXECUTE 'SELECT id ' || waiting || ' AND due_at <= $3 ORDER BY line_order, id LIMIT 1 FOR UPDATE SKIP LOCKED'
        INTO job USING p_line.team_id, p_line.member_id, p_now;
    IF job IS NULL THEN
        -- Read without passing over locked rows: a job that is being changed must not count as absent.
        EXECUTE 'UPDATE generations_memberline SET ready_at = (SELECT min(due_at) ' || waiting || ') WHERE id = $4'
            USING p_line.team_id, p_line.member_id, p_now, p_line.id;
    END IF;
    RETURN job;
END $$;

-- The job whose turn it is, locked, and its lines served; null when no line has one that is ready. Lines that turn out
-- to have nothing ready are corrected. The longest unserved goes first among equals; then the one ready longest.
CREATE FUNCTION generations_take_next(p_now timestamptz, p_stride bigint, p_looks integer) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    team generations_teamline;
    member generations_memberline;
    job uuid;
    teams_seen uuid[] := '{}';
    members_seen bigint[];
BEGIN
    FOR look IN 1..p_looks LOOP
        SELECT * INTO team FROM generations_teamline AS l
            WHERE l.ready_at <= p_now AND l.team_id <> ALL (teams_seen)
            ORDER BY l.turn, l.served_at NULLS FIRST, l.ready_at, l.team_id LIMIT 1 FOR NO KEY UPDATE;
        EXIT WHEN NOT FOUND;
        members_seen := '{}';
        FOR member_look IN 1..p_looks LOOP
            SELECT * INTO member FROM generations_memberline AS l
                WHERE l.team_id = team.team_id AND l.ready_at <= p_now AND l.id <> ALL (members_seen)
                ORDER BY l.turn, l.served_at NULLS FIRST, l.ready_at, l.id LIMIT 1 FOR NO KEY UPDATE;
            EXIT WHEN NOT FOUND;
            job := generations_first_of(member, p_now);
            IF job IS NOT NULL THEN
                PERFORM generations_serve(team, member, p_now, p_stride);
                RETURN job;
            END IF;
            members_seen := members_seen || member.id;
        END LOOP;
        UPDATE generations_teamline AS l SET ready_at = (
                SELECT min(m.ready_at) FROM generations_memberline AS m WHERE m.team_id = team.team_id
            ) WHERE l.team_id = team.team_id;
        teams_seen := teams_seen || team.team_id;
    END LOOP;
    RETURN NULL;
END $$;

-- One step behind the others. A line that had fallen far behind them does not catch up; greatest() passes over the
-- null that stands for no rival.
CREATE FUNCTION generations_serve(
    p_team generations_teamline, p_member generations_memberline, p_now timestamptz, p_stride bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE generations_teamline AS l SET served_at = p_now, turn = p_stride / p_team.weight + greatest(l.turn, (
            SELECT rival.turn FROM generations_teamline AS rival
            WHERE rival.ready_at <= p_now AND rival.team_id <> l.team_id ORDER BY rival.turn LIMIT 1
        ) - p_stride) WHERE l.team_id = p_team.team_id;
    UPDATE generations_memberline AS l SET served_at = p_now, turn = p_stride + greatest(l.turn, (
            SELECT rival.turn FROM generations_memberline AS rival
            WHERE rival.team_id = l.team_id AND rival.ready_at <= p_now AND rival.id <> l.id
            ORDER BY rival.turn LIMIT 1
        ) - p_stride) WHERE l.id = p_member.id;
END $$;
"""

CLAIM = """
-- Takes the job whose turn it is and writes the intent to send it; the new submission's id, or null when nothing waits
-- or no key has room. Locks, in this order: the dispatcher's lock, the two lines, the generation, the key on its probe.
CREATE FUNCTION generations_claim_next(
    p_lock bigint, p_keys text[], p_windows integer[], p_now timestamptz, p_stride bigint, p_looks integer,
    p_look_again_at timestamptz, p_probe_again_at timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    chosen text;
    probing boolean;
    job uuid;
    submission bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(p_lock);
    SELECT f.key, f.is_probe INTO chosen, probing FROM generations_free_places(p_keys, p_windows, p_now) AS f
        WHERE f.free > 0 ORDER BY f.is_probe DESC, f.free DESC, f.place LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    job := generations_take_next(p_now, p_stride, p_looks);
    IF job IS NULL THEN
        RETURN NULL;
    END IF;

    IF probing THEN
        UPDATE generations_falkey SET breaker = 'half_open', probe_at = p_probe_again_at
            WHERE name = chosen AND breaker <> 'closed';
    END IF;
    UPDATE generations_generation
        SET status = 'dispatching', attempts = 0, due_at = p_look_again_at, fal_key = chosen WHERE id = job;
    INSERT INTO generations_generationevent (generation_id, from_status, to_status, actor, note, created_at)
        VALUES (job, 'queued', 'dispatching', 'system', '', p_now);
    INSERT INTO generations_submission (
        generation_id, number, token, state, body, created_at, refusal, status_url, response_url, cancel_url, fal_key,
        cost_source
    ) SELECT job, count(*) + 1, gen_random_uuid(), 'intent', '{}', p_now, '', '', '', '', chosen, ''
        FROM generations_submission AS earlier WHERE earlier.generation_id = job
        RETURNING id INTO submission;
    RETURN submission;
END $$;
"""

REMOVE = """
DROP FUNCTION generations_claim_next(bigint, text[], integer[], timestamptz, bigint, integer, timestamptz, timestamptz);
DROP FUNCTION generations_serve(generations_teamline, generations_memberline, timestamptz, bigint);
DROP FUNCTION generations_take_next(timestamptz, bigint, integer);
DROP FUNCTION generations_first_of(generations_memberline, timestamptz);
DROP FUNCTION generations_free_places(text[], integer[], timestamptz);
"""


class Migration(migrations.Migration):
    replaces = [("generations", "0041_claims_in_one_statement")]
    dependencies = [("generations", "0003_announcements")]

    operations = [migrations.RunSQL(WINDOWS + LINES + CLAIM, REMOVE)]
