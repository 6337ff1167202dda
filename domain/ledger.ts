/**
 * What the watch remembers of a job while it is healthy. It lives in the memo of `watch/<cluster>`, kept by Temporal,
 * not by the systems that fail; one key per job, at most 2 KB.
 */
import type { HaSettings } from './ha-settings.js';
import type { RunId } from './ids.js';
import type { RestorePoint } from './restore-point.js';

/** What a run began with. `nothing` is a blank start; `unseen`: nobody looked while it could be seen. */
export type RestoredFrom =
  { readonly is: 'point'; readonly path: string } | { readonly is: 'nothing' } | { readonly is: 'unseen' };

export interface LedgerRun {
  readonly run: RunId;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly restoredFrom: RestoredFrom;
  /** The last state that was seen, and when (epoch milliseconds). */
  readonly state: string;
  readonly seen: number;
}

export interface JobLedger {
  /** Newest first, at most 10. */
  readonly runs: readonly LedgerRun[];
  /** Newest first, at most 5. */
  readonly points: readonly RestorePoint[];
  /** Epoch milliseconds since which the job is watched. */
  readonly watchedSince: number;
  /** Times during which nobody looked: a ledger with gaps is not knowledge of absence. Newest 5. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** Whether every run was watched from its first moment and no gap fell into it. */
  readonly complete: boolean;
  /** Where the cluster that ran it last kept its HA data. Left out: not seen. */
  readonly ha?: HaSettings;
}

/** The run that a case itself has submitted last: the watch may not have looked since. */
export interface OwnRun {
  readonly run: RunId;
  /** Path of the restore point; null: it was started from nothing. */
  readonly point: string | null;
  /** Epoch milliseconds at which Flink took it. */
  readonly started: number;
  /** The last state that the case has seen, and when (epoch milliseconds). Null: Flink took it, and no more is known. */
  readonly state: string | null;
  readonly seen: number;
}

/** With the case's own run, as whoever saw it later has seen it. */
export function withOwn(ledger: JobLedger, own: OwnRun | undefined): JobLedger {
  if (own === undefined) return ledger;
  const { run, point, started, state, seen } = own;
  const known = ledger.runs.find((r) => r.run === run);
  if (known !== undefined && (state === null || known.seen >= seen)) return ledger;
  const restoredFrom: RestoredFrom = point === null ? { is: 'nothing' } : { is: 'point', path: point };
  const now = { run, started, restoredFrom, ...known, state: state ?? 'CREATED', seen };
  const runs = [...ledger.runs.filter((r) => r !== known), now];
  return { ...ledger, runs: runs.sort((x, y) => y.started - x.started) };
}

const MOST_RUNS = 10;
const MOST_POINTS = 5;
const MOST_GAPS = 5;

export const emptyLedger = (now: number): JobLedger => ({
  runs: [],
  points: [],
  watchedSince: now,
  gaps: [],
  complete: true,
});

/** One look of the watch at a job's newest run. */
export interface Sighting {
  readonly run: RunId;
  readonly started: number;
  readonly restoredFrom: RestoredFrom;
  readonly state: string;
  readonly points: readonly RestorePoint[];
  /** Epoch milliseconds of the look. */
  readonly at: number;
  /** The HA settings of the cluster; left out: not seen in this look. */
  readonly ha?: HaSettings;
}

/** The order of points: by run (newest run first, as the ledger knows them), then by id, never by time. */
function orderPoints(points: readonly RestorePoint[], runs: readonly LedgerRun[]): RestorePoint[] {
  const age = new Map(runs.map((r, i) => [r.run, i]));
  const rank = (p: RestorePoint) => (p.run === null ? runs.length : (age.get(p.run) ?? runs.length));
  return [...points].sort((a, b) => rank(a) - rank(b) || compareIds(b.id, a.id));
}

/** Compares decimal checkpoint ids by value; a missing id is the smallest. */
export function compareIds(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * What a run began with. After a failover Flink shows the run's own newest checkpoint as what it restored: that is no
 * beginning.
 */
export function beginningOf(run: RunId, from: RestoredFrom): RestoredFrom {
  return from.is === 'point' && from.path.includes(`/${run}/`) ? { is: 'unseen' } : from;
}

/** The ledger after a sighting. It only grows in knowledge: a point is dropped only when five newer ones are known. */
export function record(ledger: JobLedger, s: Sighting): JobLedger {
  const known = ledger.runs.find((r) => r.run === s.run);
  const unseen = beginningOf(s.run, s.restoredFrom).is === 'unseen';
  const entry: LedgerRun = {
    run: s.run,
    started: s.started,
    restoredFrom: known !== undefined && unseen ? known.restoredFrom : s.restoredFrom,
    state: s.state,
    seen: s.at,
  };
  const runs = [entry, ...ledger.runs.filter((r) => r.run !== s.run)]
    .sort((a, b) => b.started - a.started)
    .slice(0, MOST_RUNS);
  const merged = [...s.points, ...ledger.points.filter((p) => !s.points.some((q) => q.path === p.path))];
  const ha = s.ha ?? ledger.ha;
  return {
    ...ledger,
    runs,
    points: orderPoints(merged, runs).slice(0, MOST_POINTS),
    ...(ha === undefined ? {} : { ha }),
  };
}

/** The ledger after a time without looks; one that goes on is one gap. */
export function recordGap(ledger: JobLedger, from: number, to: number): JobLedger {
  const others = ledger.gaps.filter((g) => g.from !== from);
  return { ...ledger, gaps: [{ from, to }, ...others].slice(0, MOST_GAPS), complete: false };
}

/**
 * The id of a remembered point of this very run that a run which restored nothing should have restored; null: none. Ids of
 * a run only grow, so one beyond the newest betrays that Flink started the run over. But the counter of ids may outlive
 * the pointers, then they go on: a point from before this start of the run betrays it too.
 * @param run `started` (epoch milliseconds) of its present start, `newest` the id of its newest checkpoint.
 */
export function startedOver(
  points: readonly RestorePoint[],
  run: { readonly run: RunId; readonly started: number; readonly newest: string | null },
): string | null {
  const own = points.filter((p) => p.run === run.run && p.kind === 'checkpoint' && p.id !== null);
  const lost = own.find((p) => compareIds(p.id, run.newest) > 0 || (p.time !== null && p.time < run.started));
  return lost?.id ?? null;
}
