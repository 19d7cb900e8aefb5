// Listens on the first address, connects to the second, and prints what came of it. With a third argument it closes the port meanwhile.
import tcp from '@pigeonhole/transport-tcp';

const [listen, to, close] = process.argv.slice(2);
const handler = { data() {}, drain() {}, end() {} };
const port = await tcp({ listen }).open({ self: { name: 'dialler' }, accept: () => handler, warn() {} });
const connecting = port.connect(to, handler).then(
  () => ({ code: 'connected' }),
  (error) => error,
);
if (close !== undefined) await port.close();
const { code, message } = await connecting;
console.log(JSON.stringify({ code, message }));
// Whoever closes his port ends by himself: a link would keep him.
if (close === undefined) process.exit();
