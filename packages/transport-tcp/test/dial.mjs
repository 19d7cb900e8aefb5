// Listens on the first address, connects to the second, and prints what came of it.
import tcp from '@pigeonhole/transport-tcp';

const handler = { data() {}, drain() {}, end() {} };
const port = await tcp({ listen: process.argv[2] }).open({
  self: { name: 'dialler' },
  accept: () => handler,
  warn() {},
});
const { code, message } = await port.connect(process.argv[3], handler).then(
  () => ({ code: 'connected' }),
  (error) => error,
);
console.log(JSON.stringify({ code, message }));
process.exit();
