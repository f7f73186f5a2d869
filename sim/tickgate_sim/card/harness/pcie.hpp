// The card's PCIe side: an UltraScale+ hard block with a root complex and host memory behind it.
//
// Streams CQ, CC, RQ and RC of 256 bits, dword aligned, no straddle. Host memory is one region at a fixed bus
// address; requests outside of it are counted as faults and answered with Unsupported Request. The descriptor
// layouts are those of AMD PG213, "Descriptor Format" tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "ports.hpp"

namespace tickgate {

constexpr uint32_t bar_bytes = 1 << 16;
constexpr uint64_t dma_bus = 0x1'0000'0000;
constexpr size_t irq_vectors = 2;

struct BarResult {
    uint64_t id;
    uint32_t value;
    bool ok;
};

class HardBlock {
public:
    // `latency`: cycles from the end of a memory read request to its first completion beat.
    HardBlock(uint8_t* memory, uint64_t bytes, uint32_t latency);

    void reset();  // forgets what is in flight and enumerates: interrupt vectors, enable
    void write(uint32_t offset, uint32_t value);
    void read(uint32_t offset, uint64_t id);
    std::deque<BarResult>& results() { return results_; }
    size_t pending() const { return requests_.size() + reads_; }
    uint32_t take_interrupts(size_t vector);  // how often the vector fired since the last call
    uint64_t faults() const { return faults_; }
    bool quiet() const;

    void sample(const Vcard& top, uint64_t cycle);
    void drive(Vcard& top, uint64_t cycle);

private:
    using Words = std::vector<uint32_t>;
    struct Request {
        bool is_read;
        uint32_t offset;
        uint32_t value;
        uint64_t id;
    };
    struct Completion {
        uint64_t due;
        uint64_t address;
        uint32_t bytes;
        uint32_t remaining;  // of the request, this completion included
        uint32_t tag;
        uint32_t requester;
        bool good;
    };

    void program_msix();
    void offer_request(Vcard& top);
    void take_completion(const Vcard& top);
    void take_request(const Vcard& top, uint64_t cycle);
    void run_request(uint64_t cycle);
    void write_memory(uint64_t address, uint32_t dwords);
    void queue_completions(uint64_t address, uint32_t dwords, uint64_t cycle);
    void offer_completion(Vcard& top, uint64_t cycle);
    void interrupt(uint64_t address, uint32_t data);
    bool mapped(uint64_t address, uint64_t bytes) const;

    uint8_t* memory_;
    uint64_t bytes_;
    uint32_t latency_;
    uint64_t faults_ = 0;

    std::deque<Request> requests_;
    bool request_offered_ = false;
    uint32_t next_tag_ = 0;
    size_t reads_ = 0;                     // reads whose completion is missing
    std::array<uint64_t, 256> read_ids_{};  // by tag
    std::deque<BarResult> results_;

    Words rq_;  // dwords of the request that is coming in
    uint32_t rq_first_be_ = 0;
    uint32_t rq_last_be_ = 0;
    std::deque<Completion> completions_;
    Words rc_;  // dwords of the completion that is going out
    size_t rc_at_ = 0;
    size_t rc_offered_ = 0;

    bool msix_enabled_ = false;
    bool msix_sent_ = false;
    std::array<uint32_t, irq_vectors> fired_{};
};

}  // namespace tickgate
