#pragma once

#include <napi.h>

#include <memory>

#include "descriptor.h"
#include "poll.h"

namespace pigeonhole {

/**
 * Opens the FIFO at `path` for reading: for reading and writing, so that it never is at its end, without waiting for a writer.
 * Not a link, not of another user, nothing but a FIFO: -1 and errno otherwise.
 */
int OpenFifoReader(const char* path);

/** Opens the FIFO at `path` for writing, as above. ENXIO when no process reads it. */
int OpenFifoWriter(const char* path);

namespace fifo {

/**
 * makeFifo(path): mode 0600.
 *
 * new FifoReader(path, scratch, onBytes, capacity): reads into `scratch` whenever there is something, then onBytes(count), or
 * onBytes(-errno) once when reading failed. ref, unref, pause, resume, close; read() → count, at once, without onBytes.
 *
 * new FifoWriter(path, onEvent): onEvent(1) when there is room again after `awaitRoom`, onEvent(-errno) once when the last
 * reader has gone. write, awaitRoom, watch, close.
 */
void Init(Napi::Env env, Napi::Object exports);

class Reader : public Napi::ObjectWrap<Reader> {
 public:
  explicit Reader(const Napi::CallbackInfo& info);
  ~Reader() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  /** Bytes read into the scratch; 0: there are none; -errno. */
  int ReadOnce();
  void OnReadable(int status);
  void RefLoop(const Napi::CallbackInfo& info);
  void UnrefLoop(const Napi::CallbackInfo& info);
  void Pause(const Napi::CallbackInfo& info);
  void Resume(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<Poll> poll_;
  Napi::Reference<Napi::Uint8Array> scratch_;
  uint8_t* bytes_ = nullptr;
  size_t capacity_ = 0;
  Napi::FunctionReference callback_;
};

class Writer : public Napi::ObjectWrap<Writer> {
 public:
  explicit Writer(const Napi::CallbackInfo& info);
  ~Writer() override;

 private:
  friend void Init(Napi::Env env, Napi::Object exports);
  void OnEvents(int status);
  Napi::Value Write(const Napi::CallbackInfo& info);
  void AwaitRoom(const Napi::CallbackInfo& info);
  void Watch(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);
  /** A bell that only rings needs no place in the loop. */
  Poll& Polled(Napi::Env env);
  int Get() const { return poll_ ? poll_->Get() : descriptor_.Get(); }

  Descriptor descriptor_;       // until it is polled
  std::shared_ptr<Poll> poll_;  // from then on
  bool awaiting_ = false;       // room
  Napi::FunctionReference callback_;
};

}  // namespace fifo
}  // namespace pigeonhole
