import { createHash } from 'node:crypto';
import type { Call, Flink, FlinkJob } from '../adapters/ports.js';
import type { ClusterConfig } from '../config/config.js';
import type { Alert } from '../domain/alert.js';
import { failure } from '../domain/failure.js';
import type { ClusterName, JobName } from '../domain/ids.js';
import { emptyLedger, record, recordGap, type JobLedger, type Sighting } from '../domain/ledger.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
import {
  nothingNoted,
  patienceOf,
  watched as watchedOnce,
  type Alarm,
  type JobWatch,
  type Look,
  type View,
} from '../domain/watch.js';
import { restoredFrom } from './assess-run.js';
import type { Deps } from './deps.js';
import { flinkPoint } from './fetch-pointer.js';

/** Milliseconds between two looks. */
const EVERY = 10_000;
/** Progress is written to the memo at least this often (milliseconds). */
const AT_MOST = 10 * 60_000;
/** A time without looks that is longer than this (milliseconds) is a gap. */
const GAP = 60_000;

export type Ledgers = Readonly<Record<JobName, JobLedger>>;
/** What the watch keeps of each job between two looks. */
export type Noted = Readonly<Record<JobName, JobWatch>>;

export interface WatchJobsInput {
  readonly cluster: ClusterName;
  readonly ledgers: Ledgers;
  /** Epoch milliseconds of the last look of an earlier call; null for the first. */
  readonly lastLook: number | null;
  readonly noted: Noted;
}

export interface Watched {
  readonly ledgers: Ledgers;
  /** Epoch milliseconds. */
  readonly lastLook: number;
  readonly noted: Noted;
  /** Runs found failed, lost or blank for the first time; each goes to the one case of its job. */
  readonly alerts: readonly Alert[];
}

/**
 * Reads Flink REST for all configured jobs; returns when a run or a state has changed, when there is an alert, or after
 * ten minutes. Where REST does not answer, ZooKeeper is asked who leads.
 */
export async function watchJobs(
  deps: Deps,
  input: WatchJobsInput,
  signal: AbortSignal,
  heartbeat: (details: Watched) => void,
): Promise<Watched> {
  const { clock } = deps.ports;
  const flink = deps.ports.flink(input.cluster);
  const call: Call = { signal };
  const started = clock.now();
  let { lastLook, noted } = input;
  let ledgers = withGaps(input, started);
  for (;;) {
    const jobs = await flink.jobs(call);
    const unseen = jobs.is === 'present' ? null : await whoLeads(deps, input.cluster, call);
    const alerts: Alert[] = [];
    let changed = false;
    if (jobs.is === 'present') {
      ledgers = withGaps({ ledgers, lastLook }, clock.now());
      lastLook = clock.now();
    }
    for (const name of jobsOf(deps, input.cluster)) {
      const before = ledgers[name] ?? emptyLedger(started);
      const shown = jobs.is === 'present' ? runsOf(deps, name, jobs.value) : [];
      const { after, running } = await look(deps, flink, shown, before, call);
      changed ||= stateOf(before) !== stateOf(after);
      const view = unseen ?? viewOf(shown);
      const now = clock.now();
      const patience = patienceOf(clusterOf(deps, input.cluster));
      const seen = watchedOnce(
        noted[name] ?? nothingNoted,
        { before, after, view, running, at: now },
        patience,
      );
      alerts.push(...seen.alarms.map((alarm) => alertOf(deps, input.cluster, name, alarm)));
      ledgers = { ...ledgers, [name]: after };
      noted = { ...noted, [name]: seen.noted };
    }
    const watched: Watched = { ledgers, lastLook: lastLook ?? started, noted, alerts };
    if (changed || alerts.length > 0 || clock.now() - started >= AT_MOST) return watched;
    heartbeat(watched);
    await clock.sleep(EVERY, signal);
  }
}

const clusterOf = (deps: Deps, name: ClusterName): ClusterConfig => {
  const cluster = deps.config.clusters[name];
  if (cluster === undefined) throw failure('ConfigInvalid', `expected a configured cluster, found ${name}`);
  return cluster;
};

/** REST did not answer: that says nothing of the job. ZooKeeper's leader node tells whether there is anybody to answer. */
async function whoLeads(deps: Deps, name: ClusterName, call: Call): Promise<View> {
  const { ha } = clusterOf(deps, name);
  if (ha === null) return { is: 'unanswered', leads: 'unknown' };
  const { root, clusterId } = ha;
  const cluster = await deps.ports.haStore(ha.zookeeper).cluster({ root, clusterId }, call);
  // A cluster's node that is not there is rather a wrong configuration than a cluster without a leader.
  if (cluster.is !== 'present') return { is: 'unanswered', leads: 'unknown' };
  return { is: 'unanswered', leads: cluster.value.leader === null ? 'nobody' : 'somebody' };
}

const viewOf = (shown: readonly FlinkJob[]): View => ({
  is: 'answered',
  shown: shown.map((j) => j.run),
  alive: shown.filter((j) => !isTerminal(j.state)).map((j) => j.run),
});

/** The ledgers, with the time without looks that ends now, if it was one. */
function withGaps({ ledgers, lastLook }: Pick<WatchJobsInput, 'ledgers' | 'lastLook'>, now: number): Ledgers {
  if (lastLook === null || now - lastLook <= GAP) return ledgers;
  const entries = Object.entries(ledgers).map(([job, ledger]) => [job, recordGap(ledger, lastLook, now)]);
  return Object.fromEntries(entries) as Ledgers;
}

const jobsOf = (deps: Deps, cluster: ClusterName): readonly JobName[] =>
  (Object.keys(deps.config.jobs) as JobName[]).filter((name) => deps.config.jobs[name]?.cluster === cluster);

/** The newest run and its state: what a change is a change of. */
const stateOf = (ledger: JobLedger): string => {
  const newest = ledger.runs[0];
  return newest === undefined ? 'never seen' : `${newest.run} ${newest.state}`;
};

/** Runs of a job as the JobManager lists them, newest first. */
const runsOf = (deps: Deps, name: JobName, jobs: readonly FlinkJob[]): readonly FlinkJob[] =>
  jobs.filter((j) => j.name === deps.config.jobs[name]?.match.name).sort((a, b) => b.startTime - a.startTime);

/** The ledger after one look at a job. What cannot be read of one job stays as it was: its unknown is not another's. */
async function look(
  deps: Deps,
  flink: Flink,
  shownRuns: readonly FlinkJob[],
  before: JobLedger,
  call: Call,
): Promise<Pick<Look, 'after' | 'running'>> {
  const newest = shownRuns[0];
  if (newest === undefined) return { after: before, running: null };
  const known = before.runs.find((r) => r.run === newest.run);
  const [detail, checkpoints] = await Promise.all([
    flink.job(newest.run, call),
    flink.checkpoints(newest.run, call),
  ]);
  const shown = checkpoints.is === 'present' ? checkpoints.value : null;
  const started = detail.is === 'present' && allRun(countTasks(detail.value.tasks));
  const points = (shown === null ? [] : [shown.latestCompleted, ...shown.history]).flatMap((c) => {
    const point = c === null ? null : flinkPoint(newest.run, c);
    return point === null ? [] : [point];
  });
  const sighting: Sighting = {
    run: newest.run,
    started: newest.startTime,
    // Before the tasks run, "restored nothing" may only mean "not yet".
    restoredFrom:
      shown !== null && (started || shown.restored !== null)
        ? restoredFrom(shown.restored)
        : (known?.restoredFrom ?? { is: 'unseen' }),
    state: newest.state,
    points: points.filter((p, i) => points.findIndex((q) => q.path === p.path) === i),
    at: deps.ports.clock.now(),
  };
  return {
    after: record(before, sighting),
    running:
      started && shown !== null ? { run: newest.run, newest: shown.latestCompleted?.id ?? null } : null,
  };
}

const alertOf = (deps: Deps, cluster: ClusterName, name: JobName, alarm: Alarm): Alert => ({
  // A failed run fails once; a run can be lost or blank again.
  fingerprint: createHash('sha256')
    .update(
      alarm.what === 'failed'
        ? `watch ${cluster} ${name} ${alarm.run} FAILED`
        : `watch ${cluster} ${name} ${alarm.run} ${alarm.what} ${alarm.since}`,
    )
    .digest('hex')
    .slice(0, 16),
  source: 'watch',
  cluster,
  job: name,
  run: alarm.run,
  summary: `${deps.config.jobs[name]?.match.name ?? name}: ${alarm.summary}`,
  startedAt: alarm.since,
  labels: {},
  link: null,
});
