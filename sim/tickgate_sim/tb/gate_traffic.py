"""Random orders, venue messages, limits and references for a gate of sizes from the environment."""

import os
from collections import deque

from tickgate.records.messages import OrderRequest

from tickgate_sim.models.gate import Limits, References, Top, Update
from tickgate_sim.tb.gate_driver import CLEARING_FIRMS, GROUPS, NEVER

SYMBOLS = int(os.environ.get("GATE_SYMBOLS", "4"))
ACCOUNTS = int(os.environ.get("GATE_ACCOUNTS", "2"))
OPEN_ORDERS = int(os.environ.get("GATE_OPEN_ORDERS", "16"))
RECENT_ORDERS = int(os.environ.get("GATE_RECENT_ORDERS", "16"))
OWN_PRICES = int(os.environ.get("GATE_OWN_PRICES", "2"))
NEAR = (-2, -1, 0, 0, 1, 2)
STRATEGIES = 0, 1, 30, 31
"""Those that send orders: of 32, few would reach a limit."""


def busy(rows):
    """Rows of a table that orders are of: all, or a few from the whole of a large one."""
    if rows <= 64:
        return range(rows)
    return 0, 1, 31, 32, rows // 2 - 1, rows // 2, rows - 2, rows - 1


class Traffic:
    """Makes operations whose outcome is close to one side or the other of every limit."""

    def __init__(self, rng, model, tops):
        self.rng, self.model, self.tops = rng, model, tops
        self.token = 0
        self.matches = 0
        self.trades = []
        self.recent = deque(maxlen=8)  # orders that may not be decided yet

    def limits(self):
        rng, model = self.rng, self.model

        def money(*around):
            """Two words: without end, or near what is used already."""
            value = (1 << 63) - 1 if rng.random() < 0.75 else rng.choice(around)
            return value & 0xFFFF_FFFF, value >> 32

        def bucket():
            return rng.choice((0, 700, 65535)), rng.choice((3, 50, *[65535] * 10))

        def times(count):
            """More than was counted, seldom by much, or without end."""
            return rng.choice((0, count, *(count + rng.randint(1, 30) for _ in range(8)), NEVER))

        def account(index):
            gross, net_long, net_short = (max(0, used) for used in model.credit([index]))
            working = model.working(index)
            traded = model.traded[index]
            shares = sum(order.remaining for order in working)
            value = sum(order.reserved for order in working)
            some = rng.choice((0, 10**9, 10**10))
            return (
                rng.random() < 0.97, rng.choice((500, 5000, 10**6)),
                *money(0, 10**9, 5 * 10**9), rng.choice((0, 700, 65535)),
                rng.choice((3, 50, *[65535] * 6)),
                rng.choices((0x1FF, 0xFF, rng.randrange(0x200)), (45, 30, 25))[0],
                rng.choice((len(working), len(working) + 3, 1000, 1000)),
                *money(shares + 1000)[:2], *money(value + some),
                *money(traded.ordered + 5000), *money(traded.ordered_value + some),
                *money(gross + some), *money(max(net_long, net_short) + some),
                *self._member(index), rng.choice((0, 1, 5, 50, 1000)), *bucket(),
                rng.choice((0, *range(1, 6), *[NEVER] * 20)))

        def credit(accounts):
            gross, net_long, net_short = (max(0, used) for used in model.credit(accounts))
            some = rng.choice((0, 10**10, 10**11))
            return (rng.random() < 0.98, 0, *money(gross + some),
                    *money(max(net_long, net_short) + some))

        def members(place, row):
            return [index for index, of in model.member.items() if of[place] == row]

        return Limits(
            account={index: account(index) for index in range(ACCOUNTS)},
            symbol={index: (rng.random() < 0.97, rng.choice((0, 300, 10**5)),
                            rng.choice((*[0] * 6, 0b101, 0b111)),
                            rng.choice((*[0] * 9, 0b01001, 0b01111, 0b10011)),
                            0 if rng.random() < 0.8 else rng.randrange(8),
                            rng.choice((0, 300, 10**5, (1 << 32) - 1)),
                            rng.choice((3, 20, 100, (1 << 32) - 1)),
                            0b111 if rng.random() < 0.6 else rng.randrange(8), *bucket())
                    for index in range(SYMBOLS)},
            position={(account, symbol): (rng.choice((0, 800, 10**6)), rng.choice((0, 800, 10**6)),
                                          8 if rng.random() < 0.8 else rng.randrange(16),
                                          rng.choice((0, model.located.get((account, symbol), 0)
                                                      + 800, 2**31 - 1, 2**31 - 1)))
                      for account in range(ACCOUNTS) for symbol in range(SYMBOLS)},
            firm=credit([*range(ACCOUNTS)]),
            group={row: credit(members(0, row)) for row in range(GROUPS)},
            session={row: (rng.random() < 0.98, *bucket()) for row in range(32)},
            strategy={row: (rng.random() < 0.97, times(model.executions[row]))
                      for row in range(32)},
            clearing={row: credit(members(1, row)) for row in range(CLEARING_FIRMS)},
        )

    def _member(self, account):
        """Group and clearing firm: those that it has, and seldom what a card must refuse."""
        rng = self.rng
        drawn = rng.randrange(GROUPS), rng.randrange(CLEARING_FIRMS)
        if rng.random() < 0.02:
            return rng.choice((drawn, (GROUPS, 0), (0, CLEARING_FIRMS), (0, 1 << 31)))
        return self.model.member.get(account, drawn)

    def top(self):
        rng = self.rng
        bid = rng.choice((0, 1_000_000, 999_900, 1_000_100)) if rng.random() < 0.3 else 1_000_000
        ask = rng.choice((0, 1_000_200, 1_000_300)) if rng.random() < 0.3 else 1_000_200
        return Top(bid, ask, "T" if rng.random() < 0.93 else rng.choice("HPQ "),
                   rng.random() < 0.04, "Q" if rng.random() < 0.9 else rng.choice(" OSMEC"),
                   "0" if rng.random() < 0.7 else rng.choice("12 "))

    def references(self):
        """References about the book's prices: seldom one that is not known."""
        rng = self.rng

        def some(*prices):
            return 0 if rng.random() < 0.03 else rng.choice(prices)

        return References(
            some(999_900, 1_000_000, 1_000_100), some(500_000, 999_900), some(1_000_300, 1_500_000),
            some(999_900, 1_000_000, 1_000_200, (1 << 32) - 1))

    def _near_a_reference(self, symbol, side):
        """A price at, or beside, one that the symbol's references allow just so."""
        rng, model = self.rng, self.model
        references, _ = model.references.get(symbol, (References(), 0))
        collar = model.limits.symbol.get(symbol, (0,) * 8)[5]
        return rng.choice((
            references.national_bid, references.band_high if side == "B" else references.band_low,
            references.window + (collar if side == "B" else -collar))) + rng.choice(NEAR)

    def order(self):
        rng, model = self.rng, self.model
        action = rng.choices("OUX?", (60, 22, 16, 1))[0]
        account, symbol = rng.choice(busy(ACCOUNTS)), rng.choice(busy(SYMBOLS))
        side = rng.choice("BBSSTE")
        orig = 0
        known = list(model.orders.values())
        if action == "U" and known and rng.random() < 0.7:
            old = rng.choice(known)
            orig, account, symbol = old.token, old.account, old.symbol
            side = rng.choice("STE") if old.sells else "B"
            if rng.random() < 0.05:
                side = rng.choice("BSTE")
        elif self.recent and rng.random() < 0.5:  # of one row with, and perhaps for, those before
            before = rng.choice(self.recent)
            account, symbol = before.account, before.symbol
            if action == "U":
                orig, side = before.user_ref_num, before.side
        if rng.random() < 0.97:
            self.token += rng.choice((1, 1, 1, 1, 2, OPEN_ORDERS))
        token = self.token
        if action == "X" and known:
            token = rng.choice(known).token

        position, open_buy, open_sell = model.exposure(account, symbol)
        longest, shortest, *_ = model.limits.position.get((account, symbol), (0, 0))
        room = longest - position - open_buy if side == "B" else shortest + position - open_sell
        most = model.limits.account.get(account, (0,) * 20)
        quantity = rng.choice((
            rng.randint(1, 400), rng.randint(1, 400), rng.randint(1, 400),
            room + rng.choice(NEAR), most[1] + rng.choice(NEAR), rng.choice((999_999, 10**6, 0))))
        quantity = max(rng.random() < 0.98, min(quantity, rng.choice((999_999, 1 << 20))))
        top = self.tops[symbol]
        collar = model.limits.symbol.get(symbol, (0, 0))[1]
        edge = (top.ask or top.bid) + collar if side == "B" else (top.bid or top.ask) - collar
        price = rng.choice((edge, edge, edge + rng.choice(NEAR), rng.randint(1, 2_000_000)))
        if rng.random() < 0.1 and quantity:
            price = (most[3] << 32 | most[2]) // quantity + rng.choice(NEAR)
        if rng.random() < 0.01:
            price = rng.choice((0, 1_999_999_900, 1_999_999_901, (1 << 32) - 1))
        price = self._near_a_limit(account, side, quantity, price)
        if rng.random() < 0.3:
            price = self._near_a_reference(symbol, side)
        if rng.random() < 0.4:  # on the tick, in lots
            price, quantity = price // 100 * 100, max(quantity // 200, 1) * 200
        recent = model.duplicates.recent
        if action == "O" and recent and rng.random() < 0.15:  # one that passed, or nearly
            (account, symbol, side, price, quantity), _ = rng.choice(list(recent.values()))
            price += rng.choice((0, 0, 0, 4 * RECENT_ORDERS))
        price = max(0, min(price, (1 << 32) - 1))
        request = OrderRequest(
            user_ref_num=token, orig_user_ref_num=orig, price=price, quantity=quantity,
            account=account, symbol=symbol, session=rng.randrange(32), action=action, side=side,
            time_in_force=rng.choice("03"), display="Y", capacity="P",
            intermarket_sweep=rng.choice("NNNY"), cross_type="N", clordid="x",
            strategy=rng.choice(STRATEGIES))
        if rng.random() < 0.04:
            request = request._replace(**rng.choice((
                {"account": rng.choice((ACCOUNTS, 65535))},
                {"symbol": rng.choice((SYMBOLS, 65535))},
                {"session": rng.choice((32, 65535))}, {"side": "?"}, {"time_in_force": "5"},
                {"strategy": rng.choice((32, 255))}, {"reserved_b": 1 << 31}, {"price": 0})))
        else:
            self.recent.append(request)
        return request

    def _near_a_limit(self, account, side, quantity, price):
        """Sometimes the price with which the order's value is just within a limit, or over."""
        rng, model = self.rng, self.model
        row = model.limits.account.get(account, ())
        if rng.random() < 0.8 or not quantity or len(row) < 20:
            return price
        gross, net_long, net_short = model.credit([account])
        traded = model.traded[account]
        used, at = rng.choice((
            (gross, 16), (net_long if side == "B" else net_short, 18),
            (traded.ordered_value, 14),
            (sum(order.reserved for order in model.working(account)), 10)))
        room = (row[at] | row[at + 1] << 32) - used
        return min(max(1, room // quantity + rng.choice((0, 0, 1))), 1_999_999_900)

    def clear(self):
        """A throttle, and whose count of it a person sets to 0."""
        if self.rng.random() < 0.5:
            return "rejects", self.rng.choice(busy(ACCOUNTS))
        return "executions", self.rng.choice(STRATEGIES)

    def update(self):
        rng, model = self.rng, self.model
        known = list(model.orders.values())
        if self.trades and rng.random() < 0.1:
            match, token = rng.choice(self.trades)
            return Update("B", token, match_number=match)
        if not known or rng.random() < 0.05:
            return Update(rng.choice("AUECDJMBZ"), rng.randrange(self.token + 20),
                          quantity=rng.randint(0, 500), match_number=rng.randrange(50))
        order = rng.choice(known)
        if order.replaces is not None and rng.random() < 0.85:
            return Update("U", order.token, rng.choice((order.remaining, rng.randint(0, 500))),
                          order.replaces, dead=rng.random() < 0.1)
        kind = rng.choices("AECDJMU", (30, 35, 20, 3, 5, 2, 2))[0]
        quantity = rng.choice((order.remaining, rng.randint(0, max(1, order.remaining)),
                               order.remaining + 1, rng.randint(0, 2000)))
        if kind == "E":
            self.matches += 1
            self.trades.append((self.matches, order.token))
            del self.trades[:-60]
        return Update(kind, order.token, quantity, rng.choice((0, order.token)),
                      self.matches if kind == "E" else 0, kind in "AU" and rng.random() < 0.1,
                      max(1, order.price + rng.choice((0, -100, 100, 5))) if kind == "E" else 0)
