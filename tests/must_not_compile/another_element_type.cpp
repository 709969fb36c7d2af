// expect: conversion|no viable|could not convert
#include "qfa/core/matrix_view.hpp"

void read(qfa::matrix_view<const double> m);

void use(qfa::matrix_view<double> a, qfa::matrix_view<float> b);

void use(qfa::matrix_view<double> a, qfa::matrix_view<float> b) {
  read(a);
#ifdef MISUSE
  read(b);
#endif
  static_cast<void>(b);
}
