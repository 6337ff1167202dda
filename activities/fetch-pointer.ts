import type { Call, FileStatus, Flink, FlinkCheckpoint, FlinkJob, Storage } from '../adapters/ports.js';
import { fault, faultOf } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import type { LineageRun, Pointers, SourceReading } from '../domain/ladder.js';
import { beginningOf, withOwn, type JobLedger } from '../domain/ledger.js';
import { absent, mapReading, present, unknown, type Reading } from '../domain/reading.js';
import { pointFromPath, type RestorePoint } from '../domain/restore-point.js';
import { readCompletedCheckpoint } from '../formats/completed-checkpoint.js';
import { FormatError } from '../formats/format-error.js';
import { readMetadata } from '../formats/metadata.js';
import type { Snapshot } from '../formats/snapshot.js';
import { restoredFrom, type AssessInput } from './assess-run.js';
import type { Deps } from './deps.js';
import { checkpointsOf } from './ha-places.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { quickLook } from './quick-look.js';
import { readMetadataFile } from './read-state.js';

/** Runs of the lineage whose directories are looked at: older ones are reached through restore sources. */
const NEWEST_RUNS = 5;
/** The newest checkpoints of a run that become rungs. Flink retains a handful. */
const NEWEST_POINTS = 10;
/** Savepoints that are read to learn whether they stopped their run. */
const READ_SAVEPOINTS = 3;

/** The ladder without verdicts: every source that could name a restore point, each as a reading. */
export async function fetchPointer(
  deps: Deps,
  input: Pick<AssessInput, 'job' | 'submitted' | 'own'>,
  signal: AbortSignal,
): Promise<Pointers> {
  const it = configuredJob(deps, input.job);
  const call: Call = { signal };
  const flink = deps.ports.flink(it.clusterName);
  const [jobs, remembered] = await Promise.all([
    flink.jobs(call),
    deps.readLedger(it.clusterName, it.name, signal),
  ]);
  const ledger = mapReading(remembered, (known) => withOwn(known, input.own));
  const shown = await flinkRuns(it, flink, jobs, input.submitted, call);
  const lineage = mergeLineage(shown.lineage, ledger).slice(0, NEWEST_RUNS);
  const rest = await Promise.all([
    zooKeeperPoints(deps, it, lineage, call),
    savepointPoints(deps, it, lineage, call),
    ...lineage.map((l) => directoryPoints(deps, it, l.run, call)),
  ]);
  return { lineage, sources: [rest[0], shown.source, ledgerPoints(ledger), ...rest.slice(1)] };
}

/** Runs that Flink or the ledger know, newest first; what one has not seen the other may have. */
function mergeLineage(shown: readonly LineageRun[], ledger: Reading<JobLedger>): readonly LineageRun[] {
  const remembered = ledger.is === 'present' ? ledger.value.runs : [];
  const merged = new Map<RunId, LineageRun>();
  for (const { run, started, restoredFrom: from } of [...shown, ...remembered]) {
    const known = merged.get(run);
    if (known === undefined || beginningOf(run, known.restoredFrom).is === 'unseen')
      merged.set(run, { run, started, restoredFrom: from });
  }
  return [...merged.values()].sort((a, b) => b.started - a.started);
}

async function flinkRuns(
  it: ConfiguredJob,
  flink: Flink,
  jobs: Reading<readonly FlinkJob[]>,
  submitted: readonly RunId[],
  call: Call,
): Promise<{ readonly lineage: readonly LineageRun[]; readonly source: SourceReading }> {
  const where = 'Flink REST';
  if (jobs.is === 'unknown') return { lineage: [], source: { source: 'flink', where, points: jobs } };
  const ours = (jobs.is === 'present' ? jobs.value : []).filter(
    (j) => j.name === it.job.match.name || submitted.includes(j.run),
  );
  const lineage: LineageRun[] = [];
  const points: RestorePoint[] = [];
  for (const job of ours) {
    const read = await flink.checkpoints(job.run, call);
    if (read.is === 'unknown')
      return { lineage: [], source: { source: 'flink', where: `${where}, run ${job.run}`, points: read } };
    if (read.is === 'absent') continue;
    const { restored, history, latestCompleted, latestSavepoint } = read.value;
    lineage.push({ run: job.run, started: job.startTime, restoredFrom: restoredFrom(restored) });
    for (const checkpoint of [...history, latestCompleted, latestSavepoint]) {
      const point = checkpoint === null ? null : flinkPoint(job.run, checkpoint);
      if (point !== null && !points.some((p) => p.path === point.path)) points.push(point);
    }
  }
  return { lineage, source: { source: 'flink', where, points: present(points) } };
}

/** A completed checkpoint that Flink still offers; null for failed, discarded and unreachable ones. */
export function flinkPoint(run: RunId, c: FlinkCheckpoint): RestorePoint | null {
  if (c.status !== 'COMPLETED' || c.discarded || c.path === null) return null;
  return {
    path: c.path,
    kind: c.savepoint ? 'savepoint' : 'checkpoint',
    id: c.id,
    run,
    time: c.triggered,
    terminating: c.terminating,
  };
}

const ledgerPoints = (ledger: Reading<JobLedger>): SourceReading => ({
  source: 'ledger',
  where: 'memo of the watch',
  points: ledger.is === 'present' ? present(ledger.value.points) : ledger,
});

/** Pointers that are still in ZooKeeper: the HA file behind each names the checkpoint directory. */
async function zooKeeperPoints(
  deps: Deps,
  it: ConfiguredJob,
  lineage: readonly LineageRun[],
  call: Call,
): Promise<SourceReading> {
  const ha = it.cluster.ha;
  if (ha === null) return { source: 'zookeeper', where: 'no HA configured', points: absent };
  const where = `${ha.root}/${ha.clusterId.replace(/^\/+/, '')}`;
  const reading = await deps.ports.haStore(ha.zookeeper).cluster(ha, call);
  if (reading.is !== 'present') return { source: 'zookeeper', where, points: reading };
  const ours = reading.value.jobs.filter((j) => lineage.some((l) => l.run === j.run));
  const points: RestorePoint[] = [];
  for (const job of ours) {
    for (const entry of job.checkpoints.filter((c) => !c.markedForDeletion)) {
      const point =
        entry.handle.is === 'present'
          ? await readHaFile(deps, entry.handle.value.path, entry.handle.value.size, call)
          : entry.handle;
      if (point.is === 'unknown') return { source: 'zookeeper', where: entry.znode, points: point };
      if (point.is === 'present') points.push({ ...point.value, run: job.run, id: entry.id });
    }
  }
  return { source: 'zookeeper', where, points: points.length === 0 ? absent : present(points) };
}

/** The checkpoint directory that an HA file names. A file of the wrong length was damaged or replaced: that is not "absent". */
async function readHaFile(
  deps: Deps,
  path: string,
  size: number,
  call: Call,
): Promise<Reading<RestorePoint>> {
  const owner = deps.ports.storageOf(path);
  if ('code' in owner) return unknown(owner);
  const read = await owner.storage.read(path, { offset: 0, length: size }, quickLook(call));
  if (read.is === 'absent')
    return unknown(fault('StorageUnavailable', 'ZooKeeper names an HA file that is not there', path));
  if (read.is === 'unknown') return read;
  try {
    const { externalPointer } = readCompletedCheckpoint(read.value);
    return externalPointer === null ? absent : present(pointFromPath(externalPointer));
  } catch (error) {
    return unknown(fault('StateCorrupt', `the HA file cannot be read: ${faultOf(error).message}`, path));
  }
}

/** `chk-N` directories of a run that have a `_metadata`: without one they are dangling, not restore points. */
async function directoryPoints(
  deps: Deps,
  it: ConfiguredJob,
  run: RunId,
  call: Call,
): Promise<SourceReading> {
  const directory = checkpointsOf(it.cluster, run);
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) return { source: 'directory', where: directory, points: unknown(owner) };
  const { storage } = owner;
  const ids: { path: string; id: bigint }[] = [];
  const collect = (page: readonly FileStatus[]) => {
    for (const entry of page) {
      const match = /\/chk-(\d+)$/.exec(entry.path);
      if (entry.kind === 'directory' && match?.[1] !== undefined)
        ids.push({ path: entry.path, id: BigInt(match[1]) });
    }
  };
  const listed = await storage.list(directory, collect, quickLook(call));
  if (listed.is === 'unknown') return { source: 'directory', where: directory, points: listed };
  const newest = ids.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, NEWEST_POINTS);
  const read = await withMetadata(
    storage,
    newest.map((n) => n.path),
    call,
  );
  return { source: 'directory', where: directory, points: read };
}

/** Savepoints of these runs: the directory's name begins with the first six digits of the run id. */
async function savepointPoints(
  deps: Deps,
  it: ConfiguredJob,
  lineage: readonly LineageRun[],
  call: Call,
): Promise<SourceReading> {
  const directory = it.cluster.savepoints;
  if (directory === null)
    return { source: 'savepoint', where: 'no savepoint directory configured', points: absent };
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) return { source: 'savepoint', where: directory, points: unknown(owner) };
  const found: { path: string; run: RunId }[] = [];
  const collect = (page: readonly FileStatus[]) => {
    for (const entry of page) {
      const prefix = /\/savepoint-([0-9a-f]{6})-[^/]+$/.exec(entry.path)?.[1];
      const run = lineage.find((l) => prefix !== undefined && l.run.startsWith(prefix))?.run;
      if (entry.kind === 'directory' && run !== undefined) found.push({ path: entry.path, run });
    }
  };
  const listed = await owner.storage.list(directory, collect, quickLook(call));
  if (listed.is === 'unknown') return { source: 'savepoint', where: directory, points: listed };
  const read = await withMetadata(
    owner.storage,
    found.map((f) => f.path),
    call,
  );
  if (read.is !== 'present') return { source: 'savepoint', where: directory, points: read };
  const points: RestorePoint[] = [];
  // Only of the newest: an older one is a fallback, whatever it was taken for.
  for (const [at, p] of read.value.toSorted((a, b) => (b.time ?? 0) - (a.time ?? 0)).entries()) {
    const run = found.find((f) => f.path === p.path)?.run ?? p.run;
    const told = at < READ_SAVEPOINTS ? await tellSavepoint(owner.storage, p.path, call) : present({});
    if (told.is === 'unknown') return { source: 'savepoint', where: p.path, points: told };
    points.push({ ...p, run, ...(told.is === 'present' ? told.value : {}) });
  }
  return { source: 'savepoint', where: directory, points: present(points) };
}

/** What a savepoint says of itself: its number, and whether it stopped its run. A broken one says nothing; it is judged later. */
async function tellSavepoint(
  storage: Storage,
  directory: string,
  call: Call,
): Promise<Reading<Partial<Pick<RestorePoint, 'id' | 'terminating'>>>> {
  const read = await readMetadataFile(storage, directory, quickLook(call));
  if (read.is !== 'present') return read;
  try {
    return present(savepointTold(readMetadata(read.value, directory)));
  } catch (error) {
    if (error instanceof FormatError) return present({});
    throw error;
  }
}

/** Up to Flink 1.14 the type was an enum constant; Flink asks for the action after it, not for its name. */
export function savepointTold({
  checkpointId,
  properties,
}: Pick<Snapshot, 'checkpointId' | 'properties'>): Pick<RestorePoint, 'id' | 'terminating'> {
  const type = properties?.type ?? null;
  const stops =
    type !== null &&
    (type.enum
      ? type.name === 'SAVEPOINT_TERMINATE' ||
        type.name === 'SAVEPOINT_SUSPEND' ||
        type.name === 'SYNC_SAVEPOINT'
      : type.postCheckpointAction === 'TERMINATE' || type.postCheckpointAction === 'SUSPEND');
  return { id: String(checkpointId), terminating: stops };
}

/** Those of the directories that hold a `_metadata` file. */
async function withMetadata(
  storage: Storage,
  directories: readonly string[],
  call: Call,
): Promise<Reading<readonly RestorePoint[]>> {
  const points: RestorePoint[] = [];
  for (const directory of directories) {
    const status = await storage.stat(`${directory}/_metadata`, call);
    if (status.is === 'unknown') return status;
    if (status.is === 'present' && status.value.length > 0) {
      points.push({ ...pointFromPath(directory), time: status.value.modified });
    }
  }
  return points.length === 0 ? absent : present(points);
}
