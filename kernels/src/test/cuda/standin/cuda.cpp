// What JcudaDriver asks of NVIDIA's driver, without a GPU: so that it can be tested. Memory is the host's, kernels are our own, run by
// threads.cpp without its checks, and everything is done when it is asked for. LOWRANK_STANDIN says what is wrong with it, in words with
// numbers behind them:
//
//     version=V       of CUDA that the driver is for, 13000
//     devices=N       how many GPUs there are, 1
//     capability=C    the first number of theirs, 9
//     memory=BYTES    that each has, 1 GiB
//     fail=N          the N-th launch fails, and everything after it, as a GPU that is lost does
//     start=CODE      cuInit's answer
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "../faults.h"
#include "../memory.h"
#include "../threads.h"

namespace {

const int SUCCESS = 0, INVALID = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500, ILLEGAL_ADDRESS = 700;
const int MULTIPROCESSORS = 16, CAPABILITY = 75;  // numbers of attributes

long setting(const char* name, long usual) {
    const char* all = getenv("LOWRANK_STANDIN");
    const char* at = all == nullptr ? nullptr : strstr(all, name);
    return at == nullptr ? usual : atol(at + strlen(name));
}

struct Function {
    emulated::Kernel kernel;
    std::vector<int> sizes;
    int mostShared = 48 << 10;
};

std::map<std::string, Function>& functions() {
    static std::map<std::string, Function> all;
    return all;
}

std::map<void*, size_t> pieces;
size_t held;
long launches;
bool lost;

int state() { return lost ? ILLEGAL_ADDRESS : SUCCESS; }

size_t whole() { return setting("memory=", 1L << 30); }

}  // namespace

namespace emulated {

void add(const char* name, Thread thread, Sizes sizes, char* sharedStart, char* sharedStop) {
    Function function;
    function.kernel = {name, thread, 0, sharedStart, sharedStop};
    function.sizes.assign(sizes.first, sizes.first + sizes.count);
    functions()[name] = function;
}

// --- what threads.cpp and warp.cpp ask of the device's process ---

void failAt(const void*, const char* sentence, ...) {
    va_list arguments;
    va_start(arguments, sentence);
    vfprintf(stderr, sentence, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    abort();
}

void fail(const char* what) { failAt(nullptr, "%s", what); }

void failAccess(const void*, const void*, long, bool) { failAt(nullptr, "memory is used that is not its own."); }

std::string where(const void*) { return ""; }

bool inDevice(const void*) { return true; }

std::string nearestTensor(const void*) { return ""; }

}  // namespace emulated

extern "C" {

void __asan_poison_memory_region(const volatile void*, size_t) {}
void __asan_unpoison_memory_region(const volatile void*, size_t) {}
void* __asan_region_is_poisoned(void*, size_t) { return nullptr; }

int cuInit(unsigned) { return static_cast<int>(setting("start=", SUCCESS)); }

int cuDriverGetVersion(int* version) {
    *version = static_cast<int>(setting("version=", 13000));
    return SUCCESS;
}

int cuDeviceGetCount(int* count) {
    *count = static_cast<int>(setting("devices=", 1));
    return SUCCESS;
}

int cuDeviceGet(int* device, int number) {
    *device = number;
    return SUCCESS;
}

int cuDeviceGetName(char* name, int bytes, int device) {
    snprintf(name, bytes, "Stand-in %d", device);
    return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t* bytes, int) {
    *bytes = whole();
    return SUCCESS;
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == MULTIPROCESSORS ? 2 : attribute == CAPABILITY ? static_cast<int>(setting("capability=", 9)) : -1;
    return *value < 0 ? INVALID : SUCCESS;
}

int cuDevicePrimaryCtxRetain(void** context, int) {
    *context = reinterpret_cast<void*>(0x1000);
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

int cuCtxSetCurrent(void* context) { return context == reinterpret_cast<void*>(0x1000) ? state() : INVALID; }

int cuModuleLoadData(void** module, const void* image) {
    *module = reinterpret_cast<void*>(0x2000);
    unsigned word;
    memcpy(&word, image, 4);
    return word == 0xba55ed50 ? SUCCESS : INVALID;  // how a fat binary begins
}

int cuModuleUnload(void*) { return SUCCESS; }

int cuModuleGetFunction(Function** function, void*, const char* name) {
    auto found = functions().find(name);
    if (found == functions().end()) {
        return NOT_FOUND;
    }
    *function = &found->second;
    return SUCCESS;
}

int cuMemAlloc_v2(void** address, size_t bytes) {
    if (lost) {
        return ILLEGAL_ADDRESS;
    }
    if (held + bytes > whole()) {
        return OUT_OF_MEMORY;
    }
    *address = aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(*address, 0xff, bytes);
    pieces[*address] = bytes;
    held += bytes;
    return SUCCESS;
}

int cuMemFree_v2(void* address) {
    auto piece = pieces.find(address);
    if (piece == pieces.end()) {
        return INVALID;
    }
    held -= piece->second;
    pieces.erase(piece);
    free(address);
    return state();
}

int cuMemGetInfo_v2(size_t* unused, size_t* all) {
    *all = whole();
    *unused = *all - held;
    return state();
}

int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
    *address = aligned_alloc(4096, bytes);
    return SUCCESS;
}

int cuMemFreeHost(void* address) {
    free(address);
    return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, void*) {
    memcpy(to, from, bytes);
    return state();
}

int cuMemcpyDtoHAsync_v2(void* to, const void* from, size_t bytes, void*) {
    memcpy(to, from, bytes);
    return state();
}

int cuMemcpyDtoDAsync_v2(void* to, const void* from, size_t bytes, void*) {
    memmove(to, from, bytes);
    return state();
}

int cuMemsetD8Async(void* to, unsigned char value, size_t bytes, void*) {
    memset(to, value, bytes);
    return state();
}

int cuFuncSetAttribute(Function* function, int attribute, int value) {
    if (attribute != 8 || value > emulated::MOST_DYNAMIC) {
        return INVALID;
    }
    function->mostShared = value;
    return SUCCESS;
}

int cuLaunchKernel(
    Function* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz, unsigned shared, void*, void** parameters,
    void** extra) {
    if (lost || ++launches == setting("fail=", -1)) {
        lost = true;
        return ILLEGAL_ADDRESS;
    }
    if (ty != 1 || tz != 1 || extra != nullptr || static_cast<int>(shared) > function->mostShared || threads % 32 != 0 || threads > 1024) {
        return INVALID;
    }
    char packed[4096];
    char* at = packed;
    for (size_t i = 0; i < function->sizes.size(); i++) {
        memcpy(at, parameters[i], function->sizes[i]);
        at += (function->sizes[i] + 7) / 8 * 8;
    }
    emulated::run({&function->kernel, x, y, z, static_cast<int>(threads), static_cast<int>(shared), packed}, 0);
    return SUCCESS;
}

int cuStreamCreate(void** stream, unsigned) {
    *stream = reinterpret_cast<void*>(0x3000);
    return SUCCESS;
}

int cuStreamDestroy_v2(void*) { return SUCCESS; }

int cuStreamSynchronize(void*) { return state(); }

int cuEventCreate(void** event, unsigned) {
    *event = reinterpret_cast<void*>(0x4000);
    return SUCCESS;
}

int cuEventRecord(void*, void*) { return state(); }

int cuEventSynchronize(void*) { return state(); }

int cuEventDestroy_v2(void*) { return SUCCESS; }

int cuGetErrorString(int code, const char** text) {
    *text = code == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : code == 803 ? "system has unsupported display driver" : nullptr;
    return *text == nullptr ? INVALID : SUCCESS;
}

}  // extern "C"
