# SPDX-License-Identifier: Apache-2.0
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class QfaConan(ConanFile):
    name = "qfa"
    description = "What compression does to the features of a language model: header-only C++20"
    license = "Apache-2.0"
    topics = ("quantization", "pruning", "sparse-autoencoder", "interpretability", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"npz": [True, False]}
    default_options = {"npz": True}
    exports_sources = "CMakeLists.txt", "LICENSE", "include/*", "cmake/*"
    no_copy_source = True

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

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "qfa")
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "qfa::qfa")
        core.set_property("pkg_config_name", "qfa")
        core.bindirs = core.libdirs = []
        core.requires = ["boost::headers", "eigen::eigen", "nlohmann_json::nlohmann_json", "xsimd::xsimd",
                         "xtensor::xtensor", "xtl::xtl"]
        if self.options.npz:
            npz = self.cpp_info.components["npz"]
            npz.set_property("cmake_target_name", "qfa::npz")
            npz.bindirs = npz.libdirs = []
            npz.defines = ["QFA_HAS_NPZ"]
            npz.requires = ["core", "libzip::libzip"]
