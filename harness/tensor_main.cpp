// The tensor library's one entry.
#include "harness/model/backend.hpp"
