import { createHash } from 'node:crypto';
import type { Call, Flink, FlinkJob } from '../adapters/ports.js';
import type { Alert } from '../domain/alert.js';
import type { ClusterName, JobName } from '../domain/ids.js';
import { emptyLedger, record, recordGap, type JobLedger, type Sighting } from '../domain/ledger.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
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

export interface WatchJobsInput {
  readonly cluster: ClusterName;
  readonly ledgers: Ledgers;
  /** Epoch milliseconds of the last look of an earlier call; null for the first. */
  readonly lastLook: number | null;
}

export interface Watched {
  readonly ledgers: Ledgers;
  /** Epoch milliseconds. */
  readonly lastLook: number;
  /** Failures seen for the first time; each goes to the one case of its job. */
  readonly alerts: readonly Alert[];
}

/** Reads Flink REST for all configured jobs; returns when a run or a state has changed, or after ten minutes. */
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
  let { ledgers, lastLook } = withGaps(input, started);
  for (;;) {
    const jobs = await flink.jobs(call);
    const alerts: Alert[] = [];
    let changed = false;
    if (jobs.is === 'present') {
      lastLook = clock.now();
      for (const name of jobsOf(deps, input.cluster)) {
        const before = ledgers[name] ?? emptyLedger(started);
        const after = await look(deps, flink, name, jobs.value, before, call);
        if (stateOf(before) !== stateOf(after)) {
          changed = true;
          const alert = alertFor(deps, input.cluster, name, before, after, clock.now());
          if (alert !== null) alerts.push(alert);
        }
        ledgers = { ...ledgers, [name]: after };
      }
    }
    const watched: Watched = { ledgers, lastLook: lastLook ?? started, alerts };
    if (changed || clock.now() - started >= AT_MOST) return watched;
    heartbeat(watched);
    await clock.sleep(EVERY, signal);
  }
}

function withGaps(input: WatchJobsInput, now: number): { ledgers: Ledgers; lastLook: number | null } {
  const { lastLook } = input;
  if (lastLook === null || now - lastLook <= GAP) return { ledgers: input.ledgers, lastLook };
  const entries = Object.entries(input.ledgers).map(([job, ledger]) => [
    job,
    recordGap(ledger, lastLook, now),
  ]);
  return { ledgers: Object.fromEntries(entries) as Ledgers, lastLook };
}

const jobsOf = (deps: Deps, cluster: ClusterName): readonly JobName[] =>
  (Object.keys(deps.config.jobs) as JobName[]).filter((name) => deps.config.jobs[name]?.cluster === cluster);

/** The newest run and its state: what a change is a change of. */
const stateOf = (ledger: JobLedger): string => {
  const newest = ledger.runs[0];
  return newest === undefined ? 'never seen' : `${newest.run} ${newest.state}`;
};

/** The ledger after one look at a job. What cannot be read of one job stays as it was: its unknown is not another's. */
async function look(
  deps: Deps,
  flink: Flink,
  name: JobName,
  jobs: readonly FlinkJob[],
  before: JobLedger,
  call: Call,
): Promise<JobLedger> {
  const match = deps.config.jobs[name]?.match.name;
  const newest = jobs.filter((j) => j.name === match).sort((a, b) => b.startTime - a.startTime)[0];
  if (newest === undefined) return before;
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
  return record(before, sighting);
}

/** An alert when a run that was alive has FAILED. Cancelled and finished runs are somebody's decision. */
function alertFor(
  deps: Deps,
  cluster: ClusterName,
  name: JobName,
  before: JobLedger,
  after: JobLedger,
  now: number,
): Alert | null {
  const newest = after.runs[0];
  if (newest === undefined || newest.state !== 'FAILED') return null;
  const was = before.runs.find((r) => r.run === newest.run);
  if (was !== undefined && isTerminal(was.state)) return null;
  return {
    fingerprint: createHash('sha256')
      .update(`watch ${cluster} ${name} ${newest.run} FAILED`)
      .digest('hex')
      .slice(0, 16),
    source: 'watch',
    cluster,
    job: name,
    run: newest.run,
    summary: `run ${newest.run} of ${deps.config.jobs[name]?.match.name ?? name} is FAILED`,
    startedAt: newest.seen === 0 ? now : newest.seen,
    labels: {},
    link: null,
  };
}
