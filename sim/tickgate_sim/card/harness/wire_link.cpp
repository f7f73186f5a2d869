#include "wire_link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tickgate {
namespace {

constexpr uint64_t retry_ns = 200'000'000;
constexpr size_t max_frame = 9216;
constexpr size_t frames_ahead = 64;  // more wait in the kernel's queue, where drops are counted

}  // namespace

WireLink::WireLink(std::string path, uint32_t line_b) : path_(std::move(path)), line_b_(line_b) {}

void WireLink::watch(std::vector<pollfd>& list) const {
    for (const Fd* fd : {&broker_, &frames_fd_, &entry_fd_})
        if (*fd) list.push_back({fd->get(), POLLIN, 0});
}

bool WireLink::exchange(Card& card) {
    if (path_.empty()) {
        card.sent.clear();
        return false;
    }
    ask(card.entry);
    const bool taken = take_frames(card);
    const bool given = give_frames(card.sent);
    return move_entry(card.entry) || taken || given;
}

void WireLink::ask(EntryPort& entry) {
    if (asked_ != Asked::nothing) return take_answer(entry);
    if (entry_fd_ && !entry.connect_wanted()) drop_entry(entry, "the host asked for it");
    if (broker_ && peer_closed(broker_.get())) lose_broker();
    const bool connect = entry.connect_wanted() && !entry_fd_;
    if (frames_fd_ && !connect) return;
    const uint64_t now = monotonic_ns();
    if (now < retry_at_) return;
    retry_at_ = now + retry_ns;
    if (!broker_) broker_ = connect_seqpacket(path_);
    if (!broker_) return;
    asked_ = frames_fd_ ? Asked::connect : Asked::frames;
    const char* request = frames_fd_ ? "connect" : "frames";
    if (send(broker_.get(), request, std::strlen(request), MSG_NOSIGNAL) < 0) lose_broker();
}

void WireLink::take_answer(EntryPort& entry) {
    char text[256];
    iovec part{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t length = recvmsg(broker_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) return lose_broker();
    const Asked asked = std::exchange(asked_, Asked::nothing);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
        const std::string error(text, static_cast<size_t>(length));
        if (error != last_error_) log_line("the wire: %s", error.c_str());
        last_error_ = error;
        return;
    }
    int fd;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    set_nonblocking(fd);
    last_error_.clear();
    if (asked == Asked::frames) {
        frames_fd_ = Fd(fd);
        retry_at_ = 0;
        log_line("frames come in");
    } else {
        entry_fd_ = Fd(fd);
        entry.set_link(true);
        log_line("the order-entry stream is connected");
    }
}

// By the IPv4 destination behind at most two VLAN tags; what the frame is worth the card itself decides.
bool WireLink::is_line_b(const uint8_t* frame, size_t length) const {
    size_t type = 12;
    while (type + 6 < length && (frame[type] == 0x81 || frame[type] == 0x88) && type < 20) type += 4;
    const size_t target = type + 2 + 16;
    if (line_b_ == 0 || target + 4 > length) return false;
    const uint8_t* at = frame + target;
    return (uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3]) == line_b_;
}

bool WireLink::give_frames(FrameSink& sent) {
    bool moved = false;
    for (; !sent.frames().empty(); sent.pop(), moved = true) {
        const std::vector<uint8_t>& frame = sent.frames().front();
        // A wire that takes no frame loses it, as wires do; what the card sends here it sends again.
        if (frames_fd_ && ::write(frames_fd_.get(), frame.data(), frame.size()) < 0) ++lost_count_;
    }
    return moved;
}

bool WireLink::take_frames(Card& card) {
    bool moved = false;
    uint8_t data[max_frame];
    while (frames_fd_ && card.frames_pending() < frames_ahead) {
        const ssize_t length = ::read(frames_fd_.get(), data, sizeof data);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (length <= 0) {
            log_line("no more frames: the wire is gone");
            frames_fd_.reset();
            break;
        }
        const size_t size = static_cast<size_t>(length);
        card.lines[is_line_b(data, size) ? 1 : 0].push(data, size, false);
        ++frame_count_;
        moved = true;
    }
    return moved;
}

bool WireLink::move_entry(EntryPort& entry) {
    if (!entry_fd_) return false;
    bool moved = false;
    uint8_t data[4096];
    if (entry.room() >= sizeof data) {
        const ssize_t length = recv(entry_fd_.get(), data, sizeof data, MSG_DONTWAIT);
        if (length > 0) {
            entry.push(data, static_cast<size_t>(length));
            moved = true;
        } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
            drop_entry(entry, length == 0 ? "the venue closed it" : std::strerror(errno));
            return true;
        }
    }
    if (const auto& out = entry.sent(); !out.empty()) {
        const ssize_t length = send(entry_fd_.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (length > 0) {
            entry.drop_sent(static_cast<size_t>(length));
            moved = true;
        } else if (errno != EAGAIN && errno != EINTR) {
            drop_entry(entry, std::strerror(errno));
        }
    }
    return moved;
}

void WireLink::drop_entry(EntryPort& entry, const char* why) {
    entry_fd_.reset();
    entry.set_link(false);
    retry_at_ = monotonic_ns() + retry_ns;
    log_line("the order-entry stream is down: %s", why);
}

void WireLink::lose_broker() {
    log_line("the wire's broker is gone");
    broker_.reset();
    asked_ = Asked::nothing;
}

}  // namespace tickgate
