#include "pcie.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace tickgate {
namespace {

constexpr uint64_t bar_base = 0xe000'0000;
constexpr uint32_t bar_aperture = 16;  // log2 of the BAR's size
constexpr uint32_t host_id = 0x0000, card_id = 0x0100;
constexpr uint32_t max_payload = 128;  // bytes of one completion
constexpr uint32_t max_read_tags = 32;

constexpr uint32_t msix_table = 0x8000;
constexpr uint64_t msix_address = 0xfee0'0000;
constexpr uint32_t msix_data = 0x4100;

enum RequestType : uint32_t { memory_read = 0, memory_write = 1 };
constexpr uint32_t unsupported_request = 1;

constexpr uint32_t bits(uint32_t word, unsigned high, unsigned low) {
    return word >> low & ((1ull << (high - low + 1)) - 1);
}

}  // namespace

HardBlock::HardBlock(uint8_t* memory, uint64_t bytes, uint32_t latency)
    : memory_(memory), bytes_(bytes), latency_(latency) {}

void HardBlock::reset() {
    requests_.clear();
    results_.clear();
    completions_.clear();
    rq_.clear();
    rc_.clear();
    request_offered_ = msix_sent_ = false;
    reads_ = rc_at_ = rc_offered_ = 0;
    fired_.fill(0);
    program_msix();
}

void HardBlock::program_msix() {
    for (uint32_t vector = 0; vector < irq_vectors; ++vector) {
        const uint32_t entry = msix_table + 16 * vector;
        write(entry, static_cast<uint32_t>(msix_address));
        write(entry + 4, static_cast<uint32_t>(msix_address >> 32));
        write(entry + 8, msix_data + vector);
        write(entry + 12, 0);  // unmasked
    }
    msix_enabled_ = true;
}

void HardBlock::write(uint32_t offset, uint32_t value) { requests_.push_back({false, offset, value, 0}); }

void HardBlock::read(uint32_t offset, uint64_t id) { requests_.push_back({true, offset, 0, id}); }

uint32_t HardBlock::take_interrupts(size_t vector) { return std::exchange(fired_.at(vector), 0); }

bool HardBlock::quiet() const {
    return requests_.empty() && reads_ == 0 && rq_.empty() && completions_.empty() && rc_.empty();
}

bool HardBlock::mapped(uint64_t address, uint64_t bytes) const {
    return address >= dma_bus && bytes <= bytes_ && address - dma_bus <= bytes_ - bytes;
}

void HardBlock::sample(const Vcard& top, uint64_t cycle) {
    if (request_offered_ && top.CARD_PORT(cq, tready)) {
        requests_.pop_front();
        request_offered_ = false;
    }
    if (top.CARD_PORT(cc, tvalid)) take_completion(top);
    if (top.CARD_PORT(rq, tvalid)) take_request(top, cycle);
    if (rc_offered_ != 0 && top.CARD_PORT(rc, tready)) {
        rc_at_ += rc_offered_;
        rc_offered_ = 0;
        if (rc_at_ == rc_.size()) {
            rc_.clear();
            rc_at_ = 0;
        }
    }
    if (top.cfg_interrupt_msix_int) interrupt(top.cfg_interrupt_msix_address, top.cfg_interrupt_msix_data);
}

void HardBlock::drive(Vcard& top, uint64_t cycle) {
    top.CARD_PORT(cc, tready) = 1;
    top.CARD_PORT(rq, tready) = 1;
    top.cfg_interrupt_msix_enable = msix_enabled_;
    top.cfg_interrupt_msix_mask = 0;
    top.cfg_interrupt_msix_fail = 0;
    top.cfg_interrupt_msix_sent = std::exchange(msix_sent_, false);
    if (!request_offered_) offer_request(top);
    if (rc_offered_ == 0) offer_completion(top, cycle);
}

// CQ: one beat a request; four descriptor dwords, and for a write its data.
void HardBlock::offer_request(Vcard& top) {
    const bool none = requests_.empty() || (requests_.front().is_read && reads_ >= max_read_tags);
    top.CARD_PORT(cq, tvalid) = !none;
    if (none) return;
    const Request& request = requests_.front();
    auto& data = top.CARD_PORT(cq, tdata);
    uint32_t tag = 0;
    if (request.is_read) {
        tag = next_tag_;
        next_tag_ = (next_tag_ + 1) % max_read_tags;
        read_ids_[tag] = request.id;
        ++reads_;
    }
    for (size_t lane = 0; lane < 8; ++lane) data.at(lane) = 0;
    data.at(0) = static_cast<uint32_t>(bar_base + request.offset);
    data.at(1) = static_cast<uint32_t>(bar_base >> 32);
    data.at(2) = 1u | (request.is_read ? memory_read : memory_write) << 11 | host_id << 16;
    data.at(3) = tag | bar_aperture << 19;
    data.at(4) = request.value;
    auto& user = top.CARD_PORT(cq, tuser);
    user.at(0) = 0x0fu | (request.is_read ? 0u : 0xfu << (8 + 16));  // first_be; byte_en of lane 4
    user.at(1) = 1u << (40 - 32);                                   // sop
    user.at(2) = 0;
    top.CARD_PORT(cq, tkeep) = request.is_read ? 0x0f : 0x1f;
    top.CARD_PORT(cq, tlast) = 1;
    request_offered_ = true;
}

// CC: three descriptor dwords and one dword of data, in one beat.
void HardBlock::take_completion(const Vcard& top) {
    const auto& data = top.CARD_PORT(cc, tdata);
    const uint32_t tag = bits(data.at(2), 7, 0);
    const bool good = bits(data.at(1), 13, 11) == 0 && bits(data.at(1), 10, 0) == 1 &&
                      top.CARD_PORT(cc, tlast) && tag < max_read_tags;
    if (reads_ == 0) {
        ++faults_;  // a completion that nobody asked for
        return;
    }
    --reads_;
    if (!good) ++faults_;
    results_.push_back({read_ids_[tag], good ? data.at(3) : 0xffff'ffff, good});
}

void HardBlock::take_request(const Vcard& top, uint64_t cycle) {
    if (rq_.empty()) {
        rq_first_be_ = top.CARD_PORT(rq, tuser) & 0xf;
        rq_last_be_ = top.CARD_PORT(rq, tuser) >> 4 & 0xf;
    }
    const auto& data = top.CARD_PORT(rq, tdata);
    for (size_t lane = 0; lane < 8; ++lane)
        if (top.CARD_PORT(rq, tkeep) >> lane & 1) rq_.push_back(data.at(lane));
    if (!top.CARD_PORT(rq, tlast)) return;
    run_request(cycle);
    rq_.clear();
}

void HardBlock::run_request(uint64_t cycle) {
    if (rq_.size() < 4) {
        ++faults_;
        return;
    }
    const uint64_t address = (static_cast<uint64_t>(rq_[1]) << 32 | rq_[0]) & ~3ull;
    const uint32_t dwords = bits(rq_[2], 10, 0);
    switch (bits(rq_[2], 14, 11)) {
    case memory_write: write_memory(address, dwords); break;
    case memory_read: queue_completions(address, dwords, cycle); break;
    default: ++faults_;
    }
}

// The last dword pair is stored last, with a release fence: a reader that sees it sees the rest.
void HardBlock::write_memory(uint64_t address, uint32_t dwords) {
    if (dwords == 0 || dwords != rq_.size() - 4 || !mapped(address, 4ull * dwords)) {
        ++faults_;
        return;
    }
    uint8_t* target = memory_ + (address - dma_bus);
    const uint8_t* source = reinterpret_cast<const uint8_t*>(rq_.data() + 4);
    if (rq_first_be_ == 0xf && (dwords == 1 || rq_last_be_ == 0xf)) {
        const size_t last = dwords >= 2 && dwords % 2 == 0 && address % 8 == 0 ? 8 : 4;
        std::memcpy(target, source, 4ull * dwords - last);
        std::atomic_thread_fence(std::memory_order_release);
        if (last == 8) {
            uint64_t word;
            std::memcpy(&word, source + 4ull * dwords - 8, 8);
            *reinterpret_cast<volatile uint64_t*>(target + 4ull * dwords - 8) = word;
        } else {
            std::memcpy(target + 4ull * dwords - 4, source + 4ull * dwords - 4, 4);
        }
        return;
    }
    for (uint32_t dword = 0; dword < dwords; ++dword) {
        const uint32_t enable =
            dword == 0 ? rq_first_be_ : dword == dwords - 1 ? rq_last_be_ : 0xfu;
        for (uint32_t byte = 0; byte < 4; ++byte)
            if (enable >> byte & 1) target[4 * dword + byte] = source[4 * dword + byte];
    }
}

void HardBlock::queue_completions(uint64_t address, uint32_t dwords, uint64_t cycle) {
    const uint32_t tag = bits(rq_[3], 7, 0), requester = bits(rq_[2], 31, 16);
    const uint64_t due = cycle + latency_;
    uint32_t remaining = 4 * dwords;
    if (dwords == 0 || !mapped(address, remaining)) {
        ++faults_;
        completions_.push_back({due, address, 0, remaining, tag, requester, false});
        return;
    }
    while (remaining != 0) {  // split where the address crosses a multiple of max_payload
        const uint32_t room = max_payload - static_cast<uint32_t>(address % max_payload);
        const uint32_t bytes = std::min(remaining, room);
        completions_.push_back({due, address, bytes, remaining, tag, requester, true});
        address += bytes;
        remaining -= bytes;
    }
}

// RC: three descriptor dwords, then the data, eight dwords a beat.
void HardBlock::offer_completion(Vcard& top, uint64_t cycle) {
    if (rc_.empty() && !completions_.empty() && completions_.front().due <= cycle) {
        const Completion& next = completions_.front();
        const bool last = !next.good || next.bytes == next.remaining;
        const uint32_t status = next.good ? 0 : unsupported_request;
        const uint32_t error = next.good ? 0u : 2u;  // error code: bad status
        rc_ = {static_cast<uint32_t>(next.address & 0xfff) | error << 12 |
                   (next.remaining & 0x1fff) << 16 | (last ? 1u << 30 : 0u),
               next.bytes / 4 | status << 11 | next.requester << 16, next.tag | card_id << 8};
        const size_t head = rc_.size();
        rc_.resize(head + next.bytes / 4);
        if (next.good) std::memcpy(&rc_[head], memory_ + (next.address - dma_bus), next.bytes);
        completions_.pop_front();
    }
    const size_t count = std::min<size_t>(8, rc_.size() - rc_at_);
    top.CARD_PORT(rc, tvalid) = count != 0;
    if (count == 0) return;
    const bool first = rc_at_ == 0, last = rc_at_ + count == rc_.size();
    auto& data = top.CARD_PORT(rc, tdata);
    uint32_t byte_enable = 0;
    for (size_t lane = 0; lane < 8; ++lane) {
        data.at(lane) = lane < count ? rc_[rc_at_ + lane] : 0;
        if (lane < count && (!first || lane >= 3)) byte_enable |= 0xfu << 4 * lane;
    }
    auto& user = top.CARD_PORT(rc, tuser);
    user.at(0) = byte_enable;
    user.at(1) = (first ? 1u : 0u) | (last ? 1u << 2 | static_cast<uint32_t>(count - 1) << 3 : 0u);
    user.at(2) = 0;
    top.CARD_PORT(rc, tkeep) = static_cast<uint8_t>((1u << count) - 1);
    top.CARD_PORT(rc, tlast) = last;
    rc_offered_ = count;
}

void HardBlock::interrupt(uint64_t address, uint32_t data) {
    msix_sent_ = true;
    if (address == msix_address && data >= msix_data && data < msix_data + irq_vectors)
        ++fired_[data - msix_data];
    else
        ++faults_;
}

}  // namespace tickgate
