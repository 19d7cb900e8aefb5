// Sends more at once than the send buffer of a slow interface has room for, to a socket of its own, and says what became of it.
import { UdpSocket } from '@pigeonhole/native';

const [many, length] = [12, 40_000];
const got = [];
let taken = 0;
const receiver = new UdpSocket('127.0.0.1', 0, (bytes) => {
  got.push(bytes[0]);
  if (got.length < many) return;
  console.log(JSON.stringify({ got, atOnce, taken }));
  receiver.close();
  sender.close();
});
const sender = new UdpSocket('127.0.0.1', 0, () => {});
const to = sender.placeOf(receiver.host, receiver.port);
for (let n = 0; n < many; n++)
  sender.send(to, [Buffer.alloc(length, n)], (error) => {
    if (error !== null) throw error;
    taken++;
  });
const atOnce = taken;
