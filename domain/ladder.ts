/** The ladder: a job's restore points in order of preference (design, 5). */
import type { Fault } from './failure.js';
import type { RunId } from './ids.js';
import { beginningOf, compareIds, type RestoredFrom } from './ledger.js';
import type { Reading } from './reading.js';
import type { PointSource, RestorePoint } from './restore-point.js';

/** One source of pointers, and its answer. */
export interface SourceReading {
  readonly source: PointSource;
  /** The place that was looked at: a URI, a znode, an endpoint. */
  readonly where: string;
  readonly points: Reading<readonly RestorePoint[]>;
}

/** A run in the lineage. */
export interface LineageRun {
  readonly run: RunId;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly restoredFrom: RestoredFrom;
}

/** What `fetchPointer` found: the ladder without verdicts. */
export interface Pointers {
  /** Newest first. */
  readonly lineage: readonly LineageRun[];
  readonly sources: readonly SourceReading[];
}

export interface Ladder {
  readonly rungs: readonly { readonly point: RestorePoint; readonly sources: readonly PointSource[] }[];
  /** Sources that could not be looked at. While there is one, a newer rung than the top may exist. */
  readonly unknown: readonly Fault[];
  /**
   * Set when the newest run with points started from nothing, or nobody saw how, although older runs have points: then
   * nobody but a person can say which branch is the truth.
   */
  readonly branch: {
    readonly blank: RunId;
    readonly tops: readonly [RestorePoint, RestorePoint];
    /** How the newer branch began. */
    readonly began: 'started from nothing' | 'began unseen';
  } | null;
}

/** Spellings of one directory that Flink's path clean-up makes equal. */
export const samePath = (a: string, b: string): boolean => plain(a) === plain(b);
const plain = (path: string): string => path.replace(/([^:/])\/{2,}/g, '$1/').replace(/\/+$/, '');

/** Within one run: a savepoint that stopped it first, then checkpoints by id, savepoints in between only as a fallback. */
function inRun(a: RestorePoint, b: RestorePoint): number {
  const rank = (p: RestorePoint) => (p.terminating ? 0 : p.kind === 'checkpoint' ? 1 : 2);
  return rank(a) - rank(b) || compareIds(b.id, a.id);
}

export function buildLadder(pointers: Pointers, chosen: RestorePoint | null): Ladder {
  const unknown = pointers.sources.flatMap((s) => (s.points.is === 'unknown' ? [s.points.because] : []));
  if (chosen !== null) return { rungs: [{ point: chosen, sources: ['person'] }], unknown: [], branch: null };

  const merged = mergeSources(pointers.sources);
  const ordered: typeof merged = [];
  const take = (matching: (p: RestorePoint) => boolean) => {
    const found = merged.filter((r) => !ordered.includes(r) && matching(r.point));
    ordered.push(...found.sort((a, b) => inRun(a.point, b.point)));
  };
  for (const { run, restoredFrom } of pointers.lineage) {
    take((p) => p.run === run);
    if (restoredFrom.is === 'point') take((p) => samePath(p.path, restoredFrom.path));
  }
  take(() => true);
  return { rungs: ordered, unknown, branch: branchOf(pointers.lineage, ordered) };
}

function mergeSources(sources: readonly SourceReading[]) {
  const merged: { point: RestorePoint; sources: PointSource[] }[] = [];
  for (const { source, points } of sources) {
    if (points.is !== 'present') continue;
    for (const point of points.value) {
      const known = merged.find((m) => samePath(m.point.path, point.path));
      if (known === undefined) merged.push({ point, sources: [source] });
      else {
        if (!known.sources.includes(source)) known.sources.push(source);
        known.point = complete(known.point, point);
      }
    }
  }
  return merged;
}

/** What one source did not tell, another may have. */
const complete = (a: RestorePoint, b: RestorePoint): RestorePoint => ({
  ...a,
  id: a.id ?? b.id,
  run: a.run ?? b.run,
  time: a.time ?? b.time,
  terminating: a.terminating || b.terminating,
});

function branchOf(lineage: readonly LineageRun[], rungs: Ladder['rungs']): Ladder['branch'] {
  const top = rungs[0]?.point;
  if (top === undefined || top.run === null) return null;
  const at = lineage.findIndex((l) => l.run === top.run);
  const newest = lineage[at];
  const beginning = newest === undefined ? null : beginningOf(newest.run, newest.restoredFrom);
  if (newest === undefined || beginning === null || beginning.is === 'point') return null;
  const older = new Set(lineage.slice(at + 1).map((l) => l.run));
  const other = rungs.find((r) => r.point.run !== null && older.has(r.point.run))?.point;
  if (other === undefined) return null;
  const began = beginning.is === 'nothing' ? 'started from nothing' : 'began unseen';
  return { blank: newest.run, tops: [top, other], began };
}
