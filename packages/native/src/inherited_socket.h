#pragma once

#include <napi.h>

namespace pigeonhole::inherited_socket {

/**
 * adoptSocket(fd) → { family, type, listening, path }: what a descriptor is that this process was started with; family and type as numbers
 * (socket(2)), path of a Unix socket in the file system, else ''. Closes it to programs that this process executes.
 *
 * duplicate(fd) → another descriptor of the same, which is closed to them, too.
 */
void Init(Napi::Env env, Napi::Object exports);

}  // namespace pigeonhole::inherited_socket
