# SPDX-License-Identifier: Apache-2.0
# qfa_enable_dispatch(target [BASELINE]): one build for every machine.
#
# Compiles the kernels (dispatch/kernels.cpp) for each level of qfa/simd/dispatch.hpp into the target, which chooses
# among them when it first needs one: by what the processor has, or by the environment variable QFA_ARCH.  What the
# target compiles itself keeps its own flags; BASELINE makes those the architecture's first, whatever CMAKE_CXX_FLAGS
# say, so that the program starts on every machine.
#
# The kernels are compiled once for all targets of a build, with CMAKE_CXX_FLAGS: a flag that changes the standard
# library's types (_GLIBCXX_DEBUG) belongs there.
#
# A level's object holds copies of ordinary inline functions too, std::vector's for instance, compiled for its
# instructions, and a linker that sees several copies takes any one.  So each object is closed: ld -r binds what it
# holds to itself, without groups that could be merged, and objcopy hides all but a few functions: those that hand out an
# encoder and a decoder, one that adds to a Gram matrix, one that subtracts products.  The factor of a Hessian
# (dispatch/factor.cpp) is in two objects of its own, one for all levels with FMA, whose bits must be the same.  Where a
# toolchain cannot close objects (macOS, MSVC), the target stays with its own flags and a message says so.
function(qfa_enable_dispatch target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "BASELINE" "" "")
  qfa_add_kernels()
  get_property(without GLOBAL PROPERTY QFA_WITHOUT_DISPATCH)
  if(without)
    message(STATUS "${target} is compiled for the instructions that its flags allow, without dispatch: ${without}")
    return()
  endif()
  target_compile_definitions(${target} PUBLIC QFA_DISPATCH)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:qfa_kernels>)
  add_dependencies(${target} qfa_closed_kernels)
  if(arg_BASELINE)
    get_property(baseline GLOBAL PROPERTY QFA_BASELINE)
    target_compile_options(${target} PRIVATE ${baseline})
  endif()
endfunction()

# Once for a build: the target qfa_kernels, or the global property QFA_WITHOUT_DISPATCH, which says why there is none.
function(qfa_add_kernels)
  get_property(known GLOBAL PROPERTY QFA_WITHOUT_DISPATCH SET)
  if(TARGET qfa_kernels OR known)
    return()
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(levels sse2 avx2 avx512 avx512vnni)
    set(baseline -march=x86-64)
    set(avx2 -mavx2 -mfma -mbmi -mbmi2)
    set(avx512 ${avx2} -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl)
    set(avx512vnni ${avx512} -mavx512vnni)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(levels neon)
    set(baseline -march=armv8-a)
  endif()
  # -d: what an object would share with others by name (the lock of OpenMP's critical region) is its own as well.
  set(close ${CMAKE_CXX_COMPILER} -r -nostdlib -no-pie -Wl,-d -Wl,--force-group-allocation)
  set(without "")
  if(NOT levels)
    set(without "qfa knows no levels of ${CMAKE_SYSTEM_PROCESSOR}")
  elseif(CMAKE_CXX_FLAGS MATCHES "-fsanitize|-fprofile|--coverage")
    set(without "what watches a program must see every function of it")
  else()
    qfa_try_to_close(closes "${baseline}" "${close}")
    if(NOT closes)
      set(without "that takes a GNU-like compiler, and an ld and an objcopy that close ELF objects as GNU's do")
    endif()
  endif()
  if(without)
    set_property(GLOBAL PROPERTY QFA_WITHOUT_DISPATCH "${without}")
    return()
  endif()
  set_property(GLOBAL PROPERTY QFA_BASELINE ${baseline})
  list(GET levels -1 widest)
  set_property(GLOBAL PROPERTY QFA_WIDEST_LEVEL ${widest})

  set(objects)
  foreach(level IN LISTS levels)
    qfa_add_closed(objects ${level} kernels.cpp "${baseline};${${level}}" "${close}"
      ENCODER DECODER GRAM RANK_UPDATE)
  endforeach()
  list(GET levels 0 first)
  set(factored ${first})
  if("avx2" IN_LIST levels)
    list(APPEND factored avx2)
  endif()
  foreach(level IN LISTS factored)
    qfa_add_closed(objects ${level} factor.cpp "${baseline};${${level}}" "${close}" INVERSE_CHOLESKY)
  endforeach()
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/qfa_kernels")
  add_custom_target(qfa_closed_kernels DEPENDS ${objects})

  add_library(qfa_kernels OBJECT IMPORTED GLOBAL)
  foreach(config IN LISTS CMAKE_CONFIGURATION_TYPES)
    string(REPLACE "$<CONFIG>" "${config}" of_config "${objects}")
    string(TOUPPER "${config}" config)
    set_property(TARGET qfa_kernels PROPERTY IMPORTED_OBJECTS_${config} ${of_config})
  endforeach()
  string(REPLACE "$<CONFIG>" "${CMAKE_BUILD_TYPE}" of_config "${objects}")
  set_property(TARGET qfa_kernels PROPERTY IMPORTED_OBJECTS ${of_config})
endfunction()

# Compiles a source for a level with `flags` and closes it by `close`, but for the functions qfa_ENTRY_LEVEL, whose names
# the source gets as QFA_ENTRY; appends the object to the list called `into`.
function(qfa_add_closed into level source flags close)
  get_filename_component(stem ${source} NAME_WE)
  set(open qfa_${stem}_${level})
  add_library(${open} OBJECT "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch/${source}")
  set_target_properties(${open} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
    UNITY_BUILD OFF INTERPROCEDURAL_OPTIMIZATION OFF)
  target_link_libraries(${open} PRIVATE qfa::qfa)
  target_compile_options(${open} PRIVATE ${flags} -ffp-contract=off -fno-lto
    $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)  # objcopy does not hide unique symbols
  target_compile_definitions(${open} PRIVATE "QFA_LEVEL=\"${level}\"")
  set(keep)
  foreach(entry IN LISTS ARGN)
    string(TOLOWER qfa_${entry}_${level} name)
    target_compile_definitions(${open} PRIVATE QFA_${entry}=${name})
    list(APPEND keep --keep-global-symbol=${name})
  endforeach()
  set(object "${CMAKE_BINARY_DIR}/qfa_kernels/${level}.${stem}.$<CONFIG>.o")
  add_custom_command(OUTPUT "${object}" DEPENDS ${open} $<TARGET_OBJECTS:${open}>
    COMMAND ${close} $<TARGET_OBJECTS:${open}> -o "${object}"
    COMMAND ${CMAKE_OBJCOPY} ${keep} "${object}"
    COMMENT "Closing the ${stem} for ${level}" VERBATIM COMMAND_EXPAND_LISTS)
  set(${into} ${${into}} "${object}" PARENT_SCOPE)
endfunction()

# Sets `result` to whether all of it works on two lines of code.
function(qfa_try_to_close result flags close)
  set(dir "${CMAKE_BINARY_DIR}/CMakeFiles/qfa_try_to_close")
  file(WRITE "${dir}/probe.cpp"
    "inline int weak() { static int calls; return ++calls; }\nextern \"C\" int shown();\nint shown() { return weak(); }\n")
  separate_arguments(general NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
  set(compile ${CMAKE_CXX_COMPILER} ${general} ${flags} -fPIC -fno-lto -c probe.cpp -o probe.o)
  set(link ${close} probe.o -o closed.o)
  set(hide "${CMAKE_OBJCOPY}" --keep-global-symbol=shown closed.o)
  foreach(step compile link hide)
    execute_process(COMMAND ${${step}} WORKING_DIRECTORY "${dir}" OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE status)
    if(NOT status STREQUAL "0")
      set(${result} FALSE PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} TRUE PARENT_SCOPE)
endfunction()
