import type { Call } from '../adapters/ports.js';
import type { RunId } from '../domain/ids.js';
import { isTerminal } from '../domain/situation.js';
import { allRun, countTasks } from '../domain/tasks.js';
import { readDirtyResults } from './assess-run.js';
import type { Deps } from './deps.js';
import { configuredJob } from './job.js';

/** Milliseconds between two looks. */
const EVERY = 1000;
/** A run that the leading JobManager does not know for this long (milliseconds) is worth a new assessment. */
const GONE_AFTER = 10_000;
/** While no JobManager answers, the job results are looked at this often (milliseconds). */
const RESULTS_EVERY = 5_000;
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
  /** With `settled`: when the case wants to look at everything again (epoch milliseconds). */
  readonly lookAt?: number | null;
}

/** Watches Flink bring a run back by itself; tells in one sentence what made it stop watching. */
export async function watchRun(
  deps: Deps,
  input: WatchRunInput,
  signal: AbortSignal,
  heartbeat: (details: unknown) => void,
): Promise<string> {
  const it = configuredJob(deps, input.job);
  const { clusterName, job } = it;
  const { clock } = deps.ports;
  const flink = deps.ports.flink(clusterName);
  const call: Call = { signal };
  const started = clock.now();
  let goneSince: number | null = null;
  let silentSince: number | null = null;
  let answered = false;
  let resultsAt = Number.NEGATIVE_INFINITY;
  /** Checkpoints that were there before the watch began prove nothing. */
  let before: string | null | undefined;
  for (;;) {
    const elapsed = clock.now() - started;
    if (input.until === 'settled' && elapsed >= AT_MOST) return 'it took longer than ten minutes';
    const due = (input.lookAt ?? Number.POSITIVE_INFINITY) <= clock.now();
    if (input.until === 'settled' && due && elapsed >= AT_LEAST)
      return 'what is watched may be a dead end by now';
    const jobs = await flink.jobs(call);
    const found =
      jobs.is === 'present'
        ? jobs.value.find((j) =>
            input.run === null ? j.name === job.match.name && !isTerminal(j.state) : j.run === input.run,
          )
        : undefined;
    heartbeat({ state: found?.state ?? jobs.is });
    if (jobs.is === 'present') {
      answered = true;
      silentSince = null;
    }
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
      silentSince ??= clock.now();
      const silent = clock.now() - silentSince >= GONE_AFTER;
      if (answered && silent && input.until === 'settled') return 'no JobManager answers any more';
      if (input.until === 'settled' && elapsed >= AT_LEAST && (await emptyResult()))
        return 'an empty job result keeps every JobManager from starting';
    }
    await clock.sleep(EVERY, signal);
  }

  async function completesCheckpoints(run: RunId): Promise<boolean> {
    const [detail, checkpoints] = await Promise.all([flink.job(run, call), flink.checkpoints(run, call)]);
    if (detail.is !== 'present' || checkpoints.is !== 'present' || detail.value.state !== 'RUNNING')
      return false;
    const newest = checkpoints.value.latestCompleted;
    if (before === undefined) before = newest === null ? null : `${run}/${newest.id}`;
    if (!allRun(countTasks(detail.value.tasks)) || newest === null) return false;
    return `${run}/${newest.id}` !== before;
  }

  async function emptyResult(): Promise<boolean> {
    const now = clock.now();
    if (now - resultsAt < RESULTS_EVERY) return false;
    resultsAt = now;
    const results = await readDirtyResults(deps, it, call);
    return results.is === 'present' && results.value.some((r) => r.length === 0 && r.run === input.run);
  }
}
