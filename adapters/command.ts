/** Runs the operator's own programs: bounded in time, in memory and in what they leave behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { failure, fault, type Fault } from '../domain/failure.js';
import { bounded, pause, type Bounds } from './bounded-call.js';
import { flinkRefusalOf } from './flink-refusals.js';
import type { Commands, Ran } from './ports.js';

/** Milliseconds for a program of which the caller says nothing. */
const DEADLINE = 60_000;
/** Bytes that are kept: of what it prints the first, of what it complains about the last. */
const KEEP = 64 * 1024;
/** Characters of its complaint that a fault shows. */
const SHOWN = 500;
/** Milliseconds for the last words in the pipes: a daemon that it left running may hold them open for ever. */
const LAST_WORDS = 200;

/** @param folder where relative paths in commands begin: the folder of the configuration file. */
export function commandRunner(folder: string): Commands {
  return {
    run: (command, call) => {
      const name = basename(command[0] ?? '');
      const late = (ms: number) =>
        fault('Unclassified', `expected ${name} to end within ${ms} ms; it was killed`, command[0]);
      return bounded(call, { deadline: DEADLINE, late }, (bounds) => run(command, folder, bounds));
    },
  };
}

async function run(command: readonly string[], folder: string, bounds: Bounds): Promise<Ran> {
  const [program, ...args] = command;
  if (program === undefined) throw failure('ConfigInvalid', 'expected a program, found an empty command');
  // A group of its own, so that what it started can be killed with it.
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const out = collect(child.stdout, 'first');
  const err = collect(child.stderr, 'last');
  let ended = false;
  bounds.onEnd(() => {
    if (!ended) killGroup(child);
    child.stdout.destroy();
    child.stderr.destroy();
  });
  const code = await exitOf(child, program);
  ended = true;
  await Promise.race([Promise.all([out.done, err.done]), pause(LAST_WORDS, bounds.signal)]);
  const because = code === 0 ? null : complaint(basename(program), code, err.text(), out.text());
  return { code, out: out.text(), because };
}

function exitOf(child: ChildProcess, program: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const denied = error.code === 'EACCES' || error.code === 'EPERM';
      const code = denied ? 'AccessDenied' : 'ConfigInvalid';
      reject(failure(code, `the program cannot be started: ${error.code ?? error.message}`, program, error));
    });
    child.once('exit', resolve);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended in this very moment.
  }
}

interface Collected {
  /** Resolves when the stream has ended. */
  readonly done: Promise<void>;
  text(): string;
}

/** Reads a stream to its end and keeps a bounded part of it. */
function collect(stream: Readable, part: 'first' | 'last'): Collected {
  let kept = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    if (part === 'first' && kept.length >= KEEP) return;
    const all = Buffer.concat([kept, chunk]);
    kept = part === 'first' ? all.subarray(0, KEEP) : all.subarray(-KEEP);
  });
  const done = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
  return { done, text: () => kept.toString('utf8') };
}

function complaint(name: string, code: number | null, err: string, out: string): Fault {
  const said = err.trim() === '' ? out : err;
  const refusal = flinkRefusalOf(said);
  if (refusal.is === 'duplicate') return fault('SubmitInDoubt', 'Flink already has a run of this id');
  if (refusal.code !== 'Unclassified') return fault(refusal.code, refusal.message);
  const how = code === null ? 'was ended by a signal' : `ended with exit code ${code}`;
  return fault('Unclassified', `${name} ${how}: ${lastLines(said) || 'it said nothing'}`);
}

/** Whole lines only: half a line may hold half a secret, which nobody would recognise any more. */
function lastLines(text: string): string {
  const lines: string[] = [];
  let left = SHOWN;
  for (const line of text.trim().split('\n').reverse()) {
    left -= line.length + 1;
    if (left < 0) {
      if (lines.length === 0) return `(a line of ${line.length} characters)`;
      break;
    }
    lines.unshift(line.trim());
  }
  return lines.join(' / ');
}
