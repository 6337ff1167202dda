/** One look of the watch at the newest run of a job: what the ledger records, and what notices are about. */
import type {
  Call,
  Flink,
  FlinkCheckpoint,
  FlinkCheckpoints,
  FlinkJob,
  FlinkJobDetail,
} from '../adapters/ports.js';
import { haSettingsIn, type HaSettings } from '../domain/ha-settings.js';
import type { RunId } from '../domain/ids.js';
import type { JobLedger, Sighting } from '../domain/ledger.js';
import { absent, mapReading, type Reading } from '../domain/reading.js';
import type { RestorePoint } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
import type { Look, NoticeMemory } from '../domain/watch.js';
import { LOOP, type CheckpointsSeen, type JobSight } from '../domain/watch-notices.js';
import { restoredFrom } from './assess-run.js';
import { flinkPoint } from './fetch-pointer.js';

/** How many restarts are remembered. */
const MOST_RESTARTS = 5;

export interface Seen {
  /** Null: no run of the job is shown. */
  readonly sighting: Sighting | null;
  readonly running: Look['running'];
  /** Null: no run of the job is shown that has not ended. `expiry` is added by whoever asks Kafka. */
  readonly sight: Omit<JobSight, 'pointKnown' | 'expiry'> | null;
  readonly memory: NoticeMemory;
}

/**
 * @param shown the runs of this job as the leading JobManager lists them, newest first
 * What cannot be read of a run stays as it was, or unknown.
 */
export async function lookAtJob(
  flink: Flink,
  shown: readonly FlinkJob[],
  before: { readonly ledger: JobLedger; readonly memory: NoticeMemory },
  ha: JobSight['ha'],
  at: number,
  call: Call,
): Promise<Seen> {
  const newest = shown[0];
  const { memory } = before;
  if (newest === undefined) return { sighting: null, running: null, sight: null, memory };
  const over = isTerminal(newest.state);
  const [detail, checkpoints, config] = await Promise.all([
    flink.job(newest.run, call),
    flink.checkpoints(newest.run, call),
    over ? absent : flink.checkpointConfig(newest.run, call),
  ]);
  const stats = checkpoints.is === 'present' ? checkpoints.value : null;
  const started = detail.is === 'present' && allRun(countTasks(detail.value.tasks));
  const sighting = sightingOf(newest, stats, started, before.ledger, at);
  const running =
    started && stats !== null
      ? {
          run: newest.run,
          restored: restoredFrom(stats.restored),
          newest: stats.latestCompleted?.id ?? null,
        }
      : null;
  if (over) return { sighting, running, sight: null, memory };

  const tally = stats === null ? memory.tally : tallyOf(newest.run, stats, memory.tally);
  const restarts = restartsAfter(memory.restarts, detail);
  const runningSince =
    detail.is !== 'present' ? memory.runningSince : sinceWhen(memory, newest.run, started, at);
  const lately = restarts.filter((time) => at - time <= LOOP.within);
  const sight: Seen['sight'] = {
    at,
    run: newest.run,
    alive: shown.filter((j) => !isTerminal(j.state)).map((j) => j.run),
    runningSince: runningSince?.since ?? null,
    restarts,
    firstFault: lately.length < LOOP.restarts ? null : await firstFault(flink, newest.run, stats, call),
    checkpoints: mapReading(checkpoints, (of) => checkpointsSeen(of, tally)),
    config: mapReading(config, (of) => ({
      interval: of.interval,
      retained: of.retainedOnCancellation,
      tolerated: of.tolerableFailed,
    })),
    ha,
  };
  return { sighting, running, sight, memory: { ...memory, tally, restarts, runningSince } };
}

function sightingOf(
  newest: FlinkJob,
  stats: FlinkCheckpoints | null,
  started: boolean,
  ledger: JobLedger,
  at: number,
): Sighting {
  const known = ledger.runs.find((r) => r.run === newest.run);
  const points = (stats === null ? [] : [stats.latestCompleted, ...stats.history]).flatMap(
    (c): readonly RestorePoint[] => {
      const point = c === null ? null : flinkPoint(newest.run, c);
      return point === null ? [] : [point];
    },
  );
  return {
    run: newest.run,
    started: newest.startTime,
    // Before the tasks run, "restored nothing" may only mean "not yet".
    restoredFrom:
      stats !== null && (started || stats.restored !== null)
        ? restoredFrom(stats.restored)
        : (known?.restoredFrom ?? { is: 'unseen' }),
    state: newest.state,
    points: points.filter((p, i) => points.findIndex((q) => q.path === p.path) === i),
    at,
  };
}

/** How many had failed when the newest one completed: Flink lists only the newest ten. */
function tallyOf(
  run: RunId,
  { counts }: FlinkCheckpoints,
  before: NoticeMemory['tally'],
): NoticeMemory['tally'] {
  const goesOn =
    before !== null &&
    before.run === run &&
    before.completed === counts.completed &&
    before.failed <= counts.failed;
  return goesOn ? before : { run, completed: counts.completed, failed: counts.failed };
}

function checkpointsSeen(stats: FlinkCheckpoints, tally: NoticeMemory['tally']): CheckpointsSeen {
  const ended = stats.history.filter((c) => !c.savepoint && c.status !== 'IN_PROGRESS');
  const last = ended.findIndex((c) => c.status === 'COMPLETED');
  const listed = last < 0 ? ended.length : last;
  const counted = tally === null ? 0 : stats.counts.failed - tally.failed;
  return {
    completed: stats.counts.completed,
    // As far as the list goes it is exact; savepoints count as checkpoints there.
    failedInRow: last < 0 ? Math.max(listed, counted) : listed,
    lastFailure: ended.find((c: FlinkCheckpoint) => c.status === 'FAILED')?.failure ?? null,
    newest: stats.latestCompleted?.triggered ?? null,
  };
}

/** Flink tells when a run restarted last: each new time is one more restart. */
function restartsAfter(before: readonly number[], detail: Reading<FlinkJobDetail>): readonly number[] {
  const last = detail.is === 'present' ? (detail.value.timestamps['RESTARTING'] ?? null) : null;
  if (last === null || before.includes(last)) return before;
  return [last, ...before].slice(0, MOST_RESTARTS);
}

function sinceWhen(
  { runningSince }: NoticeMemory,
  run: RunId,
  started: boolean,
  at: number,
): NoticeMemory['runningSince'] {
  if (!started) return null;
  return runningSince?.run === run ? runningSince : { run, since: at };
}

async function firstFault(
  flink: Flink,
  run: RunId,
  stats: FlinkCheckpoints | null,
  call: Call,
): Promise<string | null> {
  const faults = await flink.exceptions(run, call);
  if (faults.is !== 'present') return null;
  const since = stats?.latestCompleted?.triggered ?? 0;
  return (faults.value.find((x) => x.time >= since) ?? faults.value[0])?.message ?? null;
}

/** How the cluster keeps its HA data, as its leading JobManager says; null: it does not answer. */
export async function haSettingsOf(flink: Flink, call: Call): Promise<HaSettings | null> {
  const is = await flink.configuration(call);
  return is.is === 'present' ? haSettingsIn(is.value) : null;
}

/** Whether the cluster runs with high availability. */
export const haOf = (settings: HaSettings | null, configured: boolean): JobSight['ha'] =>
  settings === null ? (configured ? 'unknown' : 'off') : settings.kind === 'none' ? 'off' : 'on';
