# SPDX-License-Identifier: GPL-3.0-or-later
# Warnings are errors everywhere; frame pointers are kept for profiles.
add_compile_options(
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-align -Woverloaded-virtual -Wnull-dereference -Wformat=2 -Werror
  -fno-omit-frame-pointer -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely in the standard library and in Boost once it inlines.
  add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict
                      -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-pointer)
endif()
if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
else()
  add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-Og)
endif()
# Lines and functions for traces and profiles; what debuggers want beyond costs a third of the time.
add_compile_options(-g1)
find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
endif()
find_program(HOLDFAST_MOLD mold)
if(HOLDFAST_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
