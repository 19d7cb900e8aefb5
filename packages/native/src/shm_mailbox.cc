#include "shm_mailbox.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "shm/members.h"
#include "shm_traffic.h"
#include "shm_view.h"

namespace pigeonhole::shm {

namespace {

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

class JsMailbox : public Napi::ObjectWrap<JsMailbox> {
 public:
  /** `table` belongs to the class from now on. */
  static Napi::Function define(Napi::Env env, std::shared_ptr<TrafficTable>* table) {
    return DefineClass(
        env, "ShmMailbox",
        {InstanceAccessor<&JsMailbox::capacity>("capacity"), InstanceAccessor<&JsMailbox::byPriority>("byPriority"),
         InstanceAccessor<&JsMailbox::replaced>("replaced"), InstanceAccessor<&JsMailbox::settled>("settled"),
         InstanceAccessor<&JsMailbox::name>("name"), InstanceAccessor<&JsMailbox::number>("number"),
         InstanceMethod<&JsMailbox::settle>("settle"), InstanceMethod<&JsMailbox::peek>("peek"), InstanceMethod<&JsMailbox::again>("again"),
         InstanceMethod<&JsMailbox::available>("available"), InstanceMethod<&JsMailbox::swapClaims>("swapClaims"), InstanceMethod<&JsMailbox::send>("send"), InstanceMethod<&JsMailbox::sendSome>("sendSome"),
         InstanceMethod<&JsMailbox::sendOutcome>("sendOutcome"), InstanceMethod<&JsMailbox::withdrawSend>("withdrawSend"),
         InstanceMethod<&JsMailbox::claim>("claim"), InstanceMethod<&JsMailbox::body>("body"),
         InstanceMethod<&JsMailbox::take>("take"), InstanceMethod<&JsMailbox::giveBack>("giveBack"),
         InstanceMethod<&JsMailbox::want>("want"), InstanceMethod<&JsMailbox::met>("met"),
         InstanceMethod<&JsMailbox::withdrawWant>("withdrawWant"), InstanceMethod<&JsMailbox::selector>("selector"),
         InstanceMethod<&JsMailbox::dropSelector>("dropSelector"), InstanceMethod<&JsMailbox::sleep>("sleep"),
         InstanceMethod<&JsMailbox::awake>("awake"), InstanceMethod<&JsMailbox::block>("block"),
         InstanceMethod<&JsMailbox::changed>("changed"), InstanceMethod<&JsMailbox::linger>("linger"), InstanceMethod<&JsMailbox::wakeReceivers>("wakeReceivers"), InstanceMethod<&JsMailbox::promote>("promote"), InstanceMethod<&JsMailbox::sweep>("sweep"),
         InstanceMethod<&JsMailbox::senderName>("senderName"), InstanceMethod<&JsMailbox::live>("live"),
         InstanceMethod<&JsMailbox::laneBytes>("laneBytes"), InstanceMethod<&JsMailbox::poison>("poison"),
         InstanceMethod<&JsMailbox::lend>("lend"), InstanceMethod<&JsMailbox::loanView>("loanView"),
         InstanceMethod<&JsMailbox::sendLoan>("sendLoan"), InstanceMethod<&JsMailbox::dropLoan>("dropLoan"),
         InstanceMethod<&JsMailbox::claimedView>("claimedView"), InstanceMethod<&JsMailbox::closeView>("closeView"),
         InstanceMethod<&JsMailbox::hold>("hold"), InstanceMethod<&JsMailbox::takeHeld>("takeHeld"),
         InstanceMethod<&JsMailbox::leave>("leave")},
        table);
  }

  /** (members, path, name | null, capacity | -1, ordering | -1, defaultCapacity, maxBytes, process, tag, { incoming, frames, outgoing, lengths, marks }) */
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
    traffic_.incoming = incoming.Data();
    traffic_.incomingBytes = incoming.ByteLength();
    auto frames = buffers.Get("frames").As<Napi::Float64Array>();
    traffic_.frames = frames.Data();
    traffic_.frameCount = frames.ElementLength() / kFrame;
    const auto outgoing = buffers.Get("outgoing").As<Napi::Uint8Array>();
    traffic_.outgoing = outgoing.Data();
    traffic_.outgoingBytes = outgoing.ByteLength();
    const auto lengths = buffers.Get("lengths").As<Napi::Uint32Array>();
    traffic_.lengths = lengths.Data();
    traffic_.lengthCount = lengths.ElementLength();
    traffic_.marks = buffers.Get("marks").As<Napi::Float64Array>().Data();
    guarded(info.Env(), [&] { traffic_.mailbox = std::make_unique<Mailbox>(members, spec); });
    table_ = *static_cast<std::shared_ptr<TrafficTable>*>(info.Data());
    number_ = table_->add(&traffic_);
  }
  ~JsMailbox() override {
    if (table_ != nullptr) table_->remove(number_);
  }

  Napi::Value number(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), number_); }
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
    const Mailbox::Message message{static_cast<uint32_t>(number(info[1])), static_cast<uint32_t>(number(info[2])),
                                   static_cast<uint32_t>(number(info[3])), number(info[4])};
    const bool mayWait = info[5].As<Napi::Boolean>();
    Mailbox::Handle handle = 0;
    const Mailbox::Sent sent = guarded(info.Env(), [&] {
      return mailbox().send(message, reinterpret_cast<const std::byte*>(body.Data()), static_cast<uint32_t>(body.ByteLength()), mayWait, handle);
    });
    traffic_.frames[0] = static_cast<double>(handle);
    return Napi::Number::New(info.Env(), static_cast<int>(sent));
  }

  /** (bodies, codec, type, priority, sentAt): how many were accepted, up to one that would have to wait, or fails when it is not the first. */
  Napi::Value sendSome(const Napi::CallbackInfo& info) {
    const auto bodies = info[0].As<Napi::Array>();
    const Mailbox::Message message{static_cast<uint32_t>(number(info[1])), static_cast<uint32_t>(number(info[2])),
                                   static_cast<uint32_t>(number(info[3])), number(info[4])};
    Mailbox::Handle handle = 0;
    uint32_t sent = 0;
    guarded(info.Env(), [&] {
      try {
        for (const uint32_t count = bodies.Length(); sent < count; sent++) {
          const Napi::Value element = bodies[sent];
          const auto body = element.As<Napi::Uint8Array>();
          const auto* bytes = reinterpret_cast<const std::byte*>(body.Data());
          if (mailbox().send(message, bytes, static_cast<uint32_t>(body.ByteLength()), false, handle) != Mailbox::Sent::accepted) break;
        }
      } catch (const Fault&) {
        if (sent == 0) throw;
      }
    });
    return Napi::Number::New(info.Env(), sent);
  }

  Napi::Value sendOutcome(const Napi::CallbackInfo& info) {
    return outcome(info, [&] { return mailbox().sendOutcome(handle(info[0])); });
  }
  Napi::Value withdrawSend(const Napi::CallbackInfo& info) {
    return outcome(info, [&] { return mailbox().withdrawSend(handle(info[0])); });
  }

  /** (selector | -1): whether a message was claimed; it is described in the frame, and its body in the scratch if that holds it. */
  Napi::Value claim(const Napi::CallbackInfo& info) {
    const bool found = guarded(info.Env(), [&] { return mailbox().claim(selectorAt(info[0]), traffic_.received); });
    return described(info.Env(), found);
  }

  /** (target, take): copies the claimed message's body there, for one that is not in the scratch; `take`: and takes it. */
  void body(const Napi::CallbackInfo& info) {
    auto target = info[0].As<Napi::Uint8Array>();
    guarded(info.Env(), [&] {
      if (target.ByteLength() < mailbox().claimed().length) throw Fault{Fault::Kind::system, EINVAL, "memory that is too short for a body"};
      mailbox().copyBody(reinterpret_cast<std::byte*>(target.Data()));
      if (info[1].As<Napi::Boolean>()) mailbox().take();
    });
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
    const Mailbox::Wanted wanted = guarded(info.Env(), [&] { return mailbox().want(selectorAt(info[0]), static_cast<uint64_t>(number(info[1])), traffic_.received, handle); });
    if (wanted == Mailbox::Wanted::waits) traffic_.frames[0] = static_cast<double>(handle);
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
    const bool found = guarded(info.Env(), [&] { return mailbox().met(handle(info[0]), traffic_.received); });
    return described(info.Env(), found);
  }
  Napi::Value withdrawWant(const Napi::CallbackInfo& info) {
    const bool withdrawn = guarded(info.Env(), [&] { return mailbox().withdrawWant(handle(info[0]), traffic_.received); });
    described(info.Env(), !withdrawn);
    return Napi::Boolean::New(info.Env(), withdrawn);
  }

  /** Whether the want was met: by lane frame[6], with its message number frame[8]. */
  Napi::Value peek(const Napi::CallbackInfo& info) {
    uint32_t lane = 0;
    uint32_t order = 0;
    const bool met = guarded(info.Env(), [&] { return mailbox().peek(handle(info[0]), lane, order); });
    traffic_.frames[6] = lane;
    traffic_.frames[8] = order;
    return Napi::Boolean::New(info.Env(), met);
  }
  /** Describes the latest claim anew, after others have come and gone. */
  void again(const Napi::CallbackInfo& info) {
    traffic_.received = mailbox().claimed();
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
    while (index < traffic_.selectors.size() && traffic_.selectors[index] != nullptr) index++;
    if (index == traffic_.selectors.size()) traffic_.selectors.emplace_back();
    traffic_.selectors[index] = std::move(selector);
    return Napi::Number::New(info.Env(), static_cast<double>(index));
  }
  void dropSelector(const Napi::CallbackInfo& info) { traffic_.selectors.at(static_cast<size_t>(number(info[0]))).reset(); }

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
  /** (milliseconds, receiving, choosy, handle | -1, spin) */
  void block(const Napi::CallbackInfo& info) {
    const bool watched = number(info[3]) >= 0;
    guarded(info.Env(), [&] {
      mailbox().block(number(info[0]), info[1].As<Napi::Boolean>(), info[2].As<Napi::Boolean>(),
                      watched ? std::optional(handle(info[3])) : std::nullopt, info[4].As<Napi::Boolean>());
    });
  }
  Napi::Value changed(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info.Env(), [&] { return mailbox().changed(); }));
  }
  Napi::Value linger(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info.Env(), [&] { return mailbox().linger(); }));
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

  /** (bytes): a loan's number. */
  Napi::Value lend(const Napi::CallbackInfo& info) {
    const Mailbox::Loan loan = guarded(info.Env(), [&] { return mailbox().lend(static_cast<uint32_t>(number(info[0]))); });
    size_t index = 0;
    while (index < loans_.size() && loans_[index].has_value()) index++;
    if (index == loans_.size()) loans_.emplace_back();
    loans_[index] = loan;
    return Napi::Number::New(info.Env(), static_cast<double>(index));
  }
  /** (loan): a view of its body, one at a time, or null. */
  Napi::Value loanView(const Napi::CallbackInfo& info) {
    const Mailbox::Loan& loan = loanAt(info[0]).value();
    return openView(info.Env(), loan.mapping, loan.body, loan.length);
  }
  /** (loan, codec, type, priority, sentAt, mayWait): as `send`. */
  Napi::Value sendLoan(const Napi::CallbackInfo& info) {
    std::optional<Mailbox::Loan>& loan = loanAt(info[0]);
    const Mailbox::Message message{static_cast<uint32_t>(number(info[1])), static_cast<uint32_t>(number(info[2])),
                                   static_cast<uint32_t>(number(info[3])), number(info[4])};
    Mailbox::Handle handle = 0;
    const Mailbox::Sent sent = guarded(info.Env(), [&] { return mailbox().send(message, loan.value(), info[5].As<Napi::Boolean>(), handle); });
    if (sent != Mailbox::Sent::refused) loan.reset();
    traffic_.frames[0] = static_cast<double>(handle);
    return Napi::Number::New(info.Env(), static_cast<int>(sent));
  }
  /** (loan): gives its memory back, unless the mailbox has been left, and all with it. */
  void dropLoan(const Napi::CallbackInfo& info) {
    std::optional<Mailbox::Loan>& loan = loanAt(info[0]);
    if (traffic_.mailbox != nullptr) traffic_.mailbox->giveBack(loan.value());
    loan.reset();
  }

  /** A view of the claimed message's body, or null. */
  Napi::Value claimedView(const Napi::CallbackInfo& info) {
    auto mapping = guarded(info.Env(), [&] {
      mailbox().checkBody();
      return mailbox().mappingOfClaimed();
    });
    const Mailbox::Received& claimed = mailbox().claimed();
    return openView(info.Env(), std::move(mapping), claimed.body, claimed.length);
  }
  void closeView(const Napi::CallbackInfo& info) { shm::closeView(info.Env(), info[0]); }
  /** Sets the claim apart: its number for `takeHeld`. */
  Napi::Value hold(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(mailbox().hold()));
  }
  void takeHeld(const Napi::CallbackInfo& info) {
    if (traffic_.mailbox == nullptr) return;
    guarded(info.Env(), [&] { traffic_.mailbox->takeHeld(handle(info[0])); });
  }

  void leave(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      mailbox().leave(info[0].As<Napi::Boolean>().Value());
      // Now, not when this object is collected: a process may have no more than 65,530 mappings (vm.max_map_count).
      traffic_.mailbox.reset();
    });
  }


 private:
  Mailbox& mailbox() { return traffic_.open(); }
  static double number(const Napi::Value& value) { return value.As<Napi::Number>().DoubleValue(); }
  static std::optional<uint32_t> named(const Napi::Value& value) {
    const double given = number(value);
    return given < 0 ? std::nullopt : std::optional(static_cast<uint32_t>(given));
  }
  static Mailbox::Handle handle(const Napi::Value& value) { return static_cast<Mailbox::Handle>(number(value)); }
  std::optional<Mailbox::Loan>& loanAt(const Napi::Value& value) { return loans_.at(static_cast<size_t>(number(value))); }
  Selector* selectorAt(const Napi::Value& value) { return traffic_.selectorAt(static_cast<int64_t>(number(value))); }

  template <class Call>
  Napi::Value outcome(const Napi::CallbackInfo& info, Call&& call) {
    return Napi::Number::New(info.Env(), static_cast<int>(guarded(info.Env(), call)));
  }


  Napi::Value described(Napi::Env env, bool found) {
    if (found) {
      traffic_.describe(0);
      const bool passes = traffic_.received.length <= traffic_.roomFrom(0);
      if (passes) guarded(env, [&] { mailbox().copyBody(reinterpret_cast<std::byte*>(traffic_.incoming)); });
      traffic_.frames[0] = passes ? 1 : 0;
    }
    return Napi::Boolean::New(env, found);
  }

  Napi::ObjectReference owner_;
  /** Keeps what `traffic_` points into: its JavaScript ends must be the ones it was made with. */
  Napi::ObjectReference buffers_;
  std::shared_ptr<TrafficTable> table_;
  Traffic traffic_;
  uint32_t number_ = 0;
  /** By their numbers. */
  std::vector<std::optional<Mailbox::Loan>> loans_;
};

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  // Ends with the environment: nothing is called after that. Mailboxes that are still to be collected then keep the table itself.
  auto* table = new std::shared_ptr<TrafficTable>(std::make_shared<TrafficTable>());
  env.AddCleanupHook([table] { delete table; });
  exports.Set("ShmMembers", JsMembers::define(env));
  exports.Set("ShmMailbox", JsMailbox::define(env, table));
  defineTraffic(env, exports, table->get());
}

}  // namespace pigeonhole::shm
