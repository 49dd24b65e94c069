// SPDX-License-Identifier: GPL-3.0-or-later
// `holdfast drill`: what this server, or another one, would do on the day of an attack.
//
// Each run happens in a laboratory of its own, which this program makes around itself and removes
// whatever happens (drill/sealed_command.h). The part that runs within it is drill_inside.h.
#pragma once

#include "main/command_line.h"
#include "main/exit_code.h"

namespace holdfast {

[[nodiscard]] ExitCode drill_server(const Invocation& invocation);

}  // namespace holdfast
