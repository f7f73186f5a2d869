// The network's end of the card: frames and the order-entry stream, as descriptors from the wire broker.
//
// The broker (tickgate_sim.wire) listens on a SOCK_SEQPACKET socket. To "frames" it answers "ok" with a
// descriptor that gives one Ethernet frame a read; to "connect" it answers "ok" with a connected stream
// socket to the venue, or "error: why". One request at a time.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "streams.hpp"
#include "system.hpp"

namespace tickgate {

class WireLink {
public:
    explicit WireLink(std::string path);  // an empty path: the card has no network

    // Moves what is there to be moved, without waiting. Returns whether anything was.
    bool exchange(FramePort& frames, EntryPort& entry);
    // Descriptors to wait on while nothing is in flight.
    void watch(std::vector<pollfd>& list) const;
    uint64_t frames() const { return frame_count_; }

private:
    enum class Asked { nothing, frames, connect };

    void ask(EntryPort& entry);
    void take_answer(EntryPort& entry);
    bool take_frames(FramePort& frames);
    bool move_entry(EntryPort& entry);
    void drop_entry(EntryPort& entry, const char* why);
    void lose_broker();

    std::string path_;
    Fd broker_;
    Fd frames_fd_;
    Fd entry_fd_;
    Asked asked_ = Asked::nothing;
    uint64_t retry_at_ = 0;
    uint64_t frame_count_ = 0;
    std::string last_error_;
};

}  // namespace tickgate
