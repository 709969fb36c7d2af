# SPDX-License-Identifier: Apache-2.0
# vcpkg's port of qfa, as an overlay of the sources that it stands in:
#   vcpkg install qfa --classic --overlay-ports=cmake/vcpkg
# (The copy of a registry would have vcpkg_from_github with a release's SHA512 in place of the next line.)
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release)  # header-only

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
  FEATURES
    mpi     QFA_WITH_MPI
    program QFA_BUILD_PROGRAM
  INVERTED_FEATURES
    npz     CMAKE_DISABLE_FIND_PACKAGE_libzip
    text    CMAKE_DISABLE_FIND_PACKAGE_ICU
    sentencepiece CMAKE_DISABLE_FIND_PACKAGE_sentencepiece
)
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    ${FEATURE_OPTIONS}
    -DQFA_INSTALL=ON
    -DQFA_BUILD_TESTS=OFF
    -DQFA_BUILD_EXAMPLES=OFF
    -DQFA_BUILD_BENCHMARKS=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_vlfeat=ON  # no port, so not whatever the machine has either
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME qfa CONFIG_PATH share/cmake/qfa)
vcpkg_fixup_pkgconfig()
if("program" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES qfa AUTO_CLEAN)
endif()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug" "${CURRENT_PACKAGES_DIR}/lib" "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
