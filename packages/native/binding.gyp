{
  # 0: what is linked runs on systems like this one only (scripts/build-addon.mjs says when).
  "variables": {"portable%": 1},
  "targets": [
    {
      "target_name": "pigeonhole",
      # They include every .cc below src: a new kernel object is a new pair of files and one line in src/addon.cc.
      "sources": ["<!@(node scripts/sources.mjs)"],
      "include_dirs": [
        "src",
        "<!(node -p \"require('node-addon-api').include_dir\")",
        "<!(node -p \"require('node-api-headers').include_dir\")",
      ],
      "defines": [
        # Node-API 8 is in every Node.js from 15.12 on: one binary for all that we support.
        "NAPI_VERSION=8",
        # A failed call throws a C++ exception; node-addon-api turns it into a JavaScript one where C++ was entered. Those of the
        # standard library (std::bad_alloc) likewise, so none ever unwinds into Node.js.
        "NODE_ADDON_API_CPP_EXCEPTIONS_ALL",
        # While a worker is being terminated nothing can be thrown into its JavaScript: then what was to be thrown is dropped.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ],
      # Else the C library's functions have names that end in 64, not all of which musl has. An off_t has 64 bits here anyway.
      "conditions": [
        ["target_arch in 'x64 arm64'", {"defines!": ["_FILE_OFFSET_BITS=64", "_LARGEFILE_SOURCE"]}],
        # What is used of the C++ library is inside: of the system only the C library is needed.
        ["portable==1", {"ldflags": ["-static-libstdc++", "-static-libgcc"]}],
      ],
      "cflags_cc": ["-fexceptions"],
      "ldflags": [
        # Stays in memory once it was loaded. Node.js unloads an addon with the last environment that has it, which may be a worker's; the
        # process's signal handler (src/sysv_waiter.cc) would then point to where nothing, or something else, is.
        "-Wl,-z,nodelete",
        # Nothing is seen from outside.
        "-Wl,--as-needed,--gc-sections",
        "-Wl,--version-script=<(module_root_dir)/gyp/exports.map",
      ],
    },
  ],
}
