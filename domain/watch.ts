/**
 * What the watch makes of one look at a job (design, 8): is it failed, lost or blank? Pure; its table is its test.
 * An alert is information: the case that it opens finds out by itself who can bring the job back.
 */
import type { RunId } from './ids.js';
import { startedOver, type JobLedger, type RestoredFrom } from './ledger.js';
import type { OpenNotice } from './notice.js';
import { isTerminal } from './situation.js';

/** What could be seen of the cluster in one look. */
export type View =
  /** The leading JobManager has answered with its list; `alive` are the runs of this job that have not ended. */
  | { readonly is: 'answered'; readonly shown: readonly RunId[]; readonly alive: readonly RunId[] }
  /** REST did not answer. Who leads, as ZooKeeper says; `unknown`: it does not answer either, or there is none. */
  | { readonly is: 'unanswered'; readonly leads: 'nobody' | 'somebody' | 'unknown' };

/** A run that was alive and is not to be seen. */
export interface Absence {
  readonly run: RunId;
  /** Epoch milliseconds of the first look that did not show it. */
  readonly since: number;
  /** Since when it is certain that no JobManager has it; null while that is only unknown. */
  readonly goneSince: number | null;
  readonly told: boolean;
}

/** What the watch keeps of a job between two looks, besides the ledger. */
export interface JobWatch {
  readonly absence: Absence | null;
  /** The blank run that was told of. */
  readonly blank: RunId | null;
  readonly notices: NoticeMemory;
}

/** What notices need to know of earlier looks. */
export interface NoticeMemory {
  readonly open: readonly OpenNotice[];
  /** The counts when the newest checkpoint completed. */
  readonly tally: { readonly run: RunId; readonly completed: number; readonly failed: number } | null;
  /** When it was seen to restart (epoch milliseconds), newest first. */
  readonly restarts: readonly number[];
  /** Since when all tasks of a run are seen to run. */
  readonly runningSince: { readonly run: RunId; readonly since: number } | null;
}

export const nothingNoted: JobWatch = {
  absence: null,
  blank: null,
  notices: { open: [], tally: null, restarts: [], runningSince: null },
};

/** How long to wait before it counts as lost, milliseconds. */
export interface Patience {
  /** While nobody leads, or the leader does not show the run: another JobManager may be taking over. */
  readonly takeOver: number;
  /** While neither REST nor ZooKeeper answers. */
  readonly silence: number;
}

/** A JobManager that starts, reads its HA data and shows its jobs is given this long (milliseconds). */
const START = 60_000;
/** As long as this an outage of everything is only unknown (milliseconds). */
const SILENCE = 10 * 60_000;

/** A failover takes the time-out of the dead leader's session, then the start of the next. */
export const patienceOf = (cluster: { readonly sessionTimeout: number }): Patience => ({
  takeOver: cluster.sessionTimeout + START,
  silence: Math.max(SILENCE, cluster.sessionTimeout + START),
});

export interface Alarm {
  readonly what: 'failed' | 'lost' | 'blank';
  readonly run: RunId;
  readonly summary: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

export interface Look {
  readonly before: JobLedger;
  /** The ledger with what this look has shown. */
  readonly after: JobLedger;
  readonly view: View;
  /** Of the newest run: all its tasks run, what Flink says that it restored, and its newest checkpoint (null: none). */
  readonly running: {
    readonly run: RunId;
    readonly restored: RestoredFrom;
    readonly newest: string | null;
  } | null;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What is new since the last look, and what to remember until the next. Each alarm is given once while it lasts. */
export function watched(
  noted: JobWatch,
  look: Look,
  patience: Patience,
): { readonly noted: JobWatch; readonly alarms: readonly Alarm[] } {
  const absence = absenceAfter(noted.absence, look);
  const lost = absence === null || absence.told ? null : lostOf(absence, look, patience);
  const blank = blankOf(look);
  const alarms = [failedOf(look), lost, noted.blank === blank?.run ? null : blank];
  return {
    noted: {
      ...noted,
      absence: absence !== null && lost !== null ? { ...absence, told: true } : absence,
      blank: look.running === null ? noted.blank : (blank?.run ?? null),
    },
    alarms: alarms.filter((alarm) => alarm !== null),
  };
}

/** A run that was alive has FAILED. Cancelled and finished runs are somebody's decision. */
function failedOf({ before, after, at }: Look): Alarm | null {
  const newest = after.runs[0];
  if (newest === undefined || newest.state !== 'FAILED') return null;
  const was = before.runs.find((r) => r.run === newest.run);
  if (was !== undefined && isTerminal(was.state)) return null;
  const since = newest.seen === 0 ? at : newest.seen;
  return { what: 'failed', run: newest.run, summary: `run ${newest.run} is FAILED`, since };
}

function absenceAfter(before: Absence | null, { after, view, at }: Look): Absence | null {
  const newest = after.runs[0];
  if (newest === undefined || isTerminal(newest.state) || newest.state === 'CANCELLING') return null;
  if (view.is === 'answered' && (view.alive.length > 0 || view.shown.includes(newest.run))) return null;
  const known = before?.run === newest.run ? before : null;
  const gone = view.is === 'answered' || view.leads === 'nobody';
  const doubted = view.is === 'unanswered' && view.leads === 'somebody';
  return {
    run: newest.run,
    since: known?.since ?? at,
    goneSince: gone ? (known?.goneSince ?? at) : doubted ? null : (known?.goneSince ?? null),
    told: known?.told ?? false,
  };
}

/** Not at once: a failover takes a while. Where a leader is recorded and only does not answer us, nothing is lost. */
function lostOf(absence: Absence, { after, view, at }: Look, patience: Patience): Alarm | null {
  const { run, since, goneSince } = absence;
  const was = `run ${run} was ${after.runs[0]?.state ?? 'alive'}`;
  const lost = (why: string, from: number): Alarm => ({
    what: 'lost',
    run,
    since: from,
    summary: `${was}, and ${why} for ${Math.round((at - from) / 1000)} s`,
  });
  if (view.is === 'answered' || view.leads === 'nobody') {
    if (goneSince === null || at - goneSince < patience.takeOver) return null;
    return view.is === 'answered'
      ? lost('the leading JobManager has not shown it', goneSince)
      : lost('no JobManager answers, and ZooKeeper has recorded no leader', goneSince);
  }
  if (view.leads === 'somebody' || at - since < patience.silence) return null;
  return lost('no JobManager has answered, nor ZooKeeper said who leads,', since);
}

/** It runs from nothing although there were points: of earlier runs, or its own from before it was started over. */
function blankOf({ after, running, at }: Look): Alarm | null {
  const newest = after.runs[0];
  if (newest === undefined || running?.run !== newest.run || newest.state !== 'RUNNING') return null;
  if (newest.restoredFrom.is !== 'nothing') return null;
  const blank = (why: string): Alarm => ({ what: 'blank', run: newest.run, since: at, summary: why });
  const older = after.points.filter((p) => p.run !== newest.run);
  if (older.length > 0)
    return blank(
      `run ${newest.run} started from nothing although restore points of earlier runs are known, the newest ${older[0]?.path}`,
    );
  // How it began says nothing of its present start: after a failover it is the run's own checkpoint that it restored.
  if (running.restored.is !== 'nothing') return null;
  const own = startedOver(after.points, { ...newest, newest: running.newest });
  if (own === null) return null;
  return blank(`run ${newest.run} started over from nothing although its own checkpoint ${own} is known`);
}
