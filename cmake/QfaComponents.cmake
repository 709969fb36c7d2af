# SPDX-License-Identifier: Apache-2.0
# The optional parts of qfa, each a target qfa::NAME for headers that need one more library:
#
#   npz     qfa/io/npz.hpp         libzip
#   kmeans  qfa/cache/kmeans.hpp   VLFeat
#   text    qfa/text/              ICU
#   sentencepiece  qfa/text/sentencepiece.hpp  ICU and SentencePiece
#   mpi     qfa/mpi/               MPI
#
# The build and the package both include this file.  The headers are always installed, and the library is looked for
# where the part is used: what the installing machine had says nothing of that.
set(qfa_components npz kmeans text sentencepiece mpi)

# qfa_find_component(NAME MISSING [GLOBAL]): makes the target qfa::NAME, visible in all folders if GLOBAL, and empties
# MISSING; or sets MISSING to a sentence that names the part and the package to install.
function(qfa_find_component name missing)
  set(${missing} "" PARENT_SCOPE)
  if(TARGET qfa::${name})
    return()
  endif()
  list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
  if(name STREQUAL "npz")
    find_package(libzip QUIET MODULE)
    set(libraries libzip::zip)
    set(advice "libzip, which was not found: install libzip-dev (Debian), or vcpkg's feature or Conan's option npz")
  elseif(name STREQUAL "kmeans")
    find_package(vlfeat QUIET MODULE)
    set(libraries vlfeat::vl)
    set(advice "VLFeat, which was not found: install libvlfeat-dev (Debian; vcpkg and Conan have none)")
  elseif(name STREQUAL "text")
    find_package(ICU QUIET COMPONENTS uc i18n)
    set(libraries ICU::i18n ICU::uc)
    set(advice "ICU, which was not found: install libicu-dev (Debian), or vcpkg's feature or Conan's option text")
  elseif(name STREQUAL "sentencepiece")
    qfa_find_component(text without_text ${ARGN})
    find_package(sentencepiece QUIET MODULE)
    set(libraries qfa::text sentencepiece::sentencepiece)
    set(advice "SentencePiece and ICU, which were not found: install libsentencepiece-dev and libicu-dev (Debian)")
    string(APPEND advice ", or vcpkg's feature sentencepiece (Conan has none)")
  elseif(name STREQUAL "mpi")
    set(MPI_CXX_SKIP_MPICXX ON)  # the C interface is all that is used; MPI 3 has no other
    find_package(MPI QUIET COMPONENTS CXX)
    set(libraries MPI::MPI_CXX)
    set(advice "an MPI, which was not found: install libopenmpi-dev (Debian), vcpkg's feature mpi, or another MPI 3")
  else()
    list(JOIN qfa_components ", " known)
    set(${missing} "qfa has no component ${name}, expected one of ${known}" PARENT_SCOPE)
    return()
  endif()
  foreach(library IN LISTS libraries)
    if(NOT TARGET ${library})
      set(${missing} "The component ${name} of qfa needs ${advice}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  add_library(qfa::${name} INTERFACE IMPORTED ${ARGN})
  string(TOUPPER QFA_HAS_${name} definition)
  set_target_properties(qfa::${name} PROPERTIES
    INTERFACE_LINK_LIBRARIES "qfa::qfa;${libraries}" INTERFACE_COMPILE_DEFINITIONS ${definition})
endfunction()
