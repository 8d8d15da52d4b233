#include "tasks/parts/code_check_python.hpp"

#include "tasks/parts/assets.hpp"

namespace touchstone {

std::string code_candidate_source() { return std::string(assets::wire_py) + assets::candidate_py; }

std::string code_judge_source() { return std::string(assets::wire_py) + assets::judge_py; }

}  // namespace touchstone
