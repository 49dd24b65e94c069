# SPDX-License-Identifier: GPL-3.0-or-later
# Compiles src/<module>/NAME.bpf.c for the kernel and embeds the object in the module's library.
#
# C++ reaches its bytes as  extern "C" const uint8_t NAME_bpf[], NAME_bpf_end[];  nothing is read
# from disk at run time. The program sees the module's headers as C++ does ("module/name.h").
find_program(HOLDFAST_BPF_CLANG NAMES clang-19 REQUIRED)

function(holdfast_embed_bpf output_variable source include_root)
  get_filename_component(file ${source} NAME)
  string(REGEX REPLACE "\\.bpf\\.c$" "" name ${file})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/bpf/${name}.bpf.o)
  set(assembly ${CMAKE_CURRENT_BINARY_DIR}/bpf/${name}.bpf.S)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/bpf)
  # The kernel's <asm/types.h> lies in the folder of the building machine's architecture.
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${HOLDFAST_BPF_CLANG} -target bpf -mcpu=v3 -std=gnu11 -O2 -g
      -Wall -Wextra -Wno-address-of-packed-member -Werror
      -I ${include_root} -I /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
      -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    VERBATIM)
  file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT
".section .rodata
.balign 8
.global @name@_bpf
@name@_bpf:
.incbin \"@object@\"
.global @name@_bpf_end
@name@_bpf_end:
.byte 0
.section .note.GNU-stack,\"\",@progbits
")
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS ${object})
  set(${output_variable} ${assembly} PARENT_SCOPE)
endfunction()
