import type { Call } from '../adapters/ports.js';
import type { RunId } from '../domain/ids.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';

/** Milliseconds between two looks. */
const EVERY = 1000;
/** A run that the leading JobManager does not know for this long (milliseconds) is worth a new assessment. */
const GONE_AFTER = 10_000;
/** After this long (milliseconds) the case looks again at everything. */
const AT_MOST = 10 * 60_000;
/** No watch is shorter (milliseconds): a case must not spin. */
const AT_LEAST = 2_000;

export interface WatchRunInput {
  readonly job: string;
  /** Null: whichever run of the job is alive. */
  readonly run: RunId | null;
  /** `settled`: until the run is healthy, over or gone. `healthy`: until it is healthy, however long that takes. */
  readonly until: 'settled' | 'healthy';
}

/** Watches Flink bring a run back by itself; tells in one sentence what made it stop watching. */
export async function watchRun(
  deps: Deps,
  input: WatchRunInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<string> {
  const { clusterName, job } = configuredJob(deps, input.job);
  const { clock } = deps.ports;
  const flink = deps.ports.flink(clusterName);
  const call: Call = { signal };
  const started = clock.now();
  let goneSince: number | null = null;
  for (;;) {
    const elapsed = clock.now() - started;
    if (input.until === 'settled' && elapsed >= AT_MOST) return 'it took longer than ten minutes';
    const jobs = await flink.jobs(call);
    const found =
      jobs.is === 'present'
        ? jobs.value.find((j) =>
            input.run === null ? j.name === job.match.name && !isTerminal(j.state) : j.run === input.run,
          )
        : undefined;
    heartbeat({ state: found?.state ?? jobs.is });
    if (found !== undefined) {
      goneSince = null;
      const over = isTerminal(found.state) && input.until === 'settled' && elapsed >= AT_LEAST;
      if (over) return `Flink shows ${found.run} as ${found.state}`;
      if (await completesCheckpoints(found.run)) return `${found.run} runs and completes checkpoints`;
    } else if (jobs.is === 'present') {
      goneSince ??= clock.now();
      const gone = clock.now() - goneSince >= GONE_AFTER;
      if (gone && input.until === 'settled') return 'the leading JobManager does not know the run';
    } else {
      goneSince = null;
    }
    await clock.sleep(EVERY, signal);
  }

  async function completesCheckpoints(run: RunId): Promise<boolean> {
    const [detail, checkpoints] = await Promise.all([flink.job(run, call), flink.checkpoints(run, call)]);
    if (detail.is !== 'present' || checkpoints.is !== 'present' || detail.value.state !== 'RUNNING')
      return false;
    return allRun(countTasks(detail.value.tasks)) && checkpoints.value.counts.completed > 0;
  }
}
