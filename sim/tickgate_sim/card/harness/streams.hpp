// The card's network side: frames in, the order-entry byte stream both ways, the top-of-book tap.
//
// Each class is one end of a stream. `sample` looks at the handshake before the clock edge, `drive` sets
// the inputs for the next cycle after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include "ports.hpp"

namespace tickgate {

using FramePayload = std::remove_reference_t<decltype(std::declval<Vcard>().CARD_PORT(net_rx_a, payload))>;

// Whole Ethernet frames, without check sequence, into one line of the card; short ones are padded to 60 bytes.
class FramePort {
public:
    // The line's ports of the model; they outlive this.
    void bind(CData& valid, FramePayload& payload, const CData& ready);
    void push(const uint8_t* data, size_t length, bool error);
    size_t pending() const { return frames_.size(); }
    void clear();
    void sample();
    void drive();

private:
    struct Frame {
        std::vector<uint8_t> data;
        bool error;
    };
    std::deque<Frame> frames_;
    size_t at_ = 0;        // bytes of the first frame that are sent, or offered
    size_t offered_ = 0;   // bytes in the beat that is offered; 0 = none
    CData* valid_ = nullptr;
    FramePayload* payload_ = nullptr;
    const CData* ready_ = nullptr;
};

// Whole Ethernet frames, without check sequence, out of the card.
class FrameSink {
public:
    static constexpr size_t capacity = 1024;  // frames that wait for the caller; more are dropped

    const std::deque<std::vector<uint8_t>>& frames() const { return frames_; }
    void pop() { frames_.pop_front(); }
    void clear();
    void sample(const Vcard& top);

private:
    std::vector<uint8_t> frame_;
    std::deque<std::vector<uint8_t>> frames_;
};

// The order-entry stream: oe_rx into the card, oe_tx out of it, and the state of the link.
class EntryPort {
public:
    static constexpr size_t capacity = 1 << 16;

    void set_link(bool up);
    bool link() const { return link_; }
    size_t room() const { return in_.size() < capacity ? capacity - in_.size() : 0; }
    size_t push(const uint8_t* data, size_t length);  // returns what was taken
    size_t pop(uint8_t* data, size_t capacity);
    const std::vector<uint8_t>& sent() const { return out_; }
    void drop_sent(size_t length) { out_.erase(out_.begin(), out_.begin() + static_cast<long>(length)); }
    bool quiet() const { return in_.empty() && offered_ == 0 && link_ == shown_link_; }
    bool connect_wanted() const { return connect_wanted_; }
    void sample(const Vcard& top);
    void drive(Vcard& top);

private:
    std::deque<uint8_t> in_;
    std::vector<uint8_t> out_;
    size_t offered_ = 0;
    bool ready_ = false;
    bool link_ = false;
    bool shown_link_ = false;
    bool connect_wanted_ = false;
};

// One TopOfBook record as the book made it, before conflation.
struct TapRecord {
    uint64_t cycle;
    uint64_t template_id;
    uint8_t body[48];
};

class TobTap {
public:
    void enable(bool on) { on_ = on; }
    size_t pop(TapRecord* records, size_t capacity);
    size_t pending() const { return records_.size(); }
    void sample(const Vcard& top, uint64_t cycle);

private:
    bool on_ = false;
    std::vector<TapRecord> records_;
};

}  // namespace tickgate
