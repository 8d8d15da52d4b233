#pragma once

namespace touchstone {

/// "0.1.0" and, in a build from a checkout, the commit as it was when this program was built: "0.1.0+1a2b3c4d5e6f",
/// with
/// "-dirty" behind it where files had changes that the commit does not hold.
const char* version_text();
const char* compiler_text();
const char* system_text();

}  // namespace touchstone
