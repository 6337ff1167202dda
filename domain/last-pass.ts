/**
 * The one pass after the last attempt, with `onExhausted: savepoint` (design, 5, last row). It may restore a savepoint
 * and nothing else: a checkpoint would be attempt N + 1.
 */
import { failureClass, fault, type Fault, type FailureCode } from './failure.js';
import { samePath, type Ladder } from './ladder.js';
import { compareIds } from './ledger.js';
import type { RestorePoint, SnapshotFacts, Verdict } from './restore-point.js';

/**
 * Whether a failed submission is Flink's judgement of the point: bytes that it could not use, or that do not fit. A
 * storage that was away while Flink tried is none.
 */
export const judgesPoint = (code: FailureCode): boolean =>
  failureClass(code) === 'point' || code === 'StateIncompatible' || code === 'StateTooNew';

export type LastPass =
  /** This rung has to be read first. */
  | { readonly is: 'read'; readonly point: RestorePoint }
  | {
      readonly is: 'take';
      readonly point: RestorePoint;
      readonly facts: SnapshotFacts;
      /** Newer points and why none of them can be had. */
      readonly passed: readonly { readonly path: string; readonly reason: Fault }[];
    }
  /** A newer point is unknown: it may be the better one. */
  | { readonly is: 'unknown'; readonly because: Fault }
  | { readonly is: 'nothing'; readonly because: string };

/**
 * Down the ladder to its first sound savepoint. Everything newer must be broken, or refused by Flink.
 * @param refused paths of points that Flink has refused, although every file of them was sound.
 */
export function lastPass(
  rungs: Ladder['rungs'],
  verdicts: Readonly<Record<string, Verdict>>,
  refused: readonly string[],
): LastPass {
  const passed: { path: string; reason: Fault }[] = [];
  const standing: RestorePoint[] = [];
  for (const { point } of rungs) {
    const verdict = verdicts[point.path];
    if (verdict === undefined) return { is: 'read', point };
    if (verdict.is === 'unknown') {
      const because = verdict.reasons[0] ?? fault('Unclassified', 'the state could not be read', point.path);
      return { is: 'unknown', because };
    }
    if (verdict.is === 'broken') {
      const reason = verdict.reasons[0] ?? fault('StateCorrupt', 'broken', point.path);
      passed.push({ path: point.path, reason });
    } else if (refused.some((path) => samePath(path, point.path))) {
      passed.push({
        path: point.path,
        reason: fault('StateIncompatible', 'sound, and refused by Flink', point.path),
      });
    } else if (point.kind === 'savepoint') {
      const newer = standing.find((other) => isNewer(other, point, verdict.facts));
      if (newer === undefined) return { is: 'take', point, facts: verdict.facts, passed };
      return {
        is: 'nothing',
        because: `${newer.path} is newer than the savepoint ${point.path}, sound, and Flink has not refused it`,
      };
    } else {
      standing.push(point);
    }
  }
  return {
    is: 'nothing',
    because: `none of ${rungs.length} restore points is a savepoint that could be taken`,
  };
}

/** A rung above is newer, unless the metadata of the savepoint says that it came after it in the same run. */
const isNewer = (above: RestorePoint, savepoint: RestorePoint, facts: SnapshotFacts): boolean =>
  above.run === null || above.run !== savepoint.run || compareIds(above.id, facts.checkpointId) >= 0;
