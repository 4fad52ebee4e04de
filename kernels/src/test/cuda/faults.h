// What is wrong, in one sentence on standard error, with which the process ends.
#pragma once

#include <string>

namespace emulated {

// "Kernel NAME, block X, Y, Z, thread T, FILE:LINE: SENTENCE." The line is that of the kernel's own file from which `code` was reached, an
// address that a call returns to; without one there is none.
[[noreturn]] void failAt(const void* code, const char* sentence, ...) __attribute__((format(printf, 2, 3)));

[[noreturn]] void failAccess(const void* code, const void* address, long bytes, bool writes);

// FILE:LINE of a kernel.
std::string where(const void* code);

// From now on a kernel that has run for so many seconds is a fault.
void watch(int seconds);

}  // namespace emulated
