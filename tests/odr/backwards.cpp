// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

// As windows.h has them: min and max take part in every call that is not written (std::min)(a, b).
#define min(a, b) a macro took the place of min
#define max(a, b) a macro took the place of max
#define small a macro took the place of small
#define near a macro took the place of near
#define far a macro took the place of far
#define interface a macro took the place of interface
#define IN a macro took the place of IN
#define OUT a macro took the place of OUT
#define ERROR a macro took the place of ERROR
// As unistd.h and sys/sysmacros.h have them, or had.
#define major a macro took the place of major
#define minor a macro took the place of minor
#define linux a macro took the place of linux

#include "backwards.hpp"
