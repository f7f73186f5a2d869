"""The gate's side of the register file: ports named ``<register>__<field>``.

``__we`` is a strobe of one cycle with the value just written; ``__next`` and ``__next__we`` write
a register that the host also writes. Source: ``host/tickgate/card/tickgate_card.rdl``.
"""

from amaranth.lib.wiring import In, Out

from tickgate_hdl.risk.kills import KILL_FIELDS

__all__ = ["REGISTERS", "connect_registers"]

_WRITTEN = {  # registers whose write is an event
    **KILL_FIELDS,
    "limit_address__value": 32, "limit_data__value": 32, "position_load__value": 32,
    "limit_renew__value": 32, "reference_symbol__value": 16,
}
_READ_ONLY_HERE = {
    "control__arm": 1, "control__disarm": 1, "watchdog_timeout__ms": 16,
    "watchdog_touch__touch": 1, "limit_read_address__value": 32, "limit_crc__value": 32,
    "limit_generation__value": 32, "limit_commit__commit": 1, "limit_lease__ms": 32,
    "position_address__account": 16,
    "position_address__symbol": 16, "check_select__check": 8,
    "watchdog_cancel__ms": 16,
    "throttle_address__strategy": 16, "throttle_address__account": 16,
    "throttle_clear__executions": 1, "throttle_clear__rejects": 1,
    "reference_national_bid__value": 32, "reference_band_low__value": 32,
    "reference_band_high__value": 32, "reference_window__value": 32,
}
_SHOWN = {
    "limit_address__value__next": 32, "limit_address__value__next__we": 1,
    "limit_read__value": 32, "limit_status__busy": 1, "limit_status__committed": 1,
    "limit_status__bad_crc": 1, "limit_status__bad_member": 1, "limit_active_generation__value": 32,
    "limit_computed_crc__value": 32, "position__value": 32, "open_buy__value": 32,
    "open_sell__value": 32, "throttle_clear__busy": 1, "executions__count": 32,
    "rejects__count": 32, "status__armed": 1, "status__watchdog_ok": 1,
    "status__limits_valid": 1, "status__kill_any": 1, "status__lease_good": 1,
    "status__generation_used": 1,
    "status__mass_cancel_on": 1, "status__mass_cancel_due": 1, "count_mass_cancels__count": 32,
    "check_count__count": 32,
    "count_orders_in__count": 32, "count_orders_passed__count": 32,
    "count_orders_refused__count": 32, "count_cancels_passed__count": 32,
    "count_unknown_token__count": 32, "count_duplicates_forgotten__count": 32,
    "count_own_prices_merged__count": 32,
    "last_token__value": 32,
    "count_references__count": 32, "count_references_ignored__count": 32,
}

REGISTERS = {
    **{name: In(width) for name, width in _WRITTEN.items()},
    **{f"{name}__we": In(1) for name in _WRITTEN},
    **{name: In(width) for name, width in _READ_ONLY_HERE.items()},
    **{name: Out(width) for name, width in _SHOWN.items()},
}
"""Members of the gate's signature for its registers."""


def connect_registers(m, outer, *inner):
    """Join each register port of ``outer`` with the ports of the same name of ``inner``."""
    for name in REGISTERS:
        for component in inner:
            if name in component.signature.members:
                port, target = getattr(outer, name), getattr(component, name)
                shown = name in _SHOWN
                m.d.comb += port.eq(target) if shown else target.eq(port)
