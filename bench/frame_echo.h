// SPDX-License-Identifier: GPL-3.0-or-later
// Turns a question's frame into its answer's, in place.
#pragma once

#include "base/bytes.h"

namespace holdfast::bench {

// `room` begins with the question's frame of `frame_bytes`, which the floor's program has looked
// at. The answer's DNS message is `answer_bytes` long, or if 0 as long as the question's; what is
// added is whatever stood there. Gives the answer's frame length, 0 if there is no room for it.
[[nodiscard]] size_t turn_frame_around(MutableBytes room, size_t frame_bytes, size_t answer_bytes);

}  // namespace holdfast::bench
