# SPDX-License-Identifier: GPL-3.0-or-later
# The way of a query goes through many small functions of several modules. In the program that runs
# it, and in those that measure it, these are optimised together at link time, which saves a sixth
# of its instructions. Objects hold both forms, so that all other programs link as quickly as ever.
set(holdfast_together ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR HOLDFAST_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL
                                                                    "Debug")
  set(holdfast_together OFF)
else()
  # mold takes what holds both forms for the linker's plugin unless it is told not to. Where it is,
  # a later -flto=auto would not bring the plugin back, so it is one or the other.
  add_link_options("$<IF:$<BOOL:$<TARGET_PROPERTY:HOLDFAST_TOGETHER>>,-flto=auto,-fno-lto>")
endif()
set(holdfast_together_files
  "answer/[a-z_]+|server/(query_path|pass_on)"
  "wire/(name|name_hash|query|rdata|response_writer|types)"
  "zone/(layout|name_search|ordered_index|order_key|view)|exchange/counters"
  "shield/(admission|rate_table|source_history|worker_shield|zone_watch)"
  "transport/(udp|xdp_batch|xdp_frame|xdp_queue)")
list(JOIN holdfast_together_files "|" holdfast_together_files)

# For sources of a module's library.
function(holdfast_compile_for_together)
  if(NOT holdfast_together)
    return()
  endif()
  foreach(source ${ARGN})
    if(source MATCHES "/src/(${holdfast_together_files})\\.cc$")
      set_source_files_properties(${source} PROPERTIES
                                  COMPILE_OPTIONS "-flto=auto;-ffat-lto-objects"
                                  SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

function(holdfast_link_together target)
  set_target_properties(${target} PROPERTIES HOLDFAST_TOGETHER ${holdfast_together})
endfunction()
