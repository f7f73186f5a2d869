// Names of the card's ports in Verilator's C++: a double underscore becomes ___05F.
#pragma once

#include "Vcard.h"

#define CARD_PORT(group, name) group##___05F##name
