# SPDX-License-Identifier: Apache-2.0
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.3"  # the first that knows test_package_folder


class QfaConan(ConanFile):
    name = "qfa"
    description = "What compression does to the features of a language model: header-only C++20"
    license = "Apache-2.0"
    topics = ("quantization", "pruning", "sparse-autoencoder", "interpretability", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    # No kmeans, no sentencepiece: Conan Center has neither VLFeat nor SentencePiece.  No mpi: programs bring their own.
    options = {"npz": [True, False], "text": [True, False]}
    default_options = {"npz": True, "text": False}  # ICU takes long to build
    exports_sources = "LICENSE", "include/*", "cmake/QfaDispatch.cmake", "cmake/dispatch/*", "examples/docs/schemas/*"
    no_copy_source = True
    test_package_folder = "tests/conan_package"

    def set_version(self):
        """The version is written in include/qfa/version.hpp and nowhere else."""
        text = load(self, os.path.join(self.recipe_folder, "include", "qfa", "version.hpp"))
        parts = [re.search(rf"QFA_VERSION_{p} (\d+)", text).group(1) for p in ("MAJOR", "MINOR", "PATCH")]
        self.version = ".".join(parts)

    def layout(self):
        basic_layout(self, src_folder=".")

    def requirements(self):
        self.requires("boost/[>=1.74 <2]", options={"header_only": True})
        self.requires("eigen/[>=3.4 <4]")
        self.requires("nlohmann_json/[>=3.11 <4]")
        self.requires("xsimd/[>=8.1]")
        self.requires("xtensor/[>=0.24]")
        self.requires("xtl/[>=0.7]")
        if self.options.npz:
            self.requires("libzip/[>=1.7 <2]")
        if self.options.text:
            self.requires("icu/[>=72]")

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        source, package = self.source_folder, self.package_folder
        copy(self, "LICENSE", source, os.path.join(package, "licenses"))
        copy(self, "*.hpp", os.path.join(source, "include"), os.path.join(package, "include"))
        # qfa_enable_dispatch(target) compiles the sources beside it.
        copy(self, "*", os.path.join(source, "cmake"), os.path.join(package, "cmake"))
        copy(self, "*.json", os.path.join(source, "examples", "docs", "schemas"),
             os.path.join(package, "share", "qfa", "schemas"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "qfa")
        self.cpp_info.set_property("cmake_build_modules", [os.path.join("cmake", "QfaDispatch.cmake")])
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "qfa::qfa")
        core.set_property("pkg_config_name", "qfa")
        core.bindirs = core.libdirs = []
        core.requires = ["boost::headers", "eigen::eigen", "nlohmann_json::nlohmann_json", "xsimd::xsimd",
                         "xtensor::xtensor", "xtl::xtl"]
        if self.options.npz:
            self._add_part("npz", "libzip::libzip")
        if self.options.text:
            self._add_part("text", "icu::icu-i18n", "icu::icu-uc")

    def _add_part(self, name, *libraries):
        part = self.cpp_info.components[name]
        part.set_property("cmake_target_name", "qfa::" + name)
        part.set_property("pkg_config_name", "qfa-" + name)
        part.bindirs = part.libdirs = []
        part.defines = ["QFA_HAS_" + name.upper()]
        part.requires = ["core", *libraries]
