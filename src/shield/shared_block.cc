// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/shared_block.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

namespace holdfast::shield {

Result<SharedMapping> map_shared_block(size_t bytes, const char* what, SharedWith with) {
  if (with == SharedWith::processes) {
    return SharedMapping{TRY(map_shared_memory(bytes, what)), UniqueFd()};
  }
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, what, sizeof(uint32_t),
                              static_cast<uint32_t>(bytes), 1, &options));
  if (map.valid()) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map.get(), 0);
    if (at != MAP_FAILED) return SharedMapping{at, std::move(map)};
  }
  return SharedMapping{TRY(map_shared_memory(bytes, what)), UniqueFd()};
}

}  // namespace holdfast::shield
