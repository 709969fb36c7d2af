// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_VERSION_HPP
#define QFA_VERSION_HPP

/// The one place where the version is written; CMakeLists.txt reads it from here.
#define QFA_VERSION_MAJOR 0
#define QFA_VERSION_MINOR 1
#define QFA_VERSION_PATCH 0

namespace qfa {

/// As it stands in every report's protocol block.
inline constexpr const char* version = "0.1.0";

}  // namespace qfa

#endif
