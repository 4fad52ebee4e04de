// See threads.h.
#include "threads.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <cstdint>
#include <random>
#include <vector>

#include "faults.h"
#include "memory.h"

namespace emulated {

const Kernel* running = nullptr;

namespace {

enum class Kind : int { Begin, End, Barrier, Warp };

// Where a thread waits.
struct Stop {
    Place place;
    Kind kind;
    Together together;
    Word* given;
    const void* code;
};

struct Fiber {
    Stop stop;
    void* top;
    char* stack;
    unsigned number;
};

const size_t STACK = 128 << 10;

Fiber fibers[MOST_THREADS];
std::vector<char*> freeStacks;
Fiber* current;
const char* parameters;
int warps;
int warpOrder[MOST_THREADS / 32], laneOrder[32];
int warpTurn, laneTurn;  // whose turn it is, as places in these
Fiber* lanes;            // of that warp
void* callerTop;

alignas(128) unsigned char dynamic[MOST_DYNAMIC];
int dynamicBytes;

// --- stacks ---

extern "C" void switchStacks(void** save, void* to);
asm(R"(
.text
.globl switchStacks
.type switchStacks, @function
switchStacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

char* freeStack() {
    if (!freeStacks.empty()) {
        char* memory = freeStacks.back();
        freeStacks.pop_back();
        return memory;
    }
    char* memory = static_cast<char*>(mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED) {
        fail("has no memory for the stack of a thread.");
    }
    mprotect(memory, 4096, PROT_NONE);
    return memory;
}

void begin();

// Stacks begin at places of their own within a page, as they would otherwise share a few sets of the first cache.
void prepare(Fiber& fiber) {
    fiber.stack = freeStack();
    size_t shift = reinterpret_cast<uintptr_t>(fiber.stack) / STACK % 32 * 128;
    void** top = reinterpret_cast<void**>(fiber.stack + STACK - shift);
    *--top = nullptr;  // where begin() would return to; also makes the stack as a call leaves it
    *--top = reinterpret_cast<void*>(begin);
    for (int i = 0; i < 6; i++) {
        *--top = nullptr;
    }
    fiber.top = top;
}

void become(Fiber& fiber) {
    current = &fiber;
    threadIdx.x = fiber.number;
}

// --- turns ---

bool same(const Stop& one, const Stop& other) {
    return one.kind == other.kind && one.place.line == other.place.line && one.place.file == other.place.file;
}

[[noreturn]] void failApart(const Fiber& one, const Fiber& other) {
    const Fiber& waits = one.stop.kind == Kind::End ? other : one;
    const Fiber& ended = one.stop.kind == Kind::End ? one : other;
    become(const_cast<Fiber&>(waits));
    const char* what = waits.stop.kind == Kind::Barrier ? "waits at a barrier" : "waits in an operation of its warp";
    if (ended.stop.kind == Kind::End) {
        failAt(waits.stop.code, "%s that thread %u does not come to: that one has ended.", what, ended.number);
    }
    failAt(waits.stop.code, "%s that thread %u does not come to: that one waits %s %s.", what, ended.number,
           ended.stop.kind == Kind::Barrier ? "at a barrier in" : "in an operation of its warp in", where(ended.stop.code).c_str());
}

// All lanes have run to where they stop: whether they go on at once.
bool meetWarp() {
    const Stop& first = lanes[0].stop;
    for (int lane = 1; lane < 32; lane++) {
        if (!same(lanes[lane].stop, first)) {
            failApart(lanes[0], lanes[lane]);
        }
    }
    if (first.kind != Kind::Warp) {
        return false;
    }
    if (first.together != nullptr) {
        first.together(first.given);
    }
    return true;
}

// All warps have stopped: whether the block goes on.
bool meetBlock() {
    for (int warp = 1; warp < warps; warp++) {
        if (!same(fibers[32 * warp].stop, fibers[0].stop)) {
            failApart(fibers[0], fibers[32 * warp]);
        }
    }
    return fibers[0].stop.kind == Kind::Barrier;
}

// The thread whose turn it is, or null if all have ended.
INLINE Fiber* following() {
    if (++laneTurn < 32) {
        return &lanes[laneOrder[laneTurn]];
    }
    laneTurn = 0;
    if (!meetWarp()) {
        if (++warpTurn == warps) {
            if (!meetBlock()) {
                return nullptr;
            }
            warpTurn = 0;
        }
        lanes = &fibers[32 * warpOrder[warpTurn]];
    }
    return &lanes[laneOrder[0]];
}

// The stop is written member by member, as what is put together and then copied would be read before it has left the processor.
INLINE void stop(Place place, Kind kind, Together together, Word* given, const void* code) {
    Fiber& mine = *current;
    mine.stop.place.file = place.file;
    mine.stop.place.line = place.line;
    mine.stop.kind = kind;
    mine.stop.together = together;
    mine.stop.given = given;
    mine.stop.code = code;
    Fiber& next = *following();
    if (next.stop.kind == Kind::Begin) {
        prepare(next);
    }
    become(next);
    switchStacks(&mine.top, next.top);
}

// A stack serves one thread after the other, as long as they end without having waited.
void begin() {
    for (;;) {
        running->thread(parameters);
        Fiber& mine = *current;
        mine.stop.place = {nullptr, 0};
        mine.stop.kind = Kind::End;
        Fiber* next = following();
        if (next == nullptr || next->stop.kind != Kind::Begin) {
            freeStacks.push_back(mine.stack);
            if (next != nullptr) {
                become(*next);
            }
            switchStacks(&mine.top, next == nullptr ? callerTop : next->top);
            __builtin_unreachable();
        }
        next->stack = mine.stack;
        become(*next);
    }
}

// --- blocks ---

void runBlock() {
    fillRaw(running->sharedStart, 0xff, running->sharedStop - running->sharedStart);
    fillRaw(dynamic, 0xff, dynamicBytes);
    for (int t = 0; t < 32 * warps; t++) {
        fibers[t].stop.kind = Kind::Begin;
    }
    warpTurn = 0;
    laneTurn = 0;
    lanes = &fibers[32 * warpOrder[0]];
    Fiber& first = lanes[laneOrder[0]];
    prepare(first);
    become(first);
    switchStacks(&callerTop, first.top);
    dropCopies();
}

void arrange(int* places, int n, int order, std::mt19937& random) {
    for (int i = 0; i < n; i++) {
        places[i] = order == 1 ? n - 1 - i : i;
    }
    for (int i = n - 1; i > 0 && order > 1; i--) {
        std::swap(places[i], places[random() % (i + 1)]);
    }
}

}  // namespace

void run(const Grid& grid, int order) {
    static std::vector<int> blockOrder;
    running = grid.kernel;
    parameters = grid.parameters;
    dynamicBytes = grid.dynamicBytes;
    gridDim = {grid.x, grid.y, grid.z};
    blockDim = {static_cast<unsigned>(grid.threads), 1, 1};
    threadIdx = {0, 0, 0};
    warps = grid.threads / 32;
    for (int t = 0; t < grid.threads; t++) {
        fibers[t].number = t;
    }
    __asan_unpoison_memory_region(dynamic, sizeof dynamic);
    __asan_poison_memory_region(dynamic + dynamicBytes, sizeof dynamic - dynamicBytes);
    std::mt19937 random(order);
    blockOrder.resize(static_cast<size_t>(grid.x) * grid.y * grid.z);
    arrange(blockOrder.data(), static_cast<int>(blockOrder.size()), order, random);
    arrange(warpOrder, warps, order, random);
    arrange(laneOrder, 32, order, random);
    for (int block : blockOrder) {
        unsigned b = block;
        blockIdx = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
        runBlock();
    }
    running = nullptr;
}

void stopInWarp(Together together, Word* given, Place place, const void* code) { stop(place, Kind::Warp, together, given, code); }

void barrier(Place place) { stop(place, Kind::Barrier, nullptr, nullptr, __builtin_return_address(0)); }

unsigned char* dynamicShared() { return dynamic; }

bool inStack(const void* address) {
    const char* at = static_cast<const char*>(address);
    return current != nullptr && at >= current->stack && at < current->stack + STACK;
}

bool inDynamic(const void* address, long& at, long& bytes) {
    at = static_cast<const unsigned char*>(address) - dynamic;
    bytes = dynamicBytes;
    return at >= 0 && at < MOST_DYNAMIC;
}

}  // namespace emulated
