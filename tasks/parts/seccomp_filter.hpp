#pragma once
#include <string>

namespace touchstone {

/// The system calls that model-written Python may make, as a compiled BPF program for `bwrap --seccomp`.
///
/// A list of what is allowed; everything else answers "not implemented", and the well-known ways out (ptrace, mount,
/// keyctl, bpf, userfaultfd, perf_event_open, io_uring, sockets, new namespaces) "not permitted". Of clone, only
/// threads are allowed, so no second process can come into being at all: neither a fork bomb nor a daemon has a start.
/// clone3 hides its flags behind a pointer and is not implemented, whereupon libc uses clone. ioctl is limited to six
/// harmless requests, compared in their low 32 bits as the kernel does (CVE-2019-10063: TIOCSTI with a high bit set).
/// Throws Fault::sandbox when the library refuses.
std::string seccomp_program();

}  // namespace touchstone
