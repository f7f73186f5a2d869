// C interface for ctypes: a card whose clock runs only when the caller says so, so that every run with the
// same calls is the same, cycle for cycle. Time starts at a fixed instant and follows the cycles.
#include <cstring>
#include <vector>

#include "card.hpp"

namespace {

using namespace tickgate;

struct Library {
    Library(const CardOptions& options, uint64_t tick, uint64_t start_ns)
        : memory(options.dma_bytes), card(memory.data(), options), tick_cycles(tick), start_ns(start_ns) {}

    void step() {
        const uint64_t cycle = card.cycles();
        // 156.25 MHz: 6.4 ns a cycle.
        card.cycle(start_ns + cycle * 32 / 5, tick_cycles != 0 && cycle % tick_cycles == tick_cycles - 1);
    }

    std::vector<uint8_t> memory;
    Card card;
    uint64_t tick_cycles;
    uint64_t start_ns;
    uint64_t next_read = 0;
};

}  // namespace

extern "C" {

void* tg_create(uint64_t dma_bytes, uint32_t latency, uint32_t seed, uint64_t tick_cycles, uint64_t start_ns) {
    return new Library({dma_bytes, latency, seed}, tick_cycles, start_ns);
}

void tg_destroy(Library* self) { delete self; }

void tg_reset(Library* self) { self->card.reset(); }

uint8_t* tg_memory(Library* self) { return self->memory.data(); }

void tg_run(Library* self, uint64_t cycles) {
    for (uint64_t i = 0; i < cycles; ++i) self->step();
}

// Runs until nothing is in flight for `settle` cycles in a row, at most `limit`; returns cycles run.
uint64_t tg_run_until_quiet(Library* self, uint64_t settle, uint64_t limit) {
    uint64_t run = 0, quiet = 0;
    while (run < limit && quiet < settle) {
        self->step();
        ++run;
        quiet = self->card.quiet() ? quiet + 1 : 0;
    }
    return run;
}

// Runs until at most `left` frames wait, at most `limit` cycles; returns whether it is so.
int tg_run_until_taken(Library* self, uint64_t left, uint64_t limit) {
    for (uint64_t run = 0; self->card.frames_pending() > left; ++run) {
        if (run == limit) return 0;
        self->step();
    }
    return 1;
}

void tg_write(Library* self, uint32_t offset, uint32_t value) { self->card.pcie.write(offset, value); }

// 0 = read, 1 = the card answered with an error, 2 = no answer in `limit` cycles.
int tg_read(Library* self, uint32_t offset, uint64_t limit, uint32_t* value) {
    const uint64_t id = ++self->next_read;
    self->card.pcie.read(offset, id);
    auto& results = self->card.pcie.results();
    for (uint64_t run = 0; run < limit; ++run) {
        self->step();
        while (!results.empty()) {
            const BarResult result = results.front();
            results.pop_front();
            if (result.id != id) continue;  // a read that was given up
            *value = result.value;
            return result.ok ? 0 : 1;
        }
    }
    return 2;
}

void tg_push_frame(Library* self, const uint8_t* data, uint64_t length, int error, uint32_t line) {
    self->card.lines[line].push(data, length, error != 0);
}

// Takes the oldest frame that the card sent; returns its length, 0 when there is none or it does not fit.
uint64_t tg_sent_pop(Library* self, uint8_t* data, uint64_t capacity) {
    FrameSink& sent = self->card.sent;
    if (sent.frames().empty() || sent.frames().front().size() > capacity) return 0;
    const std::vector<uint8_t>& frame = sent.frames().front();
    const uint64_t length = frame.size();
    std::memcpy(data, frame.data(), length);
    sent.pop();
    return length;
}

uint64_t tg_frames_pending(Library* self) { return self->card.frames_pending(); }

void tg_link(Library* self, int up) { self->card.entry.set_link(up != 0); }

int tg_connect_wanted(Library* self) { return self->card.entry.connect_wanted(); }

uint64_t tg_entry_send(Library* self, const uint8_t* data, uint64_t length) {
    return self->card.entry.push(data, length);
}

uint64_t tg_entry_receive(Library* self, uint8_t* data, uint64_t capacity) {
    return self->card.entry.pop(data, capacity);
}

void tg_tap(Library* self, int on) { self->card.tap.enable(on != 0); }

uint64_t tg_tap_pending(Library* self) { return self->card.tap.pending(); }

uint64_t tg_tap_pop(Library* self, TapRecord* records, uint64_t capacity) {
    return self->card.tap.pop(records, capacity);
}

uint32_t tg_interrupts(Library* self, uint64_t vector) { return self->card.pcie.take_interrupts(vector); }

uint64_t tg_cycles(Library* self) { return self->card.cycles(); }

uint64_t tg_faults(Library* self) { return self->card.pcie.faults(); }

int tg_quiet(Library* self) { return self->card.quiet(); }

}  // extern "C"
