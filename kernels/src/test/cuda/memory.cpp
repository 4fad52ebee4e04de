// See memory.h.
#include "memory.h"

#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "faults.h"

namespace emulated {
namespace {

char* const BASE = reinterpret_cast<char*>(0x200000000000);
const uint64_t ALIGNMENT = 256;
const uint64_t REDZONE = 256;
const uint64_t AHEAD = 16 << 20;  // so much is poisoned beyond the end of what is used

uint64_t size;
uint64_t used = REDZONE;
uint64_t poisoned;

// By offset, with their bytes.
using Ranges = std::map<uint64_t, uint64_t>;
Ranges pieces;  // allocated, with their redzone
Ranges taken;   // tensors
Ranges past;    // where there were tensors, and no others yet
std::multimap<uint64_t, uint64_t> unusedBySize;  // pieces given back

// The last range that begins at or before this, or none.
Ranges::iterator atOrBefore(Ranges& ranges, uint64_t at) {
    auto after = ranges.upper_bound(at);
    return after == ranges.begin() ? ranges.end() : std::prev(after);
}

std::string text(const char* format, uint64_t a, uint64_t b) {
    char all[256];
    snprintf(all, sizeof all, format, static_cast<unsigned long>(a), static_cast<unsigned long>(b));
    return all;
}

}  // namespace

bool map(const char* name, uint64_t bytes) {
    size = bytes;
    int file = open(name, O_RDWR);
    int flags = MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
    return file >= 0 && mmap(BASE, size, PROT_READ | PROT_WRITE, flags, file, 0) == BASE;
}

int64_t allocate(uint64_t bytes) {
    uint64_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + REDZONE;
    auto unused = unusedBySize.lower_bound(whole);
    if (unused != unusedBySize.end() && unused->first <= 2 * whole) {
        uint64_t at = unused->second;
        pieces[at] = unused->first;
        unusedBySize.erase(unused);
        return reinterpret_cast<int64_t>(BASE + at);
    }
    if (whole > size - used) {
        return 0;
    }
    uint64_t at = used;
    used += whole;
    while (poisoned < size && poisoned < used + AHEAD) {
        uint64_t more = std::min(AHEAD, size - poisoned);
        __asan_poison_memory_region(BASE + poisoned, more);
        poisoned += more;
    }
    pieces[at] = whole;
    return reinterpret_cast<int64_t>(BASE + at);
}

void give(char* address, uint64_t bytes) {
    __asan_poison_memory_region(address, bytes);
    uint64_t from = address - BASE;
    auto first = taken.lower_bound(from), last = taken.lower_bound(from + bytes);
    past.insert(first, last);
    taken.erase(first, last);
}

void free(char* address) {
    auto piece = pieces.find(address - BASE);
    if (piece == pieces.end()) {
        failAt(nullptr, "is given memory back that was never allocated.");
    }
    unusedBySize.emplace(piece->second, piece->first);
    give(address, piece->second);
    pieces.erase(piece);
}

void take(char* address, uint64_t bytes) {
    if (bytes > 0) {
        __asan_unpoison_memory_region(address, bytes);
        fillRaw(address, 0xff, bytes);
        uint64_t at = address - BASE;
        taken[at] = bytes;
        past.erase(past.lower_bound(at), past.lower_bound(at + bytes));
    }
}

bool inDevice(const void* address) { return address >= BASE && address < BASE + size; }

std::string nearestTensor(const void* address) {
    uint64_t at = static_cast<const char*>(address) - BASE;
    auto before = atOrBefore(taken, at), after = taken.upper_bound(at), old = atOrBefore(past, at);
    uint64_t behind = before == taken.end() ? size : at - before->first - before->second;
    uint64_t ahead = after == taken.end() ? size : after->first - at;
    if (std::min(behind, ahead) >= REDZONE && old != past.end() && at < old->first + old->second) {
        return text("at byte %lu of a tensor of %lu bytes that was given back", at - old->first, old->second);
    }
    if (behind <= ahead && behind < size) {
        return text("%lu bytes behind the end of a tensor of %lu bytes", behind, before->second);
    }
    if (ahead < size) {
        return text("%lu bytes before a tensor of %lu bytes", ahead, after->second);
    }
    return "where there is no tensor";
}

Tensor tensorAt(const void* address) {
    if (inDevice(address)) {
        uint64_t at = static_cast<const char*>(address) - BASE;
        auto range = atOrBefore(taken, at);
        if (range != taken.end() && at < range->first + range->second) {
            return {BASE + range->first, range->second};
        }
    }
    return {nullptr, 0};
}

}  // namespace emulated
