"""What ought to be, in plain Python; shares no code with billing."""

import math
from datetime import timedelta
from fractions import Fraction

PRIORITY = {"promo": 1, "adjustment": 2, "purchase": 3}
CENT = 10_000
WEEK = timedelta(days=7)


def price(num_frames, detail):
    """$0.02 per 24 frames and pass, in µ$, rounded up."""
    return math.ceil(Fraction(20_000 * num_frames * (2 if detail else 1), 24))


class Lot:
    def __init__(self, team, source, amount, number, ends=None):
        self.team, self.source, self.number, self.ends = team, source, number, ends
        self.remaining, self.held, self.frozen, self.spent, self.gone = amount, 0, 0, 0, 0
        self.extended = False
        self.dispute = None

    def rank(self):
        return PRIORITY[self.source], self.ends is None, self.ends or 0, self.number

    def back(self, amount, now):
        """Credit returns: to the dispute, if there is one, else to what remains, for a week if that is over."""
        if self.dispute:
            self.frozen += amount
            self.dispute["frozen"] += amount
        else:
            self.thaw(amount, now)

    def thaw(self, amount, now):
        self.remaining += amount
        if amount and self.ends and self.ends <= now and not self.extended:
            self.ends, self.extended = now + WEEK, True


class Oracle:
    def __init__(self, teams):
        self.lots = []
        self.owed = [0] * teams
        self.caps = [None] * teams
        self.used = {}  # (team, day) -> µ$ held and spent
        self.grants, self.holds, self.purchases, self.refunds, self.disputes = {}, {}, [], [], []

    # -- wallets ----------------------------------------------------------------------------------------

    def balance(self, team):
        lots = [lot for lot in self.lots if lot.team == team]
        available = sum(lot.remaining for lot in lots) - self.owed[team]
        return available, sum(lot.held for lot in lots), sum(lot.frozen for lot in lots)

    def credit(self, team, source, amount, ends=None):
        lot = Lot(team, source, amount, len(self.lots), ends)
        self.lots.append(lot)
        return lot, self.repay(team)

    def burn(self, team, amount, first=None):
        """(lot, part) for at most `amount`."""
        parts = []
        for lot in sorted((x for x in self.lots if x.team == team), key=lambda x: (x is not first, x.rank())):
            part = min(lot.remaining, amount - sum(each for _, each in parts))
            if part > 0:
                parts.append((lot, part))
        return parts

    def reverse(self, parts):
        for lot, part in parts:
            lot.remaining -= part
            lot.gone += part
        return parts

    def repay(self, team):
        parts = self.reverse(self.burn(team, self.owed[team]))
        self.owed[team] -= sum(part for _, part in parts)
        return parts

    def overdue(self, team, now):
        return [x for x in self.lots if x.team == team and x.ends and x.ends <= now and x.remaining]

    def expire(self, team, now):
        for lot in self.overdue(team, now):
            lot.gone += lot.remaining
            lot.remaining = 0

    # -- clips ------------------------------------------------------------------------------------------

    def hold(self, team, num_frames, detail, attempt, now):
        amount, day = price(num_frames, detail), (team, now.date())
        if attempt in self.holds:
            made = self.holds[attempt]
            return "done" if made["wish"] == (team, num_frames, detail) else "reused"
        self.expire(team, now)
        available, cap = self.balance(team)[0], self.caps[team]
        if available < amount:
            return "debt" if available < 0 else ("insufficient", amount, available)
        if cap is not None and self.used.get(day, 0) + amount > cap:
            return "budget", cap
        parts = self.burn(team, amount)
        for lot, part in parts:
            lot.remaining -= part
            lot.held += part
        counted = day if cap is not None else None
        if counted:
            self.used[day] = self.used.get(day, 0) + amount
        self.holds[attempt] = {
            "wish": (team, num_frames, detail),
            "amount": amount,
            "parts": parts,
            "captured": None,
            "spent": [],
            "day": counted,
        }
        return "done"

    def settle(self, attempt, used, now):
        """(captured, released), or "above"."""
        made = self.holds[attempt]
        if made["captured"] is None:
            if used > made["amount"]:
                return "above"
            made["captured"], left = used, used
            for lot, part in made["parts"]:
                spent = min(part, left)
                left -= spent
                lot.held -= part
                lot.spent += spent
                made["spent"].append((lot, spent))
                lot.back(part - spent, now)
            self.repay(made["wish"][0])
            if made["day"]:
                self.used[made["day"]] -= made["amount"] - used
        return made["captured"], made["amount"] - made["captured"]

    def refund_job(self, attempt, now):
        made = self.holds[attempt]
        if not made["captured"]:
            return "uncharged"
        if made["spent"] is not None:
            for lot, spent in made["spent"]:
                lot.spent -= spent
                lot.back(spent, now)
            made["spent"] = None
            self.repay(made["wish"][0])
            if made["day"]:
                self.used[made["day"]] -= made["captured"]
        return made["captured"]

    # -- money ------------------------------------------------------------------------------------------

    def grant(self, team, amount, key, ends=None):
        if key in self.grants:
            return "done" if self.grants[key] == (team, amount, ends) else "reused"
        self.grants[key] = (team, amount, ends)
        self.credit(team, "promo", amount, ends)
        return "done"

    def adjust(self, team, amount, now):
        """The balance after it, or "spent"."""
        if amount > 0:
            self.credit(team, "adjustment", amount)
        else:
            over = sum(lot.remaining for lot in self.overdue(team, now))
            if self.balance(team)[0] - over < -amount:
                return "spent"
            self.expire(team, now)
            self.reverse(self.burn(team, -amount))
        return self.balance(team)[0]

    def buy(self, team, cents, tax, ends):
        bought = {"team": team, "credit": cents * CENT, "gross": cents + tax, "claims": []}
        bought["lot"], _ = self.credit(team, "purchase", cents * CENT, ends)
        self.purchases.append(bought)

    def room(self, bought):
        """Cents that somebody could still ask back."""
        return bought["gross"] - sum(
            x["cents"] for x in bought["claims"] if x["state"] not in {"failed", "won"}
        )

    def due(self, bought, more):
        cents = sum(x["cents"] for x in bought["claims"] if x["state"] in {"succeeded", "lost"})
        return math.floor(Fraction(bought["credit"] * (cents + more), bought["gross"])) - sum(
            x["posted"] for x in bought["claims"]
        )

    def claim(self, bought, cents, state):
        made = {"bought": bought, "cents": cents, "state": state, "frozen": 0, "posted": 0, "taken": []}
        bought["claims"].append(made)
        return made

    def request_refund(self, bought, cents):
        waiting = [x for x in bought["claims"] if x["state"] == "requested" and x["frozen"]]
        wanted = self.due(bought, cents + sum(x["cents"] for x in waiting)) - sum(
            x["frozen"] for x in waiting
        )
        lot = bought["lot"]
        if lot.dispute or lot.remaining < wanted:
            return None
        made = self.claim(bought, cents, "requested")
        made["frozen"] = wanted
        lot.remaining -= wanted
        lot.frozen += wanted
        self.refunds.append(made)
        return made

    def stripe_refund(self, bought, cents):
        made = self.claim(bought, cents, "requested")
        self.refunds.append(made)
        return made

    def take_back(self, claim, due, now):
        bought, frozen = claim["bought"], claim["frozen"]
        lot, team = bought["lot"], bought["team"]
        lot.frozen -= frozen
        lot.gone += min(due, frozen)
        lot.thaw(max(0, frozen - due), now)
        parts = self.reverse(self.burn(team, max(0, due - frozen), first=lot))
        self.owed[team] += max(0, due - frozen) - sum(part for _, part in parts)
        claim["taken"] = [(lot, min(due, frozen)), *parts, *(self.repay(team) if frozen > due else [])]
        claim["frozen"] = 0

    def settle_refund(self, claim, succeeded, now):
        """Whether anything changed."""
        bought, before = claim["bought"], claim["state"]
        if succeeded and before == "requested":
            due = self.due(bought, claim["cents"])
            claim["state"] = "succeeded"
            self.take_back(claim, due, now)
            claim["posted"] = due
            return True
        if succeeded or before == "failed":
            return False
        claim["state"] = "failed"
        if before == "requested":
            self.take_back(claim, 0, now)
            return True
        back = left = -self.due(bought, 0)
        for lot, part in claim["taken"]:
            returned = min(part, left)
            left -= returned
            lot.gone -= returned
            lot.thaw(returned, now)
        if left:
            self.lots.append(Lot(bought["team"], "adjustment", left, len(self.lots)))
        self.repay(bought["team"])
        claim["posted"] -= back
        return True

    def open_dispute(self, bought, cents):
        made = self.claim(bought, cents, "open")
        lot = bought["lot"]
        made["frozen"] = min(lot.remaining, self.due(bought, cents))
        lot.remaining -= made["frozen"]
        lot.frozen += made["frozen"]
        lot.dispute = made
        self.disputes.append(made)
        return made

    def close_dispute(self, claim, won, now):
        if claim["state"] != "open":
            return False
        claim["bought"]["lot"].dispute = None
        due = 0 if won else self.due(claim["bought"], claim["cents"])
        claim["state"] = "won" if won else "lost"
        self.take_back(claim, due, now)
        claim["posted"] = due
        return True
