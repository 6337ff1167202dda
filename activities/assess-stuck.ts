import type { Call, HaCluster, HaJob } from '../adapters/ports.js';
import { faultOf, type Fault } from '../domain/failure.js';
import { absent, present, type Reading } from '../domain/reading.js';
import { situationOf, type Assessment, type LostEntry } from '../domain/situation.js';
import type { Deps } from './deps.js';
import { checkpointsOf, jarsOf } from './ha-places.js';
import type { ConfiguredJob } from './job.js';
import { jobResult } from './job-result.js';

/**
 * Adds what is worth a look only while Flink holds the job and does not run it: is the storage usable that it needs,
 * and are the HA files still there that its pointers name?
 */
export async function assessStuck(
  deps: Deps,
  it: ConfiguredJob,
  a: Assessment,
  ha: Reading<HaCluster>,
  call: Call,
): Promise<Assessment> {
  const config = it.cluster.ha;
  const { is } = situationOf(a);
  if ((is !== 'held' && is !== 'cleaning') || config === null || ha.is !== 'present') return a;
  const storage =
    (await unusable(deps, config.storageDir, call)) ?? (await unusable(deps, it.cluster.checkpoints, call));
  // What a broken storage does not show is no evidence.
  if (storage !== null) return { ...a, needs: { storage } };
  const canStart = it.cluster.startCluster !== null;
  const [lost, dirty] = await Promise.all([
    lostEntries(deps, it, ha.value, call),
    withContent(deps, a, ha.value, call),
  ]);
  return { ...a, needs: { storage }, lostEntries: lost, canStart, dirty };
}

/** The job results of runs that ZooKeeper still holds, with what they tell. */
async function withContent(
  deps: Deps,
  { dirty }: Assessment,
  { jobs }: HaCluster,
  call: Call,
): Promise<Assessment['dirty']> {
  if (dirty.is !== 'present') return dirty;
  const results = dirty.value.map(async (result) =>
    result.length === 0 || !jobs.some((job) => job.run === result.run)
      ? result
      : { ...result, state: await jobResult(deps, result.path, result.run, call) },
  );
  return present(await Promise.all(results));
}

/** Why a storage is not usable; null: proved usable. */
export async function unusable(deps: Deps, uri: string, call: Call): Promise<Fault | null> {
  const owner = deps.ports.storageOf(uri);
  if ('code' in owner) return owner;
  try {
    await owner.storage.proveUsable(call);
    return null;
  } catch (error) {
    call.signal.throwIfAborted();
    return faultOf(error);
  }
}

/** Entries of any job whose HA file is not there, or shorter than ZooKeeper says: each stops every JobManager. */
async function lostEntries(
  deps: Deps,
  it: ConfiguredJob,
  ha: HaCluster,
  call: Call,
): Promise<Reading<readonly LostEntry[]>> {
  const lost: LostEntry[] = [];
  const entries = ha.jobs.flatMap(({ run, checkpoints }) => checkpoints.map((c) => ({ run, ...c })));
  for (const { run, id, znode, handle, markedForDeletion } of entries) {
    if (markedForDeletion || handle.is !== 'present') continue;
    const { path: file, size } = handle.value;
    const owner = deps.ports.storageOf(file);
    if ('code' in owner) continue;
    const status = await owner.storage.stat(file, call);
    if (status.is === 'unknown') return status;
    if (status.is === 'present' && status.value.length >= size) continue;
    lost.push({ run, znode, file, point: `${checkpointsOf(it.cluster, run)}/chk-${id}` });
  }
  for (const job of ha.jobs) {
    const file = await lostOfGraph(deps, it, job, call);
    if (file.is === 'unknown') return file;
    if (file.is === 'present' && job.graphFile !== undefined)
      lost.push({ run: job.run, znode: job.graphFile.znode, file: file.value, point: null });
  }
  return present(lost);
}

/** A graph has the plan and the names of its jars, and no state; a larger file is none. Bytes. */
const LARGEST_GRAPH = 64 * 1024 * 1024;
/** What a serialized graph contains when it names a jar; a graph of an application cluster names none. */
const NAMES_A_JAR = 'org.apache.flink.runtime.blob.PermanentBlobKey';

/**
 * What a job graph needs and is gone: its own file, or its jars. `absent`: everything is there, or it cannot be followed.
 */
async function lostOfGraph(
  deps: Deps,
  it: ConfiguredJob,
  { run, graphFile }: HaJob,
  call: Call,
): Promise<Reading<string>> {
  const { ha } = it.cluster;
  if (graphFile?.handle.is !== 'present' || ha === null) return absent;
  const { path, size } = graphFile.handle.value;
  const owner = deps.ports.storageOf(path);
  if ('code' in owner) return absent;
  const status = await owner.storage.stat(path, call);
  if (status.is === 'unknown') return status;
  if (status.is === 'absent' || status.value.length < size) return present(path);
  // A listing is cheap, and settles it for every graph whose jars are there.
  const jars = jarsOf(ha, run);
  let files = 0;
  const listed = await owner.storage.list(jars, (page) => (files += page.length), call);
  if (size > LARGEST_GRAPH || (listed.is === 'present' && files > 0)) return absent;
  const graph = await owner.storage.read(path, { offset: 0, length: size }, call);
  if (graph.is !== 'present') return graph.is === 'absent' ? present(path) : graph;
  if (!Buffer.from(graph.value).includes(NAMES_A_JAR)) return absent;
  return listed.is === 'unknown' ? listed : present(jars);
}
