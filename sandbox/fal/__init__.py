"""A stand-in for fal: its queue, storage, platform API and webhooks, with faults on request."""
