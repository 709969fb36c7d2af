# SPDX-License-Identifier: Apache-2.0
"""Runs Conan's recipe and its test_package without Conan, which Debian does not have.

    conan_recipe.py SOURCE WORK COMPILER GENERATOR FLAGS

A stand-in takes the place of the module `conan`: as much of it as the recipes use, after Conan 2's reference.  What
CMakeDeps would write of package_info() is written here, with the targets of Debian's packages behind the names of Conan
Center's; then the project of tests/conan_package is built and run against the package.
"""
import fnmatch
import importlib.util
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import types

source, work, compiler, generator, flags = sys.argv[1:]
shutil.rmtree(work, ignore_errors=True)
package_folder = os.path.join(work, "package")

# Conan Center's names, and what Debian 12 calls the same: the package to find, and its target.
debian = {"boost::headers": ("Boost", "Boost::headers"), "eigen::eigen": ("Eigen3 NO_MODULE", "Eigen3::Eigen"),
          "nlohmann_json::nlohmann_json": ("nlohmann_json", "nlohmann_json::nlohmann_json"),
          "xtl::xtl": ("xtl", "xtl"), "xsimd::xsimd": ("xsimd", "xsimd"), "xtensor::xtensor": ("xtensor", "xtensor"),
          "libzip::libzip": ("libzip MODULE", "libzip::zip"),
          "icu::icu-i18n": ("ICU COMPONENTS uc i18n", "ICU::i18n"),
          "icu::icu-uc": ("ICU COMPONENTS uc i18n", "ICU::uc")}


def refuse(sentence):
    sys.exit(sentence)


class ConanFile:
    """Only what the recipes touch; anything else is an AttributeError."""

    def __init__(self):
        self.required = {}
        self.generators = getattr(self, "generators", ())

    def requires(self, reference, **traits):
        unknown = set(traits) - {"options", "transitive_headers", "headers", "libs"}
        if unknown:
            refuse(f"{reference} is required with the traits {unknown}")
        name, version = reference.split("/")
        self.required[name] = version

    def run(self, command, env=None):
        said = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
        if said != f"qfa {self.tested_reference_str.split('/')[1]}\nnpz\ntext\n":
            refuse(f"the test of the package says {said}")


class CppInfo:
    def __init__(self):
        self.bindirs, self.libdirs, self.includedirs = ["bin"], ["lib"], ["include"]
        self.requires, self.defines, self.properties, self.components = [], [], {}, Components()

    def set_property(self, name, value):
        known = {"cmake_file_name", "cmake_target_name", "cmake_build_modules", "pkg_config_name"}
        if name not in known:
            refuse(f"package_info sets the property {name}, expected one of {sorted(known)}")
        self.properties[name] = value


class Components(dict):
    def __missing__(self, name):
        self[name] = CppInfo()
        return self[name]


class CMake:
    def __init__(self, recipe):
        self.build_folder = os.path.join(work, "test_package")
        recipe.cpp = types.SimpleNamespace(build=types.SimpleNamespace(bindir=self.build_folder))

    def configure(self):
        subprocess.run(["cmake", "-G", generator, "-S", os.path.join(source, "tests/conan_package"), "-B",
                        self.build_folder, f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={flags}",
                        f"-DCMAKE_PREFIX_PATH={work}/generators", f"-DCMAKE_MODULE_PATH={source}/cmake"],
                       check=True, stdout=subprocess.DEVNULL)

    def build(self):
        subprocess.run(["cmake", "--build", self.build_folder], check=True, stdout=subprocess.DEVNULL)


copied = []


def copy(recipe, pattern, src, dst):
    """As conan.tools.files.copy: of the exported files, those of `src` that match, in their folders."""
    candidates = pathlib.Path(src).rglob("*") if "*" in pattern else [pathlib.Path(src, pattern)]
    found = [p for p in candidates if p.is_file() and fnmatch.fnmatch(str(p.relative_to(src)), pattern)]
    exported = [p for p in found
                if any(fnmatch.fnmatch(os.path.relpath(p, source), e) for e in recipe.exports_sources)]
    if not exported:
        refuse(f"package() copies {pattern} of {src}, but exports_sources has nothing of it")
    for path in exported:
        to = pathlib.Path(dst) / path.relative_to(src)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
        copied.append(to)


def check_min_cppstd(recipe, standard):
    if standard != 20:
        refuse(f"the recipe asks for C++{standard}, expected C++20")


def module(name, **contents):
    sys.modules[name] = types.SimpleNamespace(**contents)


module("conan", ConanFile=ConanFile)
module("conan.tools.build", check_min_cppstd=check_min_cppstd, can_run=lambda recipe: True)
module("conan.tools.files", copy=copy, load=lambda recipe, path: pathlib.Path(path).read_text())
module("conan.tools.layout", basic_layout=lambda recipe, src_folder: None)
module("conan.tools.cmake", CMake=CMake, cmake_layout=lambda recipe: None)


def recipe_in(path):
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).parent.name + "_recipe", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    classes = [c for c in vars(loaded).values() if isinstance(c, type) and issubclass(c, ConanFile) and c is not ConanFile]
    if len(classes) != 1:
        refuse(f"{path} has {len(classes)} recipes")
    return classes[0]()


sys.dont_write_bytecode = True


def recipe_with(options):
    made = recipe_in(os.path.join(source, "conanfile.py"))
    made.recipe_folder = made.source_folder = source
    made.package_folder = package_folder
    made.cpp_info = CppInfo()
    made.info = types.SimpleNamespace(clear=lambda: None)
    made.options = types.SimpleNamespace(**options)
    return made


def used_by(made):
    return {needed.split("::")[0] for c in made.cpp_info.components.values() for needed in c.requires if "::" in needed}


# Whatever is asked for: a component for each option that is on; what components use is required, no less and no more.
kinds = type(recipe_with({})).options
if set(type(recipe_with({})).default_options) != set(kinds):
    refuse("not every option has a default")
for values in itertools.product(*kinds.values()):
    options = dict(zip(kinds, values))
    some = recipe_with(options)
    some.requirements()
    some.package_info()
    if set(some.cpp_info.components) != {"core"} | {name for name, on in options.items() if on}:
        refuse(f"with {options} the package has the components {sorted(some.cpp_info.components)}")
    if used_by(some) != set(some.required):
        refuse(f"with {options} components use {used_by(some)}, but the recipe requires {sorted(some.required)}")

recipe = recipe_with({name: True for name in kinds})  # all of it is built
for step in ("set_version", "layout", "requirements", "validate", "package_id", "package", "package_info"):
    getattr(recipe, step)()

# The package: each header, the license, and nothing that it does not name.
headers = {str(p.relative_to(os.path.join(source, "include"))) for p in pathlib.Path(source, "include").rglob("*.hpp")}
packaged = {str(p.relative_to(os.path.join(package_folder, "include")))
            for p in pathlib.Path(package_folder, "include").rglob("*") if p.is_file()}
if headers != packaged:
    refuse(f"the package lacks {sorted(headers - packaged)} and has {sorted(packaged - headers)}")
for needed in ("licenses/LICENSE", "cmake/dispatch/kernels.cpp", "share/qfa/schemas/qfa-report-1.schema.json"):
    if not os.path.exists(os.path.join(package_folder, needed)):
        refuse(f"the package has no {needed}")
if recipe.package_type != "header-library" or recipe.cpp_info.bindirs or recipe.cpp_info.libdirs:
    refuse("the package is not one of headers alone")

# What CMakeDeps writes: a configuration with a target for each component.
info, lines = recipe.cpp_info, []
name_of = {component: c.properties["cmake_target_name"] for component, c in info.components.items()}
for c in info.components.values():
    for needed in c.requires:
        if "::" in needed:
            lines.append(f"find_package({debian[needed][0]} REQUIRED)")
for component, c in info.components.items():
    links = ";".join(debian[n][1] if "::" in n else name_of[n] for n in c.requires)
    lines += [f"add_library({name_of[component]} INTERFACE IMPORTED)",
              f'set_target_properties({name_of[component]} PROPERTIES INTERFACE_LINK_LIBRARIES "{links}"',
              f'  INTERFACE_COMPILE_DEFINITIONS "{";".join(c.defines)}"',
              f'  INTERFACE_INCLUDE_DIRECTORIES "{package_folder}/include" INTERFACE_COMPILE_FEATURES cxx_std_20)']
lines += [f'include("{package_folder}/{m}")' for m in info.properties["cmake_build_modules"]]
# xtl first: Debian's xsimd links to it without finding it.
lines.sort(key=lambda line: line != "find_package(xtl REQUIRED)")
os.makedirs(os.path.join(work, "generators"))
name = info.properties["cmake_file_name"]
pathlib.Path(work, "generators", f"{name}Config.cmake").write_text("\n".join(lines) + "\n")

test = recipe_in(os.path.join(source, type(recipe).test_package_folder, "conanfile.py"))
test.tested_reference_str = f"{recipe.name}/{recipe.version}"
for step in ("requirements", "layout", "build", "test"):
    getattr(test, step)()
if test.required != {"qfa": recipe.version}:
    refuse(f"the test of the package requires {test.required}")
print(f"conan's recipe of qfa {recipe.version}: {len(copied)} files, components {', '.join(name_of.values())}")
