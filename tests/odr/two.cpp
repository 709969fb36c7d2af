// SPDX-License-Identifier: Apache-2.0
#define QFA_BACKWARDS  // all headers from the last to the first
#include "poisoned.hpp"

const void* other_identity();

const void* other_identity() { return reinterpret_cast<const void*>(&qfa::thread_count); }
