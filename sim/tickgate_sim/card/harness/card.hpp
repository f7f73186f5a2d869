// The Verilated card with a bus and a wire on it, one clock cycle at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "pcie.hpp"
#include "ports.hpp"
#include "streams.hpp"
#include "verilated.h"

namespace tickgate {

struct CardOptions {
    uint64_t dma_bytes = 16 << 20;
    uint32_t latency = 40;   // cycles of a DMA read
    uint32_t seed = 0;       // what uninitialised memories hold after power-up
};

class Card {
public:
    Card(uint8_t* memory, const CardOptions& options);
    ~Card();
    Card(const Card&) = delete;
    Card& operator=(const Card&) = delete;

    void reset();  // holds rst for some cycles and enumerates again; host memory stays
    // Runs one cycle, in which the card sees this time and, for `tick`, that a millisecond has passed.
    void cycle(uint64_t time_ns, bool tick);
    uint64_t cycles() const { return cycles_; }
    size_t frames_pending() const { return lines[0].pending() + lines[1].pending(); }
    bool quiet() const;  // nothing is in flight, in the card or around it

    HardBlock pcie;
    static constexpr int line_count = 2;
    FramePort lines[line_count];  // A and B of the feed
    FrameSink sent;               // ARP answers, IGMP reports
    EntryPort entry;
    TobTap tap;

private:
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vcard> top_;
    uint64_t cycles_ = 0;
    uint64_t time_ns_ = 0;
    bool busy_ = true;
};

}  // namespace tickgate
