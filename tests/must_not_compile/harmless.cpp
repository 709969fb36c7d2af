// expect: nothing
// Compiles either way: proves that the harness notices a misuse that the compiler lets pass.
#include "qfa/core/error.hpp"

#ifdef MISUSE
void use();
#endif
