#include "host_link.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace tickgate {

HostLink::HostLink(const std::string& path, const SharedMemory& dma)
    : path_(path), dma_(dma), mailbox_("tickgate-mailbox", MAILBOX_BYTES), wake_(make_eventfd()) {
    for (Fd& irq : irqs_) irq = make_eventfd();
    store(MAILBOX_VERSION_AT, MAILBOX_VERSION);
    store(MAILBOX_MAGIC_AT, MAILBOX_MAGIC);
    listener_ = listen_seqpacket(path);
}

HostLink::~HostLink() { ::unlink(path_.c_str()); }

uint32_t HostLink::load(uint32_t at) const {
    return __atomic_load_n(reinterpret_cast<uint32_t*>(mailbox_.data() + at), __ATOMIC_ACQUIRE);
}

void HostLink::store(uint32_t at, uint32_t value) {
    __atomic_store_n(reinterpret_cast<uint32_t*>(mailbox_.data() + at), value, __ATOMIC_RELEASE);
}

bool HostLink::has_work() const { return load(MAILBOX_PRODUCED_AT) != consumed_; }

void HostLink::set_sleeping(bool on) {
    store(MAILBOX_SLEEPING_AT, on);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);  // before the caller looks at has_work again
}

void HostLink::exchange(HardBlock& pcie) {
    while (has_work() && pcie.pending() < 16) {
        const uint32_t at = MAILBOX_RING_AT + consumed_ % MAILBOX_SLOTS * MAILBOX_SLOT_BYTES;
        const uint32_t operation = load(at + MAILBOX_OPERATION_AT);
        const uint32_t offset = load(at + MAILBOX_OFFSET_AT) % bar_bytes & ~3u;
        ++consumed_;
        if (operation == MAILBOX_READ)
            pcie.read(offset, consumed_);
        else
            pcie.write(offset, load(at + MAILBOX_VALUE_AT));
        store(MAILBOX_CONSUMED_AT, consumed_);
    }
    for (auto& results = pcie.results(); !results.empty(); results.pop_front()) {
        const uint32_t count = static_cast<uint32_t>(results.front().id);
        const uint32_t slot = (count - 1) % MAILBOX_SLOTS;
        store(MAILBOX_RING_AT + slot * MAILBOX_SLOT_BYTES + MAILBOX_VALUE_AT, results.front().value);
        store(MAILBOX_RESPONSE_COUNT_AT, count);
    }
    for (size_t vector = 0; vector < irq_vectors; ++vector)
        if (const uint32_t count = pcie.take_interrupts(vector)) signal_eventfd(irqs_[vector], count);
}

void HostLink::serve() {
    if (host_ && peer_closed(host_.get())) {
        host_.reset();
        log_line("the host is gone; the card goes on");
    }
    Fd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) return;
    if (host_) {
        send_with_fds(peer.get(), R"({"version":1,"error":"another host is attached"})", {});
        return;
    }
    const std::string hello = "{\"version\":" + std::to_string(MAILBOX_HANDSHAKE_VERSION) +
                              ",\"bar_bytes\":" + std::to_string(bar_bytes) +
                              ",\"dma_bytes\":" + std::to_string(dma_.bytes()) +
                              ",\"dma_bus\":" + std::to_string(dma_bus) + "}";
    const bool sent = send_with_fds(peer.get(), hello,
                                    {dma_.fd(), mailbox_.fd(), wake_.get(), irqs_[0].get(), irqs_[1].get()});
    if (!sent) return;
    host_ = std::move(peer);
    log_line("a host is attached");
}

}  // namespace tickgate
