// The network's end of the card: frames and the order-entry stream, as descriptors from the wire broker.
//
// The broker (tickgate_sim.wire) listens on a SOCK_SEQPACKET socket. To "frames" it answers "ok" with a
// descriptor that gives one Ethernet frame a read and takes one a write; to "connect" it answers "ok" with a connected stream
// socket to the venue, or "error: why". One request at a time.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "card.hpp"
#include "system.hpp"

namespace tickgate {

class WireLink {
public:
    // An empty path: the card has no network. Frames to the group `line_b` go to line B, all others to line A.
    WireLink(std::string path, uint32_t line_b);

    // Moves what is there to be moved, without waiting. Returns whether anything was.
    bool exchange(Card& card);
    // Descriptors to wait on while nothing is in flight.
    void watch(std::vector<pollfd>& list) const;
    uint64_t frames() const { return frame_count_; }
    uint64_t lost() const { return lost_count_; }  // sent by the card, taken by nobody

private:
    enum class Asked { nothing, frames, connect };

    void ask(EntryPort& entry);
    void take_answer(EntryPort& entry);
    bool take_frames(Card& card);
    bool give_frames(FrameSink& sent);
    bool is_line_b(const uint8_t* frame, size_t length) const;
    bool move_entry(EntryPort& entry);
    void drop_entry(EntryPort& entry, const char* why);
    void lose_broker();

    std::string path_;
    uint32_t line_b_;  // first octet in bits 31:24; 0 = there is none
    Fd broker_;
    Fd frames_fd_;
    Fd entry_fd_;
    Asked asked_ = Asked::nothing;
    uint64_t retry_at_ = 0;
    uint64_t frame_count_ = 0;
    uint64_t lost_count_ = 0;
    std::string last_error_;
};

}  // namespace tickgate
