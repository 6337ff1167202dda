/** What a restore costs: said before a person approves it, in lines that can be read at night. */
import type { OffsetCheck } from './offsets.js';
import type { RestorePoint, SnapshotFacts } from './restore-point.js';
import type { Assessment } from './situation.js';
import { lasting, size } from './words.js';

export interface Restore {
  readonly point: RestorePoint;
  readonly facts: SnapshotFacts;
  /** Null: nothing to check. */
  readonly check: OffsetCheck | null;
  readonly assessment: Assessment | null;
  /** Newer points that cannot be had. */
  readonly passed: number;
}

export function costOf(restore: Restore): readonly string[] {
  return [stateOf(restore), replayOf(restore), twiceOf(restore), slotsOf(restore.assessment)];
}

function stateOf({ point, facts, assessment }: Restore): string {
  const age =
    point.time === null || assessment === null
      ? 'of unknown age'
      : `${lasting(assessment.at - point.time)} old`;
  return `State: ${point.kind} ${facts.checkpointId}, ${age}, ${facts.files} files with ${size(facts.bytes)}`;
}

function replayOf({ check }: Restore): string {
  if (check === null) return 'Replay: no Kafka positions to compare';
  const gone = check.gone.reduce((sum, g) => sum + BigInt(g.records), 0n);
  const missing = gone === 0n ? '' : `; ${gone} records are gone and will not be counted`;
  return `Replay: ${check.toReplay} records from Kafka${missing}`;
}

function twiceOf({ check, passed }: Restore): string {
  if (check?.transactions === null || check === null)
    return 'Duplicates: what the sink got since this point comes again, unless it overwrites by key or writes exactly once';
  return passed > 0
    ? 'Duplicates: the sink is exactly-once, but what it committed after this older point comes again'
    : 'Duplicates: none for readers of committed records (exactly-once sink)';
}

function slotsOf(assessment: Assessment | null): string {
  const runs = assessment?.runs.is === 'present' ? assessment.runs.value : [];
  const needed = runs.find((r) => r.parallelism !== undefined && r.parallelism !== null)?.parallelism ?? null;
  const slots = assessment?.slots;
  const free =
    slots?.is === 'present' ? `${slots.value.free} of ${slots.value.total} are free` : 'free ones unknown';
  return `Slots: ${needed === null ? 'needed number unknown' : `${needed} needed`}, ${free}`;
}
