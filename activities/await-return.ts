import type { Call, Ports } from '../adapters/ports.js';
import type { Dependency } from '../domain/dependency.js';
import { failure, faultOf, type Fault } from '../domain/failure.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';

/** Milliseconds between two probes of a dependency. One probe serves all waiting cases of this worker. */
const EVERY = 250;
/** Milliseconds between two signs of life while there is nothing to probe. */
const BEAT = 2_000;

export interface AwaitInput {
  readonly job: string;
  readonly dependency: Dependency;
  /** How far apart two full probes must succeed (milliseconds). */
  readonly stableFor: number;
  /** The attempt that just failed has seen the dependency itself down. */
  readonly seenDown: boolean;
  /** Milliseconds before which no return ends the wait, and after which it is over whatever was seen. */
  readonly atLeast: number;
  readonly atMost: number;
}

/**
 * When the dependency was proved back, epoch milliseconds. `time is up`: it was not, or it was never seen down, so that
 * nothing came back.
 */
export type Return = { readonly is: 'returned'; readonly at: number } | { readonly is: 'time is up' };

/**
 * Waits for one dependency to go from down to up, proved by two full probes `stableFor` apart; at most `atMost`. It is
 * the whole wait between two attempts: one step instead of a step and timers that race, and a history half as long.
 * @param spent milliseconds of the wait that are over already: a worker died meanwhile.
 */
export async function awaitReturn(
  deps: Deps,
  input: AwaitInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
  spent = 0,
): Promise<Return> {
  const it = configuredJob(deps, input.job);
  const { clock } = deps.ports;
  const { dependency, stableFor, atLeast, atMost } = input;
  const started = clock.now() - spent;
  let { seenDown } = input;
  let upAlready = false;
  let upSince: number | null = null;
  for (;;) {
    const because = upAlready ? null : await probe(deps, it, dependency, signal);
    const now = clock.now();
    heartbeat({ dependency, down: because?.message ?? null });
    if (because !== null) {
      seenDown = true;
      upSince = null;
    } else if (!seenDown) {
      // Nothing to wait for: only the time passes, and nobody is asked any more.
      upAlready = true;
    } else {
      upSince ??= now;
      if (now - upSince >= stableFor && now - started >= atLeast) return { is: 'returned', at: now };
    }
    if (now - started >= atMost) return { is: 'time is up' };
    const proved = upSince === null ? Number.POSITIVE_INFINITY : upSince + stableFor - now;
    const next = Math.min(upAlready ? BEAT : EVERY, proved > 0 ? proved : EVERY, started + atMost - now);
    await clock.sleep(Math.max(1, next), signal);
  }
}

const running = new WeakMap<Ports, Map<string, Promise<Fault | null>>>();

/** One full probe; null: usable. Cases that ask at the same moment share it. */
async function probe(
  deps: Deps,
  it: ConfiguredJob,
  dependency: Dependency,
  signal: AbortSignal,
): Promise<Fault | null> {
  const shared = running.get(deps.ports) ?? new Map<string, Promise<Fault | null>>();
  running.set(deps.ports, shared);
  const key = `${it.clusterName}/${dependency}`;
  const started = shared.get(key);
  if (started !== undefined) return untilAborted(started, signal);
  // The probe belongs to no single case: it ends by the adapters' own deadlines, not by one case's cancellation.
  const probing = look(deps, it, dependency).then(
    () => null,
    (error: unknown) => faultOf(error),
  );
  shared.set(key, probing);
  void probing.finally(() => shared.delete(key));
  return untilAborted(probing, signal);
}

/** The promise's value, or the signal's reason as soon as it aborts. Leaves no listener behind. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('cancelled'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function look(deps: Deps, it: ConfiguredJob, dependency: Dependency): Promise<void> {
  const call: Call = { signal: new AbortController().signal };
  switch (dependency) {
    case 'storage': {
      const owner = deps.ports.storageOf(it.cluster.checkpoints);
      if ('code' in owner) throw failure(owner.code, owner.message, owner.where);
      await owner.storage.proveUsable(call);
      return;
    }
    case 'zookeeper': {
      const ha = it.cluster.ha;
      if (ha === null) return;
      demand(await deps.ports.haStore(ha.zookeeper).cluster(ha, call));
      return;
    }
    case 'flink':
      demand(await deps.ports.flink(it.clusterName).overview(call));
      return;
    case 'kafka': {
      if (it.job.kafka === null || it.job.kafka.group === null) return;
      demand(await deps.ports.kafka(it.job.kafka.cluster).group(it.job.kafka.group, [], call));
      return;
    }
  }
}

function demand(reading: { readonly is: string; readonly because?: Fault }): void {
  if (reading.because !== undefined)
    throw failure(reading.because.code, reading.because.message, reading.because.where);
}
