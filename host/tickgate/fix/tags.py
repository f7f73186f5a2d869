"""FIX tag numbers and message types by name, as far as the session and order layers use them."""

from typing import Final

ACCOUNT: Final = 1
AVG_PX: Final = 6
BEGIN_SEQ_NO: Final = 7
BEGIN_STRING: Final = 8
BODY_LENGTH: Final = 9
CHECK_SUM: Final = 10
CL_ORD_ID: Final = 11
CUM_QTY: Final = 14
END_SEQ_NO: Final = 16
EXEC_ID: Final = 17
EXEC_REF_ID: Final = 19
LAST_PX: Final = 31
LAST_QTY: Final = 32
MSG_SEQ_NUM: Final = 34
MSG_TYPE: Final = 35
NEW_SEQ_NO: Final = 36
ORDER_ID: Final = 37
ORDER_QTY: Final = 38
ORD_STATUS: Final = 39
ORD_TYPE: Final = 40
ORIG_CL_ORD_ID: Final = 41
POSS_DUP_FLAG: Final = 43
PRICE: Final = 44
REF_SEQ_NUM: Final = 45
SENDER_COMP_ID: Final = 49
SENDING_TIME: Final = 52
SIDE: Final = 54
SYMBOL: Final = 55
TARGET_COMP_ID: Final = 56
TEXT: Final = 58
TIME_IN_FORCE: Final = 59
TRANSACT_TIME: Final = 60
POSS_RESEND: Final = 97
ENCRYPT_METHOD: Final = 98
CXL_REJ_REASON: Final = 102
ORD_REJ_REASON: Final = 103
HEART_BT_INT: Final = 108
LOCATE_REQD: Final = 114
TEST_REQ_ID: Final = 112
ORIG_SENDING_TIME: Final = 122
GAP_FILL_FLAG: Final = 123
RESET_SEQ_NUM_FLAG: Final = 141
EXEC_TYPE: Final = 150
LEAVES_QTY: Final = 151
REF_TAG_ID: Final = 371
REF_MSG_TYPE: Final = 372
SESSION_REJECT_REASON: Final = 373
BUSINESS_REJECT_REF_ID: Final = 379
BUSINESS_REJECT_REASON: Final = 380
CXL_REJ_RESPONSE_TO: Final = 434
ORDER_CAPACITY: Final = 528
PASSWORD: Final = 554
TARGET_STRATEGY: Final = 847

HEARTBEAT: Final = "0"
TEST_REQUEST: Final = "1"
RESEND_REQUEST: Final = "2"
REJECT: Final = "3"
SEQUENCE_RESET: Final = "4"
LOGOUT: Final = "5"
EXECUTION_REPORT: Final = "8"
ORDER_CANCEL_REJECT: Final = "9"
LOGON: Final = "A"
NEW_ORDER_SINGLE: Final = "D"
ORDER_CANCEL_REQUEST: Final = "F"
ORDER_CANCEL_REPLACE_REQUEST: Final = "G"
BUSINESS_MESSAGE_REJECT: Final = "j"

ADMIN_TYPES: Final = frozenset(
    (HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, REJECT, SEQUENCE_RESET, LOGOUT, LOGON)
)
"""Messages of the session layer: never kept for a resend, never handed to the application."""
