// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/kernel_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

namespace holdfast::drill {
namespace {

// libbpf's own words go to standard error only if they are warnings.
[[gnu::format(printf, 2, 0)]] int print_warnings(libbpf_print_level level, const char* format,
                                                 va_list arguments) {
  return level == LIBBPF_WARN ? std::vfprintf(stderr, format, arguments) : 0;
}

Result<MappedMemory> memory_of(const bpf_map* map) {
  const size_t size = size_t{bpf_map__max_entries(map)} * bpf_map__value_size(map);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) {
    return fail_system("cannot map " + std::string(bpf_map__name(map)), errno);
  }
  return MappedMemory(MutableBytes(static_cast<uint8_t*>(memory), size));
}

}  // namespace

MappedMemory::~MappedMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

void KernelProgram::Close::operator()(bpf_object* object) const { bpf_object__close(object); }
void KernelProgram::Close::operator()(bpf_link* link) const { bpf_link__destroy(link); }

KernelProgram::KernelProgram(std::unique_ptr<bpf_object, Close> object, std::string name)
    : object_(std::move(object)), name_(std::move(name)) {}

Result<KernelProgram> KernelProgram::open(Bytes object, std::string name) {
  libbpf_set_print(print_warnings);
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  options.object_name = name.c_str();
  bpf_object* opened = bpf_object__open_mem(object.data(), object.size(), &options);
  if (opened == nullptr) return fail_system("cannot open the program " + name, errno);
  return KernelProgram(std::unique_ptr<bpf_object, Close>(opened), std::move(name));
}

Result<bpf_map*> KernelProgram::find_map(const char* map) const {
  bpf_map* found = bpf_object__find_map_by_name(object_.get(), map);
  if (found == nullptr) return fail("the program " + name_ + " has no map " + map);
  return found;
}

Result<bpf_map*> KernelProgram::find_section_map(std::string_view section) const {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_.get()) {
    if (std::string_view(bpf_map__name(map)).ends_with(section)) return map;
  }
  return fail("the program " + name_ + " has no " + std::string(section));
}

Result<void> KernelProgram::set_constants(Bytes constants) {
  bpf_map* map = TRY(find_section_map(".rodata"));
  size_t size = 0;
  bpf_map__initial_value(map, &size);
  if (size < constants.size()) return fail("the program " + name_ + " has other constants");
  std::vector<uint8_t> padded(size);
  std::memcpy(padded.data(), constants.data(), constants.size());
  const int error = bpf_map__set_initial_value(map, padded.data(), size);
  if (error != 0) return fail_system("cannot set constants of " + name_, -error);
  return {};
}

Result<void> KernelProgram::resize(const char* map, uint32_t entries, uint32_t value_bytes) {
  bpf_map* found = TRY(find_map(map));
  int error = bpf_map__set_max_entries(found, entries);
  if (error == 0 && value_bytes != 0) error = bpf_map__set_value_size(found, value_bytes);
  if (error != 0) return fail_system("cannot resize the map " + std::string(map), -error);
  return {};
}

Result<void> KernelProgram::share(const char* map, int other_map_fd) {
  bpf_map* found = TRY(find_map(map));
  const int error = bpf_map__reuse_fd(found, other_map_fd);
  if (error != 0) return fail_system("cannot share the map " + std::string(map), -error);
  return {};
}

Result<void> KernelProgram::load(const char* function) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_.get()) {
    bpf_program__set_autoload(program, std::string_view(bpf_program__name(program)) == function);
  }
  function_ = function;
  const int error = bpf_object__load(object_.get());
  if (error != 0) {
    return fail_system("cannot load the program " + name_ + " into the kernel", -error);
  }
  return {};
}

int KernelProgram::program_fd() const {
  return bpf_program__fd(bpf_object__find_program_by_name(object_.get(), function_.c_str()));
}

Result<int> KernelProgram::map_fd(const char* map) const { return bpf_map__fd(TRY(find_map(map))); }

Result<MappedMemory> KernelProgram::map_memory(const char* map) const {
  return memory_of(TRY(find_map(map)));
}

Result<MappedMemory> KernelProgram::variables() const {
  return memory_of(TRY(find_section_map(".bss")));
}

Result<void> KernelProgram::attach(unsigned interface_index) {
  bpf_program* program = bpf_object__find_program_by_name(object_.get(), function_.c_str());
  bpf_link* link = bpf_program__attach_xdp(program, static_cast<int>(interface_index));
  if (link == nullptr) return fail_system("cannot attach " + name_ + " to the interface", errno);
  link_.reset(link);
  return {};
}

Result<void> KernelProgram::set_on(unsigned interface_index) {
  const int error =
      bpf_xdp_attach(static_cast<int>(interface_index), program_fd(), XDP_FLAGS_DRV_MODE, nullptr);
  if (error != 0) return fail_system("cannot set " + name_ + " on the interface", -error);
  return {};
}

}  // namespace holdfast::drill
