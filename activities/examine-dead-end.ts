import type { Call } from '../adapters/ports.js';
import { failure, faultOf, type Fault } from '../domain/failure.js';
import { absent, mapReading } from '../domain/reading.js';
import { checkRepair, type EmptyJobResult, type RepairCheck, type RepairEvidence } from '../domain/repair.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';

export interface ExamineInput {
  readonly job: string;
  readonly deadEnd: EmptyJobResult;
}

/** Whether a dead end may be repaired now. Looks only. */
export async function examineDeadEnd(
  deps: Deps,
  input: ExamineInput,
  signal: AbortSignal,
): Promise<RepairCheck> {
  return checkRepair(input.deadEnd, await lookAtDeadEnd(deps, input, signal));
}

/** Everything that the check asks for. The proof of the storage comes first: what a broken one lists is no evidence. */
export async function lookAtDeadEnd(
  deps: Deps,
  { job, deadEnd }: ExamineInput,
  signal: AbortSignal,
): Promise<RepairEvidence> {
  const { name, cluster, clusterName } = configuredJob(deps, job);
  const call: Call = { signal };
  const storage = await unusable(deps, deadEnd, call);
  const [leader, file, ha, ledger] = await Promise.all([
    deps.ports.flink(clusterName).overview(call),
    storageOf(deps, deadEnd).stat(deadEnd.path, call),
    cluster.ha === null ? absent : deps.ports.haStore(cluster.ha.zookeeper).cluster(cluster.ha, call),
    deps.readLedger(clusterName, name, signal),
  ]);
  return {
    at: deps.ports.clock.now(),
    storage,
    leader: mapReading(leader, ({ endpoint }) => ({ endpoint })),
    file: mapReading(file, ({ length, modified }) => ({ length, modified })),
    ha: mapReading(ha, ({ jobs }) =>
      jobs.map(({ run, checkpoints }) => ({
        run,
        checkpoints: checkpoints.filter((c) => !c.markedForDeletion).length,
      })),
    ),
    ledger,
  };
}

/**
 * The storage of a job result.
 * @throws StateForeign when the path is no result of the run, or belongs to no configured storage.
 */
export function storageOf(deps: Deps, { path, run }: EmptyJobResult) {
  if (!path.includes('/job-result-store/') || !path.endsWith(`/${run}_DIRTY.json`))
    throw failure('StateForeign', `expected the job result of run ${run}, found another file`, path);
  const owner = deps.ports.storageOf(path);
  if ('code' in owner) throw failure(owner.code, owner.message, owner.where);
  return owner.storage;
}

/** Null: proved usable. */
async function unusable(deps: Deps, deadEnd: EmptyJobResult, call: Call): Promise<Fault | null> {
  try {
    await storageOf(deps, deadEnd).proveUsable(call);
    return null;
  } catch (error) {
    call.signal.throwIfAborted();
    return faultOf(error);
  }
}
