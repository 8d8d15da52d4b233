#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace touchstone {

/// What a file's first bytes say it is ("a GIF picture", "an Ogg file"), whatever its name; null for what is not known
/// here. Plain text has no first bytes of its own.
const char* format_of(std::string_view bytes);

/// The same for messages: also "nothing (0 bytes)", "the first N bytes of `kind`" where they begin one of `wanted`, and
/// "no `kind` that is known here".
std::string describe_bytes(std::string_view bytes, const std::string& kind,
                           std::initializer_list<std::string_view> wanted);

}  // namespace touchstone
