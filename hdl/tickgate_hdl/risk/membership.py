"""Which group, or clearing firm, each account belongs to."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.compare import is_below
from tickgate_hdl.lib.delay import delayed, stages

__all__ = ["Membership"]


class Membership(wiring.Component):
    """Keep the row that each account belongs to from the first image that sets the account.

    It does not change until reset: what the account has traded and has open is counted in that row,
    and would stay there. An image is walked twice, once to see that it agrees (``wrong``), once to
    keep what is new in it. ``registered``, it looks at what is shown a cycle later.

    Members
    -------
    account, member, settled_account, settled_member : In, Out, In, Out
        The rows of two accounts, in the same cycle; of one that was never set: 0.
    shown, row, enabled, word, keep : In(1), In, In(1), In(32), In(1)
        The image says that this account belongs to the row ``word``, if the account is set;
        whether that is to be kept.
    wrong : Out(1)
        In that cycle, or ``registered`` in the next: it belongs to another row, or there is no such
        row.
    sweep, sweep_row : In(1), In
        Forget an account.
    """

    def __init__(self, accounts, members, *, registered=False):
        self._accounts, self._members, self._registered = accounts, members, registered
        account = ceil_log2(accounts)
        super().__init__({
            "account": In(account), "member": Out(ceil_log2(members)),
            "settled_account": In(account), "settled_member": Out(ceil_log2(members)),
            "shown": In(1), "row": In(account), "enabled": In(1), "word": In(32), "keep": In(1),
            "wrong": Out(1), "sweep": In(1), "sweep_row": In(account),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.members = members = Memory(
            shape=StructLayout({"known": 1, "member": len(self.member)}), depth=self._accounts,
            init=[])
        write = members.write_port()
        staged = stages(m, self._registered)
        says = delayed(m, self.shown & self.enabled, "says", int(self._registered))
        row, member, keep = (staged(value, name) for value, name in (
            (self.row, "row_shown"), (self.word[:len(self.member)], "member_shown"),
            (self.keep, "keeps")))
        is_none = staged(~is_below(self.word, self._members), "is_none")
        look, settled, kept = (members.read_port(domain="comb") for _ in range(3))
        m.d.comb += [
            look.addr.eq(self.account), self.member.eq(look.data.member),
            settled.addr.eq(self.settled_account), self.settled_member.eq(settled.data.member),
            kept.addr.eq(row),
            self.wrong.eq(says & (
                is_none | (kept.data.known & (kept.data.member != member)))),
            write.addr.eq(row), write.data.known.eq(1), write.data.member.eq(member),
            write.en.eq(says & keep & ~kept.data.known),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]
        return m
