#include "system.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tickgate {
namespace {

uint64_t clock_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw SystemError("a socket's path must be shorter than 108 bytes: " + path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

}  // namespace

SystemError::SystemError(const std::string& what, int code)
    : std::runtime_error(what + ": " + std::strerror(code)) {}

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

SharedMemory::SharedMemory(const char* name, uint64_t bytes)
    : fd_(memfd_create(name, MFD_CLOEXEC)), bytes_(bytes) {
    if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0)
        throw SystemError(std::string("no shared memory for ") + name, errno);
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (mapped == MAP_FAILED) throw SystemError(std::string("cannot map ") + name, errno);
    data_ = static_cast<uint8_t*>(mapped);
}

SharedMemory::~SharedMemory() { munmap(data_, bytes_); }

Fd make_eventfd() {
    Fd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) throw SystemError("no eventfd", errno);
    return fd;
}

void signal_eventfd(const Fd& fd, uint64_t count) {
    // Fails only when the counter is full: then the reader has enough to wake up for.
    [[maybe_unused]] const ssize_t written = ::write(fd.get(), &count, sizeof count);
}

void drain_eventfd(const Fd& fd) {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(fd.get(), &count, sizeof count);
}

Fd listen_seqpacket(const std::string& path) {
    const sockaddr_un address = address_of(path);
    if (connect_seqpacket(path)) throw SystemError("a card already listens at " + path, EADDRINUSE);
    ::unlink(path.c_str());
    Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd.get(), 4) != 0)
        throw SystemError("cannot listen at " + path, errno);
    return fd;
}

Fd connect_seqpacket(const std::string& path) {
    const sockaddr_un address = address_of(path);
    Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd) throw SystemError("no socket", errno);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Fd();
    set_nonblocking(fd.get());
    return fd;
}

bool send_with_fds(int socket, const std::string& text, const std::vector<int>& fds) {
    iovec part{const_cast<char*>(text.data()), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size());
}

bool peer_closed(int socket) {
    char byte;
    const ssize_t got = recv(socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

uint64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }

void log_line(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::fputs("card: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
}

}  // namespace tickgate
