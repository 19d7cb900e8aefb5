/** Options: what is allowed works, what is not is ERR_CONFIG and says so. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { mailbox } from '@pigeonhole/core';
import { expect, test } from 'vitest';
import udp from '../src/index.js';
import { joined, published, scratch } from './scene.js';

test.each([
  [{ port: 1 }, /has no option 'port'; it has: listen, insecure, delivery/],
  [{ listen: 7000 }, /option listen .* is 7000; it must be: string/],
  [{ listen: 'localhost:0' }, /option listen .* "localhost:0"; it must be host:port/],
  [{ listen: '127.0.0.1' }, /it must be host:port/],
  [{ listen: '127.0.0.1:65536' }, /port 0 to 65535/],
  [{ listen: '0.0.0.0:0', insecure: true }, /every address of this host/],
  [{ listen: '[::]:0', insecure: true }, /every address of this host/],
  [{ listen: '192.0.2.1:0' }, /'192\.0\.2\.1:0', which other hosts may reach.*insecure: true/],
  [{ listen: '192.0.2.1:0', insecure: false }, /insecure: true/],
  [{ delivery: 'maybe' }, /option delivery .* allowed: 'reliable', 'datagram'/],
  [{ insecure: 'yes' }, /option insecure .* it must be: boolean/],
])('%j is ERR_CONFIG', (options, message) => {
  expect(() => udp(options as never)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
  expect(() => udp(options as never)).toThrow(message);
});

test.each(['127.0.0.1:0', '[::1]:0'])('two processes meet on %s', async (listen) => {
  const directory = scratch();
  const a = await joined(directory, 'a', { use: 'udp', listen });
  const b = await joined(directory, 'b', { use: 'udp', listen });
  const receiver = await b.receiver(mailbox('m'));
  await a.send(mailbox('m'), 'here');
  expect((await receiver.receive()).body).toBe('here');
  expect(published(directory, 'b').ports.udp.startsWith(listen.slice(0, -1))).toBe(true);
});

test('an address that is taken, or is not of this host, is refused with its name', async () => {
  const directory = scratch();
  const a = await joined(directory, 'a');
  const [taken] = published(directory, 'a').ports.udp.split('#');
  await expect(joined(directory, 'b', { use: 'udp', listen: taken })).rejects.toMatchObject({
    code: 'ERR_IN_USE',
    message: `cannot receive on UDP address ${taken}: another socket has that port (EADDRINUSE); give each process a port of its own (option listen), or 0`,
  });
  await expect(
    joined(directory, 'b', { use: 'udp', listen: '192.0.2.1:0', insecure: true }),
  ).rejects.toMatchObject({
    code: 'ERR_TRANSPORT',
    message: expect.stringContaining('192.0.2.1:0: this machine has no such address (EADDRNOTAVAIL); name'),
  });
  expect(a.peers()).toEqual([]);
});

test.each([
  ['', '@pigeonhole/native'],
  ['off', 'node:dgram'],
])('explain tells whose socket it is, PIGEONHOLE_NATIVE being %j', (setting, module) => {
  const program = `
    import { createRuntime, mailbox } from '@pigeonhole/core';
    const runtime = await createRuntime({ directory: process.argv[1], transport: 'udp', config: false, logger: false });
    console.log(runtime.explain(mailbox('m')).details.socket);
    await runtime.close();`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', program, scratch()], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, PIGEONHOLE_NATIVE: setting },
    encoding: 'utf8',
  });
  expect(printed.trim()).toBe(module);
});
