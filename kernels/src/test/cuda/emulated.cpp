// A device without a GPU: a process that holds its memory and runs its kernels.
//
//     emulated FILE BYTES
//
// Memory lies in FILE, of so many bytes, which whoever gives the commands maps as well; here it begins at a fixed address. Commands come
// by standard input, answers go by standard output, all in numbers of eight bytes: see main.
//
// Checked is what a GPU would not forgive, or would not tell: reads and writes outside tensors and arrays and of tensors given back
// (address sanitizer), vectors that are not aligned (undefined behaviour sanitizer), barriers and warp operations that not all threads
// reach, or reach at different places, deadlocks, and, where a launch is run in several orders of its blocks and threads, results that
// depend on it. What nobody has written reads as all ones, which is NaN in F32 and BF16 alike: fresh tensors, a block's shared memory, and
// the target of an asynchronous copy until it has been waited for. The process ends at the first fault, with one line about it.
#include "emulated.h"

#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {
namespace {

// --- kernels ---

struct Kernel {
    std::string name;
    Thread thread;
    int parameterBytes;
    char* sharedStart;
    char* sharedStop;
};

std::vector<Kernel>& kernels() {
    static std::vector<Kernel> all;
    return all;
}

const Kernel* running = nullptr;

[[noreturn]] void fail(const char* format, ...) {
    fprintf(stderr, "emulated device: ");
    if (running != nullptr) {
        fprintf(stderr, "kernel %s, block %u, %u, %u, thread %u: ", running->name.c_str(), blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x);
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    fflush(stderr);
    _exit(3);
}

// What the sanitizers must not look at, or would only be slowed down by: memory is prepared, kept and compared whether it is poisoned or not.
void fillRaw(char* to, int byte, size_t bytes) { asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory"); }
void copyRaw(char* to, const char* from, size_t bytes) { asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory"); }

// --- threads ---

enum class State { New, Ready, Waiting, Done };
enum class Operation { None, Barrier, WarpBarrier, Exchange, Multiply, Load };

struct Copy {
    char* to;
    const char* from;
    int bytes;
    int group;
};

struct Fiber {
    State state;
    Operation operation;
    Place place;
    void* argument;  // of a warp operation, on the thread's own stack
    char* stack;
    void* top;
    int group;  // that copies belong to now
    std::vector<Copy> copies;
};

const size_t STACK = 128 << 10;  // and at least a page more than what kernels need
const int MOST_THREADS = 1024;

struct Warp {
    int arrived;         // lanes that wait in the operation under way
    int ended;
    const Fiber* first;  // of them
    int turn;            // which of the two the next exchange uses: a lane that is quick may not overwrite what others still read
    unsigned char exchanged[2][32][16];
};

std::vector<Fiber> fibers(MOST_THREADS);
std::vector<Warp> warps(MOST_THREADS / 32);
std::vector<char*> freeStacks;
int threads;
int current;
int alive;
int atBarrier;
const char* parameters;
void* schedulerTop;

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

void toScheduler() {
    Fiber& fiber = fibers[current];
    switchStacks(&fiber.top, schedulerTop);
}

__attribute__((no_sanitize("address"))) void begin() {
    running->thread(parameters);
    fibers[current].state = State::Done;
    toScheduler();
    __builtin_trap();
}

char* stack() {
    if (freeStacks.empty()) {
        char* memory = static_cast<char*>(mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (memory == MAP_FAILED) {
            fail("there is no memory for a thread's stack.");
        }
        mprotect(memory, 4096, PROT_NONE);
        return memory;
    }
    char* memory = freeStacks.back();
    freeStacks.pop_back();
    return memory;
}

// Stacks begin at places of their own within a page, as they would otherwise share a few sets of the first cache.
void prepare(Fiber& fiber) {
    fiber.stack = stack();
    size_t shift = reinterpret_cast<uintptr_t>(fiber.stack) / STACK % 32 * 128;
    void** top = reinterpret_cast<void**>(fiber.stack + STACK - shift);
    *--top = nullptr;  // where begin() would return to; also makes the stack as a call leaves it
    *--top = reinterpret_cast<void*>(begin);
    for (int i = 0; i < 6; i++) {
        *--top = nullptr;
    }
    fiber.top = top;
    fiber.state = State::Ready;
}

void releaseBarrier();

void resume(int thread) {
    current = thread;
    threadIdx = {static_cast<unsigned>(thread), 0, 0};
    Fiber& fiber = fibers[thread];
    if (fiber.state == State::New) {
        prepare(fiber);
    }
    switchStacks(&schedulerTop, fiber.top);
    if (fiber.state == State::Done) {
        freeStacks.push_back(fiber.stack);
        alive--;
        warps[thread / 32].ended++;
        if (warps[thread / 32].arrived > 0) {
            const Place& place = warps[thread / 32].first->place;
            fail("a lane of its warp has ended, and does not take part in %s:%d.", place.file, place.line);
        }
        releaseBarrier();
    }
}

bool same(const Fiber& one, const Fiber& other) {
    return one.operation == other.operation && one.place.line == other.place.line && one.place.file == other.place.file;
}

void go(Fiber& fiber) {
    fiber.state = State::Ready;
    fiber.operation = Operation::None;
}

// Threads that have ended are not waited for, as on a GPU.
void releaseBarrier() {
    if (atBarrier == 0 || atBarrier < alive) {
        return;
    }
    const Fiber* first = nullptr;
    for (int t = 0; t < threads; t++) {
        Fiber& fiber = fibers[t];
        if (fiber.state == State::Waiting && fiber.operation == Operation::Barrier) {
            if (first == nullptr) {
                first = &fiber;
            } else if (!same(*first, fiber)) {
                fail("threads wait at different barriers, in lines %d and %d of %s.", first->place.line, fiber.place.line, fiber.place.file);
            }
        }
    }
    for (int t = 0; t < threads; t++) {
        if (fibers[t].state == State::Waiting && fibers[t].operation == Operation::Barrier) {
            go(fibers[t]);
        }
    }
    atBarrier = 0;
}

// --- warp operations ---

struct Product {
    float* d;
    const unsigned* a;
    const unsigned* b;
};

struct Loaded {
    unsigned* result;
    unsigned char row[16];
    bool transposed;
};

float half(unsigned word, int which) { return wordAsFloat(which == 0 ? word << 16 : word & 0xffff0000u); }

void multiply(Fiber* warp) {
    double a[16][16], b[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const Product& p = *static_cast<Product*>(warp[lane].argument);
        int g = lane / 4, t = 2 * (lane % 4);
        for (int e = 0; e < 2; e++) {
            a[g][t + e] = half(p.a[0], e);
            a[g + 8][t + e] = half(p.a[1], e);
            a[g][t + 8 + e] = half(p.a[2], e);
            a[g + 8][t + 8 + e] = half(p.a[3], e);
            b[t + e][g] = half(p.b[0], e);
            b[t + 8 + e][g] = half(p.b[1], e);
        }
    }
    double d[16][8];
    for (int row = 0; row < 16; row++) {
        double sum[8] = {};
        for (int k = 0; k < 16; k++) {
            for (int column = 0; column < 8; column++) {
                sum[column] += a[row][k] * b[k][column];
            }
        }
        memcpy(d[row], sum, sizeof sum);
    }
    for (int lane = 0; lane < 32; lane++) {
        const Product& p = *static_cast<Product*>(warp[lane].argument);
        for (int e = 0; e < 4; e++) {
            int row = lane / 4 + e / 2 * 8, column = 2 * (lane % 4) + e % 2;
            p.d[e] = static_cast<float>(p.d[e] + d[row][column]);
        }
    }
}

void load(Fiber* warp) {
    for (int lane = 0; lane < 32; lane++) {
        Loaded& into = *static_cast<Loaded*>(warp[lane].argument);
        for (int matrix = 0; matrix < 4; matrix++) {
            unsigned short pair[2];
            for (int e = 0; e < 2; e++) {
                int row = into.transposed ? 2 * (lane % 4) + e : lane / 4;
                int column = into.transposed ? lane / 4 : 2 * (lane % 4) + e;
                memcpy(&pair[e], static_cast<Loaded*>(warp[8 * matrix + row].argument)->row + 2 * column, 2);
            }
            into.result[matrix] = pair[0] | static_cast<unsigned>(pair[1]) << 16;
        }
    }
}

// The last lane to come does the work for all.
void meet(Operation operation, Place place, void* argument) {
    Fiber& mine = fibers[current];
    mine.state = State::Waiting;
    mine.operation = operation;
    mine.place = place;
    mine.argument = argument;
    Warp& warp = warps[current / 32];
    if (warp.ended > 0) {
        fail("a lane of its warp has ended, and does not take part in %s:%d.", place.file, place.line);
    }
    if (warp.arrived == 0) {
        warp.first = &mine;
    } else if (!same(mine, *warp.first)) {
        fail("lanes of a warp wait at different places, in lines %d and %d of %s.", place.line, warp.first->place.line, place.file);
    }
    warp.arrived++;
    if (warp.arrived < 32) {
        toScheduler();
        return;
    }
    warp.arrived = 0;
    warp.turn ^= 1;
    Fiber* lanes = &fibers[current / 32 * 32];
    if (operation == Operation::Multiply) {
        multiply(lanes);
    } else if (operation == Operation::Load) {
        load(lanes);
    }
    for (int lane = 0; lane < 32; lane++) {
        go(lanes[lane]);
    }
}

// --- blocks ---

alignas(128) unsigned char dynamic[256 << 10];
int dynamicBytes;

// The places 0 to n - 1, in the order's order: forwards, backwards, or mixed up.
std::vector<int> inOrder(int n, int order, std::mt19937& random) {
    std::vector<int> all(n);
    for (int i = 0; i < n; i++) {
        all[i] = order == 1 ? n - 1 - i : i;
    }
    if (order > 1) {
        for (int i = n - 1; i > 0; i--) {
            std::swap(all[i], all[random() % (i + 1)]);
        }
    }
    return all;
}

void runBlock(const std::vector<int>& order) {
    fillRaw(running->sharedStart, 0xff, running->sharedStop - running->sharedStart);
    fillRaw(reinterpret_cast<char*>(dynamic), 0xff, dynamicBytes);
    for (int t = 0; t < threads; t++) {
        Fiber& fiber = fibers[t];
        fiber.state = State::New;
        fiber.operation = Operation::None;
        fiber.group = 0;
        fiber.copies.clear();
    }
    for (Warp& warp : warps) {
        warp.arrived = 0;
        warp.ended = 0;
    }
    alive = threads;
    atBarrier = 0;
    while (alive > 0) {
        bool progress = false;
        for (int t : order) {
            if (fibers[t].state == State::New || fibers[t].state == State::Ready) {
                resume(t);
                progress = true;
            }
        }
        if (!progress) {
            for (int t = 0; t < threads; t++) {
                if (fibers[t].state == State::Waiting) {
                    current = t;
                    threadIdx.x = t;
                    fail("waits for ever in %s:%d.", fibers[t].place.file, fibers[t].place.line);
                }
            }
        }
    }
}

void runGrid(int order) {
    std::mt19937 random(order);
    std::vector<int> ofThreads = inOrder(threads, order, random);
    int blocks = static_cast<int>(gridDim.x * gridDim.y * gridDim.z);
    for (int block : inOrder(blocks, order, random)) {
        unsigned b = block;
        blockIdx = {b % gridDim.x, b / gridDim.x % gridDim.y, b / gridDim.x / gridDim.y};
        runBlock(ofThreads);
    }
}

// --- memory ---

char* const BASE = reinterpret_cast<char*>(0x200000000000);
const uint64_t ALIGNMENT = 256;
const uint64_t REDZONE = 256;
const uint64_t AHEAD = 16 << 20;  // so much is poisoned beyond the end of what is used

uint64_t size;
uint64_t used = REDZONE;
uint64_t poisoned;
std::map<uint64_t, uint64_t> pieces;                // allocated, by offset, with their redzone
std::multimap<uint64_t, uint64_t> unusedBySize;     // given back, by size
std::map<uint64_t, uint64_t> taken;                 // what may be read and written, by offset

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
        ASAN_POISON_MEMORY_REGION(BASE + poisoned, more);
        poisoned += more;
    }
    pieces[at] = whole;
    return reinterpret_cast<int64_t>(BASE + at);
}

void give(char* address, uint64_t bytes) {
    ASAN_POISON_MEMORY_REGION(address, bytes);
    uint64_t from = address - BASE;
    taken.erase(taken.lower_bound(from), taken.lower_bound(from + bytes));
}

void free(char* address) {
    auto piece = pieces.find(address - BASE);
    if (piece == pieces.end()) {
        fail("memory is given back that was never allocated.");
    }
    unusedBySize.emplace(piece->second, piece->first);
    give(address, piece->second);
    pieces.erase(piece);
}

void take(char* address, uint64_t bytes) {
    if (bytes > 0) {
        ASAN_UNPOISON_MEMORY_REGION(address, bytes);
        fillRaw(address, 0xff, bytes);
        taken[address - BASE] = bytes;
    }
}

// Tensors a launch can reach: those its parameters point into.
using Ranges = std::map<uint64_t, uint64_t>;

Ranges reachable() {
    Ranges found;
    for (int i = 0; i + 8 <= running->parameterBytes; i += 8) {
        uint64_t value;
        memcpy(&value, parameters + i, 8);
        uint64_t at = value - reinterpret_cast<uint64_t>(BASE);
        auto range = at < size ? taken.upper_bound(at) : taken.begin();
        if (range != taken.begin()) {
            found.insert(*std::prev(range));
        }
    }
    return found;
}

std::vector<char> snapshot(const Ranges& ranges) {
    uint64_t total = 0;
    for (auto& range : ranges) {
        total += range.second;
    }
    std::vector<char> all(total);
    char* to = all.data();
    for (auto& range : ranges) {
        copyRaw(to, BASE + range.first, range.second);
        to += range.second;
    }
    return all;
}

void restore(const Ranges& ranges, const std::vector<char>& all) {
    const char* from = all.data();
    for (auto& range : ranges) {
        copyRaw(BASE + range.first, from, range.second);
        from += range.second;
    }
}

void compare(const Ranges& ranges, const std::vector<char>& one, const std::vector<char>& other) {
    if (one == other) {
        return;
    }
    uint64_t at = 0;
    for (auto& range : ranges) {
        for (uint64_t i = 0; i < range.second; i++, at++) {
            if (one[at] != other[at]) {
                threadIdx.x = 0;
                blockIdx = {0, 0, 0};
                fail("the result depends on the order of blocks and threads, first in byte %llu of %llu of a tensor.",
                     static_cast<unsigned long long>(i), static_cast<unsigned long long>(range.second));
            }
        }
    }
}

// --- commands ---

int orders = 1;

void readAll(void* to, size_t bytes) {
    char* at = static_cast<char*>(to);
    while (bytes > 0) {
        ssize_t n = read(0, at, bytes);
        if (n <= 0) {
            _exit(0);  // whoever gave the commands is gone
        }
        at += n;
        bytes -= n;
    }
}

int64_t number() {
    int64_t value;
    readAll(&value, sizeof value);
    return value;
}

char* place() { return reinterpret_cast<char*>(number()); }

void answer(int64_t value) {
    if (write(1, &value, sizeof value) != sizeof value) {
        _exit(0);
    }
}

int64_t find() {
    std::string name(number(), ' ');
    readAll(&name[0], name.size());
    for (size_t i = 0; i < kernels().size(); i++) {
        if (kernels()[i].name == name) {
            return static_cast<int64_t>(i);
        }
    }
    return -1;
}

void launch() {
    running = &kernels().at(number());
    unsigned x = static_cast<unsigned>(number()), y = static_cast<unsigned>(number()), z = static_cast<unsigned>(number());
    threads = static_cast<int>(number());
    dynamicBytes = static_cast<int>(number());
    std::vector<char> given(number());
    readAll(given.data(), given.size());
    parameters = given.data();
    gridDim = {x, y, z};
    blockDim = {static_cast<unsigned>(threads), 1, 1};
    if (static_cast<int>(given.size()) != running->parameterBytes) {
        fail("its parameters take %d bytes, and it was given %zu.", running->parameterBytes, given.size());
    }
    if (threads < 32 || threads > MOST_THREADS || threads % 32 != 0 || x == 0 || y == 0 || z == 0 || y > 65535 || z > 65535) {
        fail("a grid of %u x %u x %u blocks of %d threads is none.", x, y, z, threads);
    }
    if (dynamicBytes > 227 << 10) {
        fail("%d bytes of shared memory are more than a block has.", dynamicBytes);
    }
    ASAN_UNPOISON_MEMORY_REGION(dynamic, sizeof dynamic);
    ASAN_POISON_MEMORY_REGION(dynamic + dynamicBytes, sizeof dynamic - dynamicBytes);
    if (orders == 1) {
        runGrid(0);
    } else {
        Ranges ranges = reachable();
        std::vector<char> before = snapshot(ranges);
        runGrid(0);
        std::vector<char> first = snapshot(ranges);
        for (int order = 1; order < orders; order++) {
            restore(ranges, before);
            runGrid(order);
            compare(ranges, first, snapshot(ranges));
        }
    }
    running = nullptr;
}

void serve() {
    for (;;) {
        switch (number()) {
            case 1: answer(allocate(number())); break;
            case 2: free(place()); break;
            case 3: { char* at = place(); take(at, number()); break; }
            case 4: { char* at = place(); give(at, number()); break; }
            case 5: launch(); break;
            case 6: answer(0); break;
            case 7: answer(find()); break;
            case 8: orders = static_cast<int>(number()); break;
            case 9: { char* at = place(); int byte = static_cast<int>(number()); fillRaw(at, byte, number()); break; }
            case 10: { char* from = place(); char* to = place(); copyRaw(to, from, number()); break; }
            default: fail("this is no command.");
        }
    }
}

}  // namespace

void add(const char* name, Thread thread, int parameterBytes, char* sharedStart, char* sharedStop) {
    kernels().push_back({name, thread, parameterBytes, sharedStart, sharedStop});
}

void barrier(Place place) {
    Fiber& mine = fibers[current];
    mine.state = State::Waiting;
    mine.operation = Operation::Barrier;
    mine.place = place;
    atBarrier++;
    releaseBarrier();
    if (mine.state == State::Waiting) {
        toScheduler();
    }
}

void warpBarrier(Place place) { meet(Operation::WarpBarrier, place, nullptr); }

const unsigned char* exchange(const void* given, size_t bytes, Place place) {
    Warp& warp = warps[current / 32];
    auto& values = warp.exchanged[warp.turn];
    memcpy(values[current % 32], given, bytes);
    meet(Operation::Exchange, place, nullptr);
    return values[0];
}

void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    Product mine{d, a, b};
    meet(Operation::Multiply, {"multiplyTile", 0}, &mine);
}

void loadMatrices(unsigned (&r)[4], const void* row, bool transposed) {
    if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
        fail("loadMatrices from an address that is no multiple of 16.");
    }
    Loaded mine{r, {}, transposed};
    memcpy(mine.row, row, 16);
    meet(Operation::Load, {transposed ? "loadMatricesTransposed" : "loadMatrices", 0}, &mine);
}

void copyAsync(void* shared, const void* global, int bytes) {
    if (reinterpret_cast<uintptr_t>(shared) % 16 != 0 || reinterpret_cast<uintptr_t>(global) % 16 != 0) {
        fail("copyAsync with an address that is no multiple of 16.");
    }
    if (bytes < 0 || bytes > 16) {
        fail("copyAsync of %d bytes.", bytes);
    }
    memset(shared, 0xff, 16);
    Fiber& mine = fibers[current];
    mine.copies.push_back({static_cast<char*>(shared), static_cast<const char*>(global), bytes, mine.group});
}

void endCopies() { fibers[current].group++; }

void awaitCopies(int left) {
    Fiber& mine = fibers[current];
    std::vector<Copy> later;
    for (const Copy& copy : mine.copies) {
        if (copy.group < mine.group - left) {
            memset(copy.to, 0, 16);
            memcpy(copy.to, copy.from, copy.bytes);
        } else {
            later.push_back(copy);
        }
    }
    mine.copies.swap(later);
}

unsigned char* dynamicShared() { return dynamic; }

}  // namespace emulated

// Before address sanitizer's own report.
extern "C" void __asan_on_error() {
    if (emulated::running != nullptr) {
        fprintf(stderr, "emulated device: kernel %s, block %u, %u, %u, thread %u: memory is used that is not its own.\n",
                emulated::running->name.c_str(), blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x);
    }
}

int main(int count, char** arguments) {
    if (count != 3) {
        fprintf(stderr, "emulated device: give a file and its size.\n");
        return 2;
    }
    emulated::size = strtoull(arguments[2], nullptr, 10);
    int file = open(arguments[1], O_RDWR);
    void* at = file < 0 ? MAP_FAILED
                        : mmap(emulated::BASE, emulated::size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, file, 0);
    if (at != emulated::BASE) {
        emulated::fail("%s cannot be mapped.", arguments[1]);
    }
    emulated::serve();
}
