# SPDX-License-Identifier: GPL-3.0-or-later
# What nearly every file includes is parsed once for all: a fifth of the time of a first build.
# Files include all that they use none the less: the build for clang's checks has nothing
# precompiled, so it says what a file lacks.
set(holdfast_precompiled OFF)
if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  set(holdfast_precompiled ON)
endif()
if(holdfast_precompiled AND HOLDFAST_CCACHE)
  # The cache then looks at what was parsed, not at when.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      ${HOLDFAST_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

set(holdfast_precompiled_of_all
  <algorithm> <array> <chrono> <functional> <map> <memory> <optional> <span> <string>
  <string_view> <unordered_map> <vector>)
set(holdfast_precompiled_of_tests
  ${holdfast_precompiled_of_all} <filesystem> <random> <gmock/gmock.h> <gtest/gtest.h>)

# One set for modules' sources and one for their tests, which are optimised less.
function(holdfast_make_precompiled)
  if(NOT holdfast_precompiled)
    return()
  endif()
  # A library and a program, as their users are: position-independent code differs between them.
  set(source ${CMAKE_BINARY_DIR}/precompiled.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "int main() { return 0; }\n")
  add_library(holdfast_precompiled_of_all OBJECT ${source})
  add_executable(holdfast_precompiled_of_tests ${source})
  target_compile_options(holdfast_precompiled_of_tests PRIVATE -Og)
  target_link_libraries(holdfast_precompiled_of_tests PRIVATE GTest::gmock)
  foreach(kind all tests)
    target_precompile_headers(holdfast_precompiled_of_${kind} PRIVATE
                              ${holdfast_precompiled_of_${kind}})
  endforeach()
endfunction()

function(holdfast_use_precompiled target kind)
  if(holdfast_precompiled)
    target_precompile_headers(${target} REUSE_FROM holdfast_precompiled_of_${kind})
  endif()
endfunction()
