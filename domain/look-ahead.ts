/** What one step found for more than one decision. */
import { decide } from './decide.js';
import type { Evidence } from './evidence.js';
import type { Pointers } from './ladder.js';
import type { OffsetCheck } from './offsets.js';
import type { Reading } from './reading.js';
import type { RestorePoint, SnapshotFacts, Verdict } from './restore-point.js';
import type { Assessment } from './situation.js';
import { newestOf } from './superseded.js';

/** With the pointers, when it was plain that they are asked for next. */
export type Assessed = Assessment & { readonly pointers?: Pointers };
/** With Kafka's answer, when a sound point is compared with it next. */
export type ReadPoint = Verdict & { readonly offsets?: Reading<OffsetCheck> };

export const withAssessed = (e: Evidence, { pointers, ...assessment }: Assessed): Evidence => ({
  ...e,
  assessment,
  pointers: pointers ?? e.pointers,
});

export const withRead = (
  e: Evidence,
  { path }: RestorePoint,
  { offsets, ...verdict }: ReadPoint,
): Evidence => ({
  ...e,
  verdicts: { ...e.verdicts, [path]: verdict },
  offsets: offsets === undefined ? e.offsets : { ...e.offsets, [path]: offsets },
});

/** Whether the point, if it is sound, is compared with Kafka next: whatever else the files say. */
export function isComparedNext(e: Evidence, { path }: RestorePoint): boolean {
  const next = decide({ ...e, verdicts: { ...e.verdicts, [path]: { is: 'sound', facts: UNREAD } } });
  return next.do === 'checkOffsets' && next.point.path === path;
}

/**
 * What tells whether the point's run goes on while it is read: then a file that is gone was superseded. A point that a
 * person chose is wanted all the same: that it is gone is the answer.
 */
export function newestKnown(
  e: Evidence,
  { path, run }: RestorePoint,
): { readonly newest?: Pick<RestorePoint, 'run' | 'id'> } {
  const newest = e.pointers === null || e.chosen?.path === path ? null : newestOf(e.pointers, run);
  return newest === null ? {} : { newest: { run: newest.run, id: newest.id } };
}

const UNREAD: SnapshotFacts = {
  formatVersion: 0,
  checkpointId: '',
  operators: 0,
  files: 0,
  bytes: 0,
  sha256: '',
  claimHazards: [],
  partitions: 0,
  positions: [],
};
