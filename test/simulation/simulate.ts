/** One seed: the real code in a simulated world, from the first fault to the end, and what it broke. */
import { AsyncResource } from 'node:async_hooks';
import { join } from 'node:path';
import { createActivities, type Deps } from '../../activities/index.js';
import type { Ports } from '../../adapters/ports.js';
import type { Config, SinkConfig } from '../../config/config.js';
import type { Alert } from '../../domain/alert.js';
import type { CaseStatus } from '../../domain/case.js';
import { fault } from '../../domain/failure.js';
import { clusterName, jobName, recoverId, repairId, watchId } from '../../domain/ids.js';
import type { JobLedger } from '../../domain/ledger.js';
import type { Policy } from '../../domain/policy.js';
import { absent, present, unknown } from '../../domain/reading.js';
import type { RepairOutcome } from '../../domain/repair.js';
import { ledgerKey } from '../../workflows/messages.js';
import { createDriver, serverRandom, type Driver, type HistorySize, type Sandbox } from './driver.js';
import { createJudge, type Broken } from './promises.js';
import {
  HEALED,
  tellFault,
  type Deed,
  type Fault,
  type Said,
  type Schedule,
  type WorkerFault,
} from './schedule.js';
import { random } from './seed.js';
import { SECRET, simulatedPorts, type SubmitFault } from './simulated-ports.js';
import { createTimeline, type Doing, type Process, type Timeline } from './timeline.js';
import {
  cancelByHand,
  createWorld,
  cut,
  failRuns,
  FLINK_NAME,
  forgetRuns,
  JOB,
  loseBlocks,
  loseFile,
  loseRecords,
  pointsInTruth,
  ROOT,
  savepointByHand,
  startJobManager,
  submitByHand,
  turn,
  type System,
} from './world.js';

const START = 1_800_000_000_000;
/** Nothing is waited for longer than this after everything is up again. */
const END = HEALED + 12 * 60_000;
/** A case that makes more events than this in its twenty minutes goes round and round. */
const MOST_EVENTS = 3_000;
export const CLUSTER = clusterName('counts');
export const CASE = recoverId(CLUSTER, jobName(JOB));

export interface Outcome {
  readonly seed: number;
  readonly broken: readonly Broken[];
  /** What happened, one line for each event worth telling. */
  readonly story: readonly string[];
  /** How the last case stood or ended. */
  readonly phase: string;
  readonly failedAttempts: number;
  readonly history: HistorySize;
}

/** How the code under test is bent; nothing by default. */
export interface Bend {
  readonly ports?: (ports: Ports) => Ports;
  readonly steps?: (steps: ReturnType<typeof createActivities>, deps: Deps) => object;
}

/** @param atTheEnd sees what is left when it is over. */
export async function simulate(
  sandbox: Sandbox,
  schedule: Schedule,
  bend: Bend = {},
  atTheEnd: (driver: Driver) => void = () => undefined,
): Promise<Outcome> {
  const { seed, policy, faults } = schedule;
  const timeline = createTimeline(START);
  const world = createWorld(timeline, random(seed ^ 0x0a11), schedule.setup);
  const judge = createJudge(world, policy, schedule.sink, (run) => {
    const ledger = driver.memo(watchId(CLUSTER))?.[ledgerKey(jobName(JOB))] as JobLedger | undefined;
    return ledger?.runs.find((r) => r.run === run)?.state ?? null;
  });
  const story: string[] = [];
  const stepCounts = new Map<string, number>();
  /** Each strikes once. */
  const struck = new Set<Fault>();
  const phaseCounts = new Map<string, number>();
  let submissions = 0;
  let ledgerAway = 0;
  let phase = 'no case';
  let failedAttempts = 0;
  let history: HistorySize = { events: 0, bytes: 0 };
  let pendingStatus = false;
  let cancelled = false;
  let settledSince: number | null = null;
  const tell = (text: string): void => {
    story.push(`${((timeline.now() - START) / 1000).toFixed(3).padStart(9)} ${text}`);
  };
  world.note = tell;

  const depsOf = (): Deps => {
    const ports = simulatedPorts(world, {
      act: (what, { submission, path }) => {
        if (submission)
          tell(`submit ${submission.run.slice(0, 6)} from ${submission.savepointPath?.slice(ROOT.length)}`);
        judge.act(what, submission, path);
      },
      called: () => {
        const doing = timeline.doing();
        if (doing === undefined || doing.nth === 0) return;
        doing.calls++;
        strike((w) => 'call' in w && w.step === doing.step && w.nth === doing.nth && w.call === doing.calls);
      },
      submitFault: (): SubmitFault | null => {
        submissions++;
        const found = faults.find((f) => f.is === 'submission' && f.nth === submissions);
        return found?.is === 'submission' ? found.fault : null;
      },
    });
    return {
      config: configOf(policy, schedule.sink, schedule.setup.archive === true),
      ports: bend.ports?.(ports) ?? ports,
      readLedger: async (_cluster, job, signal) => {
        await timeline.wait(3, signal);
        if (timeline.now() < ledgerAway) return unknown(fault('Unclassified', 'Temporal does not answer'));
        const memo = driver.memo(watchId(CLUSTER));
        const ledger = memo?.[ledgerKey(job)] as JobLedger | undefined;
        return ledger === undefined ? absent : present(ledger);
      },
      raiseAlert: async (alert) => {
        await timeline.wait(5);
        raise(alert);
      },
      requestRepair: async (cluster, request, id, signal) => {
        const workflow = repairId(cluster);
        const start = { type: 'repairCluster', id: workflow, input: { cluster } };
        driver.update(workflow, 'repairDeadEnd', request, id, start);
        for (;;) {
          await timeline.wait(200, signal);
          const answer = driver.answerTo(id);
          if (answer === null) continue;
          if ('failed' in answer) throw new Error(answer.failed);
          return answer.result as RepairOutcome;
        }
      },
      standingHold: async () =>
        world.standing !== null && timeline.now() < world.standing.until ? world.standing : null,
      registeredSearchAttributes: async () => ['HoldfastPhase', 'HoldfastAttempt'],
    };
  };
  const raise = (alert: Alert): void => {
    tell(`alert: ${alert.summary}`);
    driver.signalWithStart(
      { type: 'recoverJob', id: CASE, input: { job: JOB, cluster: CLUSTER } },
      'alertRaised',
      alert,
    );
  };
  const workerFault = (how: WorkerFault, downFor: number): void => {
    tell(`worker: ${how}`);
    if (how === 'crash') driver.crash(downFor);
    else if (how === 'deploy') driver.deploy(downFor);
    else if (how === 'cut off') driver.cutOff(downFor);
    else driver.evict();
  };
  const say = (what: Said): void => {
    // The server takes one cancel for an execution.
    if (!driver.isOpen(CASE) || (what === 'cancel' && cancelled)) return;
    cancelled ||= what === 'cancel';
    tell(`a person says ${what}`);
    const said = { by: 'anna', reason: 'simulation' };
    const question = (what === 'approve another plan' ? null : judge.status?.question?.id) ?? '1-none';
    if (what === 'cancel') driver.cancel(CASE);
    else if (what === 'choose') {
      const path = judge.status?.question?.choices[0] ?? pointsInTruth(world)[0]?.path ?? `${ROOT}/x/chk-1`;
      driver.update(CASE, 'chooseRestorePoint', { ...said, path });
    } else if (what === 'approve another plan') driver.update(CASE, 'approve', { ...said, question });
    else if (what === 'startFromNothing') driver.update(CASE, what, { ...said, kafkaFrom: 'earliest' });
    else if (what === 'resume') {
      const id = `resume ${++resumes}`;
      unheard.add(id);
      driver.update(CASE, what, said, id);
      return;
    } else driver.update(CASE, what, what === 'approve' || what === 'reject' ? { ...said, question } : said);
    judge.said(what);
  };
  /** Whether a case may be resumed is said by the case, which may just have been aborted: only its answer counts. */
  const unheard = new Set<string>();
  let resumes = 0;
  const hear = (): void => {
    for (const id of unheard) {
      const answer = driver.answerTo(id);
      if (answer === null) continue;
      unheard.delete(id);
      if (!('failed' in answer)) judge.said('resume');
    }
  };

  const driver: Driver = createDriver({
    timeline,
    sandbox,
    random: serverRandom(seed),
    continueAfter: schedule.continueAfter,
    secrets: [SECRET],
    steps: (process: Process) => {
      void process;
      const deps = depsOf();
      const steps = createActivities(deps);
      return (bend.steps?.(steps, deps) ?? steps) as never;
    },
    hooks: {
      taskDone: (id) => {
        if (id === CASE) pendingStatus = true;
        hear();
      },
      stepScheduled: (id, step) => {
        judge.stepScheduled(step, id === CASE);
        if (id !== CASE) return 0;
        const nth = (stepCounts.get(step) ?? 0) + 1;
        stepCounts.set(step, nth);
        strike((w) => 'step' in w && 'after' in w && w.step === step && w.nth === nth);
        return nth;
      },
      stepDone: (record) => {
        if (record.workflow !== CASE) return;
        const brief = JSON.stringify(record.failed ?? record.result)?.slice(0, 160);
        tell(`${record.step}${record.attempts > 1 ? ` (try ${record.attempts})` : ''}: ${brief}`);
        judge.stepDone(record);
        strike((w) => 'ended' in w && w.ended === record.step && w.nth === record.nth);
      },
      broken: (what) => judge.say('no task fails', what),
      closed: (id, how, result) => {
        if (id !== CASE) return;
        cancelled = false;
        tell(`case ${how}: ${JSON.stringify(result)?.slice(0, 200)}`);
        if (how === 'continued as new') return;
        if (how === 'reset') return judge.wasReset();
        history = driver.size(CASE);
        phase = (result as { outcome?: string } | undefined)?.outcome ?? how;
        // An aborted case that a person closes fails: its end is a person's all the same.
        judge.ended(how.startsWith('failed: the recovery of') ? { outcome: 'closed' } : result);
      },
      note: (text) => tell(text),
      recorded: (text) => {
        if (text.includes(SECRET)) judge.say('no secret leaves the worker', text.slice(0, 300));
      },
    },
  });

  for (const f of faults)
    if (f.is !== 'submission' && 'at' in f.when) timeline.at(START + f.when.at, () => act(f));
  timeline.at(START + HEALED, () => {
    tell('everything is up again');
    turn(world, 'hdfs', 'up');
    for (const system of ['zookeeper', 'kafka', 'taskmanagers'] as const) turn(world, system, true);
    startJobManager(world);
    world.kafka.members = 0;
    for (const system of ['hdfs', 'zookeeper', 'flink', 'kafka'] as const) cut(world, system, false);
    if (judge.status?.hold) say('release');
  });
  driver.start({ type: 'watchCluster', id: watchId(CLUSTER), input: { cluster: CLUSTER } });

  await withVirtualIntervals(timeline, () =>
    timeline.run(
      START + END,
      async () => {
        judge.afterEvent();
        if (!pendingStatus) return;
        pendingStatus = false;
        const status = (await driver.query(CASE, 'status')) as CaseStatus | undefined;
        if (status === undefined) return;
        const entered = status.phase !== phase;
        if (entered) tell(`phase ${status.phase}${status.because ? `: ${status.because.code}` : ''}`);
        phase = status.phase;
        failedAttempts = status.failures.length;
        judge.seen(status);
        if (entered) {
          const nth = (phaseCounts.get(phase) ?? 0) + 1;
          phaseCounts.set(phase, nth);
          strike((w) => 'phase' in w && w.phase === phase && w.nth === nth);
        }
        const { events } = driver.size(CASE);
        if (events > MOST_EVENTS)
          judge.say('does not spin', `${events} events in ${timeline.now() - START} ms`);
      },
      () => {
        if (judge.broken.length > 0) return true;
        if (timeline.now() < START + HEALED + 90_000) return false;
        const open = driver.isOpen(CASE);
        const still = !open || ['asking', 'aborted', 'held'].includes(phase);
        settledSince = still ? (settledSince ?? timeline.now()) : null;
        return settledSince !== null && timeline.now() - settledSince > 30_000;
      },
    ),
  );
  if (judge.broken.length === 0) {
    judge.finally(driver.isOpen(CASE));
    await driver.replayAll();
  }
  if (driver.isOpen(CASE)) history = driver.size(CASE);
  atTheEnd(driver);
  await driver.close();
  return { seed, broken: judge.broken, story, phase, failedAttempts, history };

  /** Faults whose moment has come. */
  function strike(isNow: (when: Extract<Fault, { when: unknown }>['when']) => boolean): void {
    for (const f of faults) {
      if (f.is === 'submission' || struck.has(f) || !isNow(f.when)) continue;
      struck.add(f);
      const after = 'after' in f.when ? f.when.after : 0;
      if (after === 0) act(f);
      else timeline.at(timeline.now() + after, () => act(f));
    }
  }

  function back(system: System): void {
    if (system === 'hdfs') turn(world, 'hdfs', 'up');
    else if (system === 'flink') startJobManager(world);
    else turn(world, system, true);
  }

  function act(f: Deed): void {
    const now = timeline.now();
    const healed = START + HEALED;
    // Afterwards only workers still die: everything else is to come to rest.
    if (now >= healed && f.is !== 'worker') return;
    const later = (ms: number, then: () => void): void => void timeline.at(Math.min(now + ms, healed), then);
    switch (f.is) {
      case 'hdfs':
        turn(world, 'hdfs', f.to);
        return later(f.for, () => turn(world, 'hdfs', 'up'));
      case 'away':
        turn(world, f.system, false);
        return later(f.for, () => back(f.system));
      case 'unseen':
        cut(world, f.system, true);
        return later(f.for, () => cut(world, f.system, false));
      case 'flaps':
        for (let i = 0; i < f.times; i++) {
          const { system } = f;
          const down = (): void => turn(world, system, system === 'hdfs' ? 'down' : false);
          const up = (): void => back(system);
          if (i === 0) down();
          else later(2 * i * f.every, down);
          later((2 * i + 1) * f.every, up);
        }
        return;
      case 'lost file':
        return loseFile(world, f.which);
      case 'lost blocks':
        return loseBlocks(world, f.for);
      case 'worker':
        return workerFault(f.how, f.for);
      case 'alert':
        for (let i = 0; i < f.times; i++) raise(alertOf(now));
        return;
      case 'said':
        return say(f.what);
      case 'cancelled by hand':
        return cancelByHand(world);
      case 'started by hand':
        return submitByHand(world, f.blank);
      case 'run fails':
        return failRuns(world);
      case 'forgotten':
        return forgetRuns(world, f.writes);
      case 'ledger away':
        ledgerAway = Math.min(now + f.for, healed);
        return;
      case 'standing hold': {
        const until = Math.min(now + f.for, healed);
        world.standing = {
          by: 'bert',
          reason: 'a deployment',
          cluster: CLUSTER,
          job: JOB,
          since: now,
          until,
        };
        return tell(`a person holds the job for ${until - now} ms`);
      }
      case 'savepoint by hand':
        return savepointByHand(world, f.stopping);
      case 'records lost':
        return loseRecords(world, f.how);
      case 'group in use':
        world.kafka.members = 1;
        return later(f.for, () => {
          world.kafka.members = 0;
        });
      case 'reset':
        tell('a person resets the case');
        driver.reset(CASE, f.share);
        return;
      case 'started under another id': {
        const id = `by-hand-${now}`;
        return driver.start({ type: 'recoverJob', id, input: { job: JOB } });
      }
      default:
        f satisfies never;
    }
  }
}

const alertOf = (now: number): Alert => ({
  fingerprint: `alert-${now}`,
  source: 'alertmanager',
  cluster: CLUSTER,
  job: JOB,
  run: null,
  summary: 'the job is down',
  startedAt: now,
  labels: {},
  link: null,
});

/** Steps that beat by an interval beat in virtual time. */
async function withVirtualIntervals(timeline: Timeline, run: () => Promise<void>): Promise<void> {
  const { setInterval: realSet, clearInterval: realClear } = globalThis;
  const stops = new Map<unknown, () => void>();
  const virtual = (doing: Doing, act: () => void, ms: number): object => {
    const handle = {};
    const inItsContext = AsyncResource.bind(act);
    const beat = (): void => {
      if (doing.process.dead) return;
      inItsContext();
      stops.set(handle, timeline.at(timeline.now() + ms, beat));
    };
    stops.set(handle, timeline.at(timeline.now() + ms, beat));
    return handle;
  };
  globalThis.setInterval = ((act: () => void, ms = 0) => {
    const doing = timeline.doing();
    return doing === undefined ? realSet(act, ms) : virtual(doing, act, ms);
  }) as typeof setInterval;
  globalThis.clearInterval = ((handle: NodeJS.Timeout | undefined) => {
    const stop = stops.get(handle);
    if (stop === undefined) realClear(handle);
    else stop();
  }) as typeof clearInterval;
  try {
    await run();
  } finally {
    globalThis.setInterval = realSet;
    globalThis.clearInterval = realClear;
  }
}

function configOf(policy: Policy, sink: SinkConfig | null, archive: boolean): Config {
  return {
    file: '/simulation/holdfast.yaml',
    digest: '0'.repeat(64),
    temporal: { address: '127.0.0.1:7233', namespace: 'default', ui: null },
    storage: {},
    zookeeper: {},
    kafka: {},
    clusters: {
      [CLUSTER]: {
        flink: { rest: ['http://jm:8081'] },
        ha: { zookeeper: 'main', root: '/flink', clusterId: '/default', storageDir: 'hdfs://prod/flink/ha' },
        checkpoints: ROOT,
        savepoints: 'hdfs://prod/flink/savepoints',
        archive: archive ? 'hdfs://prod/flink/archive' : null,
        heartbeatTimeout: 10_000,
        sessionTimeout: 10_000,
        startCluster: null,
      },
    },
    jobs: {
      [jobName(JOB)]: {
        cluster: CLUSTER,
        match: { name: FLINK_NAME, labels: {} },
        launch: {
          kind: 'jar',
          jar: join(import.meta.dirname, 'seed.ts'),
          entryClass: null,
          args: [],
          parallelism: null,
          flinkConfiguration: {},
        },
        kafka: { cluster: 'main', group: 'window-counts', sink, topics: [] },
        policy,
      },
    },
    intake: { host: '127.0.0.1', port: 0 },
    limits: { restores: 1, nameNodeCalls: 100, steps: 10 },
    notices: [],
    stateDir: '/simulation/.holdfast',
  };
}

/** A failing seed as a person wants to see it. */
export const tellOutcome = (schedule: Schedule, outcome: Outcome): string =>
  [
    `seed ${schedule.seed}: attempts ${schedule.policy.attempts}, fallback ${schedule.policy.fallback}`,
    ...schedule.faults.map((f) => `  fault ${tellFault(f)}`),
    ...outcome.story.map((line) => `  ${line}`),
    ...outcome.broken.map((b) => `  BROKEN ${((b.at - START) / 1000).toFixed(3)} ${b.promise}: ${b.what}`),
  ].join('\n');
