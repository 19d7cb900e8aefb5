// Loads the addon in a process of another C library than Node.js here has, with all symbols resolved at once, and registers it. Node-API
// and libuv do nothing, but the first property to be set fails: so a C++ exception is thrown and caught in the addon.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct error_info {
  const char* message;
  void* reserved;
  uint32_t engine_code;
  int code;
};

static bool pending = false;
static int failed = 0, thrown = 0;

int napi_set_named_property(void) {
  pending = true;
  failed++;
  return 10;  // napi_pending_exception
}

int napi_get_last_error_info(void* env, const struct error_info** result) {
  static const struct error_info info = {"no property", 0, 0, 10};
  (void)env;
  *result = &info;
  return 0;
}

int napi_is_exception_pending(void* env, bool* result) {
  (void)env;
  *result = pending;
  return 0;
}

int napi_get_and_clear_last_exception(void* env, void** result) {
  (void)env;
  pending = false;
  *result = &failed;
  return 0;
}

int napi_create_reference(void* env, void* value, uint32_t count, void** result) {
  (void)env, (void)value, (void)count;
  *result = &thrown;
  return 0;
}

int napi_throw(void) {
  thrown++;
  return 0;
}

void napi_fatal_error(const char* location) {
  printf("fatal: %s\n", location);
  exit(1);
}

// What is left of what the addon needs, one to a line: NOTHING(napi_get_undefined)
#define NOTHING(name) \
  int name(void) { return 0; }
#include "nothing.inc"

int main(int count, char** arguments) {
  void* addon = dlopen(count == 2 ? arguments[1] : "", RTLD_NOW);
  if (addon == NULL) {
    puts(dlerror());
    return 1;
  }
  int32_t (*version)(void) = (int32_t(*)(void))dlsym(addon, "node_api_module_get_api_version_v1");
  void* (*start)(void*, void*) = (void* (*)(void*, void*))dlsym(addon, "napi_register_module_v1");
  printf("Node-API %d\n", version());
  start(&thrown, &thrown);
  printf("%d failed, %d thrown\n", failed, thrown);
  return 0;
}
