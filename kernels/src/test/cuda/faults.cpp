// Faults, those the compiled kernels find themselves among them: each of their accesses to memory, of their vectors and their indices is
// preceded by a check, and calls one of the functions below if it fails. Those of the sanitizers' own libraries would do the same, and say it
// in a hundred lines.
#include "faults.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "memory.h"
#include "threads.h"

namespace emulated {
namespace {

// Where an address lies, so far from one in a shared array; empty if that is in none.
std::string sharedArray(const char* inside, long away) {
    char name[128] = "", text[256];
    void* begin = nullptr;
    size_t size = 0;
    std::string kind = __asan_locate_address(const_cast<char*>(inside), name, sizeof name, &begin, &size);
    long at = inside - static_cast<const char*>(begin);
    if (kind != "global" || at < 0 || at >= static_cast<long>(size)) {
        return "";
    }
    snprintf(text, sizeof text, "at byte %ld of shared array %s, which has %zu", at + away, name, size);
    return text;
}

std::string ofMemory(const void* address) {
    char text[256];
    long at, bytes;
    if (inDynamic(address, at, bytes)) {
        snprintf(text, sizeof text, "at byte %ld of dynamic shared memory, of which the block has %ld", at, bytes);
        return text;
    }
    if (inDevice(address)) {
        return nearestTensor(address);
    }
    if (inStack(address)) {
        return "outside of the thread's own array";
    }
    for (long distance = 1; distance <= 64; distance++) {
        for (long aside : {-distance, distance}) {
            std::string array = sharedArray(static_cast<const char*>(address) + aside, -aside);
            if (!array.empty()) {
                return array;
            }
        }
    }
    snprintf(text, sizeof text, "at address %p, which is no memory of the device", address);
    return text;
}

const int TICKS = 10;  // a second
int ticksLeft, secondsAllowed;
const Kernel* lastRunning;

void ticked(int, siginfo_t*, void* context) {
    if (running == nullptr || running != lastRunning) {
        lastRunning = running;
        ticksLeft = TICKS * secondsAllowed;
    } else if (--ticksLeft < 0) {
        failAt(reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]),
               "does not end: it has run for %d seconds.", secondsAllowed);
    }
}

void wild(int, siginfo_t* info, void* context) {
    const ucontext_t* at = static_cast<ucontext_t*>(context);
    bool writes = at->uc_mcontext.gregs[REG_ERR] & 2;
    failAccess(reinterpret_cast<char*>(at->uc_mcontext.gregs[REG_RIP]) + 1, info->si_addr, 0, writes);
}

}  // namespace

std::string where(const void* code) {
    char frames[4096] = "";
    __sanitizer_symbolize_pc(const_cast<void*>(code), "%s:%l", frames, sizeof frames - 1);
    std::string innermost;
    for (const char* frame = frames; *frame != 0; frame += strlen(frame) + 1) {  // what was inlined first, then what it was inlined into
        std::string line = frame;
        line.erase(0, line.rfind('/') + 1);
        if (line.find(".cu:") != std::string::npos) {
            return line;
        }
        innermost = innermost.empty() ? line : innermost;
    }
    return innermost;
}

void failAt(const void* code, const char* sentence, ...) {
    char said[1024];
    va_list arguments;
    va_start(arguments, sentence);
    vsnprintf(said, sizeof said, sentence, arguments);
    va_end(arguments);
    if (running == nullptr) {
        dprintf(2, "The emulated device %s\n", said);
    } else {
        std::string line = code == nullptr ? "" : ", " + where(code);
        dprintf(2, "Kernel %s, block %u, %u, %u, thread %u%s: %s\n", running->name.c_str(), blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x,
                line.c_str(), said);
    }
    _exit(3);
}

void fail(const char* sentence) { failAt(__builtin_return_address(0), "%s", sentence); }

void failAccess(const void* code, const void* address, long bytes, bool writes) {
    std::string size = bytes == 0 ? "" : " " + std::to_string(bytes) + (bytes == 1 ? " byte," : " bytes,");
    failAt(code, "%s%s %s.", writes ? "writes" : "reads", size.c_str(), ofMemory(address).c_str());
}

void watch(int seconds) {
    secondsAllowed = seconds;
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    action.sa_sigaction = ticked;
    sigaction(SIGVTALRM, &action, nullptr);
    itimerval tick = {{0, 1000000 / TICKS}, {0, 1000000 / TICKS}};
    setitimer(ITIMER_VIRTUAL, &tick, nullptr);

    static char stack[64 << 10];
    stack_t other = {};
    other.ss_sp = stack;
    other.ss_size = sizeof stack;
    sigaltstack(&other, nullptr);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = wild;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

}  // namespace emulated

// --- what address sanitizer's checks call ---

extern "C" const char* __asan_default_options() { return "handle_segv=0:handle_sigbus=0:detect_leaks=0:malloc_context_size=0"; }

#define ACCESSES(bytes)                                                                                                                     \
    extern "C" void __asan_report_load##bytes(void* at) { emulated::failAccess(__builtin_return_address(0), at, bytes, false); } \
    extern "C" void __asan_report_store##bytes(void* at) { emulated::failAccess(__builtin_return_address(0), at, bytes, true); }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
extern "C" void __asan_report_load_n(void* at, __SIZE_TYPE__ bytes) { emulated::failAccess(__builtin_return_address(0), at, bytes, false); }
extern "C" void __asan_report_store_n(void* at, __SIZE_TYPE__ bytes) { emulated::failAccess(__builtin_return_address(0), at, bytes, true); }

// --- what undefined behaviour sanitizer's checks call, each with a description of the place that starts with file, line and column ---

struct Misaligned {
    const char* file;
    unsigned line, column;
    const void* type;
    unsigned char log2OfAlignment;
};
extern "C" [[noreturn]] void __ubsan_handle_type_mismatch_v1_abort(Misaligned* what, uintptr_t address) {
    emulated::failAt(__builtin_return_address(0), "uses memory at address 0x%lx as if that were a multiple of %d.", address,
                     1 << what->log2OfAlignment);
}

#define ARITHMETIC(name, sentence) \
    extern "C" [[noreturn]] void __ubsan_handle_##name##_abort() { emulated::failAt(__builtin_return_address(0), sentence); }
ARITHMETIC(shift_out_of_bounds, "shifts by more bits than there are, or by fewer than none.")
ARITHMETIC(add_overflow, "adds to more than the type holds.")
ARITHMETIC(sub_overflow, "subtracts to more than the type holds.")
ARITHMETIC(mul_overflow, "multiplies to more than the type holds.")
ARITHMETIC(negate_overflow, "negates the least number.")
ARITHMETIC(divrem_overflow, "divides by zero.")

extern "C" [[noreturn]] void __ubsan_handle_out_of_bounds_abort(void*, uintptr_t index) {
    emulated::failAt(__builtin_return_address(0), "uses index %ld of an array that does not have it.", static_cast<long>(index));
}
