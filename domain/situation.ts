/** Who can bring this job back? (design, 4.2). A pure function of one assessment; its table is its test. */
import type { DeadEnd } from './dead-end.js';
import { fault, type Fault } from './failure.js';
import type { RunId } from './ids.js';
import { beginningOf, startedOver, type JobLedger, type RestoredFrom } from './ledger.js';
import type { Reading } from './reading.js';
import type { StandingHold } from './standing-hold.js';

/** A run of the job as the leading JobManager shows it. */
export interface RunView {
  readonly run: RunId;
  readonly state: string;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly ended: number | null;
  /** Subtasks running, and all of them. */
  readonly running: number;
  readonly tasks: number;
  readonly restoredFrom: RestoredFrom;
  readonly completed: number;
  /** Path of the newest completed checkpoint that Flink still offers. */
  readonly latest: string | null;
  /** The newest completed checkpoint, offered or not; `triggered` in epoch milliseconds. */
  readonly newest: { readonly id: string; readonly triggered: number } | null;
  /** The first fault after the last completed checkpoint; later ones are side effects. */
  readonly firstFault: string | null;
  /** The largest parallelism of its operators: the slots that it needs; left out or null: unknown. */
  readonly parallelism?: number | null;
  /** How often that fault, or the newest one, has come since, each in another restart. Left out: not counted. */
  readonly sameFaults?: number;
  /** Whether its checkpoints stay when it is cancelled. Left out: not looked at, or it has ended. */
  readonly retained?: Reading<boolean>;
}

/** HA data of one run in ZooKeeper. */
export interface HaView {
  readonly run: RunId;
  readonly graph: boolean;
  readonly checkpoints: number;
  /** `ours`: known as a run of this job. `other`: known as a run of another job. `nobody`: cannot be attributed. */
  readonly belongs: 'ours' | 'other' | 'nobody';
}

/** An entry in ZooKeeper whose HA file is not there, or cut. */
export interface LostEntry {
  readonly run: RunId;
  readonly znode: string;
  /** The HA file; for a job graph that is there itself, the directory where its jar should be. */
  readonly file: string;
  /** The checkpoint directory that the id of a pointer belongs to; null: the entry is the job graph. */
  readonly point: string | null;
}

/** An entry of Flink's job result store that waits for clean-up. */
export interface DirtyResult {
  readonly run: RunId;
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  /**
   * The end that its content tells; null: Flink did not know it. `unknown` with `StateCorrupt`: the content is no job
   * result. Left out: not read.
   */
  readonly state?: Reading<string | null>;
}

/** What Flink has written of the end of a run that the leading JobManager does not show. */
export interface ArchivedEnd {
  readonly run: RunId;
  /** The terminal state that Flink wrote. */
  readonly state: string;
  /** Where it is written [the archive]. */
  readonly by?: 'job result';
}

/** What one look has seen of a run that no JobManager knows. */
export interface Traces {
  readonly run: RunId;
  /** When even a TaskManager that noticed last has stopped: heartbeat and session time-outs are over. Epoch milliseconds. */
  readonly quietAt: number;
  /** How far two looks must lie apart (milliseconds): as long as a TaskManager takes to notice. */
  readonly apart: number;
  /** Where the directory is, and whose offsets are meant; null: no group is a witness. */
  readonly where: string;
  readonly groupId: string | null;
  /** Its newest checkpoint, and when anything in it last changed. `absent`: the run has written none. */
  readonly directory: Reading<string>;
  /** What the group has committed. `absent`: no group is a witness. */
  readonly group: Reading<string>;
}

/** Everything one look at the outside found out about the job. */
export interface Assessment {
  /** Epoch milliseconds. */
  readonly at: number;
  /** The leading JobManager, and its Flink version. */
  readonly leader: Reading<{
    readonly endpoint: string;
    readonly version: string;
    /** TaskManagers that have registered. Left out: not told. */
    readonly taskManagers?: number;
  }>;
  /** Whether the cluster's HA settings are the ones configured here; a text says what differs. */
  readonly settings: Reading<'as configured' | { readonly differs: string }>;
  /** Runs of this job, newest first. */
  readonly runs: Reading<readonly RunView[]>;
  /** HA data of all runs in the cluster; `absent` when the cluster is configured without HA. */
  readonly ha: Reading<readonly HaView[]>;
  /** `absent`: no store is configured, or it has no entry. */
  readonly dirty: Reading<readonly DirtyResult[]>;
  readonly ledger: Reading<JobLedger>;
  /** The hold that stands on the job; null: none. Left out: not known. */
  readonly hold?: StandingHold | null;
  /** Task slots of the cluster; left out: nobody asked. */
  readonly slots?: Reading<{ readonly total: number; readonly free: number }>;
  /** Whom ZooKeeper names as leader (REST address); null: nobody. Left out: no HA, or not looked at. */
  readonly leads?: Reading<string | null>;
  /** Why the storage that Flink needs to start is not usable; null: proved. Only while Flink holds the job. */
  readonly needs?: { readonly storage: Fault | null };
  /** Pointers and job graphs of all jobs whose HA file is lost. Only with a usable storage, while Flink holds the job. */
  readonly lostEntries?: Reading<readonly LostEntry[]>;
  /** Runs that this case has stopped on approval: nobody wanted the job itself to end. */
  readonly stopped?: readonly RunId[];
  /**
   * The job result or the archive of the newest run, which say how it ended. Looked at only when its HA data is gone and
   * no JobManager shows it. `absent` says nothing. Left out: not looked at, or neither is configured.
   */
  readonly archived?: Reading<ArchivedEnd>;
  /** Whether the configuration has a command that starts the JobManager. Only while Flink holds the job. */
  readonly canStart?: boolean;
  /** What a run leaves behind that nobody brings back and nobody saw end. Left out: there is no such run. */
  readonly traces?: Traces;
}

export type Situation =
  | { readonly is: 'healthy'; readonly run: RunView; readonly because: string }
  | { readonly is: 'flink-recovering'; readonly run: RunView; readonly because: string }
  | { readonly is: 'held'; readonly run: RunId; readonly because: string }
  | { readonly is: 'dead-end'; readonly deadEnd: DeadEnd; readonly because: string }
  | { readonly is: 'cleaning'; readonly run: RunId; readonly because: string }
  | { readonly is: 'ended'; readonly run: RunId; readonly state: string; readonly because: string }
  | { readonly is: 'abandoned'; readonly run: RunId; readonly because: string }
  | { readonly is: 'vanished'; readonly because: string }
  | { readonly is: 'blank'; readonly run: RunView; readonly because: string }
  | { readonly is: 'twins'; readonly runs: readonly RunId[]; readonly because: string }
  | { readonly is: 'unknown'; readonly fault: Fault; readonly because: string };

const TERMINAL = new Set(['FAILED', 'CANCELED', 'FINISHED']);
/** States in which a run was in trouble when it was last seen. */
const FAILING = new Set(['FAILED', 'FAILING', 'RESTARTING']);
const ENDED_BY_PERSON = new Set(['CANCELED', 'CANCELLING', 'FINISHED']);

export const isTerminal = (state: string): boolean => TERMINAL.has(state);

const unknownBecause = (why: Fault): Situation => ({ is: 'unknown', fault: why, because: why.message });

/** The situation, in the order of the table: what stops everything first, then who is alive, then who is gone. */
export function situationOf(a: Assessment): Situation {
  if (a.settings.is === 'present' && a.settings.value !== 'as configured') {
    const differs = a.settings.value.differs;
    return unknownBecause(
      fault('ConfigInvalid', `the cluster's HA settings are not the configured ones: ${differs}`),
    );
  }
  if (a.ha.is === 'unknown') return unknownBecause(a.ha.because);
  if (a.ledger.is === 'unknown') return unknownBecause(a.ledger.because);
  const ha = a.ha.is === 'present' ? a.ha.value : [];
  const ours = ha.filter((h) => h.belongs === 'ours');

  if (a.runs.is !== 'present' || a.settings.is !== 'present') return withoutJobManager(a, ours);
  const alive = a.runs.value.filter((r) => !isTerminal(r.state));
  if (alive.length > 1) {
    const ids = alive.map((r) => r.run);
    return { is: 'twins', runs: ids, because: `${ids.length} runs of this job are alive: ${ids.join(', ')}` };
  }
  const run = alive[0];
  if (run !== undefined) return aliveRun(run, a);

  const stranger = ha.find((h) => h.belongs === 'nobody');
  if (stranger !== undefined) {
    return unknownBecause(
      fault(
        'Unclassified',
        `expected every run in ZooKeeper to be known, found ${stranger.run} that nobody knows`,
      ),
    );
  }
  return goneRun(a, ours);
}

/**
 * The situation, believed healthy only by a checkpoint that was begun since the doubt (epoch milliseconds): a JobManager
 * notices a dead TaskManager only after its heartbeat time-out, and shows all tasks as running until then.
 */
export function situationSince(a: Assessment, since: number): Situation {
  const situation = situationOf(a);
  if (situation.is !== 'healthy') return situation;
  const { run } = situation;
  if (run.newest !== null && run.newest.triggered >= since) return situation;
  const because = `all ${run.tasks} tasks run; no checkpoint was begun and completed since the alert`;
  return { is: 'flink-recovering', run, because };
}

/** No JobManager answers: only HA data can say that Flink will come back by itself. */
function withoutJobManager(a: Assessment, ours: readonly HaView[]): Situation {
  const dead = deadEndOf(a, ours);
  if (dead !== null) return dead;
  const over = cleanedUp(a, ours);
  if (over !== null) return { ...over, because: `${over.because}; no JobManager answers that could go on` };
  const kept = ours.find((h) => h.graph);
  if (kept !== undefined) {
    return {
      is: 'held',
      run: kept.run,
      because: `no JobManager answers; ${holds(kept)}${blockedBy(a, ours)}${awaited(a)}`,
    };
  }
  if (a.runs.is === 'unknown') return unknownBecause(a.runs.because);
  if (a.settings.is === 'unknown') return unknownBecause(a.settings.because);
  return unknownBecause(fault('FlinkUnavailable', 'expected a leading JobManager, found none'));
}

/** The empty result of another job stops every JobManager too; its own case repairs it. */
function blockedBy(a: Assessment, ours: readonly HaView[]): string {
  const results = a.dirty.is === 'present' ? a.dirty.value : [];
  const other = results.find((d) => d.length === 0 && !ours.some((h) => h.run === d.run));
  if (other !== undefined)
    return `; none can start while ${other.path}, the result of another job, has no content`;
  const lost = a.lostEntries?.is === 'present' ? a.lostEntries.value : [];
  const foreign = lost.find((e) => !ours.some((h) => h.run === e.run));
  if (foreign === undefined) return '';
  return `; none can start while the HA file behind ${foreign.znode}, an entry of another job, is lost`;
}

/** What Flink needs, and what its next start waits for. */
const awaited = (a: Assessment): string => {
  const away = a.needs?.storage ?? null;
  return away === null ? '' : `; it waits for the storage (${away.message})`;
};

/** A result of length 0 that keeps every JobManager from starting. */
function deadEndOf(a: Assessment, ours: readonly HaView[]): Situation | null {
  if (a.dirty.is !== 'present') return null;
  const empty = a.dirty.value.find((d) => d.length === 0);
  if (empty === undefined || !ours.some((h) => h.run === empty.run)) return null;
  return {
    is: 'dead-end',
    deadEnd: { is: 'EmptyJobResult', run: empty.run, path: empty.path },
    because: `the job result ${empty.path} has no content; no JobManager can start with it`,
  };
}

function aliveRun(run: RunView, a: Assessment): Situation {
  const allRunning = run.tasks > 0 && run.running === run.tasks;
  if (run.state !== 'RUNNING' || !allRunning) {
    const because = `${run.state}, ${run.running} of ${run.tasks} tasks running${run.firstFault === null ? '' : `; first fault: ${run.firstFault}`}`;
    return { is: 'flink-recovering', run, because };
  }
  const older = olderPoints(a, run.run);
  if (began(run, a).is === 'nothing' && older > 0) {
    return {
      is: 'blank',
      run,
      because: `it started from nothing although ${older} restore points of earlier runs are known`,
    };
  }
  const known = a.ledger.is === 'present' ? a.ledger.value.points : [];
  const lost =
    run.restoredFrom.is === 'nothing' ? startedOver(known, { ...run, newest: run.newest?.id ?? null }) : null;
  if (lost !== null) {
    return {
      is: 'blank',
      run,
      because: `it started anew from nothing although its own checkpoint ${lost} is known`,
    };
  }
  if (run.completed === 0) {
    return { is: 'flink-recovering', run, because: 'all tasks run, no checkpoint has completed yet' };
  }
  return {
    is: 'healthy',
    run,
    because: `all ${run.tasks} tasks run and ${run.completed} checkpoints have completed`,
  };
}

/** Flink shows only the last restore: after a failover the ledger knows how the run began. */
function began({ run, restoredFrom }: RunView, { ledger }: Assessment): RestoredFrom {
  const shown = beginningOf(run, restoredFrom);
  if (shown.is !== 'unseen' || ledger.is !== 'present') return shown;
  return ledger.value.runs.find((known) => known.run === run)?.restoredFrom ?? shown;
}

function olderPoints(a: Assessment, run: RunId): number {
  const fromLedger =
    a.ledger.is === 'present' ? a.ledger.value.points.filter((p) => p.run !== run).length : 0;
  const fromFlink =
    a.runs.is === 'present' ? a.runs.value.filter((r) => r.run !== run && r.latest !== null).length : 0;
  return Math.max(fromLedger, fromFlink);
}

/** No run is alive, and the leading JobManager says so. */
function goneRun(a: Assessment, ours: readonly HaView[]): Situation {
  const dead = deadEndOf(a, ours);
  if (dead !== null) return dead;
  if (a.dirty.is === 'unknown') return unknownBecause(a.dirty.because);
  const over = cleanedUp(a, ours);
  if (over !== null) return over;
  const held = ours.find((h) => h.graph);
  if (held !== undefined)
    return {
      is: 'held',
      run: held.run,
      because: `${holds(held)}; Flink will start it${blockedBy(a, ours)}${awaited(a)}`,
    };
  return lastSeen(a);
}

/** Flink has recorded the end of the run, or has begun to forget it; null: neither is seen. */
function cleanedUp(a: Assessment, ours: readonly HaView[]): Extract<Situation, { is: 'cleaning' }> | null {
  const results = a.dirty.is === 'present' ? a.dirty.value : [];
  const dirty = results.find((d) => d.length > 0 && ours.some((h) => h.run === d.run));
  if (dirty !== undefined) {
    const state = dirty.state?.is === 'present' ? dirty.state.value : null;
    const recorded = state === null ? `the end of ${dirty.run}` : `${dirty.run} as ${state}`;
    const because = `Flink has recorded ${recorded} and is cleaning up`;
    return { is: 'cleaning', run: dirty.run, because };
  }
  const half = ours.some((h) => h.graph) ? undefined : ours[0];
  if (half === undefined) return null;
  const because = 'its job graph is gone and its checkpoints are still in ZooKeeper';
  return { is: 'cleaning', run: half.run, because };
}

/** What ZooKeeper holds: a graph alone is started from what the job was submitted with, or from nothing. */
const holds = ({ checkpoints }: HaView): string =>
  checkpoints > 0
    ? 'ZooKeeper holds the job with its checkpoints'
    : 'ZooKeeper holds the job, and no checkpoint of it';

/** The newest run of the job, and who knows of it; null: nobody knows any. */
function newestRun(
  a: Assessment,
): { readonly run: RunId; readonly state: string; readonly by: string } | null {
  const shown = a.runs.is === 'present' ? a.runs.value[0] : undefined;
  const remembered = a.ledger.is === 'present' ? a.ledger.value.runs[0] : undefined;
  if (remembered !== undefined && (shown === undefined || remembered.started > shown.started))
    return { run: remembered.run, state: remembered.state, by: 'the ledger last saw' };
  return shown === undefined ? null : { run: shown.run, state: shown.state, by: 'Flink shows' };
}

/** The run whose end nobody saw, although Flink holds it no more: its archive may tell. Null: there is none. */
export function endedUnseen(a: Assessment): RunId | null {
  const situation = situationOf(a);
  if (situation.is !== 'vanished' && situation.is !== 'abandoned') return null;
  const newest = newestRun(a);
  return newest === null || isTerminal(newest.state) ? null : newest.run;
}

/** HA data is gone. What was the last that anybody saw of the newest run? */
function lastSeen(a: Assessment): Situation {
  const newest = newestRun(a);
  if (newest === null) {
    return { is: 'vanished', because: 'no run of this job is known to Flink, to ZooKeeper or to the ledger' };
  }
  const { run, state, by } = newest;
  if (isTerminal(state) || ENDED_BY_PERSON.has(state)) return endedAs(a, run, state, by);
  if (a.archived?.is === 'unknown') return unknownBecause(a.archived.because);
  return a.archived?.is === 'present' && a.archived.value.run === run
    ? endedAs(a, run, a.archived.value.state, `Flink's ${a.archived.value.by ?? 'archive'} shows`)
    : endedAs(a, run, state, by);
}

function endedAs(a: Assessment, run: RunId, state: string, by: string): Situation {
  if (state.startsWith('CANCEL') && a.stopped?.includes(run) === true) {
    return {
      is: 'abandoned',
      run,
      because: `Holdfast stopped ${run} on approval, and its HA data is gone`,
    };
  }
  if (ENDED_BY_PERSON.has(state)) {
    return {
      is: 'ended',
      run,
      state,
      because: `${by} ${run} as ${state}`,
    };
  }
  if (FAILING.has(state)) {
    return {
      is: 'abandoned',
      run,
      because: `HA data is gone and ${by} ${run} as ${state}`,
    };
  }
  return {
    is: 'vanished',
    because: `HA data is gone, and ${by} ${run} as ${state}: nobody saw it end`,
  };
}
