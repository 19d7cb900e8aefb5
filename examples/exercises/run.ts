/** The command: npm run exercise -- NAME */
const names = ['pipe', 'message-queue', 'shared-memory', 'semaphores', 'echo'];

const [name = ''] = process.argv.slice(2);
if (names.includes(name)) await import(`./${name}/main.js`);
else {
  console.error(`There is no exercise '${name}'. There are: ${names.join(', ')}.`);
  process.exitCode = 2;
}
