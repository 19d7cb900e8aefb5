// A runtime for the agents of conformance-broken.test.ts: sound but for the rule that the environment names.
import { Server } from 'node:net';
import { createRuntime as sound } from '@pigeonhole/core';

const rule = process.env.PIGEONHOLE_BROKEN_RULE;

const changed = (target, changes) =>
  new Proxy(target, {
    get(_, key) {
      const member = changes[key] ?? Reflect.get(target, key);
      return typeof member === 'function' && changes[key] === undefined ? member.bind(target) : member;
    },
  });

/** A runtime that never tells of `event`. */
const deafTo = (event) => (runtime) =>
  changed(runtime, { on: (name, listener) => (name === event ? runtime : runtime.on(name, listener)) });

const broken = {
  // After close something keeps the process alive.
  R24: (runtime) =>
    changed(runtime, {
      close: (options) => {
        setInterval(() => {}, 1000);
        return runtime.close(options);
      },
    }),
  // A message leaves in two parts: who dies between them leaves one.
  R25: (runtime) =>
    changed(runtime, {
      sender: async (to) => {
        const sender = await runtime.sender(to);
        const send = async (body, options) => {
          await sender.send({ part: 1 }, options);
          return sender.send(body, options);
        };
        return changed(sender, { send });
      },
    }),
  // What died with a host is not reported.
  R26: deafTo('mailbox:lost'),
  R27: deafTo('peer:down'),
  R28: (runtime) => runtime, // see below
};

if (rule === 'R28') {
  // Whoever sends another protocol takes the process down.
  const { emit } = Server.prototype;
  Server.prototype.emit = function crash(event, socket, ...rest) {
    if (event === 'connection')
      socket.prependListener('data', (chunk) => String(chunk).startsWith('GET') && process.exit(70));
    return emit.call(this, event, socket, ...rest);
  };
}

export async function createRuntime(settings) {
  return broken[rule](await sound(settings));
}
