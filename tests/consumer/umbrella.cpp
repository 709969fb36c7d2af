// SPDX-License-Identifier: Apache-2.0
#include <qfa/qfa.hpp>
