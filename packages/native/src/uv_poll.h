#pragma once

#include <cstddef>

// The part of libuv that the addon uses. Node-API hands out the loop of an environment and leaves the rest to libuv, whose interface
// is fixed through all of its version 1 (docs.libuv.org, "Versioning"); a handle's size is asked for at run time. So no headers of
// one particular Node.js are needed.

struct uv_loop_s;
using uv_loop_t = uv_loop_s;
struct uv_handle_s;
using uv_handle_t = uv_handle_s;
struct uv_poll_s;
using uv_poll_t = uv_poll_s;

enum uv_handle_type { UV_POLL = 8 };
enum uv_poll_event { UV_READABLE = 1, UV_WRITABLE = 2, UV_DISCONNECT = 4 };

extern "C" {
using uv_poll_cb = void (*)(uv_poll_t* handle, int status, int events);
using uv_close_cb = void (*)(uv_handle_t* handle);

size_t uv_handle_size(uv_handle_type type);
void* uv_handle_get_data(const uv_handle_t* handle);
void uv_handle_set_data(uv_handle_t* handle, void* data);
void uv_ref(uv_handle_t* handle);
void uv_unref(uv_handle_t* handle);
void uv_close(uv_handle_t* handle, uv_close_cb on_close);
int uv_poll_init(uv_loop_t* loop, uv_poll_t* handle, int fd);
int uv_poll_start(uv_poll_t* handle, int events, uv_poll_cb on_events);
int uv_poll_stop(uv_poll_t* handle);
}
