/**
 * Looks that the next decision asks for anyway are made in the same task: each task of Temporal is six events in the
 * history and a round trip. Nothing is decided here. A look ahead that fails is left out: then the step is done on its
 * own, and tells its failure itself.
 */
import { decide } from '../domain/decide.js';
import { fault } from '../domain/failure.js';
import type { Assessed, ReadPoint } from '../domain/look-ahead.js';
import type { RestorePoint, Verdict } from '../domain/restore-point.js';
import { wentOn } from '../domain/superseded.js';
import { assessRun, type AssessInput } from './assess-run.js';
import { checkOffsets } from './check-offsets.js';
import type { Deps } from './deps.js';
import { fetchPointer } from './fetch-pointer.js';
import { configuredJob } from './job.js';
import { readState, type ReadStateInput } from './read-state.js';

/** An assessment that took longer (milliseconds) leaves too little of its minute for another look. */
const QUICK = 10_000;

export async function assessAhead(deps: Deps, input: AssessInput, signal: AbortSignal): Promise<Assessed> {
  const started = deps.ports.clock.now();
  const assessment = await assessRun(deps, input, signal);
  const known = input.began?.known;
  const slow = deps.ports.clock.now() - started > QUICK;
  // Before a hold that is found now nothing more is looked at: what is found would be old when it ends.
  if (known === undefined || slow || (assessment.hold ?? null) !== null) return assessment;
  const { policy } = configuredJob(deps, input.job).job;
  if (decide({ ...known, policy, assessment }).do !== 'fetchPointer') return assessment;
  const pointers = await unlessItFails(() => fetchPointer(deps, input, signal), signal);
  return pointers === null ? assessment : { ...assessment, pointers };
}

export interface ReadAheadInput extends ReadStateInput {
  /** Kafka is asked as well, when the point is sound. */
  readonly andOffsets?: boolean;
  /** The newest checkpoint of the point's run, as the pointers named it; left out: it does not matter whether it goes on. */
  readonly newest?: Pick<RestorePoint, 'run' | 'id'>;
}

export async function readAhead(
  deps: Deps,
  { andOffsets, newest, ...input }: ReadAheadInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
  beating: <T>(look: () => Promise<T>) => Promise<T>,
): Promise<ReadPoint> {
  const verdict = await readState(deps, input, signal, heartbeat);
  if (verdict.is === 'broken' && newest !== undefined)
    return (await beating(() => superseded(deps, input, newest, signal))) ?? verdict;
  if (verdict.is !== 'sound' || andOffsets !== true) return verdict;
  // The files are heartbeats themselves, so that a read that hangs is noticed; a look at Kafka has no progress to tell.
  const offsets = await unlessItFails(() => beating(() => checkOffsets(deps, input, signal)), signal);
  return offsets === null ? verdict : { ...verdict, offsets };
}

/** After a verdict of broken the pointers are fetched again. Null: the run has not gone on, it is broken. */
async function superseded(
  deps: Deps,
  { job, point }: ReadStateInput,
  newest: Pick<RestorePoint, 'run' | 'id'>,
  signal: AbortSignal,
): Promise<Verdict | null> {
  const submitted = newest.run === null ? [] : [newest.run];
  const pointers = await unlessItFails(() => fetchPointer(deps, { job, submitted }, signal), signal);
  const now = pointers === null ? null : wentOn(newest, pointers);
  if (now === null) return null;
  const because = `it was superseded, not broken: run ${now.run} has gone on to ${now.path}. The ladder is looked at again`;
  return { is: 'unknown', reasons: [fault('FlinkRestarting', because, point.path)] };
}

async function unlessItFails<T>(look: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    return await look();
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
