/** What goes wrong, and when: a list of faults made from a seed, which can be shortened. */
import { STRICT, type Policy } from '../../domain/policy.js';
import { random, type Random } from './seed.js';
import type { SubmitFault } from './simulated-ports.js';
import type { HdfsState, System } from './world.js';

export type WorkerFault = 'crash' | 'deploy' | 'cut off' | 'evict';
export type Said =
  | 'abort'
  | 'resume'
  | 'hold'
  | 'release'
  | 'retryNow'
  | 'close'
  | 'approve'
  | 'reject'
  | 'choose'
  | 'cancel'
  | 'startFromNothing';

/** Times are milliseconds after the start of the simulation. */
export type Fault =
  | { readonly is: 'hdfs'; readonly at: number; readonly to: Exclude<HdfsState, 'up'>; readonly for: number }
  | {
      readonly is: 'away';
      readonly at: number;
      readonly system: Exclude<System, 'hdfs'>;
      readonly for: number;
    }
  | { readonly is: 'lost file'; readonly at: number; readonly which: 'state' | 'shared' | '_metadata' }
  | { readonly is: 'lost blocks'; readonly at: number; readonly for: number }
  | { readonly is: 'worker'; readonly at: number; readonly how: WorkerFault; readonly for: number }
  /** When the n-th step of this name has been scheduled, and so much later. */
  | {
      readonly is: 'worker at step';
      readonly step: string;
      readonly nth: number;
      readonly after: number;
      readonly how: WorkerFault;
      readonly for: number;
    }
  | { readonly is: 'submission'; readonly nth: number; readonly fault: SubmitFault }
  | { readonly is: 'alert'; readonly at: number }
  | { readonly is: 'said'; readonly at: number; readonly what: Said }
  | {
      readonly is: 'said at step';
      readonly step: string;
      readonly nth: number;
      readonly after: number;
      readonly what: Said;
    }
  | { readonly is: 'cancelled by hand'; readonly at: number }
  | { readonly is: 'started by hand'; readonly at: number; readonly blank: boolean }
  | { readonly is: 'ledger away'; readonly at: number; readonly for: number }
  | { readonly is: 'records expired'; readonly at: number };

export interface Schedule {
  readonly seed: number;
  readonly policy: Policy;
  readonly faults: readonly Fault[];
  /** Events after which the server suggests to continue as new. */
  readonly continueAfter: number;
}

/** Every system is up again from here on, and people are silent (milliseconds after the start). */
export const HEALED = 8 * 60_000;

const STEPS = [
  'openCase',
  'assessRun',
  'fetchPointer',
  'readState',
  'checkOffsets',
  'resumeOffsets',
  'restoreJob',
  'restoreJob',
  'restoreJob',
  'confirmRestored',
  'awaitReturn',
  'watchRun',
] as const;
const SAID = [
  'abort',
  'resume',
  'hold',
  'release',
  'retryNow',
  'close',
  'approve',
  'reject',
  'choose',
  'cancel',
] as const;

export function scheduleOf(seed: number): Schedule {
  const r = random(seed);
  const policy = policyOf(r);
  const faults: Fault[] = [incident(r), ...worse(r)];
  const more = r.int(0, 7);
  for (let i = 0; i < more; i++) faults.push(anyFault(r));
  faults.push(...fromNothing(random(~seed)));
  return { seed, policy, faults, continueAfter: r.chance(0.15) ? r.int(40, 90) : 10_000 };
}

/** Now and then a person gives everything up, and says so again when asked. Of numbers of its own: other seeds stay. */
function fromNothing(r: Random): readonly Fault[] {
  if (!r.chance(0.08)) return [];
  const at = r.int(5_000, 150_000);
  const first: Fault = r.chance(0.5)
    ? { is: 'said', at, what: 'startFromNothing' }
    : {
        is: 'said at step',
        step: r.pick([
          'assessRun',
          'fetchPointer',
          'readState',
          'checkOffsets',
          'resumeOffsets',
          'restoreJob',
        ]),
        nth: r.int(1, 3),
        after: r.int(0, 2_000),
        what: 'startFromNothing',
      };
  const again = [at + 20_000, at + 60_000, at + 120_000];
  return [first, ...again.map((time): Fault => ({ is: 'said', at: time, what: 'approve' }))];
}

function policyOf(r: Random): Policy {
  return {
    ...STRICT,
    attempts: r.pick([1, 2, 3, 3, 5, 10, null, r.chance(0.3) ? 0 : 4]),
    backoff: { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 },
    deadline: r.chance(0.15) ? 120_000 : 3_600_000,
    fallback: r.pick(['never', 'never', 'checkpoint']),
    approvalExpires: 90_000,
    soak: 45_000,
    verify: r.pick(['probe', 'all', 'list']),
    onOffsetGap: r.pick(['ask', 'abort', 'accept']),
    approval: r.chance(0.1) ? 'always' : 'never',
    onExhausted: r.chance(0.3) ? r.pick(['ask', 'savepoint']) : 'abort',
  };
}

/** Most seeds begin as the incident did: HDFS away for longer than Flink's restarts last. */
function incident(r: Random): Fault {
  const at = r.int(3_000, 12_000);
  if (r.chance(0.75))
    return {
      is: 'hdfs',
      at,
      to: r.pick(['down', 'down', 'standby', 'safemode', 'no datanode']),
      for: r.int(9_000, 200_000),
    };
  return r.pick<Fault>([
    { is: 'lost file', at, which: r.pick(['state', 'shared', '_metadata']) },
    { is: 'cancelled by hand', at },
    { is: 'away', at, system: r.pick(['flink', 'zookeeper', 'taskmanagers']), for: r.int(5_000, 100_000) },
  ]);
}

/** What makes an incident worse just while it is recovered from. */
function worse(r: Random): readonly Fault[] {
  const at = r.int(8_000, 20_000);
  const long = r.int(20_000, 150_000);
  switch (r.int(0, 8)) {
    case 0:
      // Flink cannot delete its HA data while it fails.
      return [{ is: 'away', at, system: 'zookeeper', for: long }];
    case 1:
      return [{ is: 'lost file', at: at + 15_000, which: r.pick(['state', '_metadata']) }];
    case 2:
      return [{ is: 'lost blocks', at: at + 15_000, for: 2 * long }];
    case 3:
      return [{ is: 'said', at: at + long / 4, what: r.pick(['abort', 'hold']) }];
    default:
      return [];
  }
}

function anyFault(r: Random): Fault {
  const at = r.int(5_000, HEALED - 90_000);
  const how = r.pick(['crash', 'deploy', 'cut off', 'evict'] as const);
  switch (r.int(0, 15)) {
    case 0:
    case 1:
      return {
        is: 'hdfs',
        at,
        to: r.pick(['down', 'standby', 'safemode', 'no datanode']),
        for: r.int(500, 60_000),
      };
    case 2:
      return {
        is: 'away',
        at,
        system: r.pick(['zookeeper', 'flink', 'kafka', 'taskmanagers']),
        for: r.int(500, 60_000),
      };
    case 3:
      return { is: 'lost file', at, which: r.pick(['state', 'shared', '_metadata']) };
    case 4:
      return { is: 'lost blocks', at, for: r.int(1_000, 60_000) };
    case 5:
      return { is: 'worker', at, how, for: r.int(10, 20_000) };
    case 6:
    case 7:
    case 8:
      return {
        is: 'worker at step',
        step: r.pick(STEPS),
        nth: r.int(1, 3),
        after: r.int(0, 600),
        how,
        for: r.int(10, 15_000),
      };
    case 9:
    case 10:
      return {
        is: 'submission',
        nth: r.int(1, 2),
        fault: r.pick<SubmitFault>([
          { is: 'answer lost' },
          { is: 'late', by: r.int(1_000, 120_000) },
          { is: 'late', by: r.int(60_000, 200_000) },
          { is: 'request lost' },
          { is: 'twice' },
        ]),
      };
    case 11:
      return { is: 'alert', at };
    case 12:
      return { is: 'said', at, what: r.pick(SAID) };
    case 13:
      return {
        is: 'said at step',
        step: r.pick(STEPS),
        nth: r.int(1, 3),
        after: r.int(0, 200),
        what: r.pick(SAID),
      };
    case 14:
      return r.chance(0.5)
        ? { is: 'cancelled by hand', at }
        : { is: 'started by hand', at, blank: r.chance(0.4) };
    default:
      return r.chance(0.6)
        ? { is: 'ledger away', at: r.int(3_000, 60_000), for: r.int(1_000, 60_000) }
        : { is: 'records expired', at };
  }
}

/** In words, for people. */
export const tellFault = (f: Fault): string => JSON.stringify(f);
