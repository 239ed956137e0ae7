"""A stand-in for Stripe: API, hosted pages, webhooks, and faults on request."""
