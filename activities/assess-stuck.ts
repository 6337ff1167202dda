import type { Call, HaCluster } from '../adapters/ports.js';
import { faultOf, type Fault } from '../domain/failure.js';
import { present, type Reading } from '../domain/reading.js';
import { situationOf, type Assessment, type LostEntry } from '../domain/situation.js';
import type { Deps } from './deps.js';
import type { ConfiguredJob } from './job.js';

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
  if (situationOf(a).is !== 'held' || config === null || ha.is !== 'present') return a;
  const storage =
    (await unusable(deps, config.storageDir, call)) ?? (await unusable(deps, it.cluster.checkpoints, call));
  // What a broken storage does not show is no evidence.
  if (storage !== null) return { ...a, needs: { storage } };
  return { ...a, needs: { storage }, lostEntries: await lostEntries(deps, it, ha.value, call) };
}

/** Null: proved usable. */
async function unusable(deps: Deps, uri: string, call: Call): Promise<Fault | null> {
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

/** Pointers of any job whose HA file is not there, or shorter than ZooKeeper says: each stops every JobManager. */
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
    lost.push({ run, znode, file, point: `${it.cluster.checkpoints.replace(/\/+$/, '')}/${run}/chk-${id}` });
  }
  return present(lost);
}
