import type { Call } from '../adapters/ports.js';
import { failure, HoldfastError } from '../domain/failure.js';
import { hashText } from '../domain/hash128.js';
import type { RunId } from '../domain/ids.js';
import { mapReading, type Reading } from '../domain/reading.js';
import { pointFromPath } from '../domain/restore-point.js';
import { checkStop, stopNeedsApproval, type StopEvidence, type StopOutcome } from '../domain/stop.js';
import { countTasks } from '../domain/tasks.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { readState } from './read-state.js';

/** Milliseconds for a savepoint: as much as Flink gives a checkpoint by default. */
const SAVEPOINT_DEADLINE = 600_000;

export interface StopInput {
  readonly job: string;
  readonly run: RunId;
  /** A person has agreed. */
  readonly approved: boolean;
  /** Runs that this case submitted. */
  readonly submitted: readonly RunId[];
  /** This step was begun before and lost: its end may be our doing. */
  readonly repeated: boolean;
}

/**
 * Looks once more whether the run may be stopped, takes and verifies a savepoint where cancelling would lose its
 * checkpoints, and cancels it. Repeated after a crash it finds what it did: the savepoint by its trigger id, the run as
 * ended.
 * @throws FlinkUnavailable when the end was not seen, ConfigInvalid without a savepoint directory, StateCorrupt when the
 * savepoint is not sound: then the run goes on.
 */
export async function stopRun(
  deps: Deps,
  input: StopInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<StopOutcome> {
  const it = configuredJob(deps, input.job);
  const { run } = input;
  const call: Call = { signal };
  const flink = deps.ports.flink(it.clusterName);
  const seen = await lookAtRun(deps, it, run, call);
  if (seen.is === 'absent')
    return { is: 'not done', because: `the leading JobManager does not know run ${run}` };
  if (seen.is === 'unknown') throw new HoldfastError(seen.because);
  if (!input.approved && stopNeedsApproval(run, seen.value.completed, input.submitted))
    return { is: 'not done', because: `nobody has agreed that run ${run} is stopped` };
  const check = checkStop(seen.value);
  switch (check.is) {
    case 'unknown':
      throw new HoldfastError(check.because);
    case 'over':
      if (input.repeated && seen.value.state.startsWith('CANCEL'))
        return stopped(null, 'an interrupted call has cancelled it');
      return { is: 'not done', because: check.because };
    case 'forbidden':
      return { is: 'not done', because: check.because };
    case 'cancel':
    case 'savepoint first': {
      const savepoint =
        check.is === 'cancel' ? null : await verifiedSavepoint(deps, it, run, signal, heartbeat);
      await flink.cancel(run, call);
      return stopped(savepoint, check.because);
    }
  }

  function stopped(savepoint: string | null, because: string): StopOutcome {
    return { is: 'stopped', stop: { run, at: deps.ports.clock.now(), savepoint, because } };
  }
}

async function lookAtRun(
  deps: Deps,
  it: ConfiguredJob,
  run: RunId,
  call: Call,
): Promise<Reading<StopEvidence>> {
  const flink = deps.ports.flink(it.clusterName);
  const [detail, checkpoints, config] = await Promise.all([
    flink.job(run, call),
    flink.checkpoints(run, call),
    flink.checkpointConfig(run, call),
  ]);
  if (detail.is !== 'present') return detail;
  if (checkpoints.is === 'unknown') return checkpoints;
  const { running, all } = countTasks(detail.value.tasks);
  return mapReading(detail, ({ state }) => ({
    state,
    running,
    tasks: all,
    completed: checkpoints.is === 'present' ? checkpoints.value.counts.completed : 0,
    retained: mapReading(config, (c) => c.retainedOnCancellation),
  }));
}

async function verifiedSavepoint(
  deps: Deps,
  it: ConfiguredJob,
  run: RunId,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<string> {
  const directory = it.cluster.savepoints;
  if (directory === null)
    throw failure(
      'ConfigInvalid',
      `expected clusters.${it.clusterName}.savepoints: run ${run} may only be stopped after a savepoint`,
      run,
    );
  const call: Call = { signal, deadline: SAVEPOINT_DEADLINE };
  const triggerId = hashText(`stop ${run}`);
  const path = await deps.ports.flink(it.clusterName).savepoint(run, { directory, triggerId }, call);
  const verdict = await readState(deps, { job: it.name, point: pointFromPath(path) }, signal, heartbeat);
  if (verdict.is === 'sound') return path;
  const [reason] = verdict.reasons;
  throw failure(
    verdict.is === 'broken' ? 'StateCorrupt' : (reason?.code ?? 'Unclassified'),
    `the savepoint of run ${run} is not proved sound (${reason?.message ?? verdict.is}); the run goes on`,
    path,
  );
}
