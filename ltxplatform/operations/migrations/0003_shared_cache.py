"""The table of the cache that all processes share. Unlogged: after a crash it may start empty."""

from django.db import migrations

CREATE = """
CREATE UNLOGGED TABLE platform_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX platform_cache_expires ON platform_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("operations", "0002_queue_index")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE platform_cache")]
