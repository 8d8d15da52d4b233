#pragma once
#include <string>

namespace touchstone {

/// The system calls that model-written Python may make, as a compiled BPF program for `bwrap --seccomp`.
///
/// A list of allowed calls. All others answer "not implemented", and the well-known ways out (ptrace, mount,
/// keyctl, bpf, userfaultfd, perf_event_open, io_uring, sockets, new namespaces) "not permitted". Of clone, only
/// threads are allowed, so no second process can exist: neither a fork bomb nor a daemon can start.
/// clone3 passes its flags behind a pointer and is not implemented, so libc uses clone instead. ioctl is limited to six
/// harmless requests, compared in their low 32 bits as the kernel does (CVE-2019-10063: TIOCSTI with a high bit set).
/// Throws Fault::sandbox when libseccomp refuses.
std::string seccomp_program();

}  // namespace touchstone
