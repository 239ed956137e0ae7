"""What pages show is announced when it changes, to whoever listens.

Of a clip: its team's and its own id. Of a breaker that opens or closes: that the service paused what waits, or goes on.
"""

from django.db import migrations

CLIPS = """
CREATE FUNCTION generations_announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(
        'generation_changed',
        NEW.team_id || ' ' || NEW.id || CASE
            WHEN TG_OP = 'UPDATE' AND OLD.status = 'queued' AND (
                NEW.status <> 'queued'
                OR OLD.line_order <> NEW.line_order
                OR (OLD.paused_at IS NULL) <> (NEW.paused_at IS NULL)
            ) THEN ' line'
            ELSE ''
        END
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER generation_announce_new AFTER INSERT ON generations_generation
FOR EACH ROW EXECUTE FUNCTION generations_announce_change();

CREATE TRIGGER generation_announce_change AFTER UPDATE ON generations_generation
FOR EACH ROW WHEN (
    OLD.status IS DISTINCT FROM NEW.status
    OR OLD.progress IS DISTINCT FROM NEW.progress
    OR OLD.queue_position IS DISTINCT FROM NEW.queue_position
    OR OLD.logs IS DISTINCT FROM NEW.logs
    OR OLD.started_at IS DISTINCT FROM NEW.started_at
    OR OLD.paused_at IS DISTINCT FROM NEW.paused_at
    OR OLD.line_order IS DISTINCT FROM NEW.line_order
    OR OLD.cancel_requested_at IS DISTINCT FROM NEW.cancel_requested_at
    OR OLD.price IS DISTINCT FROM NEW.price
    OR OLD.params IS DISTINCT FROM NEW.params
    OR OLD.image_id IS DISTINCT FROM NEW.image_id
    OR OLD.video IS DISTINCT FROM NEW.video
    OR OLD.poster IS DISTINCT FROM NEW.poster
    OR OLD.preview IS DISTINCT FROM NEW.preview
    OR OLD.last_frame IS DISTINCT FROM NEW.last_frame
    OR OLD.media_deleted_at IS DISTINCT FROM NEW.media_deleted_at
)
EXECUTE FUNCTION generations_announce_change();
"""

BREAKERS = """
CREATE FUNCTION generations_announce_breaker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('generation_changed', 'service');
    RETURN NULL;
END
$$;

CREATE TRIGGER falkey_announce_breaker AFTER UPDATE OF breaker ON generations_falkey
FOR EACH ROW WHEN (OLD.breaker IS DISTINCT FROM NEW.breaker)
EXECUTE FUNCTION generations_announce_breaker();
"""

REMOVE = """
DROP TRIGGER falkey_announce_breaker ON generations_falkey;
DROP FUNCTION generations_announce_breaker();
DROP TRIGGER generation_announce_change ON generations_generation;
DROP TRIGGER generation_announce_new ON generations_generation;
DROP FUNCTION generations_announce_change();
"""


class Migration(migrations.Migration):
    replaces = [("generations", "0040_changes_are_announced"), ("generations", "0050_breakers_are_announced")]
    dependencies = [("generations", "0002_work_tables")]

    operations = [migrations.RunSQL(CLIPS + BREAKERS, REMOVE)]
