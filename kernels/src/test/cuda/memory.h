// The device's memory: where tensors may be and which there are, watched over by address sanitizer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace emulated {

// Maps a file of so many bytes as memory; false if that cannot be.
bool map(const char* file, uint64_t bytes);

int64_t allocate(uint64_t bytes);
void free(char* address);

// A tensor begins; all tensors in a range end.
void take(char* address, uint64_t bytes);
void give(char* address, uint64_t bytes);

bool inDevice(const void* address);

// Where an address that is in no tensor lies, in words.
std::string nearestTensor(const void* address);

struct Tensor {
    char* begin;
    uint64_t bytes;
};

// The tensor that an address is in, or one of no bytes.
Tensor tensorAt(const void* address);

// What the sanitizer must not look at, or would only be slowed down by: memory is prepared, kept and compared whether it is poisoned or not.
inline void fillRaw(void* to, int byte, size_t bytes) { asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory"); }
inline void copyRaw(void* to, const void* from, size_t bytes) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
}

}  // namespace emulated
