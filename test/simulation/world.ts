/**
 * The simulated outside: one Flink session cluster with one job, ZooKeeper, HDFS and Kafka, behaving as captured on the
 * real systems (HA data and job results lie on another file system than the checkpoints: the incident of the thread).
 * It knows the truth that the ports only show when they are up.
 */
import { runId, type RunId } from '../../domain/ids.js';
import type { StandingHold } from '../../domain/standing-hold.js';
import type { FlinkState } from '../../adapters/ports.js';
import { metadataBytes } from './metadata-bytes.js';
import type { Random } from './seed.js';
import type { Timeline } from './timeline.js';

export const JOB = 'window-counts';
export const FLINK_NAME = 'window counts';
export const ROOT = 'hdfs://prod/flink/checkpoints';
export const SAVEPOINTS = 'hdfs://prod/flink/savepoints';
export const JOB_RESULTS = 'hdfs://prod/flink/ha/job-result-store/default';
export const TOPIC = 'events';
const INTERVAL = 3_000;
const RETAINED = 3;
const RESTART_DELAY = 2_000;
const RESTARTS = 3;
const ARCHIVED_AFTER = 60;
/** A supervisor starts a JobManager that has ended this often (milliseconds). */
const SUPERVISED = 10_000;

export type System = 'hdfs' | 'zookeeper' | 'flink' | 'kafka' | 'taskmanagers';
/** How this Flink is set up; each of it changes what an outage does to it. */
export interface Setup {
  /** HA data and job results lie on the HDFS that fails: then HA data survive, and the JobManager dies instead. */
  readonly haOnHdfs: boolean;
  /** Restart strategy exponential delay: an outage of any length is only a pause. */
  readonly endlessRestarts: boolean;
  /** Flink archives ended runs on the HDFS that fails. Left out: it does not. */
  readonly archive?: boolean;
}

/** How HDFS fails: not at all, refused, in safe mode, without an active NameNode, without DataNodes. */
export type HdfsState = 'up' | 'down' | 'safemode' | 'standby' | 'no datanode';

export interface SimFile {
  readonly bytes: Uint8Array | null;
  readonly length: number;
  readonly modified: number;
  /** No live DataNode has its blocks for now. */
  lost: boolean;
}

export interface SimCheckpoint {
  readonly id: number;
  readonly run: RunId;
  readonly path: string;
  readonly triggered: number;
  /** Next offset of every partition. */
  readonly position: number;
  /** `stopping`: a savepoint that has stopped its run. */
  readonly kind: 'checkpoint' | 'savepoint' | 'stopping savepoint';
  discarded: boolean;
}

export interface SimRun {
  readonly run: RunId;
  readonly by: 'history' | 'holdfast' | 'person';
  readonly started: number;
  ended: number | null;
  state: FlinkState;
  tasks: 'none' | 'scheduled' | 'running';
  /** What it was submitted with. */
  readonly from: string | null;
  /** What REST shows as restored; set when the state was read. */
  restored: { readonly id: number; readonly path: string; readonly time: number } | null;
  /** Where its source went on after the restore of the point it was submitted with, and how many offsets it jumped over. */
  read: { readonly from: number; readonly skipped: number } | null;
  nextId: number;
  readonly checkpoints: SimCheckpoint[];
  restartsLeft: number;
  /** Whether the JobManager that leads knows it. */
  known: boolean;
  ha: { graph: boolean; checkpoints: number[] } | null;
  endedByPerson: number | null;
  faults: { readonly time: number; readonly message: string }[];
  /** Each new start of its tasks; older plans of the run are void. */
  epoch: number;
}

export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly files: Map<string, SimFile>;
  readonly runs: SimRun[];
  hdfs: HdfsState;
  readonly up: Record<Exclude<System, 'hdfs'>, boolean>;
  /** Systems that only Holdfast cannot reach. */
  readonly unseen: Set<System>;
  readonly setup: Setup;
  /** Changes when another NameNode became active. */
  nameNode: number;
  /** Each change of a system as Holdfast sees it: time, and whether it answers since. */
  readonly turns: Record<System, { readonly at: number; readonly up: boolean }[]>;
  /** `origin`: offset 0 was written at this time (epoch milliseconds). */
  readonly kafka: {
    start: number;
    origin: number;
    members: number;
    readonly group: Map<string, number>;
    /** When records were lost or the log was replaced. */
    changed: number;
    /** Where the log ended that was replaced last. */
    oldEnd: number;
  };
  /** Submissions on their way: sent and neither arrived nor lost. */
  readonly flying: Map<RunId, number>;
  /** How runs ended, as Flink has archived it. */
  readonly archive: Map<RunId, FlinkState>;
  /** The hold that a person has placed on the job. */
  standing: StandingHold | null;
  note: (text: string) => void;
}

export function createWorld(timeline: Timeline, random: Random, setup: Setup): World {
  const now = timeline.now();
  const world: World = {
    timeline,
    random,
    files: new Map(),
    runs: [],
    hdfs: 'up',
    up: { zookeeper: true, flink: true, kafka: true, taskmanagers: true },
    unseen: new Set(),
    setup,
    nameNode: 1,
    turns: { hdfs: [], zookeeper: [], flink: [], kafka: [], taskmanagers: [] },
    kafka: { start: 0, origin: 1_700_000_000_000, members: 0, group: new Map(), changed: 0, oldEnd: 0 },
    flying: new Map(),
    archive: new Map(),
    standing: null,
    note: () => undefined,
  };
  const run = newRun(world, runId('a'.repeat(32)), 'history', null, now - 60_000);
  run.ha = { graph: true, checkpoints: [] };
  run.nextId = 10;
  world.runs.push(run);
  for (const ago of [9_000, 6_000, 3_000]) completeCheckpoint(world, run, now - ago);
  run.state = 'RUNNING';
  run.tasks = 'running';
  planCheckpoint(world, run);
  return world;
}

export const isOver = (run: SimRun): boolean => run.ended !== null;
export const alive = (world: World): readonly SimRun[] => world.runs.filter((r) => !isOver(r));
export const logEnd = (world: World, at = world.timeline.now()): number =>
  Math.floor((at - world.kafka.origin) / 100);
/** Where the source of a running job is in both partitions, at a time. */
export const positionAt = (world: World, at: number): number => Math.max(0, logEnd(world, at) - 5);
export const isUp = (world: World, system: System): boolean =>
  system === 'hdfs' ? world.hdfs === 'up' : world.up[system];
/** Whether Holdfast gets an answer of it. */
export const isSeen = (world: World, system: System): boolean =>
  isUp(world, system) && !world.unseen.has(system);
const readable = (world: World): boolean => world.hdfs === 'up' || world.hdfs === 'safemode';
const runs = (world: World, run: SimRun): boolean =>
  !isOver(run) && run.known && run.tasks === 'running' && world.up.flink && world.up.taskmanagers;

export function newRun(
  world: World,
  id: RunId,
  by: SimRun['by'],
  from: string | null,
  started = world.timeline.now(),
): SimRun {
  return {
    run: id,
    by,
    started,
    ended: null,
    state: 'CREATED',
    tasks: 'none',
    from,
    restored: null,
    read: null,
    nextId: 1,
    checkpoints: [],
    restartsLeft: RESTARTS,
    known: true,
    ha: null,
    endedByPerson: null,
    faults: [],
    epoch: 0,
  };
}

// ── Checkpoints ─────────────────────────────────────────────────────────────────────────────────────────────────

export const pathOf = (run: RunId, id: number): string => `${ROOT}/${run}/chk-${id}`;

function completeCheckpoint(world: World, run: SimRun, time = world.timeline.now()): void {
  const id = run.nextId++;
  const path = pathOf(run.run, id);
  take(world, run, { id, path, kind: 'checkpoint' }, time);
  for (const old of checkpoints(run)
    .slice(0, -RETAINED)
    .filter((c) => !c.discarded))
    discard(world, old);
  if (run.ha !== null)
    run.ha.checkpoints = checkpoints(run)
      .slice(-RETAINED)
      .map((c) => c.id);
}

const checkpoints = (run: SimRun): readonly SimCheckpoint[] =>
  run.checkpoints.filter((c) => c.kind === 'checkpoint');

/** Writes a snapshot, and commits its positions as Flink does. */
function take(
  world: World,
  run: SimRun,
  { id, path, kind }: Pick<SimCheckpoint, 'id' | 'path' | 'kind'>,
  time: number,
): void {
  const files = [
    { path: `${path}/state`, length: 100 + id },
    { path: sharedOf(path, run.run, id, kind), length: 5_000 },
  ] as const;
  const file = (length: number, bytes: Uint8Array | null): SimFile => ({
    bytes,
    length,
    modified: time,
    lost: false,
  });
  for (const { path: of, length } of files) if (!world.files.has(of)) world.files.set(of, file(length, null));
  const position = positionAt(world, time);
  const bytes = metadataBytes({ checkpointId: id, topic: TOPIC, positions: [position, position], files });
  world.files.set(`${path}/_metadata`, file(bytes.length, bytes));
  run.checkpoints.push({ id, run: run.run, path, triggered: time, position, kind, discarded: false });
  for (const partition of [0, 1]) world.kafka.group.set(`${TOPIC}/${partition}`, position);
}

/** A savepoint shares no file with others. */
const sharedOf = (path: string, run: RunId, id: number, kind: SimCheckpoint['kind']): string =>
  kind === 'checkpoint' ? `${ROOT}/${run}/shared/${Math.floor(id / 4)}` : `${path}/all`;

function discard(world: World, point: SimCheckpoint): void {
  point.discarded = true;
  world.files.delete(`${point.path}/_metadata`);
  world.files.delete(`${point.path}/state`);
}

export const pointAt = (world: World, path: string): SimCheckpoint | undefined =>
  world.runs.flatMap((r) => r.checkpoints).findLast((c) => c.path === path);

/** Whether everything that a point refers to is there. What cannot be reached now is still there. */
export function isIntact(world: World, path: string): boolean {
  const point = pointAt(world, path);
  if (point === undefined) return false;
  const shared = sharedOf(path, point.run, point.id, point.kind);
  return [`${path}/_metadata`, `${path}/state`, shared].every((file) => world.files.has(file));
}

/** Every point that is still there, best first: newest run, newest id; then what that run was started from. */
export function pointsInTruth(world: World): readonly SimCheckpoint[] {
  const there = world.runs.flatMap((r) => r.checkpoints.filter((c) => !c.discarded));
  const ordered: SimCheckpoint[] = [];
  const take = (points: readonly SimCheckpoint[]): void => {
    for (const point of points) if (!ordered.includes(point)) ordered.push(point);
  };
  for (const run of [...world.runs].sort((a, b) => b.started - a.started)) {
    take(there.filter((p) => p.run === run.run).sort((a, b) => rank(a) - rank(b) || b.id - a.id));
    take(there.filter((p) => p.path === run.from));
  }
  return ordered;
}

/** What stopped a run is its newest state; a savepoint in between is only a fallback. */
const rank = ({ kind }: SimCheckpoint): number =>
  kind === 'stopping savepoint' ? 0 : kind === 'checkpoint' ? 1 : 2;

function planCheckpoint(world: World, run: SimRun): void {
  const { epoch } = run;
  world.timeline.at(world.timeline.now() + INTERVAL, () => {
    if (run.epoch !== epoch || isOver(run)) return;
    if (!runs(world, run)) return;
    if (world.hdfs === 'up' && world.up.zookeeper) {
      completeCheckpoint(world, run);
      planCheckpoint(world, run);
    } else if (world.hdfs !== 'up') {
      // Tolerable failed checkpoints: 0, Flink's default.
      fault(world, run, 'Exceeded checkpoint tolerable failure threshold.');
      restart(world, run);
    } else {
      planCheckpoint(world, run);
    }
  });
}

// ── The life of a run ───────────────────────────────────────────────────────────────────────────────────────────

function fault(world: World, run: SimRun, message: string): void {
  run.faults.push({ time: world.timeline.now(), message });
}

/** One of the fixed delays, then a try to read the state. */
export function restart(world: World, run: SimRun): void {
  run.epoch++;
  const { epoch } = run;
  run.state = 'RESTARTING';
  run.tasks = 'none';
  world.timeline.at(world.timeline.now() + RESTART_DELAY, () => {
    if (run.epoch === epoch && !isOver(run)) startTasks(world, run);
  });
}

/** Deploys the tasks: they wait for slots, then read the newest state of the run. */
export function startTasks(world: World, run: SimRun): void {
  if (!world.up.flink || isOver(run)) return;
  run.epoch++;
  const { epoch } = run;
  run.state = 'RUNNING';
  run.tasks = 'scheduled';
  const wait = world.random.int(300, 2_000);
  world.timeline.at(world.timeline.now() + wait, () => {
    if (run.epoch !== epoch || isOver(run) || !world.up.flink) return;
    if (!world.up.taskmanagers) return startTasks(world, run);
    const newest = run.checkpoints.at(-1);
    const path = newest?.path ?? run.from;
    if (path !== null && !(readable(world) && isIntact(world, path))) {
      fault(world, run, 'Could not restore keyed state backend from any of the 1 provided restore options.');
      if (!world.setup.endlessRestarts && --run.restartsLeft <= 0) return fail(world, run);
      return restart(world, run);
    }
    if (path !== null) {
      const id = newest?.id ?? pointAt(world, path)?.id ?? 0;
      run.restored = { id, path, time: world.timeline.now() };
      if (newest === undefined) {
        run.nextId = id + 1;
        const position = pointAt(world, path)?.position ?? positionAt(world, world.timeline.now());
        // A position that the log has lost, or never had, is no error: the source goes on where the log begins.
        const replaced = position > logEnd(world);
        const from = replaced ? world.kafka.start : Math.max(position, world.kafka.start);
        // What the old log held after the position is lost with it.
        run.read = { from, skipped: Math.max(0, (replaced ? world.kafka.oldEnd : from) - position) };
      }
    }
    run.tasks = 'running';
    planCheckpoint(world, run);
  });
}

/** The end of a run must be recorded before anything is cleaned up; where that fails, the JobManager ends itself. */
function fail(world: World, run: SimRun): void {
  if (!world.setup.haOnHdfs || world.hdfs === 'up') return over(world, run, 'FAILED');
  const result = `${JOB_RESULTS}/${run.run}_DIRTY.json`;
  // The name is there at once, its content needs a DataNode.
  if (world.hdfs === 'no datanode')
    world.files.set(result, {
      bytes: new Uint8Array(),
      length: 0,
      modified: world.timeline.now(),
      lost: false,
    });
  world.note(`Flink: the JobManager ends, it could not record that ${run.run.slice(0, 6)} failed`);
  turn(world, 'flink', false);
  world.timeline.at(world.timeline.now() + SUPERVISED, () => startJobManager(world));
}

/** A JobManager that cannot read what it must ends again; its supervisor starts it again and again. */
export function startJobManager(world: World): void {
  if (world.up.flink) return;
  const ready =
    world.up.zookeeper && (!world.setup.haOnHdfs || (readable(world) && emptyResult(world) === null));
  if (ready) turn(world, 'flink', true);
  else world.timeline.at(world.timeline.now() + SUPERVISED, () => startJobManager(world));
}

/** What keeps every JobManager from starting. */
export const emptyResult = (world: World): string | null =>
  [...world.files].find(([path, f]) => path.endsWith('_DIRTY.json') && f.length === 0)?.[0] ?? null;

/** A terminal state: Flink deletes its HA data, the job graph first. */
export function over(
  world: World,
  run: SimRun,
  state: 'FAILED' | 'CANCELED' | 'FINISHED',
  byPerson = false,
): void {
  run.epoch++;
  run.state = state;
  run.tasks = 'none';
  run.ended = world.timeline.now();
  if (byPerson) run.endedByPerson = world.timeline.now();
  world.note(`Flink: run ${run.run.slice(0, 6)} ${state}`);
  if (world.setup.archive === true) archive(world, run, state);
  const clean = (): void => {
    // Without ZooKeeper the clean-up is tried again.
    if (!world.up.zookeeper) return void world.timeline.at(world.timeline.now() + 1_000, clean);
    if (run.ha !== null) run.ha.graph = false;
    world.timeline.at(world.timeline.now() + 100, () => {
      run.ha = null;
    });
  };
  // A clean-up that fails is tried again with growing delays: the HA data can outlive the run for a while.
  const after = world.random.chance(0.75) ? 50 : world.random.int(1_000, 40_000);
  world.timeline.at(world.timeline.now() + after, clean);
}

/** Once, by the JobManager that saw the end, if the storage takes it. */
function archive(world: World, run: SimRun, state: FlinkState): void {
  world.timeline.at(world.timeline.now() + ARCHIVED_AFTER, () => {
    if (run.known && world.up.flink && world.hdfs === 'up') world.archive.set(run.run, state);
  });
}

// ── What the world does to itself ───────────────────────────────────────────────────────────────────────────────

export function turn(world: World, system: System, to: HdfsState | boolean): void {
  const before = isUp(world, system);
  const seen = isSeen(world, system);
  if (system === 'hdfs') {
    world.hdfs = to as HdfsState;
    if (to === 'standby') world.nameNode++;
  } else world.up[system] = to === true;
  const now = isUp(world, system);
  if (seen !== isSeen(world, system)) world.turns[system].push({ at: world.timeline.now(), up: !seen });
  if (before === now) return;
  world.note(`${system} ${now ? 'is back' : `is away (${String(to)})`}`);
  if (system === 'flink') turnJobManager(world, now);
  if (system === 'taskmanagers' && !now)
    for (const run of alive(world))
      if (run.known) {
        fault(world, run, 'The TaskManager is no longer reachable.');
        restart(world, run);
      }
}

/** The way from Holdfast to a system is cut, or whole again; the systems see each other all the time. */
export function cut(world: World, system: System, away: boolean): void {
  const before = isSeen(world, system);
  if (away) world.unseen.add(system);
  else world.unseen.delete(system);
  const now = isSeen(world, system);
  if (before === now) return;
  world.turns[system].push({ at: world.timeline.now(), up: now });
  world.note(`${system} ${now ? 'is seen again' : 'is not seen by Holdfast'}`);
}

/** A dead JobManager forgets everything; the next one starts what ZooKeeper holds, and knows no ended run. */
function turnJobManager(world: World, up: boolean): void {
  for (const run of world.runs) {
    run.epoch++;
    run.known = false;
    run.tasks = 'none';
    if (!up || isOver(run)) continue;
    if (run.ha?.graph === true) {
      run.known = true;
      run.state = 'INITIALIZING';
      run.restartsLeft = RESTARTS;
      startTasks(world, run);
    }
  }
}

/**
 * A JobManager loses its leadership and somebody sweeps its HA data away, and it does not notice: the one that leads now
 * knows nothing of its runs, which write on for so long (milliseconds), or until a checkpoint fails.
 */
export function forgetRuns(world: World, writes: number): void {
  const until = world.timeline.now() + writes;
  for (const run of alive(world)) {
    // One that the watch has never seen, and Flink has forgotten, nobody can know of.
    if (!world.up.flink || !run.known || run.by !== 'history') continue;
    run.epoch++;
    run.known = false;
    run.ha = null;
    run.state = 'RUNNING';
    world.note(`Flink: the leader knows nothing of ${run.run.slice(0, 6)}, which writes on for ${writes} ms`);
    const goOn = (): void => {
      const now = world.timeline.now();
      if (now < until && world.hdfs === 'up') {
        completeCheckpoint(world, run);
        return void world.timeline.at(now + INTERVAL, goOn);
      }
      run.state = 'FAILED';
      run.tasks = 'none';
      run.ended = now;
      world.note(`Flink: run ${run.run.slice(0, 6)} has stopped, and nobody saw it`);
    };
    world.timeline.at(world.timeline.now() + INTERVAL, goOn);
  }
}

/** A file of the newest point is deleted behind Flink's back. */
export function loseFile(world: World, which: 'state' | 'shared' | '_metadata'): void {
  const [newest] = pointsInTruth(world);
  if (newest === undefined) return;
  const shared = sharedOf(newest.path, newest.run, newest.id, newest.kind);
  const path = which === 'shared' ? shared : `${newest.path}/${which}`;
  world.files.delete(path);
  world.note(`lost for good: ${path.slice(ROOT.length)}`);
}

/** The DataNode that has the newest point's state is away for a while. */
export function loseBlocks(world: World, ms: number): void {
  const [newest] = pointsInTruth(world);
  const file = newest === undefined ? undefined : world.files.get(`${newest.path}/state`);
  if (file === undefined) return;
  file.lost = true;
  world.note('blocks of the newest point are not served');
  world.timeline.at(world.timeline.now() + ms, () => {
    file.lost = false;
  });
}

/** The program fails until its restarts are used up. */
export function failRuns(world: World): void {
  for (const run of alive(world)) {
    if (!world.up.flink || !run.known) continue;
    fault(world, run, 'the program threw');
    over(world, run, 'FAILED');
  }
}

/** A person cancels what runs, by hand. */
export function cancelByHand(world: World): void {
  for (const run of alive(world)) if (world.up.flink && run.known) over(world, run, 'CANCELED', true);
}

/** A person takes a savepoint, and may stop the job with it: then Flink deletes the retained checkpoints. */
export function savepointByHand(world: World, stopping: boolean): void {
  for (const run of alive(world)) {
    if (!runs(world, run) || world.hdfs !== 'up') continue;
    const id = run.nextId++;
    const suffix = world.random.int(0, 0x7fffffff).toString(16).padStart(12, '0');
    const path = `${SAVEPOINTS}/savepoint-${run.run.slice(0, 6)}-${suffix}`;
    take(world, run, { id, path, kind: stopping ? 'stopping savepoint' : 'savepoint' }, world.timeline.now());
    world.note(
      `Flink: savepoint ${id} of ${run.run.slice(0, 6)}${stopping ? ', and the job is stopped' : ''}`,
    );
    if (!stopping) continue;
    for (const c of checkpoints(run)) if (!c.discarded) discard(world, c);
    over(world, run, 'FINISHED', true);
  }
}

/** Records that a restore would need are gone; or the whole topic was made anew. */
export function loseRecords(world: World, how: 'expired' | 'replaced'): void {
  const { kafka } = world;
  kafka.changed = world.timeline.now();
  if (how === 'expired') {
    kafka.start = logEnd(world) - 1;
  } else {
    kafka.oldEnd = Math.max(kafka.oldEnd, logEnd(world));
    kafka.origin = world.timeline.now();
    kafka.start = 0;
  }
  world.note(`Kafka: the records are ${how}`);
}

/** A person starts the job by hand, beside Holdfast: from the newest point, or from nothing. */
export function submitByHand(world: World, blank: boolean): void {
  if (!world.up.flink || world.hdfs !== 'up') return;
  const digits = world.random.int(0, 0x7fffffff).toString(16).padStart(8, '0');
  const from = blank ? undefined : pointsInTruth(world).find((p) => isIntact(world, p.path))?.path;
  accept(world, runId(digits.repeat(4)), 'person', from ?? null);
}

/** The leading JobManager takes a job. */
export function accept(world: World, id: RunId, by: SimRun['by'], from: string | null): void {
  // After a terminal state the same id is accepted again; what it wrote before stays its own.
  const run = newRun(world, id, by, from);
  run.ha = { graph: true, checkpoints: [] };
  world.runs.push(run);
  world.note(`Flink: ${by} started ${id.slice(0, 6)} from ${from?.slice(ROOT.length) ?? 'nothing'}`);
  startTasks(world, run);
}
