// The host's end of the card: the handshake, the BAR mailbox and the interrupts.
//
// The mailbox's layout is declared in tickgate.card.mailbox; mailbox_layout.hpp is made from it.
#pragma once

#include <array>
#include <string>

#include "mailbox_layout.hpp"
#include "pcie.hpp"
#include "system.hpp"

namespace tickgate {

class HostLink {
public:
    HostLink(const std::string& path, const SharedMemory& dma);
    ~HostLink();

    // Moves register accesses between mailbox and card, and interrupts to the host.
    void exchange(HardBlock& pcie);
    // Accepts a host, refuses a second one, notices that one is gone.
    void serve();
    // Whether the host has posted accesses that were not taken yet.
    bool has_work() const;
    // While asleep the host also writes the wake descriptor.
    void set_sleeping(bool on);

    int listen_fd() const { return listener_.get(); }
    int wake_fd() const { return wake_.get(); }
    int host_fd() const { return host_.get(); }
    void drain_wake() { drain_eventfd(wake_); }

private:
    uint32_t load(uint32_t at) const;
    void store(uint32_t at, uint32_t value);

    std::string path_;
    const SharedMemory& dma_;
    SharedMemory mailbox_;
    Fd wake_;
    std::array<Fd, irq_vectors> irqs_;
    Fd listener_;
    Fd host_;
    uint32_t consumed_ = 0;
};

}  // namespace tickgate
