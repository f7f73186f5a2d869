"""FIX 4.4 as a table: the messages that the acceptor takes in, and their fields.

Source: FIX 4.4 Volume 6 (data dictionary); Volumes 1 to 5 for the fields of each message. Repeating
groups are known by their count tag only. A field with no list of values takes any of its type:
long lists that decide nothing here are left out.
"""

from typing import Final

from tickgate.fix.dictionary import Dictionary, Field, MessageDef

_FIELDS: Final = """
1 Account STRING
7 BeginSeqNo SEQNUM
8 BeginString STRING
9 BodyLength LENGTH
10 CheckSum STRING
11 ClOrdID STRING
12 Commission AMT
13 CommType CHAR 1,2,3,4,5,6
15 Currency CURRENCY
16 EndSeqNo SEQNUM
18 ExecInst MULTIPLEVALUESTRING
21 HandlInst CHAR 1,2,3
22 SecurityIDSource STRING
23 IOIID STRING
34 MsgSeqNum SEQNUM
35 MsgType STRING
36 NewSeqNo SEQNUM
37 OrderID STRING
38 OrderQty QTY
40 OrdType CHAR 1,2,3,4,6,7,8,9,D,E,G,I,J,K,L,M,P
41 OrigClOrdID STRING
43 PossDupFlag BOOLEAN
44 Price PRICE
45 RefSeqNum SEQNUM
48 SecurityID STRING
49 SenderCompID STRING
50 SenderSubID STRING
52 SendingTime UTCTIMESTAMP
54 Side CHAR 1,2,3,4,5,6,7,8,9,A,B,C,D,E,F,G
55 Symbol STRING
56 TargetCompID STRING
57 TargetSubID STRING
58 Text STRING
59 TimeInForce CHAR 0,1,2,3,4,5,6,7
60 TransactTime UTCTIMESTAMP
63 SettlType CHAR 0,1,2,3,4,5,6,7,8,9
64 SettlDate LOCALMKTDATE
65 SymbolSfx STRING
66 ListID STRING
70 AllocID STRING
75 TradeDate LOCALMKTDATE
77 PositionEffect CHAR O,C,R,F
81 ProcessCode CHAR 0,1,2,3,4,5,6
89 Signature DATA
90 SecureDataLen LENGTH
91 SecureData DATA
93 SignatureLength LENGTH
95 RawDataLength LENGTH
96 RawData DATA
97 PossResend BOOLEAN
98 EncryptMethod INT 0,1,2,3,4,5,6
99 StopPx PRICE
100 ExDestination EXCHANGE
106 Issuer STRING
107 SecurityDesc STRING
108 HeartBtInt INT
110 MinQty QTY
111 MaxFloor QTY
112 TestReqID STRING
114 LocateReqd BOOLEAN
115 OnBehalfOfCompID STRING
116 OnBehalfOfSubID STRING
117 QuoteID STRING
120 SettlCurrency CURRENCY
121 ForexReq BOOLEAN
122 OrigSendingTime UTCTIMESTAMP
123 GapFillFlag BOOLEAN
126 ExpireTime UTCTIMESTAMP
128 DeliverToCompID STRING
129 DeliverToSubID STRING
140 PrevClosePx PRICE
141 ResetSeqNumFlag BOOLEAN
142 SenderLocationID STRING
143 TargetLocationID STRING
144 OnBehalfOfLocationID STRING
145 DeliverToLocationID STRING
152 CashOrderQty QTY
167 SecurityType STRING
168 EffectiveTime UTCTIMESTAMP
192 OrderQty2 QTY
193 SettlDate2 LOCALMKTDATE
200 MaturityMonthYear MONTHYEAR
201 PutOrCall INT 0,1
202 StrikePrice PRICE
203 CoveredOrUncovered INT 0,1
206 OptAttribute CHAR
207 SecurityExchange EXCHANGE
210 MaxShow QTY
211 PegOffsetValue FLOAT
212 XmlDataLen LENGTH
213 XmlData DATA
218 Spread PRICEOFFSET
220 BenchmarkCurveCurrency CURRENCY
221 BenchmarkCurveName STRING
222 BenchmarkCurvePoint STRING
223 CouponRate PERCENTAGE
224 CouponPaymentDate LOCALMKTDATE
225 IssueDate LOCALMKTDATE
226 RepurchaseTerm INT
227 RepurchaseRate PERCENTAGE
228 Factor FLOAT
229 TradeOriginationDate LOCALMKTDATE
231 ContractMultiplier FLOAT
235 YieldType STRING
236 Yield PERCENTAGE
239 RepoCollateralSecurityType STRING
240 RedemptionDate LOCALMKTDATE
255 CreditRating STRING
347 MessageEncoding STRING
348 EncodedIssuerLen LENGTH
349 EncodedIssuer DATA
350 EncodedSecurityDescLen LENGTH
351 EncodedSecurityDesc DATA
354 EncodedTextLen LENGTH
355 EncodedText DATA
369 LastMsgSeqNumProcessed SEQNUM
371 RefTagID INT
372 RefMsgType STRING
373 SessionRejectReason INT
376 ComplianceID STRING
377 SolicitedFlag BOOLEAN
379 BusinessRejectRefID STRING
380 BusinessRejectReason INT 0,1,2,3,4,5,6,7
383 MaxMessageSize LENGTH
388 DiscretionInst CHAR 0,1,2,3,4,5,6
389 DiscretionOffsetValue FLOAT
423 PriceType INT 1,2,3,4,5,6,7,8,9,10,11
427 GTBookingInst INT 0,1,2
432 ExpireDate LOCALMKTDATE
460 Product INT 1,2,3,4,5,6,7,8,9,10,11,12,13
461 CFICode STRING
464 TestMessageIndicator BOOLEAN
468 RoundingDirection CHAR 0,1,2
469 RoundingModulus FLOAT
470 CountryOfIssue COUNTRY
471 StateOrProvinceOfIssue STRING
472 LocaleOfIssue STRING
479 CommCurrency CURRENCY
480 CancellationRights CHAR Y,N,M,O
481 MoneyLaunderingStatus CHAR Y,N,1,2,3
494 Designation STRING
497 FundRenewWaiv CHAR Y,N
513 RegistID STRING
516 OrderPercent PERCENTAGE
526 SecondaryClOrdID STRING
528 OrderCapacity CHAR A,G,I,P,R,W
529 OrderRestrictions MULTIPLEVALUESTRING 1,2,3,4,5,6,7,8,9,A
541 MaturityDate LOCALMKTDATE
543 InstrRegistry STRING
544 CashMargin CHAR 1,2,3
553 Username STRING
554 Password STRING
581 AccountType INT 1,2,3,4,6,7,8
582 CustOrderCapacity INT 1,2,3,4
583 ClOrdLinkID STRING
586 OrigOrdModTime UTCTIMESTAMP
589 DayBookingInst CHAR 0,1,2
590 BookingUnit CHAR 0,1,2
591 PreallocMethod CHAR 0,1
635 ClearingFeeIndicator STRING
640 Price2 PRICE
660 AcctIDSource INT 1,2,3,4,5,99
662 BenchmarkPrice PRICE
663 BenchmarkPriceType INT
667 ContractSettlMonth MONTHYEAR
691 Pool STRING
696 YieldRedemptionDate LOCALMKTDATE
697 YieldRedemptionPrice PRICE
698 YieldRedemptionPriceType INT
699 BenchmarkSecurityID STRING
701 YieldCalcDate LOCALMKTDATE
761 BenchmarkSecurityIDSource STRING
762 SecuritySubType STRING
775 BookingType INT 0,1,2
788 TerminationType INT 1,2,3,4
789 NextExpectedMsgSeqNum SEQNUM
835 PegMoveType INT 0,1
836 PegOffsetType INT 0,1,2,3
837 PegLimitType INT 0,1,2
838 PegRoundDirection INT 1,2
840 PegScope INT 1,2,3,4
841 DiscretionMoveType INT 0,1
842 DiscretionOffsetType INT 0,1,2,3
843 DiscretionLimitType INT 0,1,2
844 DiscretionRoundDirection INT 1,2
846 DiscretionScope INT 1,2,3,4
847 TargetStrategy INT
848 TargetStrategyParameters STRING
849 ParticipationRate PERCENTAGE
854 QtyType INT 0,1
873 DatedDate LOCALMKTDATE
874 InterestAccrualDate LOCALMKTDATE
875 CPProgram INT 1,2,99
876 CPRegType STRING
898 MarginRatio PERCENTAGE
913 AgreementDesc STRING
914 AgreementID STRING
915 AgreementDate LOCALMKTDATE
916 StartDate LOCALMKTDATE
917 EndDate LOCALMKTDATE
918 AgreementCurrency CURRENCY
919 DeliveryType INT 0,1,2,3
947 StrikeCurrency CURRENCY
"""
"""One field a line: tag, name, type, and its values where they are checked."""

_HEADER: Final = """
    8 9 34 35 43 49 50 52 56 57 90 91 97 115 116 122 128 129 142 143 144 145 212 213 347 369
"""

_TRAILER: Final = "10 89 93"

_GROUPS: Final = "78 232 384 386 453 454 627 711 864"

_KNOWN_TYPES: Final = """
    0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z a b c d e f g h i j k l m
    n o p q r s t u v w x y z AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV
    AW AX AY AZ BA BB BC BD BE BF BG BH
"""
"""MsgType of every message of the version, taken or not."""

_ORDER: Final = """
    1 11 22 38 48 54 55 58 60 65 106 107 152 167 200 201 202 206 207 223 224 225 226 227 228 231
    239 240 255 348 349 350 351 354 355 376 460 461 468 469 470 471 472 516 526 541 543 581 583
    660 667 691 762 788 873 874 875 876 898 913 914 915 916 917 918 919 947
"""
"""Tags that New Order Single, Cancel Request and Cancel/Replace Request share."""

_NEW_OR_REPLACE: Final = """
    12 13 15 18 21 40 44 59 63 64 70 75 77 99 100 110 111 114 120 121 126 168 192 193 203 210
    211 218 220 221 222 229 235 236 377 388 389 423 427 432 479 480 481 494 497 513 528 529 544
    582 589 590 591 635 640 662 663 696 697 698 699 701 761 775 835 836 837 838 840 841 842 843
    844 846 847 848 849 854
"""
"""Tags that New Order Single and Cancel/Replace Request share beyond those."""

_MESSAGES: Final = (
    ("0", "Heartbeat", "", "112"),
    ("1", "TestRequest", "112", "112"),
    ("2", "ResendRequest", "7 16", "7 16"),
    ("3", "Reject", "45", "45 58 354 355 371 372 373"),
    ("4", "SequenceReset", "36", "36 123"),
    ("5", "Logout", "", "58 354 355"),
    ("A", "Logon", "98 108", "95 96 98 108 141 383 464 553 554 789"),
    ("D", "NewOrderSingle", "11 40 54 55 60", _ORDER + _NEW_OR_REPLACE + " 23 81 117 140"),
    ("F", "OrderCancelRequest", "11 41 54 55 60", _ORDER + " 37 41 66 586"),
    (
        "G",
        "OrderCancelReplaceRequest",
        "11 40 41 54 55 60",
        _ORDER + _NEW_OR_REPLACE + " 37 41 66 586",
    ),
    ("j", "BusinessMessageReject", "372 380", "45 58 354 355 372 379 380"),
)
"""MsgType, name, required tags, allowed tags."""


def _tags(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split()))


def _field(line: str) -> Field:
    tag, name, kind, *values = line.split()
    return Field(int(tag), name, kind, frozenset(values[0].split(",")) if values else frozenset())


def _dictionary() -> Dictionary:
    fields = [_field(line) for line in _FIELDS.strip().splitlines()]
    return Dictionary(
        begin_string="FIX.4.4",
        fields={field.tag: field for field in fields},
        header=_tags(_HEADER),
        trailer=_tags(_TRAILER),
        messages={
            msg_type: MessageDef(msg_type, name, tuple(map(int, required.split())), _tags(allowed))
            for msg_type, name, required, allowed in _MESSAGES
        },
        known_types=frozenset(_KNOWN_TYPES.split()),
        groups=_tags(_GROUPS),
    )


FIX44: Final = _dictionary()
"""The dictionary of FIX 4.4.

Header fields 49, 56, 34 and 52 are required too, and checked by the session before it looks here.
"""
