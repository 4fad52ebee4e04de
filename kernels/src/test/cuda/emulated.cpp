// A device without a GPU: a process that holds its memory and runs its kernels.
//
//     emulated FILE BYTES SECONDS
//
// Memory lies in FILE, of so many bytes, which whoever gives the commands maps as well; here it begins at a fixed address. Commands come
// by standard input, answers go by standard output, all in numbers of eight bytes: see serve. A kernel that runs for so many seconds is
// taken for one that never ends.
//
// Checked is what a GPU would not forgive, or would not tell: reads and writes outside tensors and arrays and of tensors given back
// (address sanitizer), vectors that are not aligned (undefined behaviour sanitizer), barriers and warp operations that not all threads
// reach, or reach at different places, and, where a launch is run in several orders of its blocks and threads, results that depend on it.
// What nobody has written reads as all ones, which is NaN in F32 and BF16 alike: fresh tensors, a block's shared memory, and the target of an
// asynchronous copy until it has been waited for. The process ends at the first fault, with one line about it.
#include "emulated.h"

#include <sanitizer/asan_interface.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "faults.h"
#include "memory.h"
#include "threads.h"

namespace emulated {
namespace {

std::vector<Kernel>& kernels() {
    static std::vector<Kernel> all;
    return all;
}

// --- launches ---

int orders = 1;
char parameters[4096];

// A tensor that a launch can reach, as it was before and, if that changed it, as the first order left it.
struct Reached {
    Tensor tensor;
    std::vector<char> before, after;
    bool changed;
};
std::vector<Reached> reached;
size_t tensors;  // that many of them

// Those that the parameters point into.
void findTensors(int bytes) {
    tensors = 0;
    for (int i = 0; i + 8 <= bytes; i += 8) {
        char* address;
        memcpy(&address, parameters + i, 8);
        Tensor tensor = tensorAt(address);
        auto same = [&](const Reached& other) { return other.tensor.begin == tensor.begin; };
        if (tensor.bytes > 0 && std::none_of(reached.begin(), reached.begin() + tensors, same)) {
            if (tensors == reached.size()) {
                reached.emplace_back();
            }
            reached[tensors++].tensor = tensor;
        }
    }
}

void keep(const Tensor& tensor, std::vector<char>& copy) {
    if (copy.size() < tensor.bytes) {
        copy.resize(tensor.bytes);
    }
    copyRaw(copy.data(), tensor.begin, tensor.bytes);
}

bool differs(const Tensor& tensor, const std::vector<char>& copy) { return memcmp(copy.data(), tensor.begin, tensor.bytes) != 0; }

void runInOrders(const Grid& grid) {
    findTensors(grid.kernel->parameterBytes);
    for (size_t i = 0; i < tensors; i++) {
        keep(reached[i].tensor, reached[i].before);
    }
    run(grid, 0);
    for (size_t i = 0; i < tensors; i++) {
        Reached& each = reached[i];
        each.changed = differs(each.tensor, each.before);
        if (each.changed) {
            keep(each.tensor, each.after);
        }
    }
    for (int order = 1; order < orders; order++) {
        for (size_t i = 0; i < tensors; i++) {
            if (reached[i].changed) {
                copyRaw(reached[i].tensor.begin, reached[i].before.data(), reached[i].tensor.bytes);
            }
        }
        run(grid, order);
        for (size_t i = 0; i < tensors; i++) {
            const Tensor& tensor = reached[i].tensor;
            const std::vector<char>& first = reached[i].changed ? reached[i].after : reached[i].before;
            if (differs(tensor, first)) {
                uint64_t at = std::mismatch(tensor.begin, tensor.begin + tensor.bytes, first.begin()).first - tensor.begin;
                failAt(nullptr, "finds that the result of kernel %s depends on the order of blocks and threads, first in byte %lu of a tensor of %lu.",
                       grid.kernel->name.c_str(), static_cast<unsigned long>(at), static_cast<unsigned long>(tensor.bytes));
            }
        }
    }
}

void launch(const Grid& grid) {
    const char* name = grid.kernel->name.c_str();
    if (grid.threads < 32 || grid.threads > MOST_THREADS || grid.threads % 32 != 0 || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
        grid.y > 65535 || grid.z > 65535) {
        failAt(nullptr, "cannot run kernel %s on %u x %u x %u blocks of %d threads.", name, grid.x, grid.y, grid.z, grid.threads);
    }
    if (grid.dynamicBytes < 0 || grid.dynamicBytes > MOST_DYNAMIC) {
        failAt(nullptr, "cannot run kernel %s: %d bytes of shared memory are more than a block has.", name, grid.dynamicBytes);
    }
    if (orders == 1) {
        run(grid, 0);
    } else {
        runInOrders(grid);
    }
}

// --- commands ---

char received[1 << 16];
size_t receivedFrom, receivedTo;

void receive(void* to, size_t bytes) {
    for (char* at = static_cast<char*>(to); bytes > 0;) {
        if (receivedFrom == receivedTo) {
            ssize_t n = read(0, received, sizeof received);
            if (n <= 0) {
                _exit(0);  // whoever gave the commands is gone
            }
            receivedFrom = 0;
            receivedTo = n;
        }
        size_t part = std::min(bytes, receivedTo - receivedFrom);
        copyRaw(at, received + receivedFrom, part);
        receivedFrom += part;
        at += part;
        bytes -= part;
    }
}

int64_t number() {
    int64_t value;
    receive(&value, sizeof value);
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
    receive(&name[0], name.size());
    for (size_t i = 0; i < kernels().size(); i++) {
        if (kernels()[i].name == name) {
            return static_cast<int64_t>(i);
        }
    }
    return -1;
}

void launch() {
    Grid grid{};
    grid.kernel = &kernels().at(number());
    grid.x = static_cast<unsigned>(number());
    grid.y = static_cast<unsigned>(number());
    grid.z = static_cast<unsigned>(number());
    grid.threads = static_cast<int>(number());
    grid.dynamicBytes = static_cast<int>(number());
    grid.parameters = parameters;
    int64_t bytes = number();
    if (bytes != grid.kernel->parameterBytes || bytes > static_cast<int64_t>(sizeof parameters)) {
        failAt(nullptr, "gives kernel %s %ld bytes of parameters, and it takes %d.", grid.kernel->name.c_str(), static_cast<long>(bytes),
               grid.kernel->parameterBytes);
    }
    receive(parameters, bytes);
    launch(grid);
}

void upload() {
    char* to = place();
    receive(to, number());
}

void take() {
    char* at = place();
    emulated::take(at, number());
}

void give() {
    char* at = place();
    emulated::give(at, number());
}

void fill() {
    char* at = place();
    int byte = static_cast<int>(number());
    fillRaw(at, byte, number());
}

void copy() {
    char* from = place();
    char* to = place();
    copyRaw(to, from, number());
}

void serve() {
    for (;;) {
        switch (number()) {
            case 1: answer(allocate(number())); break;
            case 2: free(place()); break;
            case 3: take(); break;
            case 4: give(); break;
            case 5: launch(); break;
            case 6: answer(0); break;
            case 7: answer(find()); break;
            case 8: orders = static_cast<int>(number()); break;
            case 9: fill(); break;
            case 10: copy(); break;
            case 11: upload(); break;
            default: failAt(nullptr, "is given what is no command.");
        }
    }
}

}  // namespace

void add(const char* name, Thread thread, Sizes sizes, char* sharedStart, char* sharedStop) {
    int bytes = 0;
    for (int i = 0; i < sizes.count; i++) {
        bytes += (sizes.first[i] + 7) / 8 * 8;
    }
    kernels().push_back({name, thread, bytes, sharedStart, sharedStop});
}

}  // namespace emulated

int main(int count, char** arguments) {
    if (count != 4) {
        emulated::failAt(nullptr, "wants a file, its bytes, and how many seconds a kernel may run.");
    }
    if (!emulated::map(arguments[1], strtoull(arguments[2], nullptr, 10))) {
        emulated::failAt(nullptr, "cannot map %s.", arguments[1]);
    }
    emulated::watch(atoi(arguments[3]));
    emulated::serve();
}
