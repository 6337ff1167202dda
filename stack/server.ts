import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './wait.js';
import type { Child, Exit, Warden } from './warden.js';

/** How one server process is started and asked whether it is ready. */
export interface ServerRecipe {
  readonly name: string;
  readonly command: string;
  /** The number of the start (1, 2, …) lets a server tell its lives apart. */
  readonly args: (start: number) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and error. */
  readonly out: string;
  /** Its own log file, when it has one besides. */
  readonly log?: string;
  /** Throws, or gives false, while the server is not ready. */
  readonly ready: (start: number) => Promise<boolean>;
  /** Milliseconds from start to ready that are still normal. Default 90 s: machines are shared. */
  readonly readyWithin?: number;
}

export interface PastExit extends Exit {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface StackEvent {
  readonly kind: 'starting' | 'ready' | 'exited' | 'paused' | 'resumed';
  readonly server: string;
  readonly pid: number;
  /** Milliseconds since the start of the process, for `ready` and `exited`. */
  readonly after?: number;
  readonly code?: number | null;
  readonly signal?: NodeJS.Signals | null;
}

/** One real server of the stack. Its data and its ports outlive `kill` and `start`. */
export interface Server {
  readonly name: string;
  readonly state: 'running' | 'paused' | 'stopped';
  readonly pid: number | undefined;
  /** Every exit so far, oldest first. */
  readonly exits: readonly PastExit[];
  /** Files worth reading when something failed. */
  readonly logFiles: readonly string[];
  /** Starts it and waits until it answers; `{ wait: false }` returns as soon as the process exists. */
  start(options?: { readonly wait?: boolean }): Promise<void>;
  /** Waits until it answers. Fails when the process has ended and nobody restarts it. */
  ready(): Promise<void>;
  /** SIGKILL; returns when the process is gone. A supervised server comes back by itself. */
  kill(): Promise<void>;
  /** Ends the supervision, then SIGTERM, and SIGKILL after `grace` milliseconds [10 s]. */
  stop(grace?: number): Promise<void>;
  /** SIGSTOP: the process holds its sockets and answers nothing. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** From now on: one second after each exit it is started again, as systemd or Kubernetes would. */
  supervise(on: boolean): void;
  /** The end of its logs, for messages. */
  logs(lines?: number): Promise<string>;
}

const RESTART_AFTER_MS = 1000;

export function createServer(
  warden: Warden,
  recipe: ServerRecipe,
  onEvent: (event: StackEvent) => void = () => undefined,
): Server {
  const { name } = recipe;
  const logFiles = recipe.log === undefined ? [recipe.out] : [recipe.log, recipe.out];
  const exits: PastExit[] = [];
  let child: Child | undefined;
  let paused = false;
  let supervised = false;
  let starting: Promise<void> | undefined;
  let starts = 0;

  async function spawnOnce(): Promise<void> {
    const { command, env, out } = recipe;
    const started = performance.now();
    const args = recipe.args(++starts);
    const own = await warden.start({ key: name, command, args, env, log: out });
    child = own;
    paused = false;
    onEvent({ kind: 'starting', server: name, pid: own.pid });
    void own.exited.then((exit) => {
      if (child === own) child = undefined;
      paused = false;
      exits.push({ ...exit, at: Date.now() });
      onEvent({ kind: 'exited', server: name, ...exit, after: Math.round(performance.now() - started) });
      if (supervised) void restart();
    });
  }

  function spawnShared(): Promise<void> {
    starting ??= spawnOnce().finally(() => {
      starting = undefined;
    });
    return starting;
  }

  async function restart(): Promise<void> {
    await sleep(RESTART_AFTER_MS);
    if (!supervised || child !== undefined) return;
    // A refused start means that the stack is being stopped.
    await spawnShared().catch(() => undefined);
  }

  async function logs(lines = 20): Promise<string> {
    const tails = await Promise.all(
      logFiles.map(async (file) => {
        const text = await readFile(file, 'utf8').catch(() => '');
        return text === '' ? '' : `--- ${file}\n${text.trimEnd().split('\n').slice(-lines).join('\n')}`;
      }),
    );
    return tails.filter((tail) => tail !== '').join('\n');
  }

  async function ready(): Promise<void> {
    const asked = performance.now();
    try {
      await until(`${name} answers`, () => recipe.ready(starts), {
        within: recipe.readyWithin ?? 90_000,
        hopeless: () => {
          if (child !== undefined || supervised || starting !== undefined) return undefined;
          const exit = exits.at(-1);
          return exit === undefined
            ? 'it was not started'
            : `it has ended (exit code ${exit.code ?? '-'}, signal ${exit.signal ?? '-'})`;
        },
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await logs()}`, { cause: error });
    }
    if (child !== undefined)
      onEvent({
        kind: 'ready',
        server: name,
        pid: child.pid,
        after: Math.round(performance.now() - asked),
      });
  }

  const signalRunning = (signal: NodeJS.Signals): Child => {
    if (child === undefined) throw new Error(`${name} does not run: cannot send ${signal}`);
    child.signal(signal);
    return child;
  };

  return {
    name,
    exits,
    logFiles,
    logs,
    ready,
    get state() {
      if (child === undefined) return 'stopped';
      return paused ? 'paused' : 'running';
    },
    get pid() {
      return child?.pid;
    },
    async start({ wait = true } = {}) {
      if (child === undefined) await spawnShared();
      if (wait) await ready();
    },
    async kill() {
      await starting;
      const own = child;
      own?.signal('SIGKILL');
      await own?.exited;
    },
    async stop(grace = 10_000) {
      supervised = false;
      await starting;
      const own = child;
      if (own === undefined) return;
      own.signal('SIGCONT');
      own.signal('SIGTERM');
      const timer = setTimeout(() => own.signal('SIGKILL'), grace);
      await own.exited;
      clearTimeout(timer);
    },
    pause() {
      onEvent({ kind: 'paused', server: name, pid: signalRunning('SIGSTOP').pid });
      paused = true;
    },
    resume() {
      onEvent({ kind: 'resumed', server: name, pid: signalRunning('SIGCONT').pid });
      paused = false;
    },
    supervise(on) {
      supervised = on;
      if (on && child === undefined && exits.length > 0) void restart();
    },
  };
}
