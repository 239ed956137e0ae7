"""A stand-in for Stripe in test mode: API, hosted pages, webhooks, and faults on request.

Covered, for stripe-python 16 and API version 2026-10-28.endive:

- requests: secret keys, form bodies checked against the SDK's TypedDicts, Stripe's errors, idempotency keys with
  replay, mismatch, twins in flight and 24 hours, lists with cursors, `expand` four levels deep, metadata, search;
- Checkout in `payment` and `setup` mode with a hosted page, expiry, slow payments and automatic tax;
- customers, products, prices, payment methods from Stripe's test cards, payment and setup intents on and off session;
- charges with receipts, invoices made by Checkout, balance, balance transactions with fees, payouts;
- refunds (at once, pending, failing late), disputes with each leg, early fraud warnings;
- tax calculations and transactions, also made by payments that are linked to a calculation; customer portal;
- events kept for 30 days, webhook endpoints, deliveries signed by the SDK's own generator and repeated.

One account for all keys; its clock can jump; its state is in `--data` and survives a kill. What the stand-in does not
do it refuses aloud: unknown addresses are 404, parameters without effect are errors. docs/sandbox-stripe.md has the
knobs and the guesses.

A request passes `api` (key, faults, idempotency) and `shapes` (parameters) to an operation of one of the subjects,
which read and write objects through `account`; `jobs` does later what was put off; `webhooks` delivers.
"""
