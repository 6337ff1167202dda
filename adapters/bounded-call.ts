import { type Fault, HoldfastError } from '../domain/failure.js';
import { type Reading, unknown } from '../domain/reading.js';
import type { Call } from './ports.js';

/** What the work of one bounded call may use. */
export interface Bounds {
  /** Aborts at the deadline, when the caller aborts, and when the call has ended. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline, never negative. */
  left(): number;
  /** Registers what ends a socket or session; runs exactly once when the call ends, however it ends. */
  onEnd(release: () => void): void;
  /** Resolves after `ms`; rejects when the call ends first. */
  sleep(ms: number): Promise<void>;
}

interface Limits {
  /** Milliseconds for the whole call when the caller names none. */
  readonly deadline: number;
  /** The fault when the time is over; `ms` is the deadline that was kept. */
  readonly late: (ms: number) => Fault;
}

/**
 * Runs `work` until it settles, its deadline passes or its signal aborts, whichever comes first; then releases
 * everything it registered. The answer never waits for the work to notice.
 * @throws HoldfastError `late` at the deadline; the signal's reason on abort; whatever `work` throws.
 */
export async function bounded<T>(
  call: Call,
  limits: Limits,
  work: (bounds: Bounds) => Promise<T>,
): Promise<T> {
  call.signal.throwIfAborted();
  const deadline = call.deadline ?? limits.deadline;
  const end = performance.now() + deadline;
  const inner = new AbortController();
  const releases: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    inner.signal.addEventListener('abort', () => reject(inner.signal.reason as Error), { once: true });
  });
  // The race below may already be decided when the call ends: that rejection is nobody's news.
  ended.catch(() => undefined);
  const timer = setTimeout(() => inner.abort(new HoldfastError(limits.late(deadline))), deadline);
  const onAbort = () => inner.abort(call.signal.reason);
  call.signal.addEventListener('abort', onAbort, { once: true });
  const bounds: Bounds = {
    signal: inner.signal,
    left: () => Math.max(0, end - performance.now()),
    onEnd: (release) => {
      if (inner.signal.aborted) release();
      else releases.push(release);
    },
    sleep: (ms) => pause(ms, inner.signal),
  };
  try {
    const running = work(bounds);
    running.catch(() => undefined);
    return await Promise.race([running, ended]);
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', onAbort);
    inner.abort(new Error('the call has ended'));
    for (const release of releases.reverse()) release();
  }
}

/**
 * A look: {@link bounded}, with every classified failure turned into `unknown`.
 * @throws the signal's reason on abort, nothing else.
 */
export async function look<T>(
  call: Call,
  limits: Limits,
  work: (bounds: Bounds) => Promise<Reading<T>>,
  classify: (error: unknown) => Fault,
): Promise<Reading<T>> {
  try {
    return await bounded(call, limits, work);
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    return unknown(classify(error));
  }
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. Leaves no timer and no listener. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
