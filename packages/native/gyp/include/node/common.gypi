# What node-gyp otherwise takes from the headers of one Node.js. The addon uses Node-API (package node-api-headers) and the few
# functions of libuv in src/uv_poll.h, so it builds without those headers, without a network, and the same for every Node.js.
{
  "variables": {
    "openssl_fips%": "",
    "visibility%": "hidden",
  },
  "target_defaults": {
    "default_configuration": "Release",
    "configurations": {
      "Release": {},
    },
    "cflags": ["-O2", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-fstack-protector-strong"],
    "cflags_cc": ["-std=c++17"],
    "ldflags": ["-pthread", "-Wl,-z,relro,-z,now", "-Wl,-s"],
  },
}
