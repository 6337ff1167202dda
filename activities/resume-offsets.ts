import type { Call, GroupOffset } from '../adapters/ports.js';
import { faultOf, type Fault } from '../domain/failure.js';
import { isConcrete } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';
import { positionsIn } from './read-state.js';

export interface ResumedOffsets {
  readonly group: string | null;
  /** Partitions whose committed offset now equals the state's position. */
  readonly committed: number;
  /** What the group had before, for an undo: `topic/partition=offset`. */
  readonly before: readonly string[];
  /** Why nothing or not everything was committed; null when all was. Never fails the attempt. */
  readonly left: string | null;
  readonly fault: Fault | null;
}

/**
 * Brings the group's committed offsets to the state's positions, so that lag monitors and any start "from the group"
 * agree with the state. Flink itself does not need them, so a failure is noted and never stops the recovery.
 */
export async function resumeOffsets(
  deps: Deps,
  input: { readonly job: string; readonly point: string },
  signal: AbortSignal,
): Promise<ResumedOffsets> {
  const { job, clusterName } = configuredJob(deps, input.job);
  const group = job.kafka?.group ?? null;
  const nothing = (left: string, f: Fault | null = null): ResumedOffsets => ({
    group,
    committed: 0,
    before: [],
    left,
    fault: f,
  });
  if (job.kafka === null || group === null) return nothing('no consumer group is configured');
  if (job.policy.resumeOffsets === 'never') return nothing('policy resumeOffsets: never');
  const call: Call = { signal };
  const shown = await deps.ports.flink(clusterName).jobs(call);
  const alive =
    shown.is === 'present'
      ? shown.value.find((j) => j.name === job.match.name && !isTerminal(j.state))
      : undefined;
  // Flink commits without being a member of the group: a run that has started since is seen only here.
  if (alive !== undefined) return nothing(`run ${alive.run} is alive and commits for the group itself`);
  const read = await positionsIn(deps, input.point, call);
  if (read.is === 'unknown') return nothing('the positions could not be read', read.because);
  const offsets: GroupOffset[] = (read.is === 'present' ? read.value : [])
    .filter((p) => isConcrete(p.next))
    .map((p) => ({ topic: p.topic, partition: p.partition, offset: BigInt(p.next) }));
  if (offsets.length === 0) return nothing('the state holds no concrete position');
  const kafka = deps.ports.kafka(job.kafka.cluster);
  const state = await kafka.group(group, [...new Set(offsets.map((o) => o.topic))], call);
  if (state.is === 'unknown') return nothing('the group could not be looked at', state.because);
  if (state.is === 'present' && state.value.members > 0) {
    return nothing(`the group has ${state.value.members} live members: it is in use by somebody else`);
  }
  const old = state.is === 'present' ? state.value.offsets : [];
  const before = old.map((o) => `${o.topic}/${o.partition}=${o.offset}`);
  try {
    await kafka.commitGroup(group, offsets, call);
    return { group, committed: offsets.length, before, left: null, fault: null };
  } catch (error) {
    signal.throwIfAborted();
    return { group, committed: 0, before, left: 'the commit was refused', fault: faultOf(error) };
  }
}
