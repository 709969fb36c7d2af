# SPDX-License-Identifier: Apache-2.0
# VLFeat as the target vlfeat::vl: Debian's package brings no CMake files.
find_path(vlfeat_INCLUDE_DIR vl/kmeans.h)
find_library(vlfeat_LIBRARY vl)
mark_as_advanced(vlfeat_INCLUDE_DIR vlfeat_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(vlfeat REQUIRED_VARS vlfeat_LIBRARY vlfeat_INCLUDE_DIR)
if(vlfeat_FOUND AND NOT TARGET vlfeat::vl)
  add_library(vlfeat::vl UNKNOWN IMPORTED)
  set_target_properties(vlfeat::vl PROPERTIES
    IMPORTED_LOCATION "${vlfeat_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${vlfeat_INCLUDE_DIR}")
endif()
