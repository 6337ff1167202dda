/**
 * Virtual time: one queue of events, and who waits for them. Nothing in a simulation happens by the wall clock, so the
 * same seed gives the same course.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';

/** A worker's operating-system process, as far as a simulation can kill it. */
export interface Process {
  readonly name: string;
  /** Dead: nothing it waits for comes, nothing it sends leaves. */
  dead: boolean;
  /** Alive, but Temporal no longer hears it. */
  cutOff: boolean;
}

/** One running attempt of a step: what is awaited under it belongs to its process. */
export interface Doing {
  readonly step: string;
  readonly attempt: number;
  /** Epoch milliseconds of virtual time. */
  readonly started: number;
  /** When the step was scheduled; a retry keeps it. */
  readonly scheduled: number;
  readonly process: Process;
  /** How many steps of this name the case had scheduled, this one included; 0 for other workflows. */
  readonly nth: number;
  /** Calls to the outside so far. */
  calls: number;
  /** Awaited events. */
  pending: number;
  readonly waits: Set<() => void>;
}

interface Event {
  readonly time: number;
  readonly order: number;
  act: (() => void | Promise<void>) | null;
}

export interface Timeline {
  now(): number;
  /** Plans an event; returns how to call it off. */
  at(time: number, act: () => void | Promise<void>): () => void;
  /** Waits in virtual time for the step that calls it. Rejects when its signal aborts or its process dies. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** The step in whose name code is running. */
  doing(): Doing | undefined;
  begin<T>(doing: Doing, work: () => Promise<T>): Promise<T>;
  kill(process: Process): void;
  /** Lets events happen until `until`, or until `stop` says so. `after` follows each of them. */
  run(until: number, after: () => void | Promise<void>, stop: () => boolean): Promise<void>;
}

/** What ends in a process that died. Never seen by anyone but the dying code. */
class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

/** One for all simulations: each that is ever entered costs every promise of the process, for ever. */
const context = new AsyncLocalStorage<Doing>();

export function createTimeline(start: number): Timeline {
  const heap: Event[] = [];
  const active = new Set<Doing>();
  let now = start;
  let orders = 0;

  const at = (time: number, act: Event['act']): (() => void) => {
    const event: Event = { time: Math.max(now, time), order: orders++, act };
    push(heap, event);
    return () => {
      event.act = null;
    };
  };

  const wait = (ms: number, signal?: AbortSignal): Promise<void> => {
    const doing = context.getStore();
    if (doing?.process.dead === true) return Promise.reject(new ProcessDied('the process died'));
    if (signal?.aborted === true) return Promise.reject(reasonOf(signal));
    return new Promise((resolve, reject) => {
      const over = (then: () => void): void => {
        if (doing !== undefined) doing.pending--;
        callOff();
        doing?.waits.delete(die);
        signal?.removeEventListener('abort', aborted);
        then();
      };
      const die = () => over(() => reject(new ProcessDied('the process died')));
      const aborted = () => over(() => reject(reasonOf(signal as AbortSignal)));
      const callOff = at(now + Math.max(0, ms), () => over(resolve));
      if (doing !== undefined) doing.pending++;
      doing?.waits.add(die);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  };

  return {
    now: () => now,
    at,
    wait,
    doing: () => context.getStore(),
    begin: async (doing, work) => {
      active.add(doing);
      try {
        return await context.run(doing, work);
      } finally {
        active.delete(doing);
      }
    },
    kill: (process) => {
      process.dead = true;
      for (const doing of active) if (doing.process === process) for (const die of [...doing.waits]) die();
    },
    run: async (until, after, stop) => {
      while (!stop()) {
        const next = heap[0];
        if (next === undefined || next.time > until) return;
        pop(heap);
        if (next.act === null) continue;
        now = next.time;
        await next.act();
        await settled(active);
        await after();
      }
    },
  };
}

/** Until every running step waits for an event. A step without one reads a file of this machine, or is about to end. */
async function settled(active: ReadonlySet<Doing>): Promise<void> {
  for (let idle = 0; ;) {
    await turn();
    if ([...active].every((doing) => doing.pending > 0)) return;
    if (process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))) idle = 0;
    else if (++idle > 4) return;
  }
}

const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted');

const before = (a: Event, b: Event): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let i = heap.push(event) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = heap[parent] as Event;
    if (!before(event, above)) break;
    heap[i] = above;
    heap[parent] = event;
    i = parent;
  }
}

function pop(heap: Event[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && before(right, heap[child] as Event)) child++;
    const below = heap[child] as Event;
    if (!before(below, last)) break;
    heap[i] = below;
    i = child;
  }
  heap[i] = last;
}
