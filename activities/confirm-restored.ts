import type { Call, Flink, FlinkCheckpoints, FlinkJobDetail } from '../adapters/ports.js';
import { fault, faultOf, type Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { readStart } from '../domain/kafka-from.js';
import { fillCommand, launchValues } from '../domain/launch-command.js';
import { samePath } from '../domain/ladder.js';
import { compareIds } from '../domain/ledger.js';
import type { OffsetCheck } from '../domain/offsets.js';
import { furthest, NO_PROGRESS, type Progress } from '../domain/progress.js';
import { present, type Reading } from '../domain/reading.js';
import { isTerminal } from '../domain/situation.js';
import type { SkippedRange } from '../domain/skipped.js';
import { allRun, countTasks } from '../domain/tasks.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { watchPositions, type Expected, type PositionsProof } from './prove-positions.js';
import { positionsIn } from './read-state.js';

/** Milliseconds between two looks. */
const EVERY = 500;
/** What Flink's default checkpoint timeout is, for clusters that do not tell (milliseconds). */
const CHECKPOINT_TIMEOUT = 10 * 60_000;

/** The positions are looked at this often (milliseconds): each look reads a checkpoint and asks Kafka. */
const POSITIONS_EVERY = 2_000;
/** Your own check runs again this long after it has said no (milliseconds). */
const CHECK_EVERY = 5_000;
/** Progress puts the end of the wait off, to at most this many times the usual wait. */
const AT_MOST = 4;

export interface ConfirmInput {
  readonly job: string;
  readonly run: RunId;
  readonly point: string;
  /** Records that were known to be gone when it was submitted: no proof can be about them. */
  readonly gone?: OffsetCheck['gone'];
  /** It was started from nothing at these offsets, `topic/partition=offset`. */
  readonly start?: readonly string[];
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
  | {
      readonly is: 'dead';
      readonly fault: Fault;
      /** In which it ended. Left out: it was not told. */
      readonly state?: string;
      /** Flink says that the state itself could not be restored; left out: it says nothing of it. */
      readonly refused?: boolean;
    }
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
  const positions = watchPositions(deps, it, input.run, expectedOf(deps, input, call), call);
  const started = clock.now();
  let runningAt: number | null = null;
  let progressAt = started;
  let best = NO_PROGRESS;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let found: PositionsProof | null = null;
  let within: number | null = it.job.policy.confirm.checkpointWithin;
  const own = ownCheck(deps, it, input, call);
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
      missing ??= await own();
      // Reading the positions and your own check take their time.
      if (missing === null && !allTasksRun(await flink.job(input.run, call)))
        missing = 'its tasks stopped running while the proofs were taken';
    }
    heartbeat({ missing });
    if (missing === null && runningAt !== null && found !== null) {
      return {
        is: 'proved',
        at: clock.now(),
        runningAt,
        proofs: [...proofs(input, checkpoints), ...found.proofs, ...own.proofs],
        skipped: found.skipped,
      };
    }
    const patience = within ?? CHECKPOINT_TIMEOUT;
    const overdue = now - progressAt > patience || now - (runningAt ?? started) > AT_MOST * patience;
    // What keeps a proof waiting must be what is missing now: positions are not looked at while another run is alive.
    const counting = found?.counting === true && missing === found.missing;
    if (overdue && !counting) return { is: 'unproven', missing: missing ?? 'tasks' };
    await clock.sleep(EVERY, signal);
  }
}

/** Where the run has to go on: at the positions of the restored state, or at the offsets it was started from. */
function expectedOf(deps: Deps, { point, gone = [], start }: ConfirmInput, call: Call): Expected {
  if (start === undefined) return { positions: () => positionsIn(deps, point, call), named: point, gone };
  const positions = start.flatMap((text) => {
    const o = readStart(text);
    return o === null ? [] : [{ operatorId: '', topic: o.topic, partition: o.partition, next: o.offset }];
  });
  return { positions: () => Promise.resolve(present(positions)), named: 'the start', gone, anySource: true };
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

/** The operator's own check, the last of all: asked again until it says yes. */
function ownCheck(
  deps: Deps,
  it: ConfiguredJob,
  input: ConfirmInput,
  call: Call,
): (() => Promise<string | null>) & { readonly proofs: readonly string[] } {
  const { clock, commands } = deps.ports;
  const { check } = it.job.policy.confirm;
  let ranAt = Number.NEGATIVE_INFINITY;
  let missing: string | null = 'your own check has not run yet';
  const run = async (): Promise<string | null> => {
    if (check === null) return null;
    if (clock.now() - ranAt < CHECK_EVERY) return missing;
    try {
      const ran = await commands.run(fillCommand(check, launchValues(it.name, input.run, input.point)), call);
      missing = ran.because === null ? null : `your own check: ${ran.because.message}`;
    } catch (error) {
      call.signal.throwIfAborted();
      missing = `your own check: ${faultOf(error).message}`;
    }
    ranAt = clock.now();
    return missing;
  };
  return Object.assign(run, { proofs: check === null ? [] : [`your own check says yes: ${check[0] ?? ''}`] });
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
  if (input.start !== undefined) return firstCheckpoint(input, checkpoints.value);
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

/** The first checkpoint of a run that was to restore nothing. */
function firstCheckpoint({ run }: ConfirmInput, { restored, latestCompleted }: FlinkCheckpoints): Newer {
  const own = restored !== null && restored.path?.includes(`/${run}/`) === true;
  if (restored !== null && !own)
    return { is: 'missing', what: `the run restored ${restored.path ?? 'something'}, expected nothing` };
  if (latestCompleted === null || latestCompleted.path === null)
    return { is: 'missing', what: 'no checkpoint has completed' };
  return { is: 'completed', path: latestCompleted.path, own: !own };
}

function proofs(input: ConfirmInput, checkpoints: Reading<FlinkCheckpoints>): readonly string[] {
  if (checkpoints.is !== 'present') return [];
  const { restored, latestCompleted } = checkpoints.value;
  return [
    `all tasks of run ${input.run} run`,
    input.start !== undefined && restored === null
      ? `it restored nothing, as it was told, and started at ${input.start.slice(0, 10).join(', ')}${input.start.length > 10 ? ', …' : ''}`
      : `Flink restored ${restored?.path ?? input.point}${restored?.savepoint === true ? ' in NO_CLAIM mode' : ''}`,
    `a newer checkpoint completed: ${latestCompleted?.path ?? ''}`,
  ];
}

/** The first fault of a run that ended: later ones are its side effects. */
async function dead(flink: Flink, input: ConfirmInput, state: string, call: Call): Promise<Confirmation> {
  const exceptions = await flink.exceptions(input.run, call);
  const first = exceptions.is === 'present' ? exceptions.value[0] : undefined;
  const message = `run ${input.run} ended as ${state}${first === undefined ? '' : `: ${first.message}`}`;
  const refused = first?.refuses !== undefined && first.refuses !== null;
  const why = fault('RestoreTimedOut', message, input.run);
  return { is: 'dead', fault: why, state, ...(refused ? { refused } : {}) };
}
