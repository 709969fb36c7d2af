// expect: conversion|no viable|could not convert
#include "qfa/core/matrix_view.hpp"

void change(qfa::matrix_view<float> w);

void use(qfa::matrix_view<float> w, qfa::matrix_view<const float> frozen);

void use(qfa::matrix_view<float> w, qfa::matrix_view<const float> frozen) {
  change(w);
#ifdef MISUSE
  change(frozen);
#endif
  static_cast<void>(frozen);
}
