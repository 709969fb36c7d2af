# SPDX-License-Identifier: Apache-2.0
# The files of pkg-config: qfa, and qfa-npz and qfa-kmeans for two of the optional parts (an MPI comes with a compiler of
# its own: mpicxx -DQFA_HAS_MPI).  pkg-config says by itself which package such a part lacks.  Boost has no .pc file; its
# headers are where the compiler looks.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_DATADIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" up "${up}")  # from the file to the prefix, wherever that is moved
function(qfa_pkg_config name requires flags libs)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/qfa.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
endfunction()
qfa_pkg_config(qfa "xsimd xtensor nlohmann_json eigen3" "-I\${includedir}" "")
qfa_pkg_config(qfa-npz "qfa = ${PROJECT_VERSION}, libzip" "-DQFA_HAS_NPZ" "")
qfa_pkg_config(qfa-kmeans "qfa = ${PROJECT_VERSION}" "-DQFA_HAS_KMEANS" "-lvl")
