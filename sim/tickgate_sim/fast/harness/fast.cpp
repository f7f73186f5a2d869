// Feed, book and gate with whole buffers around them: C interface for ctypes. Every run with the same calls is the
// same, cycle for cycle. The model's inputs are registered inside, so what is offered in a cycle is at the feed in the
// next one.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "Vmodel.h"
#include "Vmodel___024root.h"
#include "verilated.h"

#define PORT(group, name) group##___05F##name

// What Vmodel::eval calls, with care for threads and messages that the model does not need.
void Vmodel___024root___eval(Vmodel___024root*);

namespace {

constexpr size_t body_bytes = 48;
constexpr int line_count = 2;

// Layouts shared with tickgate_sim.fast.feed.
struct Beat {
    uint64_t data;
    uint64_t cycle;  // from the run's start, before which the beat is not offered
    uint8_t keep, last, error, reserved[5];
};
struct InjectBeat {
    uint64_t data;
    uint64_t cycle;
    uint8_t keep, first, last, snapshot, reserved[4];
};
struct Order {
    uint64_t cycle;
    uint8_t body[body_bytes];
};
struct Venue {
    uint64_t words[3];  // VenueUpdate, bit 0 first
};
struct Record {
    uint64_t cycle;
    uint8_t body[body_bytes];
};
struct LineReport {
    uint64_t late_beats;      // beats that had to wait since the line was not ready
    uint64_t stalled_cycles;  // cycles in which one waited
    uint64_t lag;             // most cycles that a beat was taken after its own
};

template <typename Wide>
void put(Wide& port, const void* from, size_t bytes) {
    std::memcpy(&port.at(0), from, bytes);
}

// The beats of one line, and where it stands.
class Line {
public:
    void load(const Beat* beats, uint64_t count) {
        beats_ = beats;
        count_ = count;
        next_ = frame_ = 0;
        report_ = {};
        lost_.clear();
    }
    bool done() const { return next_ == count_ && !owed_; }
    const LineReport& report() const { return report_; }
    const std::vector<uint64_t>& lost() const { return lost_; }

    // What is offered in a cycle; a line that may not wait loses what finds it not ready, as the card's MAC does.
    template <typename Payload>
    void drive(uint64_t now, bool ready, bool drop, CData& valid, Payload& payload) {
        valid = 0;
        if (drop) {
            drive_lossy(now, ready, valid, payload);
            return;
        }
        if (next_ == count_ || beats_[next_].cycle > now) return;
        const Beat& beat = beats_[next_];
        offer(beat, valid, payload);
        if (!ready) {
            ++report_.stalled_cycles;
            if (!waits_) ++report_.late_beats;
            waits_ = true;
            return;
        }
        take(now);
    }

private:
    template <typename Payload>
    static void offer(const Beat& beat, CData& valid, Payload& payload) {
        const uint32_t words[3] = {static_cast<uint32_t>(beat.data), static_cast<uint32_t>(beat.data >> 32),
                                   beat.keep | static_cast<uint32_t>(beat.last) << 8 |
                                       static_cast<uint32_t>(beat.error) << 9};
        put(payload, words, sizeof words);
        valid = 1;
    }

    void take(uint64_t now) {
        const Beat& beat = beats_[next_];
        if (now - beat.cycle > report_.lag) report_.lag = now - beat.cycle;
        waits_ = false;
        first_ = beat.last;
        frame_ += beat.last;
        ++next_;
    }

    template <typename Payload>
    void drive_lossy(uint64_t now, bool ready, CData& valid, Payload& payload) {
        const bool comes = next_ < count_ && beats_[next_].cycle <= now;
        const bool wanted = comes && (first_ || !skips_);
        const bool loses = wanted && (owed_ || !ready);
        if (ready && owed_) {
            offer({0, 0, 1, 1, 1, {}}, valid, payload);
            owed_ = false;
        } else if (ready && wanted) {
            offer(beats_[next_], valid, payload);
        }
        if (loses) {
            lost_.push_back(frame_);
            if (!first_) owed_ = true;
            skips_ = true;
        } else if (wanted) {
            skips_ = false;
        }
        if (comes) take(now);
    }

    const Beat* beats_ = nullptr;
    uint64_t count_ = 0, next_ = 0, frame_ = 0;
    bool waits_ = false, first_ = true, skips_ = false, owed_ = false;
    LineReport report_{};
    std::vector<uint64_t> lost_;
};

enum Stream { tob, event, decision, card_event, passed, stream_count };

class Fast {
public:
    explicit Fast(uint32_t seed) : context_(std::make_unique<VerilatedContext>()) {
        context_->randReset(2);
        context_->randSeed(static_cast<int>(seed % 0x7fff'fffe + 1));
        top_ = std::make_unique<Vmodel>(context_.get(), "model");
        // Inputs begin with random content, too.
        for (CData* strobe : {&top_->PORT(a, valid), &top_->PORT(b, valid), &top_->PORT(inject, valid),
                              &top_->PORT(order, valid), &top_->PORT(venue, valid), &top_->write, &top_->read})
            *strobe = 0;
        top_->eval();
        clock();
    }
    ~Fast() { top_->final(); }

    void cycle() {
        const uint64_t now = cycles_ - base_;
        lines[0].drive(now, top_->PORT(a, ready), drop, top_->PORT(a, valid), top_->PORT(a, payload));
        lines[1].drive(now, top_->PORT(b, ready), drop, top_->PORT(b, valid), top_->PORT(b, payload));
        if (!injected.empty() || top_->PORT(inject, valid)) drive_injection(now);
        if (!orders.empty() || top_->PORT(order, valid)) drive_orders(now);
        if (!updates.empty() || top_->PORT(venue, valid)) drive_updates();
        if (top_->PORT(tob, valid)) keep(tob, &top_->PORT(tob, body).at(0));
        if (top_->PORT(event, valid)) keep(event, &top_->PORT(event, body).at(0));
        if (top_->PORT(decision, valid)) keep(decision, &top_->PORT(decision, body).at(0));
        if (top_->PORT(card_event, valid)) keep(card_event, &top_->PORT(card_event, body).at(0));
        if (top_->PORT(passed, valid)) keep(passed, &top_->PORT(passed, body).at(0));
        messages += top_->PORT(message, valid);
        clock();
        ++cycles_;
    }

    bool loaded() const {
        return !lines[0].done() || !lines[1].done() || !injected.empty() || !orders.empty() || !updates.empty();
    }
    bool quiet() const { return !loaded() && !top_->active && !offered(); }
    uint64_t cycles() const { return cycles_; }
    void start() { base_ = cycles_; }

    void write(uint32_t address, uint64_t value) {
        top_->write_address = static_cast<CData>(address);
        top_->write_value = value;
        top_->write = 1;
        cycle();
        top_->write = 0;
        cycle();
        cycle();  // in effect from here on
    }

    uint64_t read(uint32_t address) {
        top_->read_address = static_cast<CData>(address);
        top_->read = 1;
        cycle();
        top_->read = 0;
        cycle();
        return top_->read_value;
    }

    Line lines[line_count];
    bool drop = false;
    std::deque<InjectBeat> injected;
    std::deque<Order> orders;
    std::deque<Venue> updates;
    std::vector<Record> records[stream_count];
    uint64_t messages = 0;
    bool busy() const { return top_->busy; }

private:
    void clock() {
        for (const CData level : {0, 1}) {
            top_->clk = level;
            Vmodel___024root___eval(top_->rootp);
        }
    }

    bool offered() const {
        return top_->PORT(a, valid) || top_->PORT(b, valid) || top_->PORT(inject, valid) ||
               top_->PORT(order, valid) || top_->PORT(venue, valid);
    }

    void keep(Stream stream, const uint32_t* body) {
        Record record;
        record.cycle = cycles_;
        std::memcpy(record.body, body, body_bytes);
        records[stream].push_back(record);
    }

    // What is offered stays at the port until the port is ready.
    void drive_injection(uint64_t now) {
        const bool due = !injected.empty() && injected.front().cycle <= now;
        top_->PORT(inject, valid) = due;
        if (!due) return;
        const InjectBeat& beat = injected.front();
        const uint32_t words[3] = {static_cast<uint32_t>(beat.data), static_cast<uint32_t>(beat.data >> 32),
                                   static_cast<uint32_t>(beat.keep | beat.first << 8 | beat.last << 9 | beat.snapshot << 10)};
        put(top_->PORT(inject, payload), words, sizeof words);
        if (top_->PORT(inject, ready)) injected.pop_front();
    }

    void drive_orders(uint64_t now) {
        const bool due = !orders.empty() && orders.front().cycle <= now;
        top_->PORT(order, valid) = due;
        if (!due) return;
        // A RecordBody has its template above the body; the gate does not look at it.
        uint8_t payload[body_bytes + 4] = {};
        std::memcpy(payload, orders.front().body, body_bytes);
        put(top_->PORT(order, payload), payload, sizeof payload);
        if (top_->PORT(order, ready)) orders.pop_front();
    }

    void drive_updates() {
        top_->PORT(venue, valid) = !updates.empty();
        if (updates.empty()) return;
        put(top_->PORT(venue, payload), updates.front().words, sizeof updates.front().words);
        if (top_->PORT(venue, ready)) updates.pop_front();
    }

    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vmodel> top_;
    uint64_t cycles_ = 0;
    uint64_t base_ = 0;  // the run's first cycle
};

}  // namespace

extern "C" {

Fast* tf_create(uint32_t seed) { return new Fast(seed); }

void tf_destroy(Fast* self) { delete self; }

void tf_write(Fast* self, uint32_t address, uint64_t value) { self->write(address, value); }

uint64_t tf_read(Fast* self, uint32_t address) { return self->read(address); }

int tf_busy(Fast* self) { return self->busy(); }

uint64_t tf_cycles(Fast* self) { return self->cycles(); }

uint64_t tf_messages(Fast* self) { return self->messages; }

// The beats must stay where they are until they are done.
void tf_line(Fast* self, uint32_t line, const Beat* beats, uint64_t count) { self->lines[line].load(beats, count); }

void tf_inject(Fast* self, const InjectBeat* beats, uint64_t count) {
    self->injected.insert(self->injected.end(), beats, beats + count);
}

void tf_orders(Fast* self, const Order* orders, uint64_t count) {
    self->orders.insert(self->orders.end(), orders, orders + count);
}

void tf_updates(Fast* self, const Venue* updates, uint64_t count) {
    self->updates.insert(self->updates.end(), updates, updates + count);
}

// Begins a run: cycles of what is loaded count from here. `drop`: the lines may not wait.
void tf_start(Fast* self, int drop) {
    self->drop = drop != 0;
    self->start();
}

void tf_run(Fast* self, uint64_t cycles) {
    for (uint64_t i = 0; i < cycles; ++i) self->cycle();
}

// Runs until all that was loaded is taken and, with `settle` above 0, nothing was under way for that many cycles; at
// most `limit` cycles. Returns whether it is so.
int tf_finish(Fast* self, uint64_t settle, uint64_t limit) {
    for (uint64_t run = 0, quiet = 0; self->loaded() || quiet < settle; ++run) {
        if (run == limit) return 0;
        self->cycle();
        quiet = self->quiet() ? quiet + 1 : 0;
    }
    return 1;
}

void tf_report(Fast* self, uint32_t line, LineReport* report) { *report = self->lines[line].report(); }

uint64_t tf_lost(Fast* self, uint32_t line, const uint64_t** frames) {
    *frames = self->lines[line].lost().data();
    return self->lines[line].lost().size();
}

// Records of a stream since the last tf_forget.
uint64_t tf_records(Fast* self, uint32_t stream, const Record** records) {
    *records = self->records[stream].data();
    return self->records[stream].size();
}

void tf_forget(Fast* self) {
    for (auto& records : self->records) records.clear();
}

}  // extern "C"
