/** Two branches of one job, told so that a person can see which one is the truth (design, 5). */
import { size } from './words.js';
import { isConcrete, type RestorePoint, type Verdict } from './restore-point.js';

/** Positions that are shown of one branch. */
const SHOWN = 8;

/** @param began how the run of this point began, for example `started from nothing` */
export function branchLine(point: RestorePoint, began: string, verdict: Verdict): string {
  const head = `${point.path}: run ${point.run ?? 'unknown'} ${began}`;
  if (verdict.is !== 'sound')
    return `${head}; ${verdict.is}: ${verdict.reasons[0]?.message ?? 'no reason was given'}`;
  const { facts } = verdict;
  const concrete = facts.positions.filter((p) => isConcrete(p.next));
  const shown = concrete.slice(0, SHOWN).map((p) => `${p.topic}/${p.partition} at ${p.next}`);
  const rest = facts.partitions - shown.length;
  const positions =
    facts.partitions === 0
      ? 'no Kafka positions'
      : `continues in ${shown.join(', ')}${rest > 0 ? ` and ${rest} more partitions` : ''}`;
  return `${head}; checkpoint ${facts.checkpointId}, ${facts.files} files with ${size(facts.bytes)}; ${positions}`;
}
