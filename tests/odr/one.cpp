// SPDX-License-Identifier: Apache-2.0
#include "poisoned.hpp"

const void* other_identity();

namespace {

const void* identity() { return reinterpret_cast<const void*>(&qfa::thread_count); }

}  // namespace

/// Both translation units must mean the same function when they say the same name.
int main() { return identity() == other_identity() ? 0 : 1; }
