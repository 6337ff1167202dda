/**
 * Does a course lead nowhere? (design, 4.4). Recognised in what one assessment shows; called a dead end only when it has
 * looked like that for long enough. Times come with the evidence, so the whole of it is a pure function.
 */
import { LASTS, explain, type DeadEnd } from './dead-end.js';
import type { Fault } from './failure.js';
import type { Verdict } from './restore-point.js';
import { situationOf, situationSince, type Assessment, type RunView, type Situation } from './situation.js';

/** What it looks like now, and since when (epoch milliseconds). */
export interface Stuck {
  readonly deadEnd: DeadEnd;
  readonly since: number;
}

/** How often the same first fault makes a loop. */
const LOOPS = 3;
/** Answers of a cluster without a leader. Refused credentials, for example, are none. */
const NOBODY_ANSWERS = new Set<Fault['code']>(['FlinkUnavailable', 'FlinkRestarting']);

/** Courses that are left to Flink. */
const MAY_BE_STUCK = new Set<Situation['is']>(['held', 'cleaning', 'flink-recovering']);

/** After one more assessment: the same sight goes on, another begins now, anything else ends it. */
export function stillStuck(before: Stuck | null, a: Assessment): Stuck | null {
  const deadEnd = stuckAs(a);
  if (deadEnd === null) return null;
  const same = before !== null && keyOf(before.deadEnd) === keyOf(deadEnd);
  return { deadEnd, since: same ? before.since : a.at };
}

const keyOf = (d: DeadEnd): string => `${d.is} ${d.run} ${'znode' in d ? d.znode : ''}`;

/** When the sight is old enough to be called a dead end (epoch milliseconds). */
export const calledAt = (stuck: Stuck): number => stuck.since + LASTS[stuck.deadEnd.is];

/** The dead end that one assessment looks like; null: none, or what Flink needs is itself away. */
export function stuckAs(a: Assessment): DeadEnd | null {
  const s = situationOf(a);
  if (s.is === 'held' || s.is === 'cleaning') return heldInVain(a, s);
  if (s.is !== 'flink-recovering' || s.run.running > 0) return null;
  return a.leader.is === 'present' && a.leader.value.taskManagers === 0
    ? { is: 'NoTaskManager', run: s.run.run }
    : null;
}

function heldInVain(a: Assessment, s: Extract<Situation, { is: 'held' | 'cleaning' }>): DeadEnd | null {
  const { run } = s;
  if (a.needs === undefined || a.needs.storage !== null) return null;
  const lost = a.lostEntries?.is === 'present' ? a.lostEntries.value.find((e) => e.run === run) : undefined;
  if (lost !== undefined) {
    const { znode, file, point } = lost;
    return point === null
      ? { is: 'UnreadableJobGraph', run, znode, file }
      : { is: 'UnreadableHaEntry', run, znode, file, point };
  }
  if (a.runs.is === 'present') return s.is === 'held' ? { is: 'JobManagerIgnoresHa', run } : null;
  if (a.runs.is !== 'unknown' || !NOBODY_ANSWERS.has(a.runs.because.code)) return null;
  const unreadable = unreadableResult(a, run);
  if (unreadable !== null) return unreadable;
  return a.leads?.is === 'present' ? { is: 'NoJobManager', run, leader: a.leads.value } : null;
}

/** A recorded end that nobody can read; half of it may be written yet, so it has to look the same for a while. */
function unreadableResult(a: Assessment, run: DeadEnd['run']): DeadEnd | null {
  const results = a.dirty.is === 'present' ? a.dirty.value : [];
  const result = results.find((d) => d.run === run && d.length > 0);
  if (result?.state?.is !== 'unknown' || result.state.because.code !== 'StateCorrupt') return null;
  return { is: 'UnreadableJobResult', run, path: result.path, found: result.state.because.message };
}

/** The point that a run restarts from for ever with the same first fault; null: it is in no loop. */
export function loopingOn(run: RunView): string | null {
  if (run.state === 'RUNNING' && run.running === run.tasks) return null;
  if ((run.sameFaults ?? 0) < LOOPS) return null;
  if (run.latest !== null) return run.latest;
  return run.completed === 0 && run.restoredFrom.is === 'point' ? run.restoredFrom.path : null;
}

/**
 * {@link situationSince}, with what has lasted too long called a dead end.
 * @param before what looked like a dead end at the assessment before this one.
 * @param verdicts of the restore points that were read, by path.
 */
export function situationNow(
  a: Assessment,
  since: number,
  before: Stuck | null,
  verdicts: Readonly<Record<string, Verdict>>,
): Situation {
  const situation = situationSince(a, since);
  if (situation.is === 'flink-recovering') {
    const point = loopingOn(situation.run);
    if (point !== null && verdicts[point]?.is === 'broken') {
      const deadEnd: DeadEnd = { is: 'RestoreLoop', run: situation.run.run, point };
      return { is: 'dead-end', deadEnd, because: `${situation.because}; ${explain(deadEnd)}` };
    }
  }
  if (!MAY_BE_STUCK.has(situation.is)) return situation;
  const stuck = stillStuck(before, a);
  if (stuck === null || a.at < calledAt(stuck)) return situation;
  const lasted = Math.round((a.at - stuck.since) / 1000);
  return { is: 'dead-end', deadEnd: stuck.deadEnd, because: `${situation.because}, for ${lasted} s now` };
}
