import type { Call } from '../adapters/ports.js';
import { failure } from '../domain/failure.js';
import type { RepairOutcome } from '../domain/repair.js';
import { checkStart, type NoJobManager } from '../domain/start-cluster.js';
import { assessRun } from './assess-run.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';

export interface StartClusterInput {
  readonly job: string;
  readonly deadEnd: NoJobManager;
  /** This step was begun before and lost: the command may have run. */
  readonly repeated: boolean;
}

/** Milliseconds that the command may take: it starts a JobManager, it does not wait for it. */
const COMMAND_DEADLINE = 60_000;
/** Milliseconds for the JobManager to lead after it; a JVM starts in ten seconds. */
const LEADS_WITHIN = 60_000;
const LOOK_EVERY = 1_000;

/**
 * Starts the JobManager by the command of the configuration, on a person's approval. Looks at everything once more, and
 * waits until one leads, so that the next case that asks for the same finds it.
 * @throws FlinkUnavailable when the command failed; ConfigInvalid, AccessDenied when it could not be started.
 */
export async function startCluster(
  deps: Deps,
  input: StartClusterInput,
  signal: AbortSignal,
): Promise<RepairOutcome> {
  const { job, deadEnd, repeated } = input;
  const { clusterName, cluster } = configuredJob(deps, job);
  const { clock, commands } = deps.ports;
  const call: Call = { signal };
  const flink = deps.ports.flink(clusterName);

  const early = repeated ? await leader() : null;
  if (early !== null) {
    const proofs = ['the command was begun before, and a JobManager leads'];
    return { is: 'started', start: { run: deadEnd.run, at: clock.now(), leader: early, proofs } };
  }
  const check = checkStart(deadEnd, await assessRun(deps, { job, submitted: [] }, signal));
  if (check.is !== 'ready' || cluster.startCluster === null) {
    const because = check.is === 'ready' ? 'no startCluster is configured' : check.because;
    return { is: 'not done', check: { is: 'over', because } };
  }
  const ran = await commands.run(cluster.startCluster, { ...call, deadline: COMMAND_DEADLINE });
  if (ran.because !== null)
    throw failure(
      'FlinkUnavailable',
      `startCluster of ${clusterName} failed: ${ran.because.message}`,
      clusterName,
    );
  const at = clock.now();
  return {
    is: 'started',
    start: { run: deadEnd.run, at, leader: await leader(), proofs: check.proofs },
  };

  /** Who leads; null: nobody within a minute. */
  async function leader(): Promise<string | null> {
    const until = clock.now() + LEADS_WITHIN;
    for (;;) {
      const overview = await flink.overview(call);
      if (overview.is === 'present') return overview.value.endpoint;
      if (clock.now() >= until) return null;
      await clock.sleep(LOOK_EVERY, signal);
    }
  }
}
