"""The gate: what each check says of an order request, and what passes."""

from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, NO_CHECK

from tickgate_sim.models.gate.duplicates import Duplicates
from tickgate_sim.models.gate.exposure import Exposure, Order
from tickgate_sim.models.gate.image import Limits, full
from tickgate_sim.models.gate.image import pair as pair_of
from tickgate_sim.models.gate.inputs import References, Top, Verdict
from tickgate_sim.models.gate.own_prices import OwnPrices
from tickgate_sim.models.gate.states import States

__all__ = ["GateModel"]

_U32 = (1 << 32) - 1


class GateModel(States, Exposure):
    """The gate of a card with these sizes, after reset."""

    def __init__(
        self,
        *,
        symbols: int,
        accounts: int,
        open_orders: int,
        groups: int,
        clearing: int,
        recent_orders: int,
        own_prices: int,
    ) -> None:
        States.__init__(self)
        Exposure.__init__(self, accounts=accounts, open_orders=open_orders)
        self.symbols, self.groups, self.clearing = symbols, groups, clearing
        self.duplicates = Duplicates(accounts=accounts, places=recent_orders)
        self.own_prices = OwnPrices(own_prices)
        self.member: dict[int, tuple[int, int]] = {}  # group and clearing firm of an account
        self.limits = Limits()
        self.listed: set[int] = set()
        self.references: dict[int, tuple[References, int]] = {}
        """By symbol, with the millisecond in which they came."""
        self.references_ignored = 0
        self.spent: dict[tuple[str, int], int] = {}
        """In 1/1000 messages, by bucket: the check that it makes, and whose it is."""
        self.last_token = 0
        self.refused_first = [0] * len(BY_NAME)

    def tick(self) -> bool:
        """A millisecond passes, and buckets refill. Returns whether the watchdog ran out by it."""
        for (check, index), spent in self.spent.items():
            rate, _ = self._bucket(check, index)
            self.spent[check, index] = max(0, spent - rate)
        return super().tick()

    def mass_cancel(self) -> int | None:
        """The UserRefNum of the mass cancel that leaves now, or None."""
        if not (self.cancel_due and self.session_up):
            return None
        self.cancel_due = False
        self.last_token = min(self.last_token + 1, _U32)
        return self.last_token

    def commit(self, limits: Limits, crc: int, generation: int) -> bool:
        """The host commits a whole image. Returns whether it is in force now."""
        if generation == 0 or limits.crc(*self.sizes) != crc:
            return False
        named = {
            account: (words[20], words[21])
            for account, row in limits.account.items()
            if (words := full(row, 32))[0] & 1
        }
        for account, (group, clearing) in named.items():
            if group >= self.groups or clearing >= self.clearing:
                return False
            if self.member.get(account, (group, clearing)) != (group, clearing):
                return False
        self.member |= named
        self.limits, self.generation = limits, generation
        if self.armed:
            self.armed_with = generation
        return True

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Accounts, symbols, groups and clearing firms: rows of the image."""
        return self.accounts, self.symbols, self.groups, self.clearing

    def upload(self, symbol: int, references: References) -> None:
        """The host uploads references of a symbol, which take the place of all before."""
        if symbol < self.symbols:
            self.references[symbol] = references, self.ms
        else:
            self.references_ignored += 1

    def order(self, request: OrderRequest, top: Top) -> Verdict:
        """Judge an order request and, when it passes, reserve what it may trade."""
        failed = self._state_checks(request)
        fresh = request.action != "X"
        malformed = self._malformed(request)
        if malformed:
            failed.add("malformed")
        judged = fresh and not malformed
        if judged:
            failed |= self._order_checks(request, top)
            self.last_token = max(self.last_token, request.user_ref_num)
        if not malformed and self._limited(request):
            rated = self._rate_checks(request)
            failed |= rated if fresh else set()

        bits = sorted(BY_NAME[name].bit for name in failed)
        verdict = Verdict(
            checks=sum(1 << bit for bit in bits),
            first=bits[0] if bits else NO_CHECK,
            generation=self.generation,
            bid=top.bid if judged else 0,
            ask=top.ask if judged else 0,
        )
        if bits:
            self.refused_first[bits[0]] += 1
        elif fresh:
            self.reserve(request)
            self.own_prices.add(*self._own(request), request.price)
            if request.action == "O":
                window = full(self.limits.account[request.account], 32)[22]
                self.duplicates.remember(request, self.ms, window)
        return verdict

    def withdraw(self, request: OrderRequest) -> None:
        """An order that passed was not sent: take its reservation back."""
        self.refused_first[BY_NAME["venue_down"].bit] += 1
        order = self.find(request.user_ref_num)
        if request.action != "X" and order is not None:
            self.die(order)

    def remove(self, order: Order) -> None:
        """An order works no more."""
        super().remove(order)
        group, _ = self.member[order.account]
        self.own_prices.remove(group, order.symbol, order.sells, order.price)

    def _own(self, request: OrderRequest) -> tuple[int, int, bool]:
        """Group, symbol and side of an order."""
        group, _ = self.member[request.account]
        return group, request.symbol, request.side != "B"

    def _limited(self, request: OrderRequest) -> bool:
        return (
            self.generation != 0
            and request.session < 32
            and bool(full(self.limits.account.get(request.account, ()), 32)[0] & 1)
            and bool(full(self.limits.symbol.get(request.symbol, ()), 16)[0] & 1)
            and bool(full(self.limits.session.get(request.session, ()), 4)[0] & 1)
            and all(row[0] & 1 for row in self._owners(request.account))
        )

    def _owners(self, account: int) -> list[tuple[int, ...]]:
        """Rows of the firm, and of the group and clearing firm of an account."""
        group, clearing = self.member.get(account, (0, 0))
        limits = self.limits
        rows = limits.firm, limits.group.get(group, ()), limits.clearing.get(clearing, ())
        return [full(row, 8) for row in rows]

    def _state_checks(self, request: OrderRequest) -> set[str]:
        failed = set() if self.session_up else {"venue_down"}
        if request.action == "X":
            return failed
        for name, fails in (
            ("gate_closed", not self.armed),
            ("kill_all", self.kill_all),
            ("kill_session", request.session < 32 and self.kill_session >> request.session & 1),
            (
                "kill_account",
                request.account < self.accounts and self.kill_account >> request.account & 1,
            ),
            (
                "kill_symbol",
                request.symbol < self.symbols and self.kill_symbol >> request.symbol & 1,
            ),
            ("kill_strategy", request.strategy < 32 and self.kill_strategy >> request.strategy & 1),
            ("no_limits", not self._limited(request)),
            ("host_stale", not self.watchdog_ok),
            ("lease", self.lease_left == 0),
            ("events_full", not self.events_room),
        ):
            if fails:
                failed.add(name)
        return failed

    def _malformed(self, request: OrderRequest) -> bool:
        if request.reserved_b or request.quantity > 999_999:
            return True
        if request.action == "X":
            return False
        return (
            request.action not in "OU"
            or request.side not in "BSTE"
            or request.time_in_force not in "03"
            or not 1 <= request.price <= 1_999_999_900
            or request.quantity == 0
            or request.account >= self.accounts
            or request.symbol not in self.listed
            or request.session >= 32
        )

    def _token_used(self, request: OrderRequest) -> bool:
        if request.user_ref_num <= self.last_token:
            return True
        if request.user_ref_num % self.open_orders in self.orders:
            return True
        if request.action == "O":
            return False
        old = self.find(request.orig_user_ref_num)
        return (
            old is None
            or old.replaces is not None
            or old.replaced_by is not None
            or (old.account, old.symbol) != (request.account, request.symbol)
            or old.sells != (request.side != "B")
        )

    def _order_checks(self, request: OrderRequest, top: Top) -> set[str]:
        failed = set()
        buys = request.side == "B"
        if self._token_used(request):
            failed.add("token")
        if top.trading_state != "T":
            failed.add("halted")
        touches = [price for price in ((top.ask, top.bid) if buys else (top.bid, top.ask)) if price]
        reference = None if top.stale or not touches else touches[0]
        if reference is None:
            failed.add("no_reference")
        if not self._limited(request):
            return failed

        account = full(self.limits.account[request.account], 32)
        symbol = full(self.limits.symbol[request.symbol], 16)
        pair = full(self.limits.position.get((request.account, request.symbol), ()), 4)
        if reference is not None:
            through = request.price - reference if buys else reference - request.price
            if through > symbol[1]:
                failed.add("price_collar")
        value = request.price * request.quantity
        if request.quantity > account[1]:
            failed.add("max_quantity")
        if value > pair_of(account, 2):
            failed.add("max_value")
        if top.phase != "Q" and not (top.phase in "SM" and account[6] & 0x80):
            failed.add("session_phase")
        failed |= self._reference_checks(request, top, symbol)
        failed |= self._may_not(request, account, symbol, pair)
        failed |= self._position_checks(request, pair)
        failed |= self._working_checks(request, account, value)
        failed |= self._credit_checks(request, account, value)
        failed |= self._throttle_checks(request, account)
        if request.action == "O" and self.duplicates.known(request, self.ms, account[22]):
            failed.add("duplicative")
        if not account[6] & 0x100 and self.own_prices.would_trade(
            *self._own(request), request.price
        ):
            failed.add("self_match")
        return failed

    def _throttle_checks(self, request: OrderRequest, account: tuple[int, ...]) -> set[str]:
        failed = set()
        strategy = full(self.limits.strategy.get(request.strategy, ()), 2)
        if not strategy[0] & 1:
            failed.add("algo_id")
        elif self.executions[request.strategy] >= strategy[1]:
            failed.add("repeated_executions")
        if self.rejects[request.account] >= account[25]:
            failed.add("consecutive_rejects")
        return failed

    def _bucket(self, check: str, index: int) -> tuple[int, int]:
        """Rate and burst of a bucket."""
        limits = self.limits
        rows, width, at = {
            "message_rate": (limits.account, 32, 4),
            "cancel_rate": (limits.account, 32, 23),
            "session_rate": (limits.session, 4, 1),
            "symbol_rate": (limits.symbol, 16, 8),
        }[check]
        row = full(rows.get(index, ()), width)
        return row[at] & 0xFFFF, row[at + 1] & 0xFFFF

    def _rate_checks(self, request: OrderRequest) -> set[str]:
        """Buckets without a message left; the others lose one to an order that costs one."""
        failed = set()
        for check, index, costs in (
            ("message_rate", request.account, "OU"),
            ("session_rate", request.session, "OU"),
            ("symbol_rate", request.symbol, "OU"),
            ("cancel_rate", request.account, "UX"),
        ):
            spent = self.spent.get((check, index), 0)
            if spent + 1000 > self._bucket(check, index)[1] * 1000:
                failed.add(check)
            elif request.action in costs:
                self.spent[check, index] = spent + 1000
        return failed

    def _reference_checks(
        self, request: OrderRequest, top: Top, symbol: tuple[int, ...]
    ) -> set[str]:
        """Reg SHO 201, price band, collar of the time window, and age of what they need."""
        failed = set()
        buys, price = request.side == "B", request.price
        waives = {name: bool(symbol[7] >> bit & 1) for bit, name in enumerate("nbw")}
        uploaded, stamp = self.references.get(request.symbol, (References(), None))
        if not all(waives.values()) and (stamp is None or self.ms > stamp + symbol[6]):
            failed.add("reference_age")
        if not waives["b"]:
            low, high = uploaded.band_low, uploaded.band_high
            if 0 in (low, high) or (price > high if buys else price < low):
                failed.add("luld_band")
        if not waives["w"]:
            away = price - uploaded.window if buys else uploaded.window - price
            if uploaded.window == 0 or away > symbol[5]:
                failed.add("window_collar")
        if request.side == "T" and top.reg_sho in "12":
            own = 0 if top.stale else top.bid
            bid = own if waives["n"] else uploaded.national_bid
            if bid == 0 or price <= bid:
                failed.add("short_price")
        return failed

    def _may_not(
        self,
        request: OrderRequest,
        account: tuple[int, ...],
        symbol: tuple[int, ...],
        pair: tuple[int, ...],
    ) -> set[str]:
        """Entitlement, restricted list, permissions, tick and lot."""
        failed = set()
        if not pair[2] & 8:
            failed.add("entitlement")
        restricted = symbol[4] | pair[2]
        if (
            (restricted & 1 and request.side == "B")
            or (restricted & 2 and request.side != "B")
            or (restricted & 4 and request.side in "TE")
        ):
            failed.add("restricted")
        needed = {"BSTE".index(request.side), {"0": 4, "3": 5}[request.time_in_force]}
        if request.intermarket_sweep == "Y":
            needed.add(6)
        if any(not account[6] >> bit & 1 for bit in needed):
            failed.add("permission")
        for name, number, word, mask, divisors in (
            ("tick", request.price, symbol[2], 3, {2: 25}),
            ("lot", request.quantity, symbol[3], 7, {3: 5, 4: 25}),
        ):
            odd = [divisor for bit, divisor in divisors.items() if word >> bit & 1]
            if number & word & mask or any(number % divisor for divisor in odd):
                failed.add(name)
        return failed

    def _position_checks(self, request: OrderRequest, pair: tuple[int, ...]) -> set[str]:
        failed = set()
        position, open_buy, open_sell = self.held(request.account, request.symbol)
        more, _ = self.more(request)
        if request.side == "B":
            over = position + open_buy + more > pair[0] & _U32
        else:
            over = -(position - open_sell - more) > pair[1] & _U32
        if more and over:
            failed.add("position_limit")
        if more and request.side == "S" and more > position - open_sell:
            failed.add("short_mark")
        row = request.account, request.symbol
        if request.side in "TE" and self.located.get(row, 0) + request.quantity > pair[3] & _U32:
            failed.add("locate_budget")
        return failed

    def _working_checks(
        self, request: OrderRequest, account: tuple[int, ...], value: int
    ) -> set[str]:
        working = self.working(request.account)
        traded = self.traded[request.account]
        more, more_value = self.more(request)
        confirmed = sum(order.replaces is None for order in working)
        open_quantity = sum(order.remaining for order in working)
        open_value = sum(order.reserved for order in working)
        used = {
            "max_orders": (confirmed, int(request.action == "O"), account[7]),
            "open_quantity": (open_quantity, more, pair_of(account, 8)),
            "open_value": (open_value, more_value, pair_of(account, 10)),
            "day_quantity": (traded.ordered, request.quantity, pair_of(account, 12)),
            "day_value": (traded.ordered_value, value, pair_of(account, 14)),
        }
        return {
            name
            for name, (total, adds, limit) in used.items()
            if adds and total + adds > limit
        }

    def _credit_checks(
        self, request: OrderRequest, account: tuple[int, ...], value: int
    ) -> set[str]:
        failed = set()
        own = self.member[request.account]
        shared = [("firm_", list(range(self.accounts)))]
        for place, prefix in enumerate(("group_", "clearing_firm_")):
            shared.append((prefix, [a for a, of in self.member.items() if of[place] == own[place]]))
        scopes = [("", [request.account], pair_of(account, 16), pair_of(account, 18))]
        for (prefix, accounts), row in zip(shared, self._owners(request.account), strict=True):
            scopes.append((prefix, accounts, pair_of(row, 2), pair_of(row, 4)))
        _, value = self.more(request)
        for prefix, accounts, gross_limit, net_limit in scopes if value else ():
            gross, net_long, net_short = self.credit(accounts)
            if gross + value > gross_limit:
                failed.add(f"{prefix}gross_credit")
            if (net_long if request.side == "B" else net_short) + value > net_limit:
                failed.add(f"{prefix}net_credit")
        return failed
