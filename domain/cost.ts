/** What a restore costs: said before a person approves it, in lines that can be read at night. */
import type { OffsetCheck } from './offsets.js';
import type { RestorePoint, SnapshotFacts } from './restore-point.js';
import type { Assessment } from './situation.js';

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

/** `40 s`, `12 min`, `5 h`, `3 d`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `512 B`, `7.0 KB`, `1.2 GB`. */
export function size(bytes: number): string {
  const units = ['KB', 'MB', 'GB', 'TB'];
  if (bytes < 1_000) return `${bytes} B`;
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ''}`;
}
