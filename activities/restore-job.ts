import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Call } from '../adapters/ports.js';
import { failure, faultOf } from '../domain/failure.js';
import { fence } from '../domain/fence.js';
import type { RunId } from '../domain/ids.js';
import type { RestorePoint } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';
import { assessRun } from './assess-run.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
import { digestOf } from './read-state.js';

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
}

export interface RestoreOutcome {
  /** `ended`: this run id has been used, and its run is over; the next submission needs a new one. */
  readonly is: 'accepted' | 'duplicate' | 'ended';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly state: string | null;
}

/**
 * Fence, last look at the point, submission. Observes before it acts: after a crash the same call finds its own run.
 * @throws the faults of the fence, StateMissing or StateCorrupt when the point changed since it was verified, JarMissing,
 * and everything that `Flink.submit` throws.
 */
export async function restoreJob(
  deps: Deps,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  try {
    return await submitOnce(deps, input, signal);
  } catch (error) {
    // The earlier call may have been taken. Only Flink showing this id settles that, not a fault of this repetition.
    if (!input.repeated || signal.aborted) throw error;
    const message = `an interrupted submission was repeated and failed: ${faultOf(error).message}`;
    throw failure('SubmitInDoubt', message, input.run, error);
  }
}

async function submitOnce(deps: Deps, input: RestoreInput, signal: AbortSignal): Promise<RestoreOutcome> {
  const { job, cluster, clusterName } = configuredJob(deps, input.job);
  const call: Call = { signal };
  const flink = deps.ports.flink(clusterName);
  const now = () => deps.ports.clock.now();

  const earlier = await flink.job(input.run, call);
  if (earlier.is === 'unknown')
    throw failure(earlier.because.code, earlier.because.message, earlier.because.where);
  if (earlier.is === 'present') {
    const { state } = earlier.value;
    return { is: isTerminal(state) ? 'ended' : 'duplicate', at: now(), state };
  }

  const assessment = await assessRun(deps, { job: input.job, submitted: input.submitted }, signal);
  const objection = fence(assessment, cluster, input.consented);
  if (objection !== null) throw failure(objection.code, objection.message, objection.where);

  const found = await digestOf(deps, input.point.path, call);
  if (found !== input.sha256) {
    throw failure(
      'StateCorrupt',
      `expected the metadata that was verified (${input.sha256}), found ${found}`,
      input.point.path,
    );
  }
  if (job.launch.kind !== 'jar') {
    throw failure(
      'ConfigInvalid',
      'expected launch.jar: a launch command cannot be started by this version',
      input.job,
    );
  }
  const { jar, entryClass, args, parallelism, flinkConfiguration } = job.launch;
  const is = await flink.submit(
    {
      run: input.run,
      jar: { file: jar, sha256: await fileDigest(jar) },
      entryClass,
      args,
      parallelism,
      savepointPath: input.point.path,
      flinkConfiguration,
    },
    call,
  );
  return { is, at: now(), state: null };
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw failure(
      'JarMissing',
      `expected the program at launch.jar, found: ${(error as Error).message}`,
      file,
      error,
    );
  }
  return hash.digest('hex');
}
