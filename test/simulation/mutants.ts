/** Deliberate breaks of the code, each of which the simulation must find. */
import { createActivities, type Activities, type Deps } from '../../activities/index.js';
import type { Flink, Ports, Storage } from '../../adapters/ports.js';
import { STRICT } from '../../domain/policy.js';
import { absent, present, type Reading } from '../../domain/reading.js';
import type { Fault, Said, Schedule } from './schedule.js';
import type { Bend } from './simulate.js';

export interface Mutant {
  readonly name: string;
  /** Which schedules may come by the broken place: most never do. Left out: any. */
  readonly likely?: (schedule: Schedule) => boolean;
  /** A schedule that comes by a place which hardly any seed does; tried first. */
  readonly course?: Schedule;
  /** Bends the bundled workflow code. */
  readonly code?: (code: string) => string;
  /** Bends ports or steps. */
  readonly bend?: Bend;
}

/** @throws when the code does not contain what is to be replaced: a mutant that changes nothing proves nothing. */
const replace =
  (from: string, to: string) =>
  (code: string): string => {
    if (!code.includes(from)) throw new Error(`the bundled code has no ${JSON.stringify(from)}`);
    return code.replace(from, to);
  };

const has = ({ faults }: Schedule, ...kinds: readonly Fault['is'][]): boolean =>
  faults.some((f) => kinds.includes(f.is));
const says = ({ faults }: Schedule, ...what: readonly Said[]): boolean =>
  faults.some((f) => f.is === 'said' && what.includes(f.what));

/** HDFS is away until Flink has given the job up, and gaps are accepted. */
const incident = (faults: readonly Fault[], continueAfter = 10_000): Schedule =>
  alone([{ is: 'hdfs', when: { at: 4_000 }, to: 'down', for: 20_000 }, ...faults], continueAfter);

const alone = (faults: readonly Fault[], continueAfter = 10_000): Schedule => ({
  seed: 1,
  policy: {
    ...STRICT,
    onOffsetGap: 'accept',
    backoff: { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 },
    soak: 45_000,
  },
  setup: { haOnHdfs: false, endlessRestarts: false },
  sink: null,
  faults,
  continueAfter,
});

/** Forgotten by Flink, and its tasks write on for longer than the time-outs. */
const forgotten: Schedule = alone([
  { is: 'forgotten', when: { at: 3_000 }, writes: 90_000 },
  { is: 'alert', when: { at: 12_000 }, times: 1 },
  { is: 'said', when: { phase: 'asking', nth: 1, after: 1_000 }, what: 'approve' },
]);

const replaceMatch =
  (from: RegExp, to: string) =>
  (code: string): string => {
    if (!from.test(code)) throw new Error(`the bundled code has nothing like ${String(from)}`);
    return code.replace(from, to);
  };

const bendStorage = (bend: (storage: Storage) => Storage): Bend => ({
  ports: (ports: Ports): Ports => ({
    ...ports,
    storage: (name) => bend(ports.storage(name)),
    storageOf: (uri) => {
      const owner = ports.storageOf(uri);
      return 'code' in owner ? owner : { ...owner, storage: bend(owner.storage) };
    },
  }),
});

const orAbsent = async <T>(reading: Promise<Reading<T>>): Promise<Reading<T>> => {
  const is = await reading;
  return is.is === 'unknown' ? absent : is;
};

const bendSteps = (bend: (steps: Activities, deps: Deps) => Partial<Activities>): Bend => ({
  steps: (steps, deps) => ({ ...steps, ...bend(steps, deps) }),
});

const never = new AbortController().signal;

const bendPorts = (bend: (ports: Ports) => Partial<Ports>): Bend => ({
  ports: (ports) => ({ ...ports, ...bend(ports) }),
});

/** Submits without looking at anything first. */
const withoutFence = bendSteps((_, deps) => ({
  restoreJob: async (input) => {
    const is = await deps.ports.flink('counts').submit(
      {
        run: input.run,
        jar: { file: '', sha256: '' },
        entryClass: null,
        args: [],
        parallelism: null,
        savepointPath: input.point.path,
        flinkConfiguration: {},
      },
      { signal: never },
    );
    return { is, at: deps.ports.clock.now(), state: null };
  },
}));

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'skips the fence, and takes every situation for abandoned',
    code: replace("return situation.is === 'abandoned' ?", 'return true ?'),
    bend: withoutFence,
  },
  {
    name: 'takes an unknown answer of the storage for absent',
    bend: bendStorage((s) => ({
      ...s,
      proveUsable: async () => ({ identity: 'nn', endpoint: 'nn' }),
      stat: (uri, call) => orAbsent(s.stat(uri, call)),
      list: (uri, take, call) => orAbsent(s.list(uri, take, call)),
      read: (uri, range, call) => orAbsent(s.read(uri, range, call)),
    })),
  },
  {
    name: 'counts one attempt too many',
    code: replace('&& failed >= granted', '&& failed > granted'),
  },
  {
    name: 'counts one attempt too few',
    code: replace('&& failed >= granted', '&& failed + 1 >= granted'),
  },
  { name: 'does not count failed attempts', code: replace('the.failed++;', '') },
  {
    name: 'wakes early without a proof',
    bend: bendSteps((_, deps) => ({
      awaitReturn: async () => ({ is: 'returned', at: deps.ports.clock.now() }),
    })),
  },
  {
    name: 'goes on to an older point when the newest is unknown',
    likely: (s) => s.policy.fallback === 'checkpoint' && has(s, 'lost blocks'),
    code: replace(
      "case 'unknown':\n                var _verdict_reasons_;\n                return {",
      "case 'unknown':\n                broken.push({ path: point.path, reason: verdict.reasons[0] });\n                continue;\n                var _verdict_reasons_;\n                return {",
    ),
  },
  {
    name: 'takes an older point against the policy',
    likely: (s) => s.policy.fallback === 'never' && has(s, 'lost file'),
    code: replace(
      "broken.length === 0 || e.policy.fallback !== 'never' && e.policy.approval !== 'fallback' ?",
      'true ?',
    ),
  },
  {
    name: 'confirms RUNNING without a newer checkpoint',
    bend: bendSteps((_, deps) => ({
      confirmRestored: async (input) => {
        const at = deps.ports.clock.now();
        return { is: 'proved', at, runningAt: at, proofs: [`run ${input.run} is submitted`] };
      },
    })),
  },
  {
    name: 'calls a run resumed that has skipped records',
    course: incident([{ is: 'records lost', how: 'expired', when: { at: 18_000 } }]),
    bend: bendSteps((real) => ({
      confirmRestored: async (input) => {
        const confirmation = await real.confirmRestored(input);
        return confirmation.is === 'proved' ? { ...confirmation, skipped: [] } : confirmation;
      },
    })),
  },
  {
    name: 'starts again when an alert comes after the abort',
    likely: (s) => says(s, 'abort', 'cancel'),
    code: replace(
      'const over = ()=>healthy || spoken();',
      'const { alertsHeard } = the.desk; const over = ()=>healthy || spoken() || the.desk.alertsHeard > alertsHeard;',
    ),
  },
  {
    name: 'brings back what a person cancelled',
    likely: (s) => has(s, 'cancelled by hand'),
    bend: {
      ports: (ports) => ({
        ...ports,
        flink: (cluster) => {
          const flink = ports.flink(cluster);
          return {
            ...flink,
            jobs: async (call) => {
              const jobs = await flink.jobs(call);
              return jobs.is !== 'present'
                ? jobs
                : present(
                    jobs.value.map((j) => (j.state === 'CANCELED' ? { ...j, state: 'FAILED' as const } : j)),
                  );
            },
            job: async (run, call) => {
              const job = await flink.job(run, call);
              return job.is === 'present' && job.value.state === 'CANCELED'
                ? present({ ...job.value, state: 'FAILED' as const })
                : job;
            },
          };
        },
      }),
    },
  },
  {
    name: "does not ask Flink's archive how a run has ended",
    course: {
      ...incident([
        { is: 'cancelled by hand', when: { at: 11_500 } },
        { is: 'away', system: 'flink', when: { at: 12_000 }, for: 3_000 },
        { is: 'alert', when: { at: 13_000 }, times: 1 },
      ]),
      setup: { haOnHdfs: false, endlessRestarts: true, archive: true },
    },
    bend: bendPorts(() => ({ archivedEnd: () => Promise.resolve(absent) })),
  },
  {
    name: 'submits without a restore point',
    bend: {
      ports: (ports) => ({
        ...ports,
        flink: (cluster) => {
          const flink = ports.flink(cluster);
          return { ...flink, submit: (s, call) => flink.submit({ ...s, savepointPath: null }, call) };
        },
      }),
    },
  },
  {
    name: 'waits by a number that replay does not draw again',
    code: replace(
      'backoffAfter)(the.failed - the.grantedAt, policy.backoff, Math.random())',
      'backoffAfter)(the.failed - the.grantedAt, policy.backoff, (0,_temporalio_workflow__WEBPACK_IMPORTED_MODULE_0__.workflowInfo)().unsafe.isReplaying ? 0 : 1)',
    ),
  },
  {
    name: 'does not honour a hold',
    likely: (s) => says(s, 'hold'),
    code: replace('if (the.desk.hold === null) return;', 'return;'),
  },
  {
    name: 'takes a new run id after a submission in doubt',
    likely: (s) => has(s, 'submission'),
    code: replace('const run = (_ref = before === null', 'const run = (_ref = true'),
  },
  {
    name: 'forgets a submission in doubt',
    likely: (s) => has(s, 'submission'),
    code: replace('if (before === null && !KEEPS_OPEN.has(why.code))', 'if (true)'),
  },
  {
    name: 'forgets a submission in doubt when it continues as new',
    course: incident([{ is: 'submission', nth: 1, fault: { is: 'late', by: 90_000 } }], 30),
    code: replace('!passing.has(field)', '!passing.has(field) && field !== "openSubmission"'),
  },
  {
    name: 'uses another run id while a call without an answer may still be taken',
    course: incident([
      { is: 'submission', nth: 1, fault: { is: 'late', by: 120_000 } },
      { is: 'run fails', when: { phase: 'resumed', nth: 1, after: 1_000 } },
    ]),
    code: replace('if (late === null || now >= late.until)', 'if (true)'),
  },
  {
    name: 'takes an unknown answer of ZooKeeper for no HA data',
    likely: (s) => has(s, 'away', 'unseen') && !s.setup.haOnHdfs,
    bend: bendPorts((ports) => ({
      haStore: (name) => {
        const store = ports.haStore(name);
        return {
          cluster: async (at, call) => {
            const is = await store.cluster(at, call);
            return is.is === 'unknown' ? present({ jobs: [], leader: null }) : is;
          },
        };
      },
    })),
  },
  {
    name: 'does not hear an abort between steps',
    likely: (s) => says(s, 'abort', 'cancel'),
    code: (code) =>
      replace(
        'the.desk.hold !== null || the.desk.abort !== null',
        'the.desk.hold !== null',
      )(
        replace(
          "if (the.desk.abort !== null) return {\n                is: 'aborted'",
          "if (false) return {\n                is: 'aborted'",
        )(code),
      ),
  },
  {
    name: 'acts again although it was aborted and nobody has resumed it',
    likely: (s) => says(s, 'abort', 'cancel') && has(s, 'started by hand'),
    code: replace('the.stopped = the.because;', ''),
  },
  {
    name: "moves the group's offsets while a run is alive",
    course: incident([{ is: 'reset', when: { step: 'confirmRestored', nth: 1, after: 2_000 }, share: 0.6 }]),
    bend: bendSteps((_, deps) => ({
      resumeOffsets: (input) => {
        const blind = (flink: Flink): Flink => ({ ...flink, jobs: async () => present([]) });
        const ports: Ports = { ...deps.ports, flink: (name) => blind(deps.ports.flink(name)) };
        return createActivities({ ...deps, ports }).resumeOffsets(input);
      },
    })),
  },
  {
    name: 'restores while a healthy run exists',
    code: replace(
      "return situation.is === 'abandoned' ?",
      "return situation.is === 'abandoned' || situation.is === 'healthy' ?",
    ),
    bend: withoutFence,
  },
  {
    name: 'looks at nothing more just before it submits',
    course: incident([
      { is: 'started by hand', when: { step: 'resumeOffsets', nth: 1, after: 10 }, blank: false },
    ]),
    bend: withoutFence,
  },
  {
    name: 'stops a run without consent',
    course: {
      ...incident([
        { is: 'lost file', when: { at: 15_000 }, which: 'state' },
        { is: 'alert', when: { at: 30_000 }, times: 1 },
      ]),
      setup: { haOnHdfs: false, endlessRestarts: true },
    },
    code: replaceMatch(
      /if \(!e\.approved\.includes\(question\.plan\.digest\)\) return question;(\s+return \{\s+do: 'stop')/,
      '$1',
    ),
  },
  {
    name: 'goes round and round where it is stopped and a run is not to be left alone',
    course: incident([
      { is: 'said', when: { phase: 'waiting', nth: 1, after: 500 }, what: 'abort' },
      { is: 'started by hand', when: { phase: 'aborted', nth: 1, after: 20_000 }, blank: true },
    ]),
    code: (code) =>
      replaceMatch(
        /plan\.about === \w+\.BLANK_RUN \|\| !looked/,
        '!looked',
      )(replace('if (the.sights > 0) {', 'if (false) {')(code)),
  },
  {
    name: 'takes a run that nobody knows for dead although it writes on',
    course: forgotten,
    code: replaceMatch(/provedDead\)\([^;]*;/, 'provedDead)({ ...e.still, since: 0, seen: a.traces }, a);'),
    bend: bendSteps((real) => ({
      restoreJob: async (input) => {
        const { traces } = await real.assessRun({ job: input.job, submitted: input.submitted });
        return real.restoreJob({ ...input, ...(traces ? { still: { since: 0, seen: traces } } : {}) });
      },
    })),
  },
];
