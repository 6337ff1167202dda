import type { Call, Flink, FlinkCheckpoints, FlinkJobDetail } from '../adapters/ports.js';
import { fault, type Fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { samePath } from '../domain/ladder.js';
import { compareIds } from '../domain/ledger.js';
import type { Reading } from '../domain/reading.js';
import { isConcrete } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
import { positionsIn } from './read-state.js';

/** Milliseconds between two looks. */
const EVERY = 500;
/** What Flink's default checkpoint timeout is, for clusters that do not tell (milliseconds). */
const CHECKPOINT_TIMEOUT = 10 * 60_000;

export interface ConfirmInput {
  readonly job: string;
  readonly run: RunId;
  readonly point: string;
}

export type Confirmation =
  | {
      readonly is: 'proved';
      readonly at: number;
      readonly runningAt: number;
      readonly proofs: readonly string[];
    }
  /** The run is over: the attempt failed. */
  | {
      readonly is: 'dead';
      readonly fault: Fault;
      /** Flink says that the state itself could not be restored; left out: it says nothing of it. */
      readonly refused?: boolean;
    }
  /** Tasks may run, but the proof did not come in time. Never a reason to submit again. */
  | { readonly is: 'unproven'; readonly missing: string };

/**
 * RUNNING is not recovered. Waits until the run has restored the chosen point, runs all tasks, has completed a newer
 * checkpoint and has moved on from the right positions. The clock starts when all tasks run.
 */
export async function confirmRestored(
  deps: Deps,
  input: ConfirmInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<Confirmation> {
  const { job, clusterName } = configuredJob(deps, input.job);
  const { clock } = deps.ports;
  const flink = deps.ports.flink(clusterName);
  const call: Call = { signal };
  const started = clock.now();
  let runningAt: number | null = null;
  let within: number | null = job.policy.confirm.checkpointWithin;
  for (;;) {
    const [detail, checkpoints] = await Promise.all([
      flink.job(input.run, call),
      flink.checkpoints(input.run, call),
    ]);
    const now = clock.now();
    if (detail.is === 'present' && isTerminal(detail.value.state))
      return dead(flink, input, detail.value.state, call);
    if (within === null && runningAt !== null) within = await proofTime(flink, input.run, call);
    if (allTasksRun(detail)) runningAt ??= now;
    const missing = await missingProof(deps, input, detail, checkpoints, call);
    heartbeat({ missing });
    if (missing === null && runningAt !== null) {
      return { is: 'proved', at: now, runningAt, proofs: proofs(input, checkpoints) };
    }
    if (now - (runningAt ?? started) > (within ?? CHECKPOINT_TIMEOUT))
      return { is: 'unproven', missing: missing ?? 'tasks' };
    await clock.sleep(EVERY, signal);
  }
}

const allTasksRun = (detail: Reading<FlinkJobDetail>): boolean =>
  detail.is === 'present' && detail.value.state === 'RUNNING' && allRun(countTasks(detail.value.tasks));

/** Twice the interval and the time-out: in that time a healthy job has completed a checkpoint. */
async function proofTime(flink: Flink, run: RunId, call: Call): Promise<number | null> {
  const config = await flink.checkpointConfig(run, call);
  return config.is === 'present' ? 2 * config.value.interval + config.value.timeout : null;
}

/** The first proof that is still missing, in words; null: all are there. */
async function missingProof(
  deps: Deps,
  input: ConfirmInput,
  detail: Reading<FlinkJobDetail>,
  checkpoints: Reading<FlinkCheckpoints>,
  call: Call,
): Promise<string | null> {
  if (detail.is !== 'present') return 'Flink does not show the run';
  if (!allTasksRun(detail)) return `tasks: ${JSON.stringify(detail.value.tasks)}`;
  if (checkpoints.is !== 'present') return 'Flink does not show the checkpoints of the run';
  const { restored, latestCompleted } = checkpoints.value;
  if (restored === null) return `the run does not say that it restored ${input.point}`;
  if (restored.path === null || !samePath(restored.path, input.point)) {
    const own =
      latestCompleted !== null && restored.path !== null && restored.path.includes(`/${input.run}/`);
    if (!own) return `the run restored ${restored.path ?? 'something unnamed'}, not ${input.point}`;
  }
  if (
    latestCompleted === null ||
    compareIds(latestCompleted.id, restored.id) <= 0 ||
    latestCompleted.path === null
  ) {
    return `no checkpoint newer than ${restored.id} has completed`;
  }
  return positionsBehind(deps, input, latestCompleted.path, call);
}

/** Positions only move forward: a partition behind the restored position was read from somewhere else. */
async function positionsBehind(
  deps: Deps,
  input: ConfirmInput,
  newer: string,
  call: Call,
): Promise<string | null> {
  const [restored, reached] = await Promise.all([
    positionsIn(deps, input.point, call),
    positionsIn(deps, newer, call),
  ]);
  if (restored.is !== 'present') return `the positions in ${input.point} cannot be read now`;
  if (reached.is !== 'present') return `the positions in ${newer} cannot be read now`;
  const before = restored.value.filter((p) => isConcrete(p.next));
  const after = new Map(reached.value.map((p) => [`${p.topic}/${p.partition}`, p.next]));
  for (const p of before) {
    const next = after.get(`${p.topic}/${p.partition}`);
    if (next === undefined || !isConcrete(next))
      return `${p.topic}/${p.partition} has no position in ${newer}`;
    if (BigInt(next) < BigInt(p.next)) return `${p.topic}/${p.partition} went back from ${p.next} to ${next}`;
  }
  return null;
}

function proofs(input: ConfirmInput, checkpoints: Reading<FlinkCheckpoints>): readonly string[] {
  if (checkpoints.is !== 'present') return [];
  const { restored, latestCompleted } = checkpoints.value;
  return [
    `all tasks of run ${input.run} run`,
    `Flink restored ${restored?.path ?? input.point}${restored?.savepoint === true ? ' in NO_CLAIM mode' : ''}`,
    `a newer checkpoint completed: ${latestCompleted?.path ?? ''}`,
    'its Kafka positions continue from the restored ones',
  ];
}

/** The first fault of a run that ended: later ones are its side effects. */
async function dead(flink: Flink, input: ConfirmInput, state: string, call: Call): Promise<Confirmation> {
  const exceptions = await flink.exceptions(input.run, call);
  const first = exceptions.is === 'present' ? exceptions.value[0] : undefined;
  const message = `run ${input.run} ended as ${state}${first === undefined ? '' : `: ${first.message}`}`;
  const refused = first?.refuses !== undefined && first.refuses !== null;
  return { is: 'dead', fault: fault('RestoreTimedOut', message, input.run), ...(refused ? { refused } : {}) };
}
