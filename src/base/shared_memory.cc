// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/shared_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <string>

namespace holdfast {

Result<void*> map_shared_memory(size_t bytes, const char* what) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return fail_system("map " + std::to_string(bytes) + " bytes of shared memory for " + what,
                       errno);
  }
  return at;
}

void unmap_shared_memory(void* at, size_t bytes) { munmap(at, bytes); }

}  // namespace holdfast
