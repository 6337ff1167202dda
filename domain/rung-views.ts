/** The ladder as people see it: the newest rungs, each with its verdict in words. */
import type { RungView } from './case.js';
import type { Evidence } from './evidence.js';
import { buildLadder } from './ladder.js';
import type { Verdict } from './restore-point.js';

/** Of what is known so far; at most the ten highest rungs. */
export function rungViews(e: Evidence): readonly RungView[] {
  if (e.pointers === null) return [];
  return buildLadder(e.pointers, e.chosen)
    .rungs.slice(0, 10)
    .map(({ point, sources }) => {
      const verdict = e.verdicts[point.path];
      return { path: point.path, id: point.id, kind: point.kind, sources, ...wordsOf(verdict) };
    });
}

function wordsOf(verdict: Verdict | undefined): Pick<RungView, 'verdict' | 'because'> {
  if (verdict === undefined) return { verdict: 'not read', because: '' };
  if (verdict.is === 'sound') {
    const { files, bytes, partitions } = verdict.facts;
    return { verdict: 'sound', because: `${files} files, ${bytes} bytes, ${partitions} Kafka partitions` };
  }
  return {
    verdict: verdict.is,
    because: verdict.reasons
      .map((r) => r.message)
      .join('; ')
      .slice(0, 300),
  };
}
