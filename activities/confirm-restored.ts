import type { Call, Flink, FlinkCheckpoints, FlinkJobDetail } from '../adapters/ports.js';
import { fault, type Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { samePath } from '../domain/ladder.js';
import { compareIds } from '../domain/ledger.js';
import type { OffsetCheck } from '../domain/offsets.js';
import { furthest, NO_PROGRESS, type Progress } from '../domain/progress.js';
import type { Reading } from '../domain/reading.js';
import { isTerminal } from '../domain/situation.js';
import type { SkippedRange } from '../domain/skipped.js';
import { allRun, countTasks } from '../domain/tasks.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { watchPositions, type PositionsProof } from './prove-positions.js';
import { positionsIn } from './read-state.js';

/** Milliseconds between two looks. */
const EVERY = 500;
/** What Flink's default checkpoint timeout is, for clusters that do not tell (milliseconds). */
const CHECKPOINT_TIMEOUT = 10 * 60_000;

/** The positions are looked at this often (milliseconds): each look reads a checkpoint and asks Kafka. */
const POSITIONS_EVERY = 2_000;
/** Progress puts the end of the wait off, to at most this many times the usual wait. */
const AT_MOST = 4;

export interface ConfirmInput {
  readonly job: string;
  readonly run: RunId;
  readonly point: string;
  /** Records that were known to be gone when it was submitted: no proof can be about them. */
  readonly gone?: OffsetCheck['gone'];
}

export type Confirmation =
  | {
      readonly is: 'proved';
      readonly at: number;
      readonly runningAt: number;
      readonly proofs: readonly string[];
      /** Records that existed and were not read: then it resumed with a gap, and that is not success. Left out: none. */
      readonly skipped?: readonly SkippedRange[];
    }
  /** The run is over: the attempt failed. */
  | { readonly is: 'dead'; readonly fault: Fault }
  /** Tasks may run, but the proof did not come in time. Never a reason to submit again. */
  | { readonly is: 'unproven'; readonly missing: string };

/**
 * RUNNING is not recovered. Waits until the run has restored the chosen point, runs all tasks, is alone, has completed a
 * newer checkpoint and has read on from the right positions. The clock starts when all tasks run, and again with every
 * progress they make.
 */
export async function confirmRestored(
  deps: Deps,
  input: ConfirmInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<Confirmation> {
  const it = configuredJob(deps, input.job);
  const { clock } = deps.ports;
  const flink = deps.ports.flink(it.clusterName);
  const call: Call = { signal };
  const positions = watchPositions(
    deps,
    it,
    input.run,
    { positions: () => positionsIn(deps, input.point, call), named: input.point, gone: input.gone ?? [] },
    call,
  );
  const started = clock.now();
  let runningAt: number | null = null;
  let progressAt = started;
  let best = NO_PROGRESS;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let found: PositionsProof | null = null;
  let within: number | null = it.job.policy.confirm.checkpointWithin;
  await positions.begin();
  for (;;) {
    const [detail, checkpoints] = await Promise.all([
      flink.job(input.run, call),
      flink.checkpoints(input.run, call),
    ]);
    const now = clock.now();
    if (detail.is === 'present' && isTerminal(detail.value.state))
      return dead(flink, input, detail.value.state, call);
    if (within === null && runningAt !== null) within = await proofTime(flink, input.run, call);
    if (allTasksRun(detail) && runningAt === null) runningAt = progressAt = now;
    const further = furthest(best, progressIn(detail, checkpoints));
    if (further !== best) progressAt = now;
    best = further;
    const newer = newerCheckpoint(input, detail, checkpoints);
    let missing = newer.is === 'missing' ? newer.what : await twinOf(it, flink, input.run, call);
    if (missing === null && newer.is === 'completed') {
      if (found?.missing !== null && now - lookedAt >= POSITIONS_EVERY) {
        lookedAt = now;
        found = await positions.look(newer.path, newer.own);
      }
      missing = found === null ? 'its positions were not looked at yet' : found.missing;
    }
    heartbeat({ missing });
    if (missing === null && runningAt !== null && found !== null) {
      return {
        is: 'proved',
        at: clock.now(),
        runningAt,
        proofs: [...proofs(input, checkpoints), ...found.proofs],
        skipped: found.skipped,
      };
    }
    const patience = within ?? CHECKPOINT_TIMEOUT;
    const overdue = now - progressAt > patience || now - (runningAt ?? started) > AT_MOST * patience;
    if (overdue && found?.counting !== true) return { is: 'unproven', missing: missing ?? 'tasks' };
    await clock.sleep(EVERY, signal);
  }
}

/** How far the run has come, as one look shows it. */
function progressIn(detail: Reading<FlinkJobDetail>, checkpoints: Reading<FlinkCheckpoints>): Progress {
  if (detail.is !== 'present' || checkpoints.is !== 'present') return NO_PROGRESS;
  const open = checkpoints.value.history.find((c) => c.status === 'IN_PROGRESS');
  return {
    running: countTasks(detail.value.tasks).running,
    completed: checkpoints.value.counts.completed,
    open: open === undefined ? null : { id: open.id, bytes: open.stateSize },
  };
}

/** Another run of the job that is alive would write the same results. */
async function twinOf(it: ConfiguredJob, flink: Flink, run: RunId, call: Call): Promise<string | null> {
  const jobs = await flink.jobs(call);
  if (jobs.is !== 'present') return 'Flink does not show its jobs';
  const twin = jobs.value.find((j) => j.run !== run && j.name === it.job.match.name && !isTerminal(j.state));
  return twin === undefined ? null : `another run of the job is alive: ${twin.run} is ${twin.state}`;
}

const allTasksRun = (detail: Reading<FlinkJobDetail>): boolean =>
  detail.is === 'present' && detail.value.state === 'RUNNING' && allRun(countTasks(detail.value.tasks));

/** Twice the interval and the time-out: in that time a healthy job has completed a checkpoint. */
async function proofTime(flink: Flink, run: RunId, call: Call): Promise<number | null> {
  const config = await flink.checkpointConfig(run, call);
  return config.is === 'present' ? 2 * config.value.interval + config.value.timeout : null;
}

type Newer =
  | { readonly is: 'missing'; readonly what: string }
  /** `own`: the run still has the state that it was submitted with; it has not restored a checkpoint of its own since. */
  | { readonly is: 'completed'; readonly path: string; readonly own: boolean };

/** The newer checkpoint of a run that restored the chosen point; or what is missing, in words. */
function newerCheckpoint(
  input: ConfirmInput,
  detail: Reading<FlinkJobDetail>,
  checkpoints: Reading<FlinkCheckpoints>,
): Newer {
  const missing = (what: string): Newer => ({ is: 'missing', what });
  if (detail.is !== 'present') return missing('Flink does not show the run');
  if (!allTasksRun(detail)) return missing(`tasks: ${JSON.stringify(detail.value.tasks)}`);
  if (checkpoints.is !== 'present') return missing('Flink does not show the checkpoints of the run');
  const { restored, latestCompleted } = checkpoints.value;
  if (restored === null) return missing(`the run does not say that it restored ${input.point}`);
  const chosen = restored.path !== null && samePath(restored.path, input.point);
  if (!chosen) {
    const ownPoint =
      latestCompleted !== null && restored.path !== null && restored.path.includes(`/${input.run}/`);
    if (!ownPoint)
      return missing(`the run restored ${restored.path ?? 'something unnamed'}, not ${input.point}`);
  }
  if (
    latestCompleted === null ||
    compareIds(latestCompleted.id, restored.id) <= 0 ||
    latestCompleted.path === null
  ) {
    return missing(`no checkpoint newer than ${restored.id} has completed`);
  }
  return { is: 'completed', path: latestCompleted.path, own: chosen };
}

function proofs(input: ConfirmInput, checkpoints: Reading<FlinkCheckpoints>): readonly string[] {
  if (checkpoints.is !== 'present') return [];
  const { restored, latestCompleted } = checkpoints.value;
  return [
    `all tasks of run ${input.run} run`,
    `Flink restored ${restored?.path ?? input.point}${restored?.savepoint === true ? ' in NO_CLAIM mode' : ''}`,
    `a newer checkpoint completed: ${latestCompleted?.path ?? ''}`,
  ];
}

/** The first fault of a run that ended: later ones are its side effects. */
async function dead(flink: Flink, input: ConfirmInput, state: string, call: Call): Promise<Confirmation> {
  const exceptions = await flink.exceptions(input.run, call);
  const first = exceptions.is === 'present' ? exceptions.value[0] : undefined;
  const message = `run ${input.run} ended as ${state}${first === undefined ? '' : `: ${first.message}`}`;
  return { is: 'dead', fault: fault('RestoreTimedOut', message, input.run) };
}
