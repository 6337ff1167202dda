import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { until, type Patience } from './wait.js';

/** A few calls of Flink's REST API for tests and the demo. Not the product's adapter. */

export interface JobState {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
  /** Tasks by state: `{RUNNING: 6, …}`. */
  readonly tasks: Readonly<Record<string, number>>;
}

export interface CheckpointPlace {
  readonly id: number;
  readonly path: string;
}

export interface Checkpoints {
  readonly completed: number;
  readonly failed: number;
  readonly newest: CheckpointPlace | undefined;
  /** What this run was restored from; Flink says savepoint for every restore in NO_CLAIM mode. */
  readonly restored: (CheckpointPlace & { readonly isSavepoint: boolean }) | undefined;
}

export interface Submission {
  /** A local jar; uploaded once per JobManager and name. */
  readonly jar: string;
  /** Arguments of `stack/job`, see WindowCounts.java; by name, without dashes. */
  readonly args: Readonly<Record<string, string | number>>;
  /** Default: Flink makes one. */
  readonly jobId?: string;
  readonly savepointPath?: string;
  readonly claimMode?: 'NO_CLAIM' | 'CLAIM';
  readonly allowNonRestoredState?: boolean;
  readonly parallelism?: number;
  /** Settings of this job alone, over the cluster's. */
  readonly flinkConfiguration?: Readonly<Record<string, string>>;
  /** Milliseconds. Default 60 s. */
  readonly timeout?: number;
}

/** An answer that was not 2xx, with Flink's own words. */
export class FlinkRefused extends Error {
  override readonly name = 'FlinkRefused';
  readonly status: number;

  /** The whole answer. */
  readonly text: string;

  constructor(what: string, status: number, text: string) {
    // Of Flink's chain of exceptions the last cause decides.
    const cause = [...text.matchAll(/Caused by: ((?:(?!\\n).)*)/g)].at(-1)?.[1] ?? text.slice(0, 500);
    super(`${what}: Flink answered ${status}: ${cause}`);
    this.status = status;
    this.text = text;
  }
}

export interface FlinkRest {
  readonly base: string;
  /** Any GET below the base, parsed. */
  get(path: string): Promise<unknown>;
  submit(submission: Submission): Promise<string>;
  jobs(): Promise<readonly JobState[]>;
  job(id: string): Promise<JobState>;
  checkpoints(id: string): Promise<Checkpoints>;
  /** Flink's text of the newest exception; undefined: none. */
  exception(id: string): Promise<string | undefined>;
  cancel(id: string): Promise<void>;
  /** Waits until every task of the job runs. */
  running(id: string, patience?: Patience): Promise<JobState>;
  /** Waits for a state such as `FAILED`. */
  reaches(id: string, state: string, patience?: Patience): Promise<JobState>;
  /** Waits until at least so many checkpoints of this run are completed; returns the newest. */
  checkpointed(id: string, atLeast?: number, patience?: Patience): Promise<CheckpointPlace>;
}

interface RawJob {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
  readonly vertices?: readonly { readonly tasks: Readonly<Record<string, number>> }[];
  readonly tasks?: Readonly<Record<string, number>>;
}

interface RawCheckpoint {
  readonly id: number;
  readonly external_path?: string | null;
  readonly is_savepoint?: boolean;
}

interface RawCheckpoints {
  readonly counts: { readonly completed: number; readonly failed: number };
  readonly latest: { readonly completed: RawCheckpoint | null; readonly restored: RawCheckpoint | null };
}

/** `status-counts` counts vertices, and a vertex counts as running when one of its tasks does: the tasks are added up. */
function addUp(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const one of counts)
    for (const [name, count] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

const present = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(counts)
      .filter(([name, count]) => count > 0 && name !== 'total')
      .map(([name, count]) => [name.toUpperCase(), count]),
  );

export function flinkRest(base: string): FlinkRest {
  async function call(path: string, init: RequestInit = {}, timeout = 5000): Promise<unknown> {
    const response = await fetch(`${base}${path}`, { ...init, signal: AbortSignal.timeout(timeout) });
    const text = await response.text();
    if (!response.ok) throw new FlinkRefused(`${init.method ?? 'GET'} ${path}`, response.status, text);
    return text === '' ? {} : JSON.parse(text);
  }

  async function jarId(path: string): Promise<string> {
    const name = basename(path);
    const { files } = (await call('/jars')) as { readonly files: readonly { id: string; name: string }[] };
    const known = files.find((file) => file.name === name);
    if (known !== undefined) return known.id;
    const body = new FormData();
    body.append('jarfile', new Blob([await readFile(path)], { type: 'application/x-java-archive' }), name);
    const { filename } = (await call('/jars/upload', { method: 'POST', body }, 30_000)) as {
      filename: string;
    };
    return basename(filename);
  }

  async function job(id: string): Promise<JobState> {
    const raw = (await call(`/jobs/${id}`)) as RawJob;
    return {
      jid: raw.jid,
      name: raw.name,
      state: raw.state,
      tasks: present(addUp((raw.vertices ?? []).map(({ tasks }) => tasks))),
    };
  }

  async function checkpoints(id: string): Promise<Checkpoints> {
    const { counts, latest } = (await call(`/jobs/${id}/checkpoints`)) as RawCheckpoints;
    const place = ({ id: number, external_path: path }: RawCheckpoint): CheckpointPlace => ({
      id: number,
      path: path ?? '',
    });
    const { completed, restored } = latest;
    return {
      completed: counts.completed,
      failed: counts.failed,
      newest: completed === null ? undefined : place(completed),
      restored:
        restored === null ? undefined : { ...place(restored), isSavepoint: restored.is_savepoint === true },
    };
  }

  async function exception(id: string): Promise<string | undefined> {
    const { exceptionHistory } = (await call(`/jobs/${id}/exceptions`)) as {
      readonly exceptionHistory?: { readonly entries: readonly { readonly stacktrace: string }[] };
    };
    return exceptionHistory?.entries[0]?.stacktrace;
  }

  return {
    base,
    get: (path) => call(path),
    job,
    checkpoints,
    exception,
    async submit({
      jar,
      args,
      jobId,
      savepointPath,
      claimMode,
      allowNonRestoredState,
      parallelism,
      flinkConfiguration,
      timeout,
    }) {
      const body = {
        programArgsList: Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]),
        ...(jobId === undefined ? {} : { jobId }),
        ...(savepointPath === undefined ? {} : { savepointPath }),
        ...(claimMode === undefined ? {} : { claimMode }),
        ...(allowNonRestoredState === undefined ? {} : { allowNonRestoredState }),
        ...(parallelism === undefined ? {} : { parallelism }),
        ...(flinkConfiguration === undefined ? {} : { flinkConfiguration }),
      };
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      };
      const answer = await call(`/jars/${await jarId(jar)}/run`, init, timeout ?? 60_000);
      return (answer as { readonly jobid: string }).jobid;
    },
    async jobs() {
      const { jobs } = (await call('/jobs/overview')) as { readonly jobs: readonly RawJob[] };
      return jobs.map(({ jid, name, state, tasks }) => ({ jid, name, state, tasks: present(tasks ?? {}) }));
    },
    async cancel(id) {
      await call(`/jobs/${id}?mode=cancel`, { method: 'PATCH' });
    },
    running: (id, patience) =>
      until(
        `all tasks of ${id} run`,
        async () => {
          const now = await job(id);
          if (now.state === 'RUNNING' && Object.keys(now.tasks).every((state) => state === 'RUNNING'))
            return now;
          throw new Error(`${now.state} ${JSON.stringify(now.tasks)}`);
        },
        patience,
      ),
    reaches: (id, state, patience) =>
      until(
        `${id} is ${state}`,
        async () => {
          const now = await job(id);
          if (now.state === state) return now;
          throw new Error(now.state);
        },
        patience,
      ),
    checkpointed: (id, atLeast = 1, patience) =>
      until(
        `${id} completes ${atLeast} checkpoints`,
        async () => {
          const { completed, newest } = await checkpoints(id);
          if (newest !== undefined && completed >= atLeast) return newest;
          throw new Error(
            `${completed} so far, last exception: ${(await exception(id))?.slice(0, 500) ?? 'none'}`,
          );
        },
        patience,
      ),
  };
}
