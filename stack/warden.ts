import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isFree } from './port.js';
import { root } from './root.js';

export interface Exit {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Command {
  /** Unique among what runs under this warden at the moment. */
  readonly key: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File to which standard output and standard error are appended. */
  readonly log: string;
}

export interface Child {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** To the whole process group. Nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void;
}

/** The typed side of `stack/warden.mjs`: starts processes that cannot outlive this one. */
export interface Warden {
  readonly pid: number;
  /** Temporary folder of this instance; goes with the warden. */
  readonly folder: string;
  /** The next free port of this instance on 127.0.0.1. */
  port(): Promise<number>;
  start(command: Command): Promise<Child>;
  /** Kills everything, removes the folder, returns when both are done. May be called repeatedly. */
  close(): Promise<void>;
}

type Report =
  | { readonly event: 'open'; readonly folder: string; readonly port: number; readonly ports: number }
  | { readonly event: 'started'; readonly key: string; readonly pid: number }
  | { readonly event: 'failed'; readonly key: string; readonly message: string }
  | ({ readonly event: 'exited'; readonly key: string } & Exit);

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

interface Started {
  readonly resolve: (child: Child) => void;
  readonly reject: (error: Error) => void;
}

interface Running {
  readonly pid: number;
  readonly ended: (exit: Exit) => void;
}

/** @param label becomes part of the temporary folder's name: `holdfast-<label>-XXXXXX` */
export async function openWarden(label: string): Promise<Warden> {
  const warden = spawn(process.execPath, [join(root, 'stack', 'warden.mjs'), label], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Its own session: Ctrl-C in the terminal reaches the parent, and the warden through the pipe.
    detached: true,
  });
  const starting = new Map<string, Started>();
  const running = new Map<string, Running>();
  let folder: string | undefined;
  const ended = new Promise<void>((resolve) => warden.once('close', () => resolve()));
  const send = (message: unknown): void => {
    if (warden.stdin.writable) warden.stdin.write(`${JSON.stringify(message)}\n`);
  };
  warden.stdin.on('error', () => undefined);

  function onStarted(key: string, pid: number): void {
    const exited = new Promise<Exit>((resolve) => running.set(key, { pid, ended: resolve }));
    const signal = (name: NodeJS.Signals): void => {
      if (running.get(key)?.pid === pid) send({ op: 'signal', key, signal: name });
    };
    starting.get(key)?.resolve({ pid, exited, signal });
    starting.delete(key);
  }

  const open = await new Promise<Extract<Report, { event: 'open' }>>((resolve, reject) => {
    warden.once('error', reject);
    warden.once('exit', (code) => reject(new Error(`the stack's warden ended at once (exit code ${code})`)));
    createInterface({ input: warden.stdout }).on('line', (line) => {
      const report = JSON.parse(line) as Report;
      switch (report.event) {
        case 'open':
          folder = report.folder;
          return resolve(report);
        case 'started':
          return onStarted(report.key, report.pid);
        case 'failed':
          starting.get(report.key)?.reject(new Error(`cannot start ${report.key}: ${report.message}`));
          starting.delete(report.key);
          return;
        case 'exited': {
          const { pid, code, signal } = report;
          const child = running.get(report.key);
          running.delete(report.key);
          child?.ended({ pid, code, signal });
          return;
        }
        default:
          return report satisfies never;
      }
    });
  });

  // Somebody may kill the warden itself: then its work falls to us.
  warden.once('close', () => {
    for (const [key, child] of running) {
      killGroup(child.pid);
      running.delete(key);
      child.ended({ pid: child.pid, code: null, signal: 'SIGKILL' });
    }
    for (const [key, started] of starting)
      started.reject(new Error(`cannot start ${key}: the stack was stopped`));
    starting.clear();
  });

  const last = open.port + open.ports;
  let next = open.port;

  return {
    pid: warden.pid ?? 0,
    folder: open.folder,
    async port() {
      while (next < last) {
        const port = next++;
        if (await isFree(port)) return port;
      }
      throw new Error(`no free port left between ${open.port} and ${last} on 127.0.0.1`);
    },
    start({ key, command, args, env, log }) {
      if (starting.has(key) || running.has(key)) return Promise.reject(new Error(`${key} runs already`));
      if (!warden.stdin.writable)
        return Promise.reject(new Error(`cannot start ${key}: the stack was stopped`));
      return new Promise((resolve, reject) => {
        starting.set(key, { resolve, reject });
        send({ op: 'start', key, command, args, env, cwd: open.folder, log });
      });
    },
    async close() {
      send({ op: 'close' });
      warden.stdin.end();
      await ended;
      if (folder !== undefined)
        await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
