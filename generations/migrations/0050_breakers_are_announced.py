"""A breaker that opens or closes is announced: pages say whether the service has paused what waits."""

from django.db import migrations

FORWARD = """
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

BACKWARD = """
DROP TRIGGER falkey_announce_breaker ON generations_falkey;
DROP FUNCTION generations_announce_breaker();
"""


class Migration(migrations.Migration):
    dependencies = [("generations", "0041_claims_in_one_statement")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
