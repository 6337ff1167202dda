import type { Call } from '../adapters/ports.js';
import { failure, fault, faultOf, type Fault } from '../domain/failure.js';
import { fence } from '../domain/fence.js';
import type { RunId } from '../domain/ids.js';
import type { OwnRun } from '../domain/ledger.js';
import type { RestorePoint } from '../domain/restore-point.js';
import type { Assessment } from '../domain/situation.js';
import type { Stillness } from '../domain/witness.js';
import { assessRun } from './assess-run.js';
import { isInLine } from './check-offsets.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { launcherOf } from './launch.js';
import type { Launched } from './launcher.js';
import { digestOf, positionsIn } from './read-state.js';

export interface RestoreInput {
  readonly job: string;
  /** Chosen and recorded by the workflow before this call: Flink refuses it twice. */
  readonly run: RunId;
  readonly point: RestorePoint;
  /** Digest of the metadata that was verified. */
  readonly sha256: string;
  readonly submitted: readonly RunId[];
  /** A person has approved the restore of a job that vanished unseen. */
  readonly consented: boolean;
  /** This step was begun before and lost: an earlier call of the same id may still be on its way. */
  readonly repeated: boolean;
  /** An earlier attempt called with this run id and got no clear answer. */
  readonly inDoubt?: boolean;
  /** Runs that this case has stopped on approval. */
  readonly stopped?: readonly RunId[];
  /** How long what the old run leaves behind has stood still; null or left out: nobody had to look. */
  readonly still?: Stillness | null;
  /** The run that this case has submitted last. Left out: none. */
  readonly own?: OwnRun;
}

export interface RestoreOutcome extends Launched {
  /** Epoch milliseconds. */
  readonly at: number;
  /** The step was lost and begun again: an earlier call of the same id may still be on its way. Left out: it was not. */
  readonly repeated?: true;
}

/**
 * Fence, last look at the point, submission. Observes before it acts: after a crash the same call finds its own run.
 * @throws the faults of the fence, StateMissing or StateCorrupt when the point changed since it was verified, JarMissing,
 * LaunchInDoubt, and everything that `Flink.submit` throws.
 */
export async function restoreJob(
  deps: Deps,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  return inDoubtWhenRepeated(input, signal, async () => ({
    ...(await submitOnce(deps, input, signal)),
    at: deps.ports.clock.now(),
  }));
}

/** A submission that was interrupted and repeated is in doubt whatever fails it now. */
export async function inDoubtWhenRepeated(
  input: { readonly run: RunId; readonly repeated: boolean },
  signal: AbortSignal,
  submit: () => Promise<RestoreOutcome>,
): Promise<RestoreOutcome> {
  try {
    const outcome = await submit();
    return input.repeated ? { ...outcome, repeated: true } : outcome;
  } catch (error) {
    // The earlier call may have been taken. Only Flink showing this id settles that, not a fault of this repetition.
    if (!input.repeated || signal.aborted) throw error;
    const { code, message } = faultOf(error);
    if (code === 'LaunchInDoubt') throw error;
    throw failure(
      'SubmitInDoubt',
      `an interrupted submission was repeated and failed: ${message}`,
      input.run,
      error,
    );
  }
}

async function submitOnce(deps: Deps, input: RestoreInput, signal: AbortSignal): Promise<Launched> {
  const it = configuredJob(deps, input.job);
  const call: Call = { signal };
  const { run, point } = input;
  const inDoubt = input.repeated || input.inDoubt === true;
  const launcher = launcherOf(deps, it, { run, point, inDoubt }, call);

  const earlier = await launcher.earlier();
  if (earlier !== null) return earlier;

  const assessment = await assessRun(deps, input, signal);
  const objection =
    fence(assessment, input.consented, input.still ?? null) ??
    (await groupMoved(deps, it, assessment, input, call));
  if (objection !== null) throw failure(objection.code, objection.message, objection.where);

  const found = await digestOf(deps, point.path, call);
  if (found !== input.sha256) {
    throw failure(
      'StateCorrupt',
      `expected the metadata that was verified (${input.sha256}), found ${found}`,
      point.path,
    );
  }
  return launcher.submit();
}

/**
 * Where this case has just moved the group's offsets, they cannot be compared with those of an earlier look: they have to
 * stand where it put them. Null: they do, or are no witness.
 */
async function groupMoved(
  deps: Deps,
  { job }: ConfiguredJob,
  { traces }: Assessment,
  { still, point, run }: RestoreInput,
  call: Call,
): Promise<Fault | null> {
  const group = traces?.groupId ?? null;
  if (still?.seen.group !== null || group === null || job.kafka === null) return null;
  const positions = await positionsIn(deps, point.path, call);
  if (positions.is !== 'present') return positions.is === 'unknown' ? positions.because : null;
  const topics = [...new Set(positions.value.map((p) => p.topic))];
  const state = await deps.ports.kafka(job.kafka.cluster).group(group, topics, call);
  if (state.is !== 'present') return state.is === 'unknown' ? state.because : null;
  if (isInLine(state.value, positions.value)) return null;
  return fault(
    'NotProvedDead',
    `no JobManager knows run ${traces?.run}; expected group ${group} at the positions of ${point.path}, where it was just set, found it elsewhere: somebody commits. Run ${run} is not submitted; it is looked at again`,
    group,
  );
}
