// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/program_memory.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <cerrno>
#include <string>

namespace holdfast::shield {

Result<UniqueFd> share_with_programs(void* at, size_t bytes, const char* name) {
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.map_flags = BPF_F_MMAPABLE;
  UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t),
                              static_cast<uint32_t>(bytes), 1, &options));
  if (!map.valid() && (errno == EPERM || errno == EACCES)) {
    return fail("memory for the XDP program needs root, or CAP_BPF");
  }
  if (!map.valid()) return fail_system(std::string("make a map of BPF for ") + name, errno);
  const void* mapped =
      mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, map.get(), 0);
  if (mapped == MAP_FAILED) return fail_system(std::string("map ") + name, errno);
  return map;
}

}  // namespace holdfast::shield
