// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/awake_processors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>

namespace holdfast::drill {

AwakeProcessors::AwakeProcessors() : request_(open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC)) {
  const int32_t latency_us_max = 0;
  if (!request_.valid()) return;
  if (write(request_.get(), &latency_us_max, sizeof latency_us_max) != sizeof latency_us_max) {
    request_.reset();
  }
}

}  // namespace holdfast::drill
