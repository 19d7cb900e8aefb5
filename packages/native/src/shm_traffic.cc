#include "shm_traffic.h"

#include <algorithm>
#include <cstring>

namespace pigeonhole::shm {

namespace {

const char* nameOf(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::noSpace: return "noSpace";
    case Fault::Kind::corrupt: return "corrupt";
    case Fault::Kind::version: return "version";
    case Fault::Kind::limit: return "limit";
    case Fault::Kind::busy: return "busy";
    case Fault::Kind::system: return "system";
  }
  return "system";
}

Mailbox::Message marked(const Traffic& traffic) {
  const double* marks = traffic.marks;
  return {static_cast<uint32_t>(marks[0]), static_cast<uint32_t>(marks[1]), static_cast<uint32_t>(marks[2]), marks[3]};
}

const std::byte* outgoing(const Traffic& traffic, size_t at) { return reinterpret_cast<const std::byte*>(traffic.outgoing + at); }

/** (mailbox, mayWait): sends the first of `outgoing`: 0 accepted, 1 refused, 2 waits (its handle in the first frame). */
int32_t send(Traffic& traffic, int64_t mayWait) {
  Mailbox::Handle handle = 0;
  const uint32_t length = traffic.lengths[0];
  if (length > traffic.outgoingBytes) throw Fault{Fault::Kind::system, EINVAL, "a body that is longer than the memory for it"};
  const Mailbox::Sent sent = traffic.open().send(marked(traffic), outgoing(traffic, 0), length, mayWait != 0, handle);
  traffic.frames[0] = static_cast<double>(handle);
  return static_cast<int32_t>(sent);
}

/** (mailbox, count): sends until one would have to wait; how many were accepted. What fails is left for who sends it by itself. */
int32_t sendMany(Traffic& traffic, int64_t count) {
  Mailbox& mailbox = traffic.open();
  const Mailbox::Message message = marked(traffic);
  const size_t most = std::min(static_cast<size_t>(std::max<int64_t>(count, 0)), traffic.lengthCount);
  Mailbox::Handle handle = 0;
  int32_t sent = 0;
  size_t at = 0;
  for (size_t index = 0; index < most; at += traffic.lengths[index++], sent++) {
    const uint32_t length = traffic.lengths[index];
    if (length > traffic.outgoingBytes - at) break;
    try {
      if (mailbox.send(message, outgoing(traffic, at), length, false, handle) != Mailbox::Sent::accepted) break;
    } catch (const Fault&) {
      if (sent == 0) throw;
      break;
    }
  }
  return sent;
}

/** (mailbox, selector, linger): takes a message, having waited a little for one if `linger`: 1; 2: claimed only, its body is for `body`; 0: none. */
int32_t receive(Traffic& traffic, int64_t number, int64_t linger) {
  Mailbox& mailbox = traffic.open();
  Selector* selector = traffic.selectorAt(number);
  Mailbox::Received& received = traffic.received;
  const auto comes = [&] { return linger != 0 && mailbox.spins() && mailbox.linger() && mailbox.claim(selector, received); };
  if (!mailbox.claim(selector, received) && !comes()) return 0;
  traffic.describe(0);
  if (received.length > traffic.roomFrom(0)) return 2;
  mailbox.copyBody(reinterpret_cast<std::byte*>(traffic.incoming));
  mailbox.take();
  return 1;
}

/** (mailbox, selector, most): takes as many as there are and have room: a frame each, the bodies one behind the other. Negative: the last of so
 * many has no room and is claimed only. */
int32_t receiveMany(Traffic& traffic, int64_t number, int64_t most) {
  Mailbox& mailbox = traffic.open();
  Selector* selector = traffic.selectorAt(number);
  const Mailbox::Received& received = traffic.received;
  const size_t frames = std::min(static_cast<size_t>(std::max<int64_t>(most, 0)), traffic.frameCount);
  int32_t count = 0;
  size_t used = 0;
  bool room = true;
  try {
    while (room && static_cast<size_t>(count) < frames && mailbox.claim(selector, traffic.received)) {
      room = received.length <= traffic.roomFrom(used);
      // Before it is counted: what is damaged is not to be received.
      if (room) mailbox.copyBody(reinterpret_cast<std::byte*>(traffic.incoming + used));
      traffic.describe(static_cast<size_t>(count++));
      if (!room) break;
      used += received.length;
      mailbox.takeOnly();
    }
    if (count > 0) mailbox.givePlaces();
  } catch (const Fault& fault) {
    // What has been taken is not to be lost: the next call meets the fault again. Of damage it would not know by itself, for what is damaged
    // has been claimed.
    if (count == 0) throw;
    if (fault.kind == Fault::Kind::corrupt) mailbox.poison();
  }
  return room ? count : -count;
}

/** A function of a mailbox and up to two numbers. */
template <auto act>
napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  void* table = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &table);
  int64_t numbers[3] = {-1, 0, 0};
  for (size_t index = 0; index < std::min<size_t>(count, 3); index++) napi_get_value_int64(env, arguments[index], &numbers[index]);
  try {
    Traffic* traffic = numbers[0] < 0 ? nullptr : static_cast<TrafficTable*>(table)->at(static_cast<uint32_t>(numbers[0]));
    if (traffic == nullptr) throw Fault{Fault::Kind::system, EBADF, "it has been left"};
    int32_t outcome;
    if constexpr (std::is_invocable_v<decltype(act), Traffic&, int64_t, int64_t>) outcome = act(*traffic, numbers[1], numbers[2]);
    else outcome = act(*traffic, numbers[1]);
    napi_value result = nullptr;
    napi_create_int32(env, outcome, &result);
    return result;
  } catch (const Fault& fault) {
    toError(env, fault).ThrowAsJavaScriptException();
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

}  // namespace

Napi::Error toError(Napi::Env env, const Fault& fault) {
  Napi::Error error = Napi::Error::New(env, fault.message);
  error.Set("kind", Napi::String::New(env, nameOf(fault.kind)));
  error.Set("errno", Napi::Number::New(env, fault.error));
  return error;
}

void Traffic::describe(size_t frame) {
  double* to = frames + frame * kFrame;
  to[1] = received.length;
  to[2] = received.codec;
  to[3] = received.type;
  to[4] = received.priority;
  to[5] = received.sentAt;
  to[6] = received.lane;
  // Tells one user of a lane from the next.
  to[7] = static_cast<double>(open().identityOf(received.lane) >> 1 & 0x1f'ffff'ffff'ffff);
  to[8] = received.order;
}

uint32_t TrafficTable::add(Traffic* traffic) {
  size_t number = 0;
  while (number < mailboxes_.size() && mailboxes_[number] != nullptr) number++;
  if (number == mailboxes_.size()) mailboxes_.push_back(traffic);
  else mailboxes_[number] = traffic;
  return static_cast<uint32_t>(number);
}

void defineTraffic(Napi::Env env, Napi::Object exports, TrafficTable* table) {
  const auto define = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, table, &function);
    if (status != napi_ok) throw Napi::Error::New(env);
    exports.Set(name, Napi::Value(env, function));
  };
  define("shmSend", call<send>);
  define("shmSendMany", call<sendMany>);
  define("shmReceive", call<receive>);
  define("shmReceiveMany", call<receiveMany>);
}

}  // namespace pigeonhole::shm
