#include "streams.hpp"

#include <algorithm>
#include <cstring>

namespace tickgate {
namespace {

constexpr size_t min_frame = 60;

// Packs up to eight bytes into a beat: data in bits 63:0, keep in 71:64, flags from bit 72.
template <typename Payload>
void pack(Payload& payload, const uint8_t* data, size_t length, uint32_t flags) {
    uint8_t bytes[8] = {};
    std::memcpy(bytes, data, length);
    std::memcpy(&payload.at(0), bytes, 4);
    std::memcpy(&payload.at(1), bytes + 4, 4);
    payload.at(2) = ((1u << length) - 1) | flags << 8;
}

}  // namespace

void FramePort::push(const uint8_t* data, size_t length, bool error) {
    std::vector<uint8_t> frame(data, data + length);
    frame.resize(std::max(length, min_frame));
    frames_.push_back({std::move(frame), error});
}

void FramePort::clear() {
    frames_.clear();
    at_ = offered_ = 0;
}

void FramePort::bind(CData& valid, FramePayload& payload, const CData& ready) {
    valid_ = &valid;
    payload_ = &payload;
    ready_ = &ready;
}

void FramePort::sample() {
    if (offered_ == 0 || !*ready_) return;
    at_ += offered_;
    offered_ = 0;
    if (at_ == frames_.front().data.size()) {
        frames_.pop_front();
        at_ = 0;
    }
}

void FramePort::drive() {
    if (offered_ != 0) return;
    if (frames_.empty()) {
        *valid_ = 0;
        return;
    }
    const Frame& frame = frames_.front();
    offered_ = std::min<size_t>(8, frame.data.size() - at_);
    const bool last = at_ + offered_ == frame.data.size();
    pack(*payload_, frame.data.data() + at_, offered_, (last ? 1u : 0u) | (last && frame.error ? 2u : 0u));
    *valid_ = 1;
}

void FrameSink::clear() {
    frame_.clear();
    frames_.clear();
}

void FrameSink::sample(const Vcard& top) {
    if (!top.CARD_PORT(net_tx, valid)) return;
    const auto& payload = top.CARD_PORT(net_tx, payload);
    uint8_t bytes[8];
    std::memcpy(bytes, &payload.at(0), 4);
    std::memcpy(bytes + 4, &payload.at(1), 4);
    const uint32_t keep = payload.at(2) & 0xff, last = payload.at(2) >> 8 & 1;
    for (size_t i = 0; i < 8; ++i)
        if (keep >> i & 1) frame_.push_back(bytes[i]);
    if (!last) return;
    if (frames_.size() < capacity) frames_.push_back(std::move(frame_));
    frame_.clear();
}

void EntryPort::set_link(bool up) {
    if (up == link_) return;
    link_ = up;
    in_.clear();
    out_.clear();
}

size_t EntryPort::push(const uint8_t* data, size_t length) {
    const size_t taken = link_ ? std::min(length, room()) : 0;
    in_.insert(in_.end(), data, data + taken);
    return taken;
}

size_t EntryPort::pop(uint8_t* data, size_t capacity) {
    const size_t length = std::min(capacity, out_.size());
    std::memcpy(data, out_.data(), length);
    drop_sent(length);
    return length;
}

void EntryPort::sample(const Vcard& top) {
    connect_wanted_ = top.oe_connect;
    if (offered_ != 0 && top.CARD_PORT(oe_rx, ready)) {
        in_.erase(in_.begin(), in_.begin() + static_cast<long>(std::min(offered_, in_.size())));
        offered_ = 0;
    }
    if (ready_ && top.CARD_PORT(oe_tx, valid) && link_) {
        const auto& payload = top.CARD_PORT(oe_tx, payload);
        uint8_t bytes[8];
        std::memcpy(bytes, &payload.at(0), 4);
        std::memcpy(bytes + 4, &payload.at(1), 4);
        const uint32_t keep = payload.at(2) & 0xff;
        for (size_t i = 0; i < 8; ++i)
            if (keep >> i & 1) out_.push_back(bytes[i]);
    }
}

void EntryPort::drive(Vcard& top) {
    ready_ = out_.size() < capacity;
    top.CARD_PORT(oe_tx, ready) = ready_;
    top.oe_link_up = shown_link_ = link_;
    if (!link_) {
        offered_ = 0;
        top.CARD_PORT(oe_rx, valid) = 0;
        return;
    }
    if (offered_ != 0) return;
    if (in_.empty()) {
        top.CARD_PORT(oe_rx, valid) = 0;
        return;
    }
    offered_ = std::min<size_t>(8, in_.size());
    uint8_t bytes[8];
    std::copy_n(in_.begin(), offered_, bytes);
    pack(top.CARD_PORT(oe_rx, payload), bytes, offered_, 0);
    top.CARD_PORT(oe_rx, valid) = 1;
}

size_t TobTap::pop(TapRecord* records, size_t capacity) {
    const size_t count = std::min(capacity, records_.size());
    std::copy_n(records_.begin(), count, records);
    records_.erase(records_.begin(), records_.begin() + static_cast<long>(count));
    return count;
}

void TobTap::sample(const Vcard& top, uint64_t cycle) {
    if (!on_ || !top.CARD_PORT(tob_tap, valid)) return;
    const auto& payload = top.CARD_PORT(tob_tap, payload);  // the body's 12 words, then the template
    TapRecord record{cycle, payload.at(12), {}};
    for (size_t word = 0; word < 12; ++word) std::memcpy(record.body + 4 * word, &payload.at(word), 4);
    records_.push_back(record);
}

}  // namespace tickgate
