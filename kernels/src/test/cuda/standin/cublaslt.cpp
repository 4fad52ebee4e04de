// What CublasLt asks of cuBLASLt, on the host's memory and without haste: so that what is asked can be tested where there is no GPU. Numbers
// of attributes and types are those of cublasLt.h. It knows no way to a product with 13 columns, and fails at one with 17.
#include <cstdint>
#include <cstring>

struct Description {
    int compute, scale, transposeFirst, transposeSecond;
};
struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t stride;
};
struct Preference {
    uint64_t workspace;
    uint32_t alignment[4];
};
struct Result {
    uint64_t algorithm[8];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

const int F32 = 0, BF16 = 14, SUCCESS = 0, INVALID = 7, FAILED = 13, UNSUPPORTED = 15;

static float element(const void* data, int type, int64_t at) {
    if (type == F32) {
        return static_cast<const float*>(data)[at];
    }
    uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(data)[at]) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void store(void* data, int type, int64_t at, float value) {
    if (type == F32) {
        static_cast<float*>(data)[at] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, 4);
    static_cast<uint16_t*>(data)[at] = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

extern "C" {

int cublasLtCreate(void** handle) {
    *handle = new int(42);
    return SUCCESS;
}

int cublasLtDestroy(void* handle) {
    delete static_cast<int*>(handle);
    return SUCCESS;
}

int cublasLtMatmulDescCreate(Description** description, int compute, int scale) {
    *description = new Description{compute, scale, 0, 0};
    return compute == 68 && scale == F32 ? SUCCESS : INVALID;
}

int cublasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value, size_t bytes) {
    if (bytes != 4 || (attribute != 3 && attribute != 4)) {
        return INVALID;
    }
    memcpy(attribute == 3 ? &d->transposeFirst : &d->transposeSecond, value, 4);
    return SUCCESS;
}

int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    *layout = new Layout{type, rows, columns, stride};
    return SUCCESS;
}

int cublasLtMatmulPreferenceCreate(Preference** preference) {
    *preference = new Preference{};
    return SUCCESS;
}

int cublasLtMatmulPreferenceSetAttribute(Preference* p, int attribute, const void* value, size_t bytes) {
    if (attribute == 1 && bytes == 8) {
        memcpy(&p->workspace, value, 8);
        return SUCCESS;
    }
    if (attribute >= 5 && attribute <= 8 && bytes == 4) {
        memcpy(&p->alignment[attribute - 5], value, 4);
        return SUCCESS;
    }
    return INVALID;
}

int cublasLtMatmulAlgoGetHeuristic(
    void* handle, Description* d, Layout* a, Layout* b, Layout* c, Layout* result, Preference* p, int wanted, Result* found, int* count) {
    *count = 0;
    uint64_t inner = d->transposeFirst ? a->rows : a->columns;
    bool fits = *static_cast<int*>(handle) == 42 && wanted == 1 && c == result && p->workspace == 32 << 20 && p->alignment[0] >= 1 &&
                a->type == BF16 && b->type == BF16 && inner == (d->transposeSecond ? b->columns : b->rows) &&
                c->rows == (d->transposeFirst ? a->columns : a->rows) && c->columns == (d->transposeSecond ? b->rows : b->columns);
    if (!fits) {
        return INVALID;
    }
    if (c->rows == 13) {
        return UNSUPPORTED;
    }
    *found = Result{{1, 2, 3, 4, 5, 6, 7, 8}, 0, SUCCESS, 1, {}};
    *count = 1;
    return SUCCESS;
}

int cublasLtMatmul(
    void*, Description* d, const float* alpha, const void* a, Layout* la, const void* b, Layout* lb, const float* beta, const void* c, Layout* lc,
    void* result, Layout* lr, const uint64_t* algorithm, void* workspace, size_t workspaceBytes, void* stream) {
    if (c != result || lc != lr || algorithm[0] != 1 || algorithm[7] != 8 || workspaceBytes != 32 << 20 ||
        workspace != reinterpret_cast<void*>(0x1000) || stream != reinterpret_cast<void*>(0x2000)) {
        return INVALID;
    }
    if (lr->rows == 17) {
        return FAILED;
    }
    int64_t inner = d->transposeFirst ? la->rows : la->columns;
    for (int64_t j = 0; j < static_cast<int64_t>(lr->columns); j++) {
        for (int64_t i = 0; i < static_cast<int64_t>(lr->rows); i++) {
            float sum = 0;
            for (int64_t k = 0; k < inner; k++) {
                int64_t first = d->transposeFirst ? k + i * la->stride : i + k * la->stride;
                int64_t second = d->transposeSecond ? j + k * lb->stride : k + j * lb->stride;
                sum += element(a, la->type, first) * element(b, lb->type, second);
            }
            int64_t at = i + j * lr->stride;
            store(result, lr->type, at, *alpha * sum + (*beta == 0 ? 0 : *beta * element(c, lc->type, at)));
        }
    }
    return SUCCESS;
}

}  // extern "C"
