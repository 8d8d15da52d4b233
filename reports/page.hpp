#pragma once
#include <string_view>

namespace touchstone::reports {

/// The style sheet and the script of the page: constants, so that their hashes can stand in the page's security policy.
std::string_view style_sheet();
std::string_view script();

}  // namespace touchstone::reports
