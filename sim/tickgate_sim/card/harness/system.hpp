// Small wrappers around what the process needs of Linux. Failures to get a resource throw SystemError.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace tickgate {

class SystemError : public std::runtime_error {
public:
    SystemError(const std::string& what, int code);
};

// A file descriptor with an owner.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release();
    void reset();

private:
    int fd_ = -1;
};

// Memory that other processes can map by its descriptor.
class SharedMemory {
public:
    SharedMemory(const char* name, uint64_t bytes);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    uint8_t* data() const { return data_; }
    uint64_t bytes() const { return bytes_; }
    int fd() const { return fd_.get(); }

private:
    Fd fd_;
    uint64_t bytes_;
    uint8_t* data_;
};

Fd make_eventfd();
void signal_eventfd(const Fd& fd, uint64_t count);
void drain_eventfd(const Fd& fd);

Fd listen_seqpacket(const std::string& path);   // replaces the socket of a process that has ended
Fd connect_seqpacket(const std::string& path);  // empty when nobody listens
bool send_with_fds(int socket, const std::string& text, const std::vector<int>& fds);
bool peer_closed(int socket);  // of a peer that sends nothing while it lives
void set_nonblocking(int fd);

uint64_t monotonic_ns();
uint64_t realtime_ns();
void log_line(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace tickgate
