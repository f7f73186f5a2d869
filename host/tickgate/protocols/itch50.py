"""Nasdaq TotalView-ITCH 5.0: the 23 messages of the market data feed.

Prices are integers in 1/10000 USD (circuit breaker levels in 1/100000000), times nanoseconds since
local midnight of the exchange. A text field holds the code as the venue sent it; codes are listed
with the field, not enforced, because venues add some.

Source: "Nasdaq TotalView-ITCH 5.0" (2018, and the 2026 revision for O and newer codes).
"""

from typing import ClassVar

from tickgate.protocols.wire import (
    U16,
    U32,
    U48,
    U64,
    Alpha2,
    Alpha4,
    Alpha8,
    Buffer,
    Char,
    Message,
    Price4,
    Price8,
    by_type,
    constant,
    decode_by_type,
    field,
)


class ItchMessage(Message):
    """The header that every ITCH message starts with."""

    message_type: ClassVar[Char] = constant("type of the message")
    stock_locate: U16 = field(
        "per-day index of the instrument; 0 when the message is not about one instrument"
    )
    tracking_number: U16 = field(
        "internal tracking number of the exchange; carry, do not interpret"
    )
    timestamp: U48 = field("nanoseconds since local midnight")


class SystemEvent(ItchMessage, type="S"):
    """System Event.

    Locate is 0.
    """

    event_code: Char = field(
        "O start of messages, S start of system hours, Q start of market hours, M end of "
        "market hours, E end of system hours, C end of messages (last message of the day)"
    )


class StockDirectory(ItchMessage, type="R"):
    """Stock Directory.

    One per instrument in the start-of-day spin; binds locate to symbol.
    """

    stock: Alpha8 = field("symbol, left justified, space padded")
    market_category: Char = field(
        "listing market: Q Nasdaq Global Select, G Nasdaq Global, S Nasdaq Capital, N NYSE, A "
        "NYSE American (was NYSE MKT), P NYSE Arca, M NYSE Texas (2026 revision only), Z Cboe "
        "BZX, V IEX, space none"
    )
    financial_status_indicator: Char = field(
        "D deficient, E delinquent, Q bankrupt, S suspended, G D+Q, H D+E, J E+Q, K D+E+Q, C "
        "ETP creations/redemptions suspended, N normal, space not available"
    )
    round_lot_size: U32 = field("shares in a round lot")
    round_lots_only: Char = field("Y only round lots accepted, N any size")
    issue_classification: Char = field(
        "security class code (A ADS, B bond, C common, F depositary receipt, I 144A, L LP, N "
        "notes, O ordinary, P preferred, Q other, R right, S SBI, T convertible debenture, U "
        "unit, V units of BI, W warrant)"
    )
    issue_sub_type: Alpha2 = field("security sub-type code, Z = not applicable")
    authenticity: Char = field("P production, T test instrument")
    short_sale_threshold_indicator: Char = field("Y on the threshold list, N not, space unknown")
    ipo_flag: Char = field(
        "Y set up as a new IPO, N not, Z new listing that is not an IPO (2026 revision), space "
        "not available"
    )
    luld_reference_price_tier: Char = field("1 tier 1, 2 tier 2, space none")
    etp_flag: Char = field("Y ETP, N not, space unknown")
    etp_leverage_factor: U32 = field("integer leverage of an ETP (1 = none)")
    inverse_indicator: Char = field("Y inverse ETP, N not")


class StockTradingAction(ItchMessage, type="H"):
    """Stock Trading Action.

    An instrument missing from the pre-open spin is to be treated as halted.
    """

    stock: Alpha8 = field("symbol, left justified, space padded")
    trading_state: Char = field(
        "H halted in all US markets, P paused (Nasdaq-listed only), Q quotation-only period, T "
        "trading"
    )
    reserved: Char = field("reserved")
    reason: Alpha4 = field("reason code, space padded")


class RegShoRestriction(ItchMessage, type="Y"):
    """Reg SHO Short Sale Price Test Restriction."""

    stock: Alpha8 = field("symbol, left justified, space padded")
    reg_sho_action: Char = field(
        "0 no test, 1 restriction in effect because of an intraday drop, 2 restriction still "
        "in effect"
    )


class MarketParticipantPosition(ItchMessage, type="L"):
    """Market Participant Position."""

    mpid: Alpha4 = field("participant")
    stock: Alpha8 = field("symbol, left justified, space padded")
    primary_market_maker: Char = field("Y primary, N not")
    market_maker_mode: Char = field("N normal, P passive, S syndicate, R pre-syndicate, L penalty")
    market_participant_state: Char = field(
        "A active, E excused, W withdrawn, S suspended, D deleted"
    )


class MwcbDeclineLevel(ItchMessage, type="V"):
    """MWCB Decline Level.

    Locate is 0; these are the only 8-decimal prices.
    """

    level_1: Price8 = field("market-wide circuit breaker level 1")
    level_2: Price8 = field("level 2")
    level_3: Price8 = field("level 3")


class MwcbStatus(ItchMessage, type="W"):
    """MWCB Status.

    Locate is 0.
    """

    breached_level: Char = field("1, 2 or 3")


class IpoQuotingPeriodUpdate(ItchMessage, type="K"):
    """IPO Quoting Period Update.

    The 2018 text says locate is always 0; accept any.
    """

    stock: Alpha8 = field("symbol, left justified, space padded")
    ipo_quotation_release_time: U32 = field("seconds (not ns) since midnight; 0 when cancelled")
    ipo_quotation_release_qualifier: Char = field("A anticipated, C cancelled or postponed")
    ipo_price: Price4 = field("IPO price; 0 when cancelled")


class LuldAuctionCollar(ItchMessage, type="J"):
    """LULD Auction Collar."""

    stock: Alpha8 = field("symbol, left justified, space padded")
    auction_collar_reference_price: Price4 = field("reference price")
    upper_auction_collar_price: Price4 = field("upper threshold")
    lower_auction_collar_price: Price4 = field("lower threshold")
    auction_collar_extension: U32 = field("number of extensions of the reopening auction")


class OperationalHalt(ItchMessage, type="h"):
    """Operational Halt.

    Lower-case h; differs from H.
    """

    stock: Alpha8 = field("symbol, left justified, space padded")
    market_code: Char = field("Q Nasdaq, B BX (Nasdaq Texas), X PSX")
    operational_halt_action: Char = field("H halted on that market, T lifted")


class AddOrder(ItchMessage, type="A"):
    """Add Order, no MPID."""

    order_reference_number: U64 = field("day-unique id of the order")
    buy_sell_indicator: Char = field("B buy, S sell")
    shares: U32 = field("displayed shares added")
    stock: Alpha8 = field("symbol, left justified, space padded")
    price: Price4 = field("display price")


class AddOrderMpid(ItchMessage, type="F"):
    """Add Order, with MPID."""

    order_reference_number: U64 = field("day-unique id of the order")
    buy_sell_indicator: Char = field("B buy, S sell")
    shares: U32 = field("displayed shares added")
    stock: Alpha8 = field("symbol, left justified, space padded")
    price: Price4 = field("display price")
    attribution: Alpha4 = field("MPID of the participant")


class OrderExecuted(ItchMessage, type="E"):
    """Order Executed.

    Order is dead at 0 shares.
    """

    order_reference_number: U64 = field("day-unique id of the order")
    executed_shares: U32 = field("shares executed at the display price; subtract from the order")
    match_number: U64 = field("day-unique match id")


class OrderExecutedWithPrice(ItchMessage, type="C"):
    """Order Executed With Price.

    Book effect is the same as E: subtract from the resting order at its display price.
    """

    order_reference_number: U64 = field("day-unique id of the order")
    executed_shares: U32 = field("shares executed; subtract from the order")
    match_number: U64 = field("day-unique match id")
    printable: Char = field(
        "Y print, N non-printable (part of a later bulk print; ignore for volume)"
    )
    execution_price: Price4 = field("price of this execution, differs from the display price")


class OrderCancel(ItchMessage, type="X"):
    """Order Cancel (partial)."""

    order_reference_number: U64 = field("day-unique id of the order")
    cancelled_shares: U32 = field("shares removed from the order")


class OrderDelete(ItchMessage, type="D"):
    """Order Delete.

    Remove all remaining shares.
    """

    order_reference_number: U64 = field("day-unique id of the order")


class OrderReplace(ItchMessage, type="U"):
    """Order Replace.

    Side, stock and attribution are inherited from the original.
    """

    original_order_reference_number: U64 = field("order removed")
    new_order_reference_number: U64 = field("order added in its place")
    shares: U32 = field("new displayed shares")
    price: Price4 = field("new display price")


class Trade(ItchMessage, type="P"):
    """Trade (non-cross).

    Non-displayed liquidity; no book effect.
    """

    order_reference_number: U64 = field("always 0 since 2010")
    buy_sell_indicator: Char = field("always B since 2014-07-14")
    shares: U32 = field("shares matched")
    stock: Alpha8 = field("symbol, left justified, space padded")
    price: Price4 = field("match price")
    match_number: U64 = field("match id")


class CrossTrade(ItchMessage, type="Q"):
    """Cross Trade.

    No book effect by itself.
    """

    shares: U64 = field("shares matched in the cross; may be 0")
    stock: Alpha8 = field("symbol, left justified, space padded")
    cross_price: Price4 = field("cross price")
    match_number: U64 = field("match id")
    cross_type: Char = field(
        "O opening, C closing, H IPO or halt/pause, A extended trading close (newer)"
    )


class BrokenTrade(ItchMessage, type="B"):
    """Broken Trade / Order Execution.

    No book effect.
    """

    match_number: U64 = field("match id of the execution that is broken")


class NetOrderImbalance(ItchMessage, type="I"):
    """Net Order Imbalance Indicator (NOII)."""

    paired_shares: U64 = field("paired at the reference price")
    imbalance_shares: U64 = field("not paired")
    imbalance_direction: Char = field(
        "B buy, S sell, N none, O not enough orders, P paused (newer)"
    )
    stock: Alpha8 = field("symbol, left justified, space padded")
    far_price: Price4 = field("clearing price, cross orders only")
    near_price: Price4 = field("clearing price, cross plus continuous orders")
    current_reference_price: Price4 = field("price used for the numbers above")
    cross_type: Char = field(
        "O opening, C closing, H IPO or halt, A extended trading close (newer)"
    )
    price_variation_indicator: Char = field(
        "L <1 %, 1..9 = 1-1.99 .. 9-9.99 %, A 10-19.99, B 20-29.99, C >=30, space not calculable"
    )


class RetailPriceImprovement(ItchMessage, type="N"):
    """Retail Price Improvement Indicator."""

    stock: Alpha8 = field("symbol, left justified, space padded")
    interest_flag: Char = field("B RPI on the buy side, S sell side, A both, N none")


class DirectListingCapitalRaise(ItchMessage, type="O"):
    """Direct Listing With Capital Raise (DLCR).

    Added after 2018; not in the 2018 document.
    """

    stock: Alpha8 = field("symbol, left justified, space padded")
    open_eligibility_status: Char = field("N not eligible to release, Y eligible")
    minimum_allowable_price: Price4 = field("lower allowable price")
    maximum_allowable_price: Price4 = field("upper allowable price")
    near_execution_price: Price4 = field("reference price when the volatility test passed")
    near_execution_time: U64 = field("when near_execution_price was set")
    lower_price_range_collar: Price4 = field("lower collar")
    upper_price_range_collar: Price4 = field("upper collar")


MESSAGES: dict[str, type[ItchMessage]] = by_type(
    SystemEvent,
    StockDirectory,
    StockTradingAction,
    RegShoRestriction,
    MarketParticipantPosition,
    MwcbDeclineLevel,
    MwcbStatus,
    IpoQuotingPeriodUpdate,
    LuldAuctionCollar,
    OperationalHalt,
    AddOrder,
    AddOrderMpid,
    OrderExecuted,
    OrderExecutedWithPrice,
    OrderCancel,
    OrderDelete,
    OrderReplace,
    Trade,
    CrossTrade,
    BrokenTrade,
    NetOrderImbalance,
    RetailPriceImprovement,
    DirectListingCapitalRaise,
)
"""Message class of each type character."""

_BY_BYTE = {ord(key): message for key, message in MESSAGES.items()}


def decode(data: Buffer) -> ItchMessage:
    """Message in `data`, without any framing.

    Raises UnknownMessage for a type this version of the format does not have (skip it by the
    length of its frame, and count it), WireError for a message of the wrong length or content.
    """
    return decode_by_type("ITCH 5.0", _BY_BYTE, data)
