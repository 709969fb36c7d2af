// SPDX-License-Identifier: Apache-2.0
#ifndef QFA_LAW_HULL_HPP
#define QFA_LAW_HULL_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "qfa/law/observations.hpp"

namespace qfa {

/// The convex hull of a table's (log N, log D, bits): a law read within it interpolates, beyond it extrapolates.
class table_hull {
 public:
  /// Supporting planes are found by trying every three points, which tables of hundreds of rows can afford: m points
  /// that differ take m^3 / 6 tries, of which nearly all end at the first few points.
  explicit table_hull(std::span<const observation> rows) {
    for (const observation& each : rows)
      points_.push_back(place(each.parameters, each.tokens, each.bits));
    std::sort(points_.begin(), points_.end());
    points_.erase(std::unique(points_.begin(), points_.end()), points_.end());
    for (std::size_t axis = 0; axis < 3 && !points_.empty(); ++axis) {
      double least = points_[0][axis], most = least;
      for (const point& p : points_)
        least = (std::min)(least, p[axis]), most = (std::max)(most, p[axis]);
      low_[axis] = least;
      scale_[axis] = most > least ? most - least : 1.0;
    }
    for (point& p : points_)
      p = scaled(p);
    for (std::size_t i = 0; i < points_.size(); ++i)
      for (std::size_t j = i + 1; j < points_.size(); ++j)
        for (std::size_t k = j + 1; k < points_.size(); ++k)
          try_plane(points_[i], points_[j], points_[k]);
  }

  /// Whether a place is in the hull, its surface included, to within 1e-9 of the table's reach on each axis.
  bool contains(double parameters, double tokens, double bits) const {
    const point at = scaled(place(parameters, tokens, bits));
    for (std::size_t axis = 0; axis < 3; ++axis)
      if (!(at[axis] >= -slack && at[axis] <= extent(axis) + slack)) return false;
    for (const plane& face : planes_)
      if (distance(face, at) > slack) return false;
    return !points_.empty();
  }

 private:
  using point = std::array<double, 3>;
  struct plane {
    point normal{};
    double offset = 0.0;
  };
  static constexpr double slack = 1e-9;

  static point place(double parameters, double tokens, double bits) {
    return {std::log(parameters), std::log(tokens), bits};
  }
  point scaled(const point& p) const {
    point out{};
    for (std::size_t axis = 0; axis < 3; ++axis)
      out[axis] = (p[axis] - low_[axis]) / scale_[axis];
    return out;
  }
  double extent(std::size_t axis) const {
    double most = 0.0;
    for (const point& p : points_)
      most = (std::max)(most, p[axis]);
    return most;
  }
  static double distance(const plane& face, const point& p) {
    return face.normal[0] * p[0] + face.normal[1] * p[1] + face.normal[2] * p[2] - face.offset;
  }

  /// The plane through three points bounds the hull if no two points lie on different sides of it.  Points that all lie
  /// in it make a flat hull, bounded on both sides.
  void try_plane(const point& a, const point& b, const point& c) {
    point u{}, v{};
    for (std::size_t axis = 0; axis < 3; ++axis)
      u[axis] = b[axis] - a[axis], v[axis] = c[axis] - a[axis];
    plane face{{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]}};
    const double length = std::hypot(face.normal[0], face.normal[1], face.normal[2]);
    if (!(length > slack)) return;
    for (double& n : face.normal)
      n /= length;
    face.offset = face.normal[0] * a[0] + face.normal[1] * a[1] + face.normal[2] * a[2];
    bool below = false, above = false;
    for (const point& p : points_) {
      const double d = distance(face, p);
      below = below || d < -slack;
      above = above || d > slack;
      if (below && above) return;
    }
    if (!above) planes_.push_back(face);
    if (!below) planes_.push_back({{-face.normal[0], -face.normal[1], -face.normal[2]}, -face.offset});
  }

  std::vector<point> points_;
  std::vector<plane> planes_;
  point low_{};
  point scale_{1.0, 1.0, 1.0};
};

}  // namespace qfa

#endif
