#include "shm_mailbox.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "shm/fault.h"
#include "shm/mailbox.h"
#include "shm/members.h"

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

Napi::Error toError(Napi::Env env, const Fault& fault) {
  Napi::Error error = Napi::Error::New(env, fault.message);
  error.Set("kind", Napi::String::New(env, nameOf(fault.kind)));
  error.Set("errno", Napi::Number::New(env, fault.error));
  return error;
}

/** Runs `call`; a `Fault` becomes a JavaScript error with `kind` and `errno`. */
template <class Call>
auto guarded(Napi::Env env, Call&& call) {
  try {
    return call();
  } catch (const Fault& fault) {
    throw toError(env, fault);
  }
}

class JsMembers : public Napi::ObjectWrap<JsMembers> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ShmMembers",
                       {InstanceAccessor<&JsMembers::bell>("bell"), InstanceMethod<&JsMembers::enter>("enter"),
                        InstanceMethod<&JsMembers::exit>("exit"), InstanceMethod<&JsMembers::leave>("leave"),
                        InstanceMethod<&JsMembers::strays>("strays"), InstanceMethod<&JsMembers::newToken>("newToken"),
                        InstanceMethod<&JsMembers::takeToken>("takeToken"),
                        InstanceMethod<&JsMembers::releaseToken>("releaseToken")});
  }

  explicit JsMembers(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    guarded(info.Env(), [&] { members = std::make_unique<Members>(info[0].As<Napi::String>().Utf8Value(), 0); });
  }

  Napi::Value bell(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), members->bell()); }
  Napi::Value enter(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), members->enter(0)); }
  void exit(const Napi::CallbackInfo&) { members->exit(); }
  void leave(const Napi::CallbackInfo&) { members->leave(); }

  Napi::Value newToken(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(members->newToken()));
  }
  Napi::Value takeToken(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), members->takeToken(members->self(), static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value())));
  }
  void releaseToken(const Napi::CallbackInfo& info) {
    members->releaseToken(members->self(), static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
  }

  /** The files of mailboxes that are there, without their suffix. */
  Napi::Value strays(const Napi::CallbackInfo& info) {
    Napi::Array found = Napi::Array::New(info.Env());
    DIR* directory = ::opendir(members->path().c_str());
    if (directory == nullptr) return found;
    constexpr const char* suffix = ".box";
    uint32_t count = 0;
    for (const dirent* entry = ::readdir(directory); entry != nullptr; entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      if (name.size() > 4 && name.compare(name.size() - 4, 4, suffix) == 0)
        found.Set(count++, Napi::String::New(info.Env(), members->path() + "/" + name.substr(0, name.size() - 4)));
    }
    ::closedir(directory);
    return found;
  }

  std::unique_ptr<Members> members;
};

/** Numbers that describe one message. */
constexpr size_t kFrame = 9;

class JsMailbox : public Napi::ObjectWrap<JsMailbox> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "ShmMailbox",
        {InstanceAccessor<&JsMailbox::capacity>("capacity"), InstanceAccessor<&JsMailbox::byPriority>("byPriority"),
         InstanceAccessor<&JsMailbox::replaced>("replaced"), InstanceAccessor<&JsMailbox::settled>("settled"),
         InstanceAccessor<&JsMailbox::name>("name"),
         InstanceMethod<&JsMailbox::settle>("settle"), InstanceMethod<&JsMailbox::peek>("peek"), InstanceMethod<&JsMailbox::again>("again"),
         InstanceMethod<&JsMailbox::available>("available"), InstanceMethod<&JsMailbox::swapClaims>("swapClaims"), InstanceMethod<&JsMailbox::send>("send"),
         InstanceMethod<&JsMailbox::sendOutgoing>("sendOutgoing"), InstanceMethod<&JsMailbox::sendMany>("sendMany"),
         InstanceMethod<&JsMailbox::receive>("receive"), InstanceMethod<&JsMailbox::receiveMany>("receiveMany"),
         InstanceMethod<&JsMailbox::sendOutcome>("sendOutcome"), InstanceMethod<&JsMailbox::withdrawSend>("withdrawSend"),
         InstanceMethod<&JsMailbox::claim>("claim"), InstanceMethod<&JsMailbox::body>("body"),
         InstanceMethod<&JsMailbox::take>("take"), InstanceMethod<&JsMailbox::giveBack>("giveBack"),
         InstanceMethod<&JsMailbox::want>("want"), InstanceMethod<&JsMailbox::met>("met"),
         InstanceMethod<&JsMailbox::withdrawWant>("withdrawWant"), InstanceMethod<&JsMailbox::selector>("selector"),
         InstanceMethod<&JsMailbox::dropSelector>("dropSelector"), InstanceMethod<&JsMailbox::sleep>("sleep"),
         InstanceMethod<&JsMailbox::awake>("awake"), InstanceMethod<&JsMailbox::block>("block"),
         InstanceMethod<&JsMailbox::wakeReceivers>("wakeReceivers"), InstanceMethod<&JsMailbox::promote>("promote"), InstanceMethod<&JsMailbox::sweep>("sweep"),
         InstanceMethod<&JsMailbox::senderName>("senderName"), InstanceMethod<&JsMailbox::live>("live"),
         InstanceMethod<&JsMailbox::laneBytes>("laneBytes"), InstanceMethod<&JsMailbox::poison>("poison"),
         InstanceMethod<&JsMailbox::leave>("leave")});
  }

  /** (members, path, name | null, capacity | -1, ordering | -1, defaultCapacity, maxBytes, process, tag, { incoming, frames, outgoing, lengths }) */
  explicit JsMailbox(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    owner_ = Napi::Persistent(info[0].As<Napi::Object>());
    Members& members = *JsMembers::Unwrap(info[0].As<Napi::Object>())->members;
    Spec spec;
    spec.path = info[1].As<Napi::String>().Utf8Value();
    if (info[2].IsString()) spec.name = info[2].As<Napi::String>().Utf8Value();
    spec.capacity = named(info[3]);
    spec.ordering = named(info[4]);
    spec.defaultCapacity = static_cast<uint32_t>(number(info[5]));
    spec.maxBytes = static_cast<uint64_t>(number(info[6]));
    spec.process = info[7].As<Napi::String>().Utf8Value();
    spec.tag = static_cast<uint32_t>(number(info[8]));
    const auto buffers = info[9].As<Napi::Object>();
    buffers_ = Napi::Persistent(buffers);
    auto incoming = buffers.Get("incoming").As<Napi::Uint8Array>();
    scratch_ = incoming.Data();
    scratchBytes_ = incoming.ByteLength();
    auto frames = buffers.Get("frames").As<Napi::Float64Array>();
    frame_ = frames.Data();
    frames_ = frames.ElementLength() / kFrame;
    const auto outgoing = buffers.Get("outgoing").As<Napi::Uint8Array>();
    outgoing_ = outgoing.Data();
    outgoingBytes_ = outgoing.ByteLength();
    const auto lengths = buffers.Get("lengths").As<Napi::Uint32Array>();
    lengths_ = lengths.Data();
    lengthsCount_ = lengths.ElementLength();
    guarded(info.Env(), [&] { mailbox_ = std::make_unique<Mailbox>(members, spec); });
  }

  Napi::Value capacity(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), guarded(info.Env(), [&] { return mailbox().capacity(); }));
  }
  Napi::Value byPriority(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info.Env(), [&] { return mailbox().byPriority(); }));
  }
  Napi::Value name(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), guarded(info.Env(), [&] { return mailbox().name(); }));
  }
  Napi::Value settled(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info.Env(), [&] { return mailbox().settled(); }));
  }
  Napi::Value replaced(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), mailbox().replaced()); }

  void settle(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().settle(named(info[0]), named(info[1])); });
  }

  /** (body, codec, type, priority, sentAt, mayWait): 0 accepted, 1 refused, 2 waits (its handle in frame[0]). */
  Napi::Value send(const Napi::CallbackInfo& info) {
    const auto body = info[0].As<Napi::Uint8Array>();
    const Mailbox::Message message = described(info);
    const bool mayWait = info[5].As<Napi::Boolean>();
    Mailbox::Handle handle = 0;
    const Mailbox::Sent sent = guarded(info.Env(), [&] {
      return mailbox().send(message, reinterpret_cast<const std::byte*>(body.Data()), static_cast<uint32_t>(body.ByteLength()), mayWait, handle);
    });
    frame_[0] = static_cast<double>(handle);
    return Napi::Number::New(info.Env(), static_cast<int>(sent));
  }

  /** (length, codec, type, priority, sentAt, mayWait): as `send`, of the first bytes of `outgoing`. */
  Napi::Value sendOutgoing(const Napi::CallbackInfo& info) {
    const size_t length = std::min(static_cast<size_t>(number(info[0])), outgoingBytes_);
    const Mailbox::Message message = described(info);
    const bool mayWait = info[5].As<Napi::Boolean>();
    Mailbox::Handle handle = 0;
    const Mailbox::Sent sent = guarded(info.Env(), [&] {
      return mailbox().send(message, reinterpret_cast<const std::byte*>(outgoing_), static_cast<uint32_t>(length), mayWait, handle);
    });
    frame_[0] = static_cast<double>(handle);
    return Napi::Number::New(info.Env(), static_cast<int>(sent));
  }

  /** (count, codec, type, priority, sentAt): sends the bodies that follow one another in `outgoing`, as long as `lengths` says, until one would
   * have to wait; how many were accepted. What fails is left for who sends it by itself. */
  Napi::Value sendMany(const Napi::CallbackInfo& info) {
    const size_t count = std::min(static_cast<size_t>(number(info[0])), lengthsCount_);
    const Mailbox::Message message = described(info);
    size_t sent = 0;
    size_t at = 0;
    guarded(info.Env(), [&] {
      Mailbox::Handle handle = 0;
      for (; sent < count; at += lengths_[sent++]) {
        const uint32_t length = lengths_[sent];
        if (length > outgoingBytes_ - at) break;
        try {
          if (mailbox().send(message, reinterpret_cast<const std::byte*>(outgoing_ + at), length, false, handle) != Mailbox::Sent::accepted) break;
        } catch (const Fault&) {
          if (sent == 0) throw;
          break;
        }
      }
    });
    return Napi::Number::New(info.Env(), static_cast<double>(sent));
  }

  Napi::Value sendOutcome(const Napi::CallbackInfo& info) {
    return outcome(info, [&] { return mailbox().sendOutcome(handle(info[0])); });
  }
  Napi::Value withdrawSend(const Napi::CallbackInfo& info) {
    return outcome(info, [&] { return mailbox().withdrawSend(handle(info[0])); });
  }

  /** (selector | -1): whether a message was claimed; it is described in the frame, and its body in the scratch if that holds it. */
  Napi::Value claim(const Napi::CallbackInfo& info) {
    const bool found = guarded(info.Env(), [&] { return mailbox().claim(selectorAt(info[0]), received_); });
    return described(info.Env(), found);
  }

  /** (selector | -1): claims a message and takes it: 1, in frame and scratch; 2: claimed only, for its body is too large for the scratch; 0: none. */
  Napi::Value receive(const Napi::CallbackInfo& info) {
    int outcome = 0;
    guarded(info.Env(), [&] {
      if (!mailbox().claim(selectorAt(info[0]), received_)) return;
      const bool fits = received_.length <= scratchBytes_;
      describe(frame_);
      if (fits) {
        std::memcpy(scratch_, received_.body, received_.length);
        mailbox().take();
      }
      outcome = fits ? 1 : 2;
    });
    return Napi::Number::New(info.Env(), outcome);
  }

  /** (selector | -1, most): takes as many as there are and have room: a frame each, the bodies one behind the other in the scratch. If one has no
   * room, it is claimed only, and the number is negative: it is the latest claim, and has the last frame. */
  Napi::Value receiveMany(const Napi::CallbackInfo& info) {
    const size_t most = std::min(static_cast<size_t>(number(info[1])), frames_);
    size_t count = 0;
    bool claimed = false;
    guarded(info.Env(), [&] {
      Selector* selector = selectorAt(info[0]);
      size_t used = 0;
      while (count < most && !claimed) {
        try {
          if (!mailbox().claim(selector, received_)) return;
          describe(frame_ + kFrame * count++);
          claimed = received_.length > scratchBytes_ - used;
          if (claimed) return;
          std::memcpy(scratch_ + used, received_.body, received_.length);
          used += received_.length;
          mailbox().take();
        } catch (const Fault&) {
          // What has been taken is not to be lost: the next call meets the fault again.
          if (count == 0) throw;
          return;
        }
      }
    });
    return Napi::Number::New(info.Env(), claimed ? -static_cast<double>(count) : static_cast<double>(count));
  }

  /** A copy of the claimed message's body, for one that the scratch does not hold. */
  Napi::Value body(const Napi::CallbackInfo& info) {
    return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<const uint8_t*>(received_.body), received_.length);
  }

  void take(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().take(); });
  }
  void giveBack(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().giveBack(); });
  }

  /** (selector | -1, token of a select | 0): 0 it waits, its handle in frame[0]; 1 claimed one at once; 2 there is one to claim. */
  Napi::Value want(const Napi::CallbackInfo& info) {
    Mailbox::Handle handle = 0;
    const Mailbox::Wanted wanted = guarded(info.Env(), [&] { return mailbox().want(selectorAt(info[0]), static_cast<uint64_t>(number(info[1])), received_, handle); });
    if (wanted == Mailbox::Wanted::waits) frame_[0] = static_cast<double>(handle);
    described(info.Env(), wanted == Mailbox::Wanted::claimed);
    return Napi::Number::New(info.Env(), static_cast<int>(wanted));
  }
  Napi::Value available(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info.Env(), [&] { return mailbox().available(selectorAt(info[0])); }));
  }
  void swapClaims(const Napi::CallbackInfo& info) {
    mailbox().swapClaims();
    again(info);
  }
  Napi::Value met(const Napi::CallbackInfo& info) {
    const bool found = guarded(info.Env(), [&] { return mailbox().met(handle(info[0]), received_); });
    return described(info.Env(), found);
  }
  Napi::Value withdrawWant(const Napi::CallbackInfo& info) {
    const bool withdrawn = guarded(info.Env(), [&] { return mailbox().withdrawWant(handle(info[0]), received_); });
    described(info.Env(), !withdrawn);
    return Napi::Boolean::New(info.Env(), withdrawn);
  }

  /** Whether the want was met: by lane frame[6], with its message number frame[8]. */
  Napi::Value peek(const Napi::CallbackInfo& info) {
    uint32_t lane = 0;
    uint32_t order = 0;
    const bool met = guarded(info.Env(), [&] { return mailbox().peek(handle(info[0]), lane, order); });
    frame_[6] = lane;
    frame_[8] = order;
    return Napi::Boolean::New(info.Env(), met);
  }
  /** Describes the latest claim anew, after others have come and gone. */
  void again(const Napi::CallbackInfo& info) {
    received_ = mailbox().claimed();
    described(info.Env(), true);
  }

  /** (types: Uint32Array | null, from: string | null): a number for `claim` and `want`. */
  Napi::Value selector(const Napi::CallbackInfo& info) {
    auto selector = std::make_unique<Selector>();
    if (info[0].IsTypedArray()) {
      const auto types = info[0].As<Napi::Uint32Array>();
      selector->types.assign(types.Data(), types.Data() + types.ElementLength());
    }
    if (info[1].IsString()) selector->from = info[1].As<Napi::String>().Utf8Value();
    size_t index = 0;
    while (index < selectors_.size() && selectors_[index] != nullptr) index++;
    if (index == selectors_.size()) selectors_.emplace_back();
    selectors_[index] = std::move(selector);
    return Napi::Number::New(info.Env(), static_cast<double>(index));
  }
  void dropSelector(const Napi::CallbackInfo& info) { selectors_.at(static_cast<size_t>(number(info[0]))).reset(); }

  /** (receiving, choosy, sending) */
  void sleep(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      if (info[0].As<Napi::Boolean>()) mailbox().sleepReceiving(info[1].As<Napi::Boolean>());
      if (info[2].As<Napi::Boolean>()) mailbox().sleepSending();
    });
  }
  void awake(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().awake(); });
  }
  /** (milliseconds, receiving, choosy, handle | -1) */
  void block(const Napi::CallbackInfo& info) {
    const bool watched = number(info[3]) >= 0;
    guarded(info.Env(), [&] {
      mailbox().block(number(info[0]), info[1].As<Napi::Boolean>(), info[2].As<Napi::Boolean>(),
                      watched ? std::optional(handle(info[3])) : std::nullopt);
    });
  }
  void wakeReceivers(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().wakeReceivers(); });
  }
  void promote(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().promote(); });
  }
  void sweep(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().sweep(); });
  }
  Napi::Value senderName(const Napi::CallbackInfo& info) {
    uint64_t identity = 0;
    const std::string name = guarded(info.Env(), [&] { return mailbox().nameOf(static_cast<uint32_t>(number(info[0])), identity); });
    return Napi::String::New(info.Env(), name);
  }
  Napi::Value live(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), guarded(info.Env(), [&] { return mailbox().live(); }));
  }
  Napi::Value laneBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(guarded(info.Env(), [&] { return mailbox().laneBytes(); })));
  }
  void poison(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { mailbox().poison(); });
  }
  void leave(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mailbox().leave(info[0].As<Napi::Boolean>().Value());
      // Now, not when this object is collected: a process may have no more than 65,530 mappings (vm.max_map_count).
      mailbox_.reset();
    });
  }


 private:
  Mailbox& mailbox() {
    if (mailbox_ == nullptr) throw Fault{Fault::Kind::system, EBADF, "it has been left"};
    return *mailbox_;
  }
  static double number(const Napi::Value& value) { return value.As<Napi::Number>().DoubleValue(); }
  static std::optional<uint32_t> named(const Napi::Value& value) {
    const double given = number(value);
    return given < 0 ? std::nullopt : std::optional(static_cast<uint32_t>(given));
  }
  static Mailbox::Handle handle(const Napi::Value& value) { return static_cast<Mailbox::Handle>(number(value)); }
  Selector* selectorAt(const Napi::Value& value) {
    const double index = number(value);
    return index < 0 ? nullptr : selectors_.at(static_cast<size_t>(index)).get();
  }

  template <class Call>
  Napi::Value outcome(const Napi::CallbackInfo& info, Call&& call) {
    return Napi::Number::New(info.Env(), static_cast<int>(guarded(info.Env(), call)));
  }

  /** From the arguments (…, codec, type, priority, sentAt). */
  static Mailbox::Message described(const Napi::CallbackInfo& info) {
    return {static_cast<uint32_t>(number(info[1])), static_cast<uint32_t>(number(info[2])), static_cast<uint32_t>(number(info[3])), number(info[4])};
  }

  /** What was received, into a frame. */
  void describe(double* frame) {
    frame[1] = received_.length;
    frame[2] = received_.codec;
    frame[3] = received_.type;
    frame[4] = received_.priority;
    frame[5] = received_.sentAt;
    frame[6] = received_.lane;
    frame[8] = received_.order;
    // Tells one user of a lane from the next.
    frame[7] = static_cast<double>(mailbox().identityOf(received_.lane) >> 1 & 0x1f'ffff'ffff'ffff);
  }

  Napi::Value described(Napi::Env env, bool found) {
    if (found) {
      describe(frame_);
      if (received_.length <= scratchBytes_) std::memcpy(scratch_, received_.body, received_.length);
    }
    return Napi::Boolean::New(env, found);
  }

  Napi::ObjectReference owner_;
  /** Keeps what the following point into: their JavaScript ends must be the ones it was made with. */
  Napi::ObjectReference buffers_;
  uint8_t* scratch_ = nullptr;
  size_t scratchBytes_ = 0;
  double* frame_ = nullptr;
  size_t frames_ = 0;
  const uint8_t* outgoing_ = nullptr;
  size_t outgoingBytes_ = 0;
  const uint32_t* lengths_ = nullptr;
  size_t lengthsCount_ = 0;
  std::unique_ptr<Mailbox> mailbox_;
  Mailbox::Received received_{};
  std::vector<std::unique_ptr<Selector>> selectors_;
};

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("ShmMembers", JsMembers::define(env));
  exports.Set("ShmMailbox", JsMailbox::define(env));
}

}  // namespace pigeonhole::shm
