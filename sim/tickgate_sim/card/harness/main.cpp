// The live card: a process that runs the Verilated card against shared memory and sockets, in real time.
//
// Time comes from the machine's clocks. While nothing is in flight the process sleeps, and wakes for the host,
// the network and each millisecond.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "card.hpp"
#include "host_link.hpp"
#include "wire_link.hpp"

namespace {

using namespace tickgate;

constexpr uint64_t ms_ns = 1'000'000;
constexpr uint64_t network_cycles = 32;  // cycles between two looks at the network
constexpr uint64_t socket_cycles = 1024;  // and at hosts that come and go
constexpr uint64_t settle_cycles = 8;     // quiet cycles before the process sleeps

volatile sig_atomic_t stopping = 0;

void stop(int) { stopping = 1; }

struct Options {
    std::string socket;
    std::string wire;
    uint32_t line_b = 0;
    CardOptions card;
};

[[noreturn]] void usage(const char* problem) {
    std::fprintf(stderr,
                 "tickgate-card: %s\n"
                 "usage: tickgate-card --socket PATH [--wire PATH] [--line-b GROUP] [--dma-mib N] [--latency CYCLES] [--seed N]\n",
                 problem);
    std::exit(2);
}

uint64_t number(const char* text) {
    char* end;
    const uint64_t value = std::strtoull(text, &end, 10);
    if (*text == '\0' || *text == '-' || *end != '\0') usage("an option needs a number");
    return value;
}

uint32_t address(const char* text) {
    in_addr parsed;
    if (inet_pton(AF_INET, text, &parsed) != 1) usage("--line-b needs an IPv4 address");
    return ntohl(parsed.s_addr);
}

Options parse(int count, char** words) {
    Options options;
    for (int i = 1; i < count; i += 2) {
        const std::string name = words[i];
        if (i + 1 == count) usage((name + " needs a value").c_str());
        const char* value = words[i + 1];
        if (name == "--socket") options.socket = value;
        else if (name == "--wire") options.wire = value;
        else if (name == "--line-b") options.line_b = address(value);
        else if (name == "--dma-mib") options.card.dma_bytes = number(value) << 20;
        else if (name == "--latency") options.card.latency = static_cast<uint32_t>(number(value));
        else if (name == "--seed") options.card.seed = static_cast<uint32_t>(number(value));
        else usage(("unknown option " + name).c_str());
    }
    if (options.socket.empty()) usage("--socket is missing");
    if (options.card.dma_bytes < 1 << 20) usage("--dma-mib must be at least 1");
    return options;
}

class LiveCard {
public:
    explicit LiveCard(const Options& options)
        : memory_("tickgate-dma", options.card.dma_bytes),
          card_(memory_.data(), options.card),
          host_(options.socket, memory_),
          wire_(options.wire, options.line_b),
          started_(monotonic_ns()) {}

    void run() {
        uint64_t quiet = 0;
        while (!stopping) {
            const uint64_t cycle = card_.cycles();
            if (cycle % 8 == 0) read_clocks();
            if (cycle % network_cycles == 0) wire_.exchange(card_);
            if (cycle % socket_cycles == 0) host_.serve();
            host_.exchange(card_.pcie);
            // A tick is one cycle long, and the next one at least a cycle later.
            const bool tick = ticks_due_ > ticks_ && cycle % 2 == 0;
            card_.cycle(time_ns_, tick);
            ticks_ += tick;
            quiet = card_.quiet() && ticks_ == ticks_due_ ? quiet + 1 : 0;
            if (quiet >= settle_cycles) {
                sleep();
                quiet = 0;
            }
        }
        const double seconds = static_cast<double>(monotonic_ns() - started_) / 1e9;
        log_line("stopped after %.1f s: %llu cycles, %llu frames, %llu bus faults", seconds,
                 static_cast<unsigned long long>(card_.cycles()),
                 static_cast<unsigned long long>(wire_.frames()),
                 static_cast<unsigned long long>(card_.pcie.faults()));
    }

private:
    void read_clocks() {
        ticks_due_ = (monotonic_ns() - started_) / ms_ns;
        const uint64_t now = realtime_ns();
        if (now > time_ns_) time_ns_ = now;  // the card's clock never steps back
    }

    void sleep() {
        host_.exchange(card_.pcie);
        host_.serve();
        if (wire_.exchange(card_) || !card_.quiet()) return;
        host_.set_sleeping(true);
        if (!host_.has_work()) {
            std::vector<pollfd> list{{host_.wake_fd(), POLLIN, 0}, {host_.listen_fd(), POLLIN, 0}};
            if (host_.host_fd() >= 0) list.push_back({host_.host_fd(), POLLIN, 0});
            wire_.watch(list);
            const uint64_t into = (monotonic_ns() - started_) % ms_ns;
            const timespec timeout{0, static_cast<long>(ms_ns - into)};
            ppoll(list.data(), list.size(), &timeout, nullptr);
        }
        host_.set_sleeping(false);
        host_.drain_wake();
        host_.serve();
        wire_.exchange(card_);
        read_clocks();
    }

    SharedMemory memory_;
    Card card_;
    HostLink host_;
    WireLink wire_;
    uint64_t started_;
    uint64_t time_ns_ = 0;
    uint64_t ticks_ = 0;
    uint64_t ticks_due_ = 0;
};

}  // namespace

int main(int count, char** words) {
    const Options options = parse(count, words);
    struct sigaction action {};
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    try {
        LiveCard card(options);
        log_line("ready at %s", options.socket.c_str());
        card.run();
    } catch (const SystemError& error) {
        log_line("%s", error.what());
        return 1;
    }
    return 0;
}
