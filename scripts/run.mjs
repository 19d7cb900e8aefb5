// Starts a program, waits for it, and passes on the signals that end this process.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The root of the checkout, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs `command` to its end and gives its exit code (128 + 15 and the like where a signal ended it).
 * `capture: true` collects what it prints instead of showing it. `group: true` makes it the leader of a process
 * group of its own, and whatever it left running in that group ends with it.
 */
export function run(command, args, { cwd = root, env = process.env, capture = false, group = false } = {}) {
  return new Promise((resolve, reject) => {
    const output = capture ? 'pipe' : 'inherit';
    const child = spawn(command, args, {
      cwd,
      env,
      detached: group,
      stdio: [group ? 'ignore' : 'inherit', output, output],
    });
    const kill = (signal) => {
      try {
        process.kill(group ? -child.pid : child.pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    // A terminal's Ctrl-C reaches a child of this process group by itself.
    const forward = (signal) => (group || signal !== 'SIGINT') && kill(signal);
    for (const signal of signals) process.on(signal, forward);
    let printed = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
    const finish = () => {
      for (const signal of signals) process.off(signal, forward);
      if (group && child.pid) kill('SIGKILL');
    };
    child.once('error', (error) => {
      finish();
      reject(error);
    });
    child.once('exit', finish);
    child.once('close', (code, signal) => resolve({ code: code ?? 128 + signalNumber(signal), printed }));
  });
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[signal] ?? 0;
}

/** `run` with this Node.js, for a script of an installed package: its path inside node_modules. */
export function runInstalled(script, args, options) {
  return run(process.execPath, [`${root}/node_modules/${script}`, ...args], options);
}

/** `run` for npm itself: the one that started this script, else the one on the PATH. */
export function npm(args, options) {
  const own = process.env.npm_execpath;
  return own ? run(process.execPath, [own, ...args], options) : run('npm', args, options);
}
