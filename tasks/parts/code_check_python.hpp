#pragma once
#include <string>

namespace touchstone {

/// The process that runs the model's program and answers calls. Descriptors: 3 program, 4 calls, 5 answers.
std::string code_candidate_source();

/// The process that runs the tests. Descriptors: 3 job, 4 answers, 5 calls, 6 verdict.
std::string code_judge_source();

}  // namespace touchstone
