// The receiver of a batch throws at its first datagram and at one in its middle; says what it got, and from whom.
import { UdpSocket } from '@pigeonhole/native';

let thrown = 0;
process.on('uncaughtException', (error) => {
  if (error.message !== 'of the receiver') throw error;
  thrown++;
});

const got = [];
const a = new UdpSocket('127.0.0.1', 0, () => {});
const b = new UdpSocket('127.0.0.1', 0, () => {});
const receiver = new UdpSocket('127.0.0.1', 0, (bytes, { port }) => {
  const name = bytes.toString();
  if (name.startsWith('throw')) throw new Error('of the receiver');
  got.push(`${name} ${port === a.port ? 'a' : 'b'}`);
  if (name === 'a2') send(b, 'b3');
  if (name !== 'b3') return;
  console.log(JSON.stringify({ got, thrown }));
  for (const socket of [a, b, receiver]) socket.close();
});

function send(from, text) {
  from.send(from.placeOf(receiver.host, receiver.port), [Buffer.from(text)], () => {});
}

send(a, 'throw 1');
send(b, 'b1');
send(b, 'b2');
send(b, 'throw 2');
send(a, 'a2');
