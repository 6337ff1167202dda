import type {
  Call,
  Flink,
  FlinkCheckpoints,
  FlinkException,
  FlinkJob,
  HaCluster,
} from '../adapters/ports.js';
import type { Began } from '../domain/evidence.js';
import { fault } from '../domain/failure.js';
import { bare, differing, haSettingsIn } from '../domain/ha-settings.js';
import { runId, type RunId } from '../domain/ids.js';
import { withOwn, type JobLedger, type OwnRun, type RestoredFrom } from '../domain/ledger.js';
import { absent, mapReading, present, unknown, type Reading } from '../domain/reading.js';
import {
  isTerminal,
  type Assessment,
  type DirtyResult,
  type HaView,
  type RunView,
} from '../domain/situation.js';
import { countTasks } from '../domain/tasks.js';
import { assessEnd } from './assess-end.js';
import { assessStuck } from './assess-stuck.js';
import { assessTraces } from './assess-traces.js';
import type { Deps } from './deps.js';
import { jobResults } from './ha-places.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { quickLook } from './quick-look.js';

/** Older runs than these say nothing about who can bring the job back. */
const NEWEST_RUNS = 5;
/**
 * Flink writes a new run to ZooKeeper before it lists it, and its list may be seconds old: a run that it does not list is
 * looked for once more after this long (milliseconds). Otherwise each start of one job fails attempts of all others.
 */
const LISTED_WITHIN = 4_000;

export interface AssessInput {
  readonly job: string;
  /** Runs that this case submitted. */
  readonly submitted: readonly RunId[];
  /** For the record only: the look does not depend on it. */
  readonly began?: Began;
  /** Runs that this case has stopped. */
  readonly stopped?: readonly RunId[];
  /** The run that this case has submitted last. Left out: none. */
  readonly own?: OwnRun;
}

/** Looks at everything that could bring the job back. Looks only; the decision is `situationOf`. */
export async function assessRun(deps: Deps, input: AssessInput, signal: AbortSignal): Promise<Assessment> {
  const it = configuredJob(deps, input.job);
  const flink = deps.ports.flink(it.clusterName);
  const call: Call = { signal };
  const remembered = deps.readLedger(it.clusterName, it.name, signal);
  const [overview, settings, listed, ha, dirty, ledger, hold] = await Promise.all([
    flink.overview(call),
    readSettings(it, flink, remembered, call),
    flink.jobs(call),
    readHa(deps, it, call),
    readDirtyResults(deps, it, call),
    remembered,
    // Not seen is not released: a hold that was honoured goes on, and the next look finds a new one.
    deps.standingHold(it.clusterName, it.name, signal).catch(() => null),
  ]);
  const known = (jobs: Reading<readonly FlinkJob[]>): Reading<readonly HaView[]> =>
    mapReading(ha, (cluster) => attribute(cluster, it, jobs, ledger, input.submitted));
  const seen = known(listed);
  const behind =
    listed.is === 'present' && seen.is === 'present' && seen.value.some((h) => h.belongs === 'nobody');
  if (behind) await deps.ports.clock.sleep(LISTED_WITHIN, signal);
  const jobs = behind ? await flink.jobs(call) : listed;
  const runs = await readRuns(it, flink, jobs, input.submitted, call);
  const assessment: Assessment = {
    at: deps.ports.clock.now(),
    leader: mapReading(overview, ({ endpoint, version, taskManagers }) => ({
      endpoint,
      version,
      taskManagers,
    })),
    settings,
    runs,
    ha: known(jobs),
    dirty,
    ledger: remember(ledger, runs, input.own),
    slots: mapReading(overview, ({ slotsTotal, slotsAvailable }) => ({
      total: slotsTotal,
      free: slotsAvailable,
    })),
    leads: mapReading(ha, ({ leader }) => leader),
    hold,
    stopped: input.stopped ?? [],
  };
  const ended = await assessEnd(deps, it, await assessStuck(deps, it, assessment, ha, call), call);
  return assessTraces(deps, it, ended, call);
}

/**
 * Whether the cluster keeps its HA data where this configuration looks for it. Where no JobManager can be asked, what the
 * watch has seen last counts, if it says otherwise: that it agrees says nothing of the cluster that will start.
 */
async function readSettings(
  it: ConfiguredJob,
  flink: Flink,
  ledger: Promise<Reading<JobLedger>>,
  call: Call,
): Promise<Assessment['settings']> {
  const configuration = await flink.configuration(call);
  const { ha } = it.cluster;
  if (configuration.is === 'present') {
    const differs = differing(ha, haSettingsIn(configuration.value));
    return present(differs === null ? 'as configured' : { differs });
  }
  const known = await ledger;
  const remembered = known.is === 'present' ? known.value.ha : undefined;
  const differs = remembered === undefined ? null : differing(ha, remembered);
  return differs === null
    ? configuration
    : present({ differs: `${differs}, as the watch saw it last; no JobManager answers that could be asked` });
}

/**
 * What is remembered, with the case's own run where Flink does not show it: a watch that has not looked since would take
 * the end of an older run for the newest news.
 */
function remember(
  ledger: Reading<JobLedger>,
  runs: Assessment['runs'],
  own: OwnRun | undefined,
): Reading<JobLedger> {
  const shown = runs.is === 'present' && runs.value.some(({ run }) => run === own?.run);
  // Taken and not seen since: the attempt that submitted it decides what that means.
  return shown || own?.state === null ? ledger : mapReading(ledger, (known) => withOwn(known, own));
}

async function readHa(deps: Deps, it: ConfiguredJob, call: Call): Promise<Reading<HaCluster>> {
  const ha = it.cluster.ha;
  if (ha === null) return absent;
  const reading = await deps.ports.haStore(ha.zookeeper).cluster(ha, call);
  if (reading.is !== 'absent') return reading;
  const node = `${ha.root}/${bare(ha.clusterId)}`;
  return unknown(
    fault(
      'ConfigInvalid',
      `expected the HA data of the cluster at ${node} in ZooKeeper ${ha.zookeeper}, found nothing there`,
      node,
    ),
  );
}

/** Which job an HA entry belongs to. A run that nobody knows makes the fence unknown, so it is never guessed. */
function attribute(
  cluster: HaCluster,
  it: ConfiguredJob,
  jobs: Reading<readonly FlinkJob[]>,
  ledger: Reading<JobLedger>,
  submitted: readonly RunId[],
): readonly HaView[] {
  const shown = jobs.is === 'present' ? jobs.value : [];
  const remembered = ledger.is === 'present' ? ledger.value.runs.map((r) => r.run) : [];
  return cluster.jobs.map((entry) => {
    const name = shown.find((j) => j.run === entry.run)?.name;
    const ours =
      name === it.job.match.name || remembered.includes(entry.run) || submitted.includes(entry.run);
    const belongs = ours ? 'ours' : name === undefined ? 'nobody' : 'other';
    return {
      run: entry.run,
      graph: entry.graph,
      checkpoints: entry.checkpoints.filter((c) => !c.markedForDeletion).length,
      belongs,
    };
  });
}

/** `_DIRTY.json` entries of the job result store beside the HA files (Flink 1.15 and later). */
export async function readDirtyResults(
  deps: Deps,
  it: ConfiguredJob,
  call: Call,
): Promise<Assessment['dirty']> {
  const ha = it.cluster.ha;
  if (ha === null) return absent;
  const directory = jobResults(ha);
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) return unknown(owner);
  const found: DirtyResult[] = [];
  const listed = await owner.storage.list(
    directory,
    (page) => {
      for (const file of page) {
        const match = /\/([0-9a-f]{32})_DIRTY\.json$/.exec(file.path);
        if (match?.[1] !== undefined)
          found.push({ run: runId(match[1]), path: file.path, length: file.length });
      }
    },
    quickLook(call),
  );
  if (listed.is === 'unknown') return listed;
  return found.length === 0 ? absent : present(found);
}

async function readRuns(
  it: ConfiguredJob,
  flink: Flink,
  jobs: Reading<readonly FlinkJob[]>,
  submitted: readonly RunId[],
  call: Call,
): Promise<Assessment['runs']> {
  if (jobs.is !== 'present')
    return jobs.is === 'unknown'
      ? jobs
      : unknown(fault('FlinkUnavailable', 'the JobManager has no list of jobs'));
  const ours = jobs.value
    .filter((j) => j.name === it.job.match.name || submitted.includes(j.run))
    .sort((a, b) => b.startTime - a.startTime)
    .slice(0, NEWEST_RUNS);
  const views: RunView[] = [];
  for (const job of ours) {
    const view = await readRun(flink, job, call);
    if (view.is === 'unknown') return view;
    if (view.is === 'present') views.push(view.value);
  }
  return present(views);
}

async function readRun(flink: Flink, job: FlinkJob, call: Call): Promise<Reading<RunView>> {
  const [detail, checkpoints, exceptions, config] = await Promise.all([
    flink.job(job.run, call),
    flink.checkpoints(job.run, call),
    flink.exceptions(job.run, call),
    isTerminal(job.state) ? null : flink.checkpointConfig(job.run, call),
  ]);
  if (detail.is !== 'present') return detail;
  if (checkpoints.is === 'unknown') return checkpoints;
  const known = checkpoints.is === 'present' ? checkpoints.value : null;
  const tasks = countTasks(detail.value.tasks);
  const since = known?.latestCompleted?.triggered ?? 0;
  const faults = exceptions.is === 'present' ? exceptions.value : [];
  const first = faults.find((x) => x.time >= since) ?? faults[0];
  return present({
    run: job.run,
    state: detail.value.state,
    started: job.startTime,
    ended: job.endTime,
    running: tasks.running,
    tasks: tasks.all,
    restoredFrom: restoredFrom(known?.restored ?? null),
    completed: known?.counts.completed ?? 0,
    latest: known?.latestCompleted?.discarded === false ? known.latestCompleted.path : null,
    newest: newestOf(known),
    firstFault: first === undefined ? null : first.message,
    parallelism: detail.value.vertices.reduce<number | null>(
      (most, v) => Math.max(most ?? 0, v.parallelism),
      null,
    ),
    sameFaults: first === undefined ? 0 : mostRestarts(first, faults),
    ...(config === null ? {} : { retained: mapReading(config, (c) => c.retainedOnCancellation) }),
  });
}

/** Subtasks that fail together fail within this time (milliseconds); a restart takes longer. */
const TOGETHER = 500;

/**
 * How often the same fault has ended the tasks: its text may name another file, task or host each time. What began a loop
 * is often another fault than what keeps it going: a checkpoint fails, and then the state is not there.
 */
function mostRestarts(first: FlinkException, faults: readonly FlinkException[]): number {
  const since = faults.filter((x) => x.time >= first.time);
  return Math.max(restartsBy(first, since), restartsBy(since.at(-1) ?? first, since));
}

function restartsBy(one: FlinkException, faults: readonly FlinkException[]): number {
  const same = faults.filter((x) => inGeneral(x.message) === inGeneral(one.message));
  let last = Number.NEGATIVE_INFINITY;
  return same.filter((x) => {
    if (x.time - last < TOGETHER) return false;
    last = x.time;
    return true;
  }).length;
}

const inGeneral = (message: string): string =>
  message.replaceAll(/[a-z]+:\/\S+|\/\S+|[0-9a-f]{8,}|\d+/gi, '…');

const newestOf = (known: FlinkCheckpoints | null): RunView['newest'] => {
  const newest = known?.latestCompleted ?? null;
  return newest === null ? null : { id: newest.id, triggered: newest.triggered };
};

export function restoredFrom(restored: { readonly path: string | null } | null): RestoredFrom {
  if (restored === null) return { is: 'nothing' };
  return restored.path === null ? { is: 'unseen' } : { is: 'point', path: restored.path };
}
