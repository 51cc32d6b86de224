# Tests of IR and command lines: `lit-22 BUILD/test`, or the target check-lit.
# BINQ_TEST_DATA may name a folder with real models and texts; tests that want it say REQUIRES: test-data.
import os
import shutil

import lit.formats

config.name = "binq"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
config.test_exec_root = os.path.join(config.binq_build, "test")

# FileCheck, not and split-file are LLVM's.
path = config.binq_tool_dirs + [os.path.join(config.llvm_prefix, "bin"), config.environment["PATH"]]
config.environment["PATH"] = os.pathsep.join(path)
config.environment["FILECHECK_OPTS"] = "--dump-input=fail"
# What binqc links programs with; there need not be a `cc`.
config.environment["CC"] = config.c_compiler

config.substitutions.append(("%cc", config.c_compiler))
config.substitutions.append(("%source", os.path.dirname(config.test_source_root)))
config.substitutions.append(("%build", config.binq_build))

data = os.environ.get("BINQ_TEST_DATA")
if data and os.path.isdir(data):
    config.available_features.add("test-data")
    config.substitutions.append(("%data", os.path.abspath(data)))

with open("/proc/cpuinfo") as cpu:
    flags = next((line for line in cpu if line.startswith("flags")), "").split()
if "avx2" in flags:
    config.available_features.add("avx2")
if shutil.which("qemu-x86_64"):
    config.available_features.add("emulator")
# Programs for AArch64 can be linked and run.
if shutil.which("qemu-aarch64") and shutil.which("ld.lld-22") and os.path.exists("/usr/aarch64-linux-gnu/lib/libc.so"):
    config.available_features.add("aarch64")
