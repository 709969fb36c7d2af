# SPDX-License-Identifier: Apache-2.0
# libzip as the target libzip::zip.
#
# Debian 12's own libzip-config.cmake refuses to load unless the package of command line tools is installed as well:
# so the header and the library are looked for directly.  A static library (vcpkg's) needs others, which its own
# configuration knows.
find_path(libzip_INCLUDE_DIR zip.h)
find_library(libzip_LIBRARY zip)
mark_as_advanced(libzip_INCLUDE_DIR libzip_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libzip REQUIRED_VARS libzip_LIBRARY libzip_INCLUDE_DIR)
if(libzip_FOUND AND NOT TARGET libzip::zip AND libzip_LIBRARY MATCHES "\\.(a|lib)$")
  find_package(libzip QUIET CONFIG)
endif()
if(libzip_FOUND AND NOT TARGET libzip::zip)
  add_library(libzip::zip UNKNOWN IMPORTED)
  set_target_properties(libzip::zip PROPERTIES
    IMPORTED_LOCATION "${libzip_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${libzip_INCLUDE_DIR}")
endif()
