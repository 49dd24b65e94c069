// SPDX-License-Identifier: GPL-3.0-or-later
// Any packet has a likeness, and its id does not matter.
#include <vector>

#include "base/check.h"
#include "shield/likeness.h"

using namespace holdfast;
using namespace holdfast::shield;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const LikenessKey key{1, 2, 3, 4};
  const Likeness likeness = likeness_of(Bytes(data, size), key);
  CHECK(likeness.count == 2 || likeness.count == 3);
  if (size < 2) return 0;
  std::vector<uint8_t> other(data, data + size);
  other[0] ^= 0xFF;
  other[1] ^= 0x55;
  const Likeness same = likeness_of(other, key);
  for (size_t i = 0; i < likeness.count; ++i) CHECK(same.marks[i].hash == likeness.marks[i].hash);
  return 0;
}
