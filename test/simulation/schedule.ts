/**
 * What goes wrong, and when: a list of faults made from a seed, which can be shortened. Most faults are placed by what
 * the recovery is doing (at a step, at a call within it, in a phase) and not by the clock: a race that lasts
 * milliseconds is not found by throwing darts at twenty minutes.
 */
import type { Phase } from '../../domain/case.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { random, type Random } from './seed.js';
import type { SubmitFault } from './simulated-ports.js';
import type { SinkConfig } from '../../config/config.js';
import type { HdfsState, Setup, System } from './world.js';

export type WorkerFault = 'crash' | 'deploy' | 'cut off' | 'evict';
export type Said =
  | 'abort'
  | 'resume'
  | 'hold'
  | 'release'
  | 'retryNow'
  | 'close'
  | 'approve'
  | 'approve another plan'
  | 'reject'
  | 'choose'
  | 'cancel'
  | 'startFromNothing';

const STEPS = [
  'openCase',
  'assessRun',
  'fetchPointer',
  'readState',
  'checkOffsets',
  'resumeOffsets',
  'restoreJob',
  'confirmRestored',
  'awaitReturn',
  'watchRun',
] as const;
export type StepName = (typeof STEPS)[number];

export type Moment =
  /** Milliseconds after the start of the simulation. */
  | { readonly at: number }
  /** When the n-th step of this name has been scheduled, and so many milliseconds later. */
  | { readonly step: StepName; readonly nth: number; readonly after: number }
  /** Just before the k-th call that the n-th step of this name makes to the outside. */
  | { readonly step: StepName; readonly nth: number; readonly call: number }
  /** When the n-th step of this name has ended, and so many milliseconds later. */
  | { readonly ended: StepName; readonly nth: number; readonly after: number }
  /** When the case is seen in this phase for the n-th time, and so many milliseconds later. */
  | { readonly phase: Phase; readonly nth: number; readonly after: number };

/** Durations are milliseconds. */
export type Deed =
  | { readonly is: 'hdfs'; readonly to: Exclude<HdfsState, 'up'>; readonly for: number }
  | { readonly is: 'away'; readonly system: Exclude<System, 'hdfs'>; readonly for: number }
  /** Only Holdfast cannot reach it: Flink goes on with it as if nothing were. */
  | { readonly is: 'unseen'; readonly system: Exclude<System, 'taskmanagers'>; readonly for: number }
  | { readonly is: 'flaps'; readonly system: System; readonly times: number; readonly every: number }
  | { readonly is: 'lost file'; readonly which: 'state' | 'shared' | '_metadata' }
  | { readonly is: 'lost blocks'; readonly for: number }
  | { readonly is: 'worker'; readonly how: WorkerFault; readonly for: number }
  | { readonly is: 'alert'; readonly times: number }
  | { readonly is: 'said'; readonly what: Said }
  | { readonly is: 'cancelled by hand' }
  | { readonly is: 'started by hand'; readonly blank: boolean }
  /** The program throws until its restarts are used up. */
  | { readonly is: 'run fails' }
  /** The JobManager that leads knows nothing of the runs, which write on for so long. */
  | { readonly is: 'forgotten'; readonly writes: number }
  | { readonly is: 'ledger away'; readonly for: number }
  /** A deployment holds the job, whether or not a case is open. */
  | { readonly is: 'standing hold'; readonly for: number }
  | { readonly is: 'savepoint by hand'; readonly stopping: boolean }
  | { readonly is: 'records lost'; readonly how: 'expired' | 'replaced' }
  /** Somebody reads with the job's consumer group. */
  | { readonly is: 'group in use'; readonly for: number }
  /** Temporal's reset of the case. `share` (0 to 1): how far from its beginning. */
  | { readonly is: 'reset'; readonly share: number }
  | { readonly is: 'started under another id' };

export type Fault =
  | (Deed & { readonly when: Moment })
  /** The n-th submission goes wrong. */
  | { readonly is: 'submission'; readonly nth: number; readonly fault: SubmitFault };

export interface Schedule {
  readonly seed: number;
  readonly policy: Policy;
  readonly setup: Setup;
  readonly sink: SinkConfig | null;
  readonly faults: readonly Fault[];
  /** Events after which the server suggests to continue as new. */
  readonly continueAfter: number;
}

/** Every system is up again from here on, and people are silent (milliseconds after the start). */
export const HEALED = 8 * 60_000;

const SAID = [
  'abort',
  'abort',
  'resume',
  'hold',
  'hold',
  'release',
  'retryNow',
  'close',
  'approve',
  'approve',
  'approve another plan',
  'reject',
  'choose',
  'cancel',
] as const satisfies readonly Said[];

/** Steps in which a fault is most likely to matter come more than once. */
const BUSY = [
  ...STEPS,
  'assessRun',
  'restoreJob',
  'restoreJob',
  'restoreJob',
  'confirmRestored',
] as const satisfies readonly StepName[];
const PHASES = [
  'waiting',
  'asking',
  'held',
  'aborted',
  'resumed',
  'confirming',
  'watching',
] as const satisfies readonly Phase[];

export function scheduleOf(seed: number): Schedule {
  const r = random(seed);
  const policy = policyOf(r);
  const setup = { haOnHdfs: r.chance(0.25), endlessRestarts: r.chance(0.1) };
  const sink: SinkConfig | null = r.chance(0.2)
    ? { guarantee: 'exactly-once', transactionTimeout: r.pick([30_000, 60_000, 900_000]) }
    : null;
  const faults: Fault[] = [incident(r), ...worse(r), ...story(r)];
  // Somebody's monitoring notices most incidents.
  if (r.chance(0.6)) faults.push({ is: 'alert', when: { at: r.int(8_000, 60_000) }, times: 1 });
  const more = r.int(0, 7);
  for (let i = 0; i < more; i++) faults.push(anyFault(r));
  faults.push(...fromNothing(random(~seed)));
  faults.push(...forgotten(random(seed ^ 0x5eed)));
  const archive = random(seed ^ 0xa7c4).chance(0.5);
  faults.push(...cancelledUnseen(random(seed ^ 0xf0a6)));
  return {
    seed,
    policy,
    setup: { ...setup, archive },
    sink,
    faults,
    continueAfter: r.chance(0.25) ? r.int(25, 90) : 10_000,
  };
}

/** Now and then a person gives everything up, and says so again when asked. Of numbers of its own: other seeds stay. */
function fromNothing(r: Random): readonly Fault[] {
  if (!r.chance(0.08)) return [];
  const at = r.int(5_000, 150_000);
  const first: Fault = r.chance(0.5)
    ? { is: 'said', when: { at }, what: 'startFromNothing' }
    : {
        is: 'said',
        when: {
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
        },
        what: 'startFromNothing',
      };
  const again = [at + 20_000, at + 60_000, at + 120_000];
  return [first, ...again.map((time): Fault => ({ is: 'said', when: { at: time }, what: 'approve' }))];
}

/** Now and then nobody knows the run any more, and its tasks write on. Of numbers of its own: other seeds stay. */
function forgotten(r: Random): readonly Fault[] {
  if (!r.chance(0.06)) return [];
  const at = r.int(6_000, 40_000);
  return [
    { is: 'forgotten', when: { at }, writes: r.int(2_000, 120_000) },
    { is: 'alert', when: { at: at + r.int(1_000, 20_000) }, times: 1 },
    ...[30_000, 60_000, 120_000].map((after): Fault => ({
      is: 'said',
      when: { at: at + after },
      what: 'approve',
    })),
  ];
}

/** Now and then a person cancels the job, and the JobManager that saw it is replaced: only an archive knows. */
function cancelledUnseen(r: Random): readonly Fault[] {
  if (!r.chance(0.06)) return [];
  const early = r.chance(0.6);
  const after = r.int(0, 12_000);
  const moment = (later: number): Moment =>
    early ? { at: 4_000 + after + later } : { phase: 'resumed', nth: 1, after: after + later };
  return [
    { is: 'cancelled by hand', when: moment(0) },
    { is: 'away', system: 'flink', when: moment(r.int(0, 4_000)), for: r.int(500, 15_000) },
  ];
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
    onTransactionExpired: r.pick(['ask', 'accept']),
    approval: r.chance(0.1) ? 'always' : 'never',
    onExhausted: r.chance(0.3) ? r.pick(['ask', 'savepoint']) : 'abort',
  };
}

/** Most seeds begin as the incident did: HDFS away for longer than Flink's restarts last. */
function incident(r: Random): Fault {
  const when = { at: r.int(3_000, 12_000) };
  if (r.chance(0.75))
    return {
      is: 'hdfs',
      when,
      to: r.pick(['down', 'down', 'standby', 'safemode', 'no datanode']),
      for: r.int(9_000, 200_000),
    };
  return r.pick<Fault>([
    { is: 'lost file', when, which: r.pick(['state', 'shared', '_metadata']) },
    { is: 'cancelled by hand', when },
    { is: 'run fails', when },
    {
      is: 'away',
      when,
      system: r.pick(['flink', 'zookeeper', 'taskmanagers']),
      for: r.int(5_000, 100_000),
    },
  ]);
}

/** What makes an incident worse just while it is recovered from. */
function worse(r: Random): readonly Fault[] {
  const at = r.int(8_000, 20_000);
  const long = r.int(20_000, 150_000);
  switch (r.int(0, 8)) {
    case 0:
      // Flink cannot delete its HA data while it fails.
      return [{ is: 'away', when: { at }, system: 'zookeeper', for: long }];
    case 1:
      return [{ is: 'lost file', when: { at: at + 15_000 }, which: r.pick(['state', '_metadata']) }];
    case 2:
      return [{ is: 'lost blocks', when: { at: at + 15_000 }, for: 2 * long }];
    case 3:
      return [{ is: 'said', when: { at: at + long / 4 }, what: r.pick(['abort', 'hold']) }];
    case 4:
      return [{ is: 'unseen', when: { at }, system: r.pick(['zookeeper', 'flink', 'hdfs']), for: long }];
    default:
      return [];
  }
}

/** Faults that are dangerous only together: each of these has a course of its own. */
function story(r: Random): readonly Fault[] {
  const early = r.int(1, 2);
  switch (r.int(0, 15)) {
    case 0:
      // Taken long after its answer was given up, while later attempts are at work.
      return [
        { is: 'submission', nth: 1, fault: { is: 'late', by: r.int(20_000, 200_000) } },
        ...(r.chance(0.5)
          ? [{ is: 'submission', nth: 2, fault: { is: 'late', by: r.int(1_000, 120_000) } } as const]
          : []),
      ];
    case 1:
      // An abort in a pass that goes all the way to the submission.
      return [
        {
          is: 'said',
          when: {
            step: r.pick(['assessRun', 'fetchPointer', 'readState', 'checkOffsets', 'resumeOffsets']),
            nth: early,
            after: r.int(0, 40),
          },
          what: r.pick(['abort', 'cancel', 'hold']),
        },
      ];
    case 2:
      // Aborted, brought back by a person, and lost once more: nobody has resumed the case.
      return [
        { is: 'said', when: { phase: 'waiting', nth: 1, after: r.int(0, 3_000) }, what: 'abort' },
        {
          is: 'started by hand',
          when: { phase: 'aborted', nth: 1, after: r.int(20_000, 200_000) },
          blank: false,
        },
        ...[1, 2, 3].map((nth): Fault => ({
          is: 'run fails',
          when: { ended: 'watchRun', nth, after: r.int(0, 10) },
        })),
      ];
    case 3:
      // The JobManager that took the call is replaced before the job's tasks are there.
      return [
        { is: 'submission', nth: 1, fault: { is: 'late', by: r.int(1_000, 60_000) } },
        {
          is: 'away',
          when: { step: 'restoreJob', nth: 1, after: r.int(50, 30_000) },
          system: 'flink',
          for: r.int(500, 20_000),
        },
      ];
    case 4:
      // Proved, and lost while the case is soaking.
      return [
        { is: 'run fails', when: { phase: 'resumed', nth: 1, after: r.int(0, 40_000) } },
        { is: 'alert', when: { phase: 'resumed', nth: 1, after: r.int(0, 44_000) }, times: 2 },
      ];
    case 5:
      // A person acts in the very moment of the restore.
      return [
        r.pick<Fault>([
          {
            is: 'started by hand',
            when: { step: 'restoreJob', nth: 1, call: r.int(1, 18) },
            blank: r.chance(0.2),
          },
          { is: 'cancelled by hand', when: { step: 'restoreJob', nth: 1, call: r.int(1, 18) } },
          {
            is: 'cancelled by hand',
            when: { step: 'confirmRestored', nth: 1, after: r.int(0, 6_000) },
          },
        ]),
      ];
    case 6:
      // Flink has failed and is not done cleaning up, and Holdfast cannot see that.
      return [
        { is: 'hdfs', when: { at: 4_000 }, to: 'down', for: r.int(9_000, 20_000) },
        {
          is: r.pick(['away', 'unseen']),
          when: { at: r.int(4_000, 9_000) },
          system: 'zookeeper',
          for: r.int(60_000, 200_000),
        },
      ];
    case 7:
      // Reset by an operator who saw it hang, in the moment of the restore.
      return [
        {
          is: 'reset',
          when: { step: r.pick(['restoreJob', 'confirmRestored']), nth: 1, after: r.int(0, 2_000) },
          share: r.next(),
        },
      ];
    case 8:
      // The newest point cannot be read for now, an older one can.
      return [
        {
          is: 'lost blocks',
          when: { step: 'readState', nth: early, call: r.int(1, 4) },
          for: r.int(10_000, 100_000),
        },
      ];
    case 9:
      // Lost in the soak, after a person has said that it is enough.
      return [
        { is: 'said', when: { phase: 'resumed', nth: 1, after: r.int(0, 20_000) }, what: 'abort' },
        { is: 'run fails', when: { phase: 'resumed', nth: 1, after: r.int(0, 40_000) } },
      ];
    case 10:
      return [
        {
          is: 'flaps',
          when: { at: r.int(20_000, 60_000) },
          system: r.pick(['hdfs', 'zookeeper', 'flink', 'kafka']),
          times: r.int(3, 10),
          every: r.int(1_000, 12_000),
        },
      ];
    case 11: {
      // Started from nothing by a person while the case waits or is aborted, who then has it stopped for a point.
      const phase = r.pick(['waiting', 'aborted'] as const);
      return [
        {
          is: 'said',
          when: { phase: 'waiting', nth: 1, after: r.int(0, 3_000) },
          what: r.pick(['abort', 'retryNow']),
        },
        { is: 'started by hand', when: { phase, nth: 1, after: r.int(0, 60_000) }, blank: true },
        {
          is: 'said',
          when: { phase: 'asking', nth: 1, after: r.int(0, 80_000) },
          what: r.pick(['choose', 'choose', 'reject', 'abort']),
        },
        {
          is: 'worker',
          when: { phase: 'stopping', nth: 1, after: r.int(0, 100) },
          how: r.pick(['crash', 'deploy']),
          for: r.int(200, 20_000),
        },
      ];
    }
    case 12:
      // A deployment holds the job while it fails, or while it is brought back.
      return [
        {
          is: 'standing hold',
          when: r.pick<Moment>([
            { at: r.int(3_000, 30_000) },
            { step: r.pick(['assessRun', 'readState', 'restoreJob']), nth: early, after: r.int(0, 2_000) },
            { phase: 'waiting', nth: 1, after: r.int(0, 5_000) },
          ]),
          for: r.int(10_000, 120_000),
        },
      ];
    default:
      return [];
  }
}

function moment(r: Random): Moment {
  const nth = r.pick([1, 1, 1, 2, 2, 3, 4]);
  switch (r.int(0, 9)) {
    case 0:
    case 1:
    case 2:
      return { at: r.int(5_000, HEALED - 90_000) };
    case 3:
    case 4:
      return { step: r.pick(BUSY), nth, after: r.chance(0.6) ? r.int(0, 200) : r.int(0, 5_000) };
    case 5:
    case 6:
      return { step: r.pick(BUSY), nth, call: r.int(1, 18) };
    case 7:
    case 8:
      return { ended: r.pick(BUSY), nth, after: r.int(0, 30) };
    default:
      return { phase: r.pick(PHASES), nth, after: r.chance(0.5) ? r.int(0, 50) : r.int(0, 20_000) };
  }
}

function anyFault(r: Random): Fault {
  if (r.chance(0.1))
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
  return { ...deed(r), when: moment(r) };
}

function deed(r: Random): Deed {
  switch (r.int(0, 22)) {
    case 0:
    case 1:
      return { is: 'hdfs', to: r.pick(['down', 'standby', 'safemode', 'no datanode']), for: outage(r) };
    case 2:
    case 3:
      return { is: 'away', system: r.pick(['zookeeper', 'flink', 'kafka', 'taskmanagers']), for: outage(r) };
    case 4:
      return { is: 'unseen', system: r.pick(['zookeeper', 'flink', 'kafka', 'hdfs']), for: outage(r) };
    case 5:
      return {
        is: 'flaps',
        system: r.pick(['hdfs', 'zookeeper', 'flink', 'kafka']),
        times: r.int(2, 6),
        every: r.int(500, 8_000),
      };
    case 6:
      return { is: 'lost file', which: r.pick(['state', 'shared', '_metadata']) };
    case 7:
      return { is: 'lost blocks', for: outage(r) };
    case 8:
    case 9:
    case 10:
      return {
        is: 'worker',
        how: r.pick(['crash', 'deploy', 'cut off', 'evict']),
        for: r.chance(0.5) ? r.int(10, 1_000) : r.int(10, 20_000),
      };
    case 11:
      return { is: 'alert', times: r.int(1, 3) };
    case 12:
    case 13:
    case 14:
      return { is: 'said', what: r.pick(SAID) };
    case 15:
      return r.chance(0.5) ? { is: 'cancelled by hand' } : { is: 'started by hand', blank: r.chance(0.4) };
    case 16:
      return { is: 'run fails' };
    case 17:
      return { is: 'ledger away', for: outage(r) };
    case 18:
      return { is: 'savepoint by hand', stopping: r.chance(0.4) };
    case 19:
      return { is: 'group in use', for: outage(r) };
    case 20:
      return { is: 'reset', share: r.next() };
    case 21:
      return { is: 'started under another id' };
    default:
      return { is: 'records lost', how: r.chance(0.7) ? 'expired' : 'replaced' };
  }
}

const outage = (r: Random): number => (r.chance(0.5) ? r.int(200, 10_000) : r.int(500, 60_000));

/** In words, for people. */
export const tellFault = (f: Fault): string => JSON.stringify(f);
