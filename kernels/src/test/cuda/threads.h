// How the threads of a grid run. Each is a fiber, and one runs at a time, until it must wait for others:
//
//   round  each lane of a warp runs once, to where it meets others next or to its end; if all have come to the same warp operation, what they
//          do together is done, and the next round begins
//   phase  each warp of the block goes through its rounds until all its lanes wait at a barrier or have ended; if all warps wait at the same
//          one, the next phase begins
//
// Lanes, warps and blocks have their turns forwards, backwards or in a mixed order. What two threads do with nothing to order it is thus done
// in both orders when a grid is run forwards and then backwards. Threads that come to different places are a fault: there are no deadlocks.
#pragma once

#include <string>

#include "emulated.h"

namespace emulated {

struct Kernel {
    std::string name;
    Thread thread;
    int parameterBytes;
    char* sharedStart;
    char* sharedStop;
};

const int MOST_THREADS = 1024;
const int MOST_DYNAMIC = 227 << 10;

struct Grid {
    const Kernel* kernel;
    unsigned x, y, z;
    int threads;
    int dynamicBytes;
    const char* parameters;
};

// Runs all blocks: forwards (0), backwards (1), or mixed up in a way of this number.
void run(const Grid& grid, int order);

// The kernel that runs, or null.
extern const Kernel* running;

// Waits for the other lanes of this thread's warp, the last of which may do something for all, or for all threads of the block.
void stopInWarp(Together together, Word* given, Place place, const void* code);

// Whether this address lies in dynamic shared memory, of which so many bytes are the block's.
bool inDynamic(const void* address, long& at, long& bytes);

// Whether it lies in what the thread that runs has for itself.
bool inStack(const void* address);

// Forgets the copies of threads that have not waited for them.
void dropCopies();

}  // namespace emulated
