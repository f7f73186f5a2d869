"""No order passes that must not: the proofs of the gate in words, and the faults they must find."""

from tickgate_hdl.prove import gate_claims
from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.proof import Proof

__all__ = ["PROOFS"]


def _fault(name, module, old, new):
    return Mutation(name, f"risk.{module}", old, new)


_KINDS = (
    ("states", gate_claims.states,
     "no enter or replace passes in a cycle in which the gate is not armed, the watchdog is out, "
     "the lease of the limits is over, or a kill is set for all, its session, its account, its "
     "symbol or its strategy; nor when the venue session is down or the events ring has no room; "
     "no cancel passes while the session is down", "",
     (_fault("a kill for all is ignored", "judge", '"kill_all": enters & kills.all',
             '"kill_all": enters & 0'),
      _fault("the sessions' kill is that of the accounts", "judge",
             "(session & kills.session)", "(session & kills.account)"),
      _fault("an account's kill is ignored", "judge",
             "(account & kills.account).any()", "0"),
      _fault("a symbol's kill is that of its neighbour", "judge",
             "(symbol & kills.symbol)",
             "(symbol & kills.symbol.rotate_left(1))"),
      _fault("a strategy's kill is that of its neighbour", "judge",
             "(strategy & kills.strategy)", "(strategy & kills.strategy.rotate_left(1))"),
      _fault("the watchdog is ignored", "judge", "enters & ~self.watchdog_ok", "enters & 0"),
      _fault("the lease is ignored", "judge", "enters & ~self.lease_good", "enters & 0"),
      _fault("arming is ignored", "judge", "enters & ~self.armed", "enters & 0"),
      _fault("a kill acts a cycle late", "gate", "block.kills.eq(kills)",
             'block.kills.eq(delayed(m, Value.cast(kills), f"late_{id(block)}"))'))),
    ("arming", gate_claims.arming,
     "the gate opens only by a command to arm; and a gate that was disarmed, by a command or by "
     "the watchdog, only after another generation of the limits was in force than in the last "
     "cycle in which it was armed", "",
     (_fault("a gate that was disarmed opens with the same limits", "guard",
             "& ~self.generation_used", ""),
      _fault("what counts is the generation of the first arming", "guard",
             "with m.If(self.armed):\n            m.d.sync += [last.eq",
             "with m.If(self.armed & (last == 0)):\n            m.d.sync += [last.eq"),
      _fault("a touch of the watchdog opens the gate", "guard", "self.control__arm & self.ready",
             "self.watchdog_touch__touch & self.ready"))),
    ("tables", gate_claims.tables,
     "no enter or replace passes without limits in force (generation not 0), with a row of account "
     "or symbol, session, strategy, group, clearing firm or firm that is not enabled, a strategy "
     "that the card has not, an account that is not entitled to the symbol or not permitted its "
     "side and time in force, a side that is restricted, a book that is stale or has neither bid "
     "nor ask, a symbol that is not trading, outside the sessions that the account may trade in; "
     "nor, unless the symbol's row waives it, with a reference that was never uploaded or is too "
     "old, outside the price band, or beyond the collar of the time window; nor, unless it is "
     "permitted, when `self_match` says that a working order of its group would trade with it, "
     "which is asked for its group, symbol, side and price, and told of it; nor as a short sale at "
     "or below the national best bid, or the venue's where that is waived, while the price test is "
     "on; rows, book and references are those of its account and symbol, of its strategy, and of "
     "what the account belongs to", "",
     (_fault("a generation of 0 is in force", "gate", "judge.limits_valid.eq(generation != 0)",
             "judge.limits_valid.eq(1)"),
      _fault("a symbol's row is ignored", "judge", "& symbol_row.enabled[0]", ""),
      _fault("a stale book is a reference", "judge", '~staged(top.stale, "stale_kept") & ', ""),
      _fault("the book is asked for another symbol", "gate", "self.query_symbol.eq(symbol)",
             "self.query_symbol.eq(offered.symbol + 1)"),
      _fault("the firm's row is ignored", "judge", "self.firm_row.enabled[0] & ", ""),
      _fault("a clearing firm's row is ignored", "judge",
             "            & self.clearing_firm_row.enabled[0]", ""),
      _fault("a strategy that is not enabled is one", "judge", "limits & ~has_strategy",
             "limits & 0"),
      _fault("strategy 32 is strategy 0", "judge", "approved & (request.strategy < STRATEGIES)",
             "approved"),
      _fault("a strategy has its neighbour's row", "gate", "limits.strategy.eq(strategy)",
             "limits.strategy.eq(strategy + 1)"),
      _fault("an order has the group of the account that settles", "gate",
             "limits.of_account.eq(offered.account)", "limits.of_account.eq(settlement.account)"),
      _fault("entitlement is ignored", "judge", '~staged(entitled, "entitled")', "0"),
      _fault("a symbol's restrictions are ignored", "judge", "(symbol_row.restricted | pair.flags)",
             "pair.flags"),
      _fault("permissions of time in force are ignored", "judge",
             "~account_row.permissions[:len(kinds)]", "~account_row.permissions[:4]"),
      _fault("who may not trade with the own group does", "judge", "guarded & self.crosses",
             "guarded & 0"),
      _fault("own orders are those of the clearing firm", "gate",
             'self_match.group.eq(owners["group"])',
             'self_match.group.eq(owners["clearing_firm"])'),
      _fault("an order that was refused is kept as working", "gate",
             "self_match.commit.eq(orders.commit)", "self_match.commit.eq(decided)"),
      _fault("extended hours need no permission", "judge",
             'is_one_of(status.system_event, "SM") & account_row.permissions[len(kinds)]',
             'is_one_of(status.system_event, "SM")'),
      _fault("a short sale may be at the bid", "judge",
             "is_above(request.price, top.bid)", "is_above(request.price + 1, top.bid)"),
      _fault("a halt is ignored", "judge", 'sound & staged(halted, "halted_kept")', "0"),
      _fault("an old reference is as good as a new one", "judge",
             "(~uploaded | is_above(age, max_age))", "~uploaded"),
      _fault("a reference that is a millisecond too old is good", "judge",
             "is_above(age, max_age)", "is_above(age, max_age + 1)"),
      _fault("no references are as good as new ones", "judge",
             "(~uploaded | is_above(age, max_age))", "is_above(age, max_age)"),
      _fault("references are those of another symbol", "gate", "references.symbol.eq(symbol)",
             "references.symbol.eq(offered.symbol + 1)"),
      _fault("one waived reference waives them all", "judge", "~waived.all()", "~waived.any()"),
      _fault("upper and lower band change places", "judge", "Mux(sells, below_band, above_band)",
             "Mux(sells, above_band, below_band)"),
      _fault("half a band is one", "judge",
             "(reference.band_low != 0) & (reference.band_high != 0)",
             "(reference.band_low != 0) | (reference.band_high != 0)"),
      _fault("the collar of the time window is that of the touch", "judge",
             "reference.window + symbol_row.window_collar", "reference.window + symbol_row.collar"),
      _fault("a time window without a reference lets pass", "judge",
             '(reference.window != 0, "has_window")', '(1, "has_window")'),
      _fault("a short sale may be at the national bid", "judge",
             "is_above(request.price, reference.national_bid)",
             "is_above(request.price + 1, reference.national_bid)"),
      _fault("a short sale needs no national bid", "judge", "has_national & above_national",
             "above_national"))),
    ("decisions", gate_claims.decisions,
     "each order has its verdict exactly `latency` cycles after it entered; one that is refused "
     "has a bit set, one that passes none; verdict and what passes are of the order that entered",
     "",
     (_fault("one check does not refuse", "judge", "(bits[name] for name in late)",
             "(bits[name] for name in late[1:])"),
      _fault("the decision is told a cycle late", "gate", 'delayed(m, decided, "is_decided")',
             'delayed(m, decided, "is_decided", 2)'),
      _fault("what leaves is the order behind", "gate", '_later(m, judged, _REQUEST, "leaves")',
             "judged"))),
    ("offers", gate_claims.offers,
     "an enter or replace is offered to the wire only if the gate is armed and no kill is set for "
     "it in that cycle, or, in the first cycle, in that of its verdict", "",
     (_fault("a kill does not stop what waits", "leaving",
             '"kill_all": self.kills.all', '"kill_all": 0'),
      _fault("a strategy's kill does not stop what waits", "leaving",
             'stops("strategy", "strategy")',
             'stops("session", "strategy")'),
      _fault("disarming does not stop what waits", "leaving", '"gate_closed": ~self.armed',
             '"gate_closed": 0'),
      _fault("what waits passes by its oldest", "leaving",
             "Mux(self.waits, there & ~barred, self.passes)", "there | self.passes"))),
    ("reserved", gate_claims.reserved,
     "an order that passes is over none of its limits, and is added to every total but those that "
     "the venue's messages count: to the row of its account and symbol, its account, what that "
     "belongs to, the firm, or its strategy, against that row's limit, its quantity, its value as "
     "`max_value` has it, one, or what it may trade beyond the order that it replaces, on its side "
     "alone; a limit to which it adds nothing does not hold it", "",
     (_fault("what totals say is ignored", "judge", "held[name] & case[name]", "0"),
      _fault("executions of a strategy are ignored", "judge",
             '"repeated_executions": weigh(sound & limits',
             '"repeated_executions": weigh(sound & 0'),
      _fault("executions are those of another strategy", "gate", '"strategy": strategy}',
             '"strategy": strategy + 1}'),
      _fault("an order that passes is an execution", "gate", "(0 if total.told else passes)",
             "passes"),
      _fault("a replacement adds an order", "beyond", 'self.adds_any["order"]',
             'self.adds_any["order"] | 1'),
      _fault("what a replacement may trade beyond its order is not held to a limit", "gate",
             "& beyond.adds_any.get(amount, 1)",
             "& beyond.adds_any.get(amount, 1) & ~replaces"),
      _fault("a replacement adds all its value", "beyond",
             "Mux(self.lower, Mux(self.rises, self.value, 0), gains)", "self.value"),
      _fault("a replacement is held to all its quantity", "beyond",
             "Mux(self.replaces, self.further, self.quantity)", "self.quantity"),
      _fault("a sell is added to the long side", "totals", '"buy": "B"', '"buy": "BSTE"'),
      _fault("a passed order is not added", "gate", "(0 if total.told else passes)", "0"),
      _fault("long and short limits change places", "totals", '(POSITION, "max_long")',
             '(POSITION, "max_short")'),
      _fault("a gross credit is a net credit", "totals", '(table, "gross_credit")',
             '(table, "net_credit")'),
      _fault("a group's totals have the clearing firm's row", "gate",
             '"account": account, "firm": 0, **owners,',
             '"account": account, "firm": 0, **owners, "group": owners["clearing_firm"],'),
      _fault("a long sale of what is not held passes", "totals", 'marked="S"', 'marked="T"'),
      _fault("an account's orders have its neighbour's row", "gate",
             '"account": account, "firm": 0,', '"account": account + 1, "firm": 0,'),
      _fault("a check hears of one of its totals", "gate",
             "judge.over[case][check].eq(Cat(over).any())",
             "judge.over[case][check].eq(over[0])"))),
    ("use", gate_claims.use,
     "the accumulators are used as their proofs assume: they commit what looked, nothing is under "
     "way in a sweep, and nothing comes right behind what settles, nor an "
     "operation of its account, session or symbol right behind a refill; so is `self_match`: it "
     "keeps what looked, and an order is gone while none is under way nor enters in the next cycle",
     "",
     (_fault("an order enters behind what settles", "settlement",
             'told["moves"].eq(effect.moves), hold.eq(1)',
             'told["moves"].eq(effect.moves), hold.eq(0)'),
      _fault("an order enters right behind the refill of its account", "gate",
             "== last_refilled[:ceil_log2(count)]", "!= last_refilled[:ceil_log2(count)]"),
      _fault("an order of an account that the card has not enters right behind a refill of the row "
             "that it shares", "gate", "getattr(offered, fields[table])[:ceil_log2(count)] ==",
             "getattr(offered, fields[table]) =="),
      _fault("an order enters right behind the refill of its session", "gate",
             "for table, count in rated.items()).any()",
             "for table, count in rated.items() if table is not SESSION).any()"),
      _fault("what came in a sweep settles in it", "gate",
             "settlement.empty.eq(~Cat(under_way[1:]).any() & ~self.busy)",
             "settlement.empty.eq(~Cat(under_way[1:]).any())"),
      _fault("an order enters in a sweep", "gate", "& ~settlement.hold & swept & ~orders_wait",
             "& ~settlement.hold & ~orders_wait"))),
)

_STAGED = {
    "arming": (
        _fault("a generation is compared with the one before it was armed", "guard",
               'delayed(m, self.armed, "was_armed") if self._registered else Const(0)',
               "Const(0)"),),
    "decisions": (
        _fault("one check that is known before the verdict does not refuse", "judge",
               "Cat(early.values()).any()", "Cat(list(early.values())[1:]).any()"),
        _fault("totals refuse by the case that is not true", "judge", "in reversed(over)",
               "in over")),
    "reserved": (
        _fault("a total is not held to its limit", "gate", "accumulator.held.eq(counts",
               "accumulator.held.eq(0 & counts"),),
}
"""Faults of what only ``ecp5`` has."""

PROOFS = tuple(
    Proof(
        name=f"gate.{kind}.{profile}", claim=claim, assumes=assumes,
        of="Gate, 2 accounts, groups, clearing firms, symbols and open orders, fields at full "
        f"width, {profile}; "
        f"accumulators, {'' if kind == 'use' else 'limits image, '}open orders, duplicates, "
        "self-match, references and products put out anything",
        make=make(profile == "ecp5"),
        mutations=faults + (_STAGED.get(kind, ()) if profile == "ecp5" else ()),
        depth=9 if profile == "ecp5" else 6,
        # Its cases are longer than what can be searched in minutes there.
        search=4 if (kind, profile) == ("use", "ecp5") else 12)
    for kind, make, claim, assumes, faults in _KINDS for profile in ("latency", "ecp5"))
