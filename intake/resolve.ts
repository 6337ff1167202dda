/** Which job an alert is about. Never a guess: exactly one, or none with the reason. */
import type { Config } from '../config/config.js';
import { isRunId, type RunId } from '../domain/ids.js';
import type { JobLedger } from '../domain/ledger.js';
import type { Incoming } from './incoming.js';

export type Resolution =
  | {
      readonly is: 'job';
      readonly job: string;
      readonly cluster: string;
      readonly run: RunId | null;
      /** Names of the labels that decided. */
      readonly by: readonly string[];
    }
  | { readonly is: 'unmatched'; readonly why: string };

/** What the watch remembers of a cluster's jobs; null when the cluster was never watched. */
export type LedgerOf = (cluster: string) => Promise<Readonly<Record<string, JobLedger>> | null>;

type Jobs = Pick<Config, 'jobs' | 'clusters'>;

/**
 * By `job_id` through the ledger; then by cluster and job name; then by the configured `match.labels`.
 * @throws what `ledgerOf` throws: then it is not known whose run it is, and the sender has to repeat the alert.
 */
export async function resolveJob(incoming: Incoming, config: Jobs, ledgerOf: LedgerOf): Promise<Resolution> {
  const run = runOf(incoming);
  const known = run === null ? null : await byRun(run, config, ledgerOf);
  if (known !== null) return known;
  const named = byName(incoming, config, run);
  if (named !== null) return named;
  return byLabels(incoming, config, run);
}

const label = (incoming: Incoming, name: string): string | null =>
  Object.hasOwn(incoming.labels, name) ? (incoming.labels[name] ?? null) : null;

function runOf(incoming: Incoming): RunId | null {
  const id = label(incoming, 'job_id')?.toLowerCase() ?? '';
  return isRunId(id) ? id : null;
}

async function byRun(run: RunId, config: Jobs, ledgerOf: LedgerOf): Promise<Resolution | null> {
  for (const cluster of Object.keys(config.clusters)) {
    const ledger = await ledgerOf(cluster);
    if (ledger === null) continue;
    for (const [job, { runs }] of Object.entries(ledger)) {
      if (Object.hasOwn(config.jobs, job) && runs.some((r) => r.run === run)) {
        return { is: 'job', job, cluster, run, by: ['job_id'] };
      }
    }
  }
  return null;
}

/** Flink's Prometheus reporter writes `_` for what is not a letter, a digit, `:` or `_`. */
const asReported = (name: string): string => name.replace(/[^A-Za-z0-9:_]/g, '_');

function byName(incoming: Incoming, config: Jobs, run: RunId | null): Resolution | null {
  const by = ['holdfast_job', 'job_name', 'job'].find((name) => label(incoming, name) !== null);
  if (by === undefined) return null;
  const name = label(incoming, by) ?? '';
  const clusterLabel = ['cluster', 'flink_cluster'].find((l) => label(incoming, l) !== null);
  const cluster = clusterLabel === undefined ? null : label(incoming, clusterLabel);
  const called = Object.entries(config.jobs).filter(
    ([job, { match }]) =>
      job === name ||
      (by !== 'holdfast_job' &&
        (match.name === name || (by === 'job_name' && asReported(match.name) === name))),
  );
  const fitting = called.filter(([, job]) => cluster === null || job.cluster === cluster);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) {
    return {
      is: 'job',
      job: only[0],
      cluster: only[1].cluster,
      run,
      by: clusterLabel === undefined ? [by] : [by, clusterLabel],
    };
  }
  if (fitting.length > 1) {
    return {
      is: 'unmatched',
      why: `${by} '${name}' is the name of ${fitting.map(([job]) => job).join(' and ')}: send the label cluster too`,
    };
  }
  return null;
}

function byLabels(incoming: Incoming, config: Jobs, run: RunId | null): Resolution {
  const fitting = Object.entries(config.jobs).filter(([, { match }]) => {
    const wanted = Object.entries(match.labels);
    return wanted.length > 0 && wanted.every(([name, value]) => label(incoming, name) === value);
  });
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) {
    return { is: 'job', job: only[0], cluster: only[1].cluster, run, by: Object.keys(only[1].match.labels) };
  }
  if (fitting.length > 1) {
    return {
      is: 'unmatched',
      why: `the labels match ${fitting.map(([job]) => job).join(' and ')}: make match.labels of these jobs exclusive`,
    };
  }
  return {
    is: 'unmatched',
    why: 'no job has its job_id, its cluster and job name, or match.labels that fit: add match.labels to the job it is about',
  };
}
