import type { Call, GroupOffset, GroupState } from '../adapters/ports.js';
import { fault, faultOf, type Fault } from '../domain/failure.js';
import type { ResumedOffsets } from '../domain/group-offsets.js';
import type { Reading } from '../domain/reading.js';
import { isConcrete } from '../domain/restore-point.js';
import { isTerminal } from '../domain/situation.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { quickLook } from './quick-look.js';
import { positionsIn } from './read-state.js';

export type { ResumedOffsets } from '../domain/group-offsets.js';

/** Milliseconds between the two looks that a group has to be unchanged in. */
const STANDS_STILL = 500;
/** Offsets of before that one result names. */
const MOST_NAMED = 1000;

/**
 * Brings the group's committed offsets to the state's positions, so that lag monitors and any start "from the group"
 * agree with the state. Flink itself does not need them, so a failure is noted and never stops the recovery.
 */
export async function resumeOffsets(
  deps: Deps,
  input: { readonly job: string; readonly point: string },
  signal: AbortSignal,
): Promise<ResumedOffsets> {
  const it = configuredJob(deps, input.job);
  const { job } = it;
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
  const read = await positionsIn(deps, input.point, quickLook(call));
  if (read.is === 'unknown') return nothing('the positions could not be read', read.because);
  const offsets: GroupOffset[] = (read.is === 'present' ? read.value : [])
    .filter((p) => isConcrete(p.next))
    .map((p) => ({ topic: p.topic, partition: p.partition, offset: BigInt(p.next) }));
  if (offsets.length === 0) return nothing('the state holds no concrete position');
  const quiet = await quietGroup(deps, it, [...new Set(offsets.map((o) => o.topic))], call);
  if (quiet.is === 'used') return nothing(quiet.why, quiet.because);
  const before = beforeOf(quiet.offsets, offsets);
  try {
    await deps.ports.kafka(job.kafka.cluster).commitGroup(group, offsets, call);
    return { group, committed: offsets.length, before, left: null, fault: null };
  } catch (error) {
    signal.throwIfAborted();
    return { group, committed: 0, before, left: 'the commit was refused', fault: faultOf(error) };
  }
}

export type QuietGroup =
  | { readonly is: 'quiet'; readonly offsets: readonly GroupOffset[] }
  | { readonly is: 'used'; readonly why: string; readonly because: Fault | null };

/** A group that belongs to this job alone, has no members, stands still in two looks, and is used by no run. */
export async function quietGroup(
  deps: Deps,
  it: ConfiguredJob,
  topics: readonly string[],
  call: Call,
): Promise<QuietGroup> {
  const used = (why: string, because: Fault | null = null): QuietGroup => ({ is: 'used', why, because });
  const { kafka } = it.job;
  if (kafka === null || kafka.group === null) return used('no consumer group is configured');
  const { cluster, group } = kafka;
  const other = Object.entries(deps.config.jobs).find(
    ([name, job]) => name !== it.name && job.kafka?.cluster === cluster && job.kafka.group === group,
  );
  if (other !== undefined) return used(`the group is also that of job ${other[0]}`);
  const looks: GroupState[] = [];
  for (let look = 1; look <= 2; look++) {
    if (look === 2) await deps.ports.clock.sleep(STANDS_STILL, call.signal);
    const state: Reading<GroupState> = await deps.ports.kafka(cluster).group(group, topics, call);
    if (state.is === 'unknown') return used('the group could not be looked at', state.because);
    if (state.is === 'present') looks.push(state.value);
    if (state.is === 'present' && state.value.members > 0)
      return used(`the group has ${state.value.members} live members: it is in use by somebody else`);
  }
  const [first, second] = looks.map((s) => textOf(s.offsets).join());
  if (first !== second) return used('the group does not stand still: somebody commits');
  // Flink commits without being a member of the group: a run that has started since is seen only here.
  const shown = await deps.ports.flink(it.clusterName).jobs(quickLook(call));
  if (shown.is === 'unknown') return used('nobody can tell whether a run uses the group', shown.because);
  const runs = shown.is === 'present' ? shown.value : [];
  const alive = runs.find((j) => j.name === it.job.match.name && !isTerminal(j.state));
  if (alive !== undefined) {
    const why = `run ${alive.run} is alive and commits for the group itself`;
    return used(why, fault('FlinkRestarting', why, alive.run));
  }
  return { is: 'quiet', offsets: looks[0]?.offsets ?? [] };
}

const textOf = (offsets: readonly GroupOffset[]): readonly string[] =>
  offsets.map((o) => `${o.topic}/${o.partition}=${o.offset}`);

/** What the group has of the partitions that are about to change. */
export function beforeOf(old: readonly GroupOffset[], changed: readonly GroupOffset[]): readonly string[] {
  const had = new Map(old.map((o) => [`${o.topic}/${o.partition}`, o.offset]));
  return changed
    .filter((o) => had.get(`${o.topic}/${o.partition}`) !== o.offset)
    .slice(0, MOST_NAMED)
    .map((o) => `${o.topic}/${o.partition}=${had.get(`${o.topic}/${o.partition}`) ?? 'none'}`);
}
