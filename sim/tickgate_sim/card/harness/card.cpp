#include "card.hpp"

namespace tickgate {
namespace {

constexpr int reset_cycles = 8;

}  // namespace

Card::Card(uint8_t* memory, const CardOptions& options)
    : pcie(memory, options.dma_bytes, options.latency),
      context_(std::make_unique<VerilatedContext>()) {
    context_->randReset(2);
    context_->randSeed(static_cast<int>(options.seed % 0x7fff'fffe + 1));
    top_ = std::make_unique<Vcard>(context_.get(), "card");
    lines[0].bind(top_->CARD_PORT(net_rx_a, valid), top_->CARD_PORT(net_rx_a, payload),
                  top_->CARD_PORT(net_rx_a, ready));
    lines[1].bind(top_->CARD_PORT(net_rx_b, valid), top_->CARD_PORT(net_rx_b, payload),
                  top_->CARD_PORT(net_rx_b, ready));
    top_->CARD_PORT(net_tx, ready) = 1;
    reset();
}

Card::~Card() { top_->final(); }

void Card::reset() {
    top_->rst = 1;
    for (int i = 0; i < reset_cycles; ++i) {
        top_->clk = 0;
        top_->eval();
        top_->clk = 1;
        top_->eval();
    }
    top_->rst = 0;
    pcie.reset();
    for (FramePort& line : lines) line.clear();
    sent.clear();
}

void Card::cycle(uint64_t time_ns, bool tick) {
    top_->time_ns = time_ns;
    top_->ms_tick = tick;
    pcie.drive(*top_, cycles_);
    for (FramePort& line : lines) line.drive();
    entry.drive(*top_);
    top_->clk = 0;
    top_->eval();
    pcie.sample(*top_, cycles_);
    for (FramePort& line : lines) line.sample();
    sent.sample(*top_);
    entry.sample(*top_);
    tap.sample(*top_, cycles_);
    busy_ = top_->busy;
    top_->clk = 1;
    top_->eval();
    ++cycles_;
}

bool Card::quiet() const {
    return !busy_ && pcie.quiet() && frames_pending() == 0 && entry.quiet();
}

}  // namespace tickgate
