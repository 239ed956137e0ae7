"""News of clips, pushed to whoever watches: from PostgreSQL's notifications to open streams, in one event loop."""
