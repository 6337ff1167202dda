/** Identifiers that only a parser of this file can make: a value of these types was checked once, at the door. */

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** A Flink job id: 32 lower-case hex digits. One run of a job. */
export type RunId = Branded<string, 'RunId'>;
/** The operator's name of a job in the configuration. */
export type JobName = Branded<string, 'JobName'>;
/** The name of a cluster in the configuration. */
export type ClusterName = Branded<string, 'ClusterName'>;

const RUN_ID = /^[0-9a-f]{32}$/;
/** Names go into workflow ids and URLs, so they keep to a plain alphabet. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isRunId(text: string): text is RunId {
  return RUN_ID.test(text);
}

/** @throws TypeError when the text is not 32 lower-case hex digits. */
export function runId(text: string): RunId {
  if (isRunId(text)) return text;
  throw new TypeError(`expected a Flink job id (32 lower-case hex digits), found ${JSON.stringify(text)}`);
}

/** @throws TypeError when the name is empty, longer than 100 characters, or uses others than letters, digits, `.`, `_`, `-`. */
export function jobName(text: string): JobName {
  if (NAME.test(text)) return text as JobName;
  throw new TypeError(
    `expected a job name of letters, digits, '.', '_' and '-', found ${JSON.stringify(text)}`,
  );
}

/** @throws TypeError as {@link jobName}. */
export function clusterName(text: string): ClusterName {
  if (NAME.test(text)) return text as ClusterName;
  throw new TypeError(
    `expected a cluster name of letters, digits, '.', '_' and '-', found ${JSON.stringify(text)}`,
  );
}

/** Workflow id of the one case of a job. */
export const recoverId = (cluster: ClusterName, job: JobName): string => `recover/${cluster}/${job}`;
/** Workflow id of the watch over a cluster. */
export const watchId = (cluster: ClusterName): string => `watch/${cluster}`;
/** Workflow id of the repairs of a cluster: one at a time. */
export const repairId = (cluster: ClusterName): string => `repair/${cluster}`;
/** Workflow id of a look at a job: "if it failed now, what would we restore?" */
export const lookId = (cluster: ClusterName, job: JobName): string => `look/${cluster}/${job}`;
/** Workflow id of a standing hold on a job, or (null) on all jobs of the cluster. */
export const holdId = (cluster: ClusterName, job: JobName | null): string =>
  job === null ? `hold/${cluster}` : `hold/${cluster}/${job}`;
