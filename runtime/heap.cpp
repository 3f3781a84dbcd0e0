#include "runtime/heap.h"

#include <malloc.h>

namespace afnet {

void keep_freed_memory() {
#ifdef __GLIBC__
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20); // the largest that glibc takes
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

void give_back_freed_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

} // namespace afnet
