/**
 * Flink's JSON to the values of the port. Unknown fields are ignored; a field that is needed and is not there makes
 * the whole answer unusable: a guess about a job is worse than no answer. Source: Flink's REST API of 1.13 to 2.x.
 */
import { isRunId, type RunId } from '../domain/ids.js';
import { stateRefusedBy } from './flink-state-refusal.js';
import type {
  FlinkCheckpoint,
  FlinkCheckpointConfig,
  FlinkCheckpoints,
  FlinkException,
  FlinkJob,
  FlinkJobDetail,
  FlinkOverview,
  FlinkState,
} from './ports.js';

/** What an answer does not have; `where` is a path such as `jobs[3].state`. */
export class UnusableAnswer extends Error {
  override readonly name = 'UnusableAnswer';
  constructor(where: string, expected: string) {
    super(`expected ${expected} at ${where}`);
  }
}

type Json = Readonly<Record<string, unknown>>;

function record(value: unknown, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new UnusableAnswer(where, 'an object');
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new UnusableAnswer(where, 'a list');
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw new UnusableAnswer(where, 'a text');
}

function number(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new UnusableAnswer(where, 'a number');
}

function flag(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new UnusableAnswer(where, 'true or false');
}

function run(value: unknown, where: string): RunId {
  const id = text(value, where);
  if (isRunId(id)) return id;
  throw new UnusableAnswer(where, 'a job id of 32 hex digits');
}

const STATES: ReadonlySet<string> = new Set<FlinkState>([
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'FAILING',
  'FAILED',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'RESTARTING',
  'SUSPENDED',
  'RECONCILING',
]);

function state(value: unknown, where: string): FlinkState {
  const name = text(value, where);
  if (STATES.has(name)) return name as FlinkState;
  throw new UnusableAnswer(where, `a job state, not ${JSON.stringify(name.slice(0, 40))}`);
}

/** Flink says -1 for "not yet". */
const ended = (time: number): number | null => (time > 0 ? time : null);

export function overviewIn(body: unknown, endpoint: string): FlinkOverview {
  const json = record(body, 'overview');
  return {
    version: text(json['flink-version'], 'flink-version'),
    slotsTotal: number(json['slots-total'], 'slots-total'),
    slotsAvailable: number(json['slots-available'], 'slots-available'),
    taskManagers: number(json.taskmanagers, 'taskmanagers'),
    endpoint,
  };
}

/** Keys that hold or may hold a secret; Flink masks some of them itself, not those of user properties. */
const SECRET_KEY =
  /password|passwd|passphrase|secret|token|key|credential|auth-params|basic-auth|jaas|http-headers/i;
/** Secrets inside a value: URLs with user and password, JVM options. */
const SECRET_IN_VALUE = /(:\/\/)[^/@\s]+@|((?:password|passwd|secret|token|key)[\w.-]*=)\S+/gi;

export function configurationIn(body: unknown): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const [index, each] of list(body, 'config').entries()) {
    const entry = record(each, `config[${index}]`);
    const key = text(entry.key, `config[${index}].key`);
    const value = text(entry.value, `config[${index}].value`);
    if (SECRET_KEY.test(key)) continue;
    settings[key] = value.replace(SECRET_IN_VALUE, (_, url: string | undefined, name: string | undefined) =>
      url ? `${url}***@` : `${name ?? ''}***`,
    );
  }
  return settings;
}

export function jobsIn(body: unknown): readonly FlinkJob[] {
  return list(record(body, 'answer').jobs, 'jobs').map((each, index) => jobIn(each, `jobs[${index}]`));
}

function jobIn(value: unknown, where: string): FlinkJob {
  const json = record(value, where);
  return {
    run: run(json.jid, `${where}.jid`),
    name: text(json.name, `${where}.name`),
    state: state(json.state, `${where}.state`),
    startTime: number(json['start-time'], `${where}.start-time`),
    endTime: ended(number(json['end-time'], `${where}.end-time`)),
  };
}

export function jobDetailIn(body: unknown): FlinkJobDetail {
  const json = record(body, 'job');
  const tasks: Record<string, number> = {};
  const vertices = list(json.vertices, 'vertices').map((each, index) => {
    const where = `vertices[${index}]`;
    const vertex = record(each, where);
    for (const [name, count] of Object.entries(record(vertex.tasks, `${where}.tasks`)))
      tasks[name.toUpperCase()] = (tasks[name.toUpperCase()] ?? 0) + number(count, `${where}.tasks.${name}`);
    return {
      id: text(vertex.id, `${where}.id`),
      name: text(vertex.name, `${where}.name`),
      parallelism: number(vertex.parallelism, `${where}.parallelism`),
    };
  });
  const timestamps: Record<string, number> = {};
  for (const [name, time] of Object.entries(record(json.timestamps, 'timestamps'))) {
    // 0: the job never entered that state.
    if (number(time, `timestamps.${name}`) > 0) timestamps[name] = time as number;
  }
  return { ...jobIn(json, 'job'), tasks: withoutZeros(tasks), timestamps, vertices };
}

const withoutZeros = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

export function checkpointsIn(body: unknown): FlinkCheckpoints {
  const json = record(body, 'checkpoints');
  const counts = record(json.counts, 'counts');
  const latest = record(json.latest, 'latest');
  const optional = (value: unknown, where: string) =>
    value === null || value === undefined ? null : checkpointIn(value, where);
  return {
    counts: {
      completed: number(counts.completed, 'counts.completed'),
      failed: number(counts.failed, 'counts.failed'),
      restored: number(counts.restored, 'counts.restored'),
      inProgress: number(counts.in_progress, 'counts.in_progress'),
    },
    latestCompleted: optional(latest.completed, 'latest.completed'),
    latestSavepoint: optional(latest.savepoint, 'latest.savepoint'),
    restored: restoredIn(latest.restored),
    history: list(json.history, 'history').map((each, index) => checkpointIn(each, `history[${index}]`)),
  };
}

function restoredIn(value: unknown): FlinkCheckpoints['restored'] {
  if (value === null || value === undefined) return null;
  const json = record(value, 'latest.restored');
  return {
    id: checkpointId(json.id, 'latest.restored.id'),
    path: addressable(json.external_path),
    savepoint: flag(json.is_savepoint, 'latest.restored.is_savepoint'),
    time: number(json.restore_timestamp, 'latest.restored.restore_timestamp'),
  };
}

function checkpointIn(value: unknown, where: string): FlinkCheckpoint {
  const json = record(value, where);
  const status = text(json.status, `${where}.status`);
  if (status !== 'IN_PROGRESS' && status !== 'COMPLETED' && status !== 'FAILED')
    throw new UnusableAnswer(`${where}.status`, 'IN_PROGRESS, COMPLETED or FAILED');
  return {
    id: checkpointId(json.id, `${where}.id`),
    status,
    savepoint: flag(json.is_savepoint, `${where}.is_savepoint`),
    terminating: json.checkpoint_type === 'SYNC_SAVEPOINT',
    path: status === 'COMPLETED' ? addressable(json.external_path) : null,
    discarded: json.discarded === true,
    triggered: number(json.trigger_timestamp, `${where}.trigger_timestamp`),
    stateSize: number(json.state_size, `${where}.state_size`),
    failure: typeof json.failure_message === 'string' ? json.failure_message.slice(0, 500) : null,
  };
}

function checkpointId(value: unknown, where: string): string {
  const id = number(value, where);
  if (Number.isSafeInteger(id) && id >= 0) return String(id);
  throw new UnusableAnswer(where, 'a checkpoint id');
}

/** Null for the marker `<checkpoint-not-externally-addressable>`. */
const addressable = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && !value.startsWith('<') ? value : null;

export function checkpointConfigIn(body: unknown): FlinkCheckpointConfig {
  const json = record(body, 'checkpoint config');
  const mode = text(json.mode, 'mode').toLowerCase();
  if (mode !== 'exactly_once' && mode !== 'at_least_once')
    throw new UnusableAnswer('mode', 'exactly_once or at_least_once');
  const external = record(json.externalization, 'externalization');
  return {
    interval: number(json.interval, 'interval'),
    timeout: number(json.timeout, 'timeout'),
    retainedOnCancellation:
      flag(external.enabled, 'externalization.enabled') &&
      !flag(external.delete_on_cancellation, 'externalization.delete_on_cancellation'),
    // Since 1.12.
    tolerableFailed:
      typeof json.tolerable_failed_checkpoints === 'number' ? json.tolerable_failed_checkpoints : null,
    mode,
  };
}

/** Oldest first. What Flink calls concurrent may have come before the failure that it is listed under. */
export function exceptionsIn(body: unknown): readonly FlinkException[] {
  const history = record(record(body, 'exceptions').exceptionHistory, 'exceptionHistory (since Flink 1.13)');
  return list(history.entries, 'exceptionHistory.entries')
    .flatMap((each, index) => {
      const where = `exceptionHistory.entries[${index}]`;
      const entry = record(each, where);
      const together = Array.isArray(entry.concurrentExceptions)
        ? (entry.concurrentExceptions as readonly unknown[])
        : [];
      const others = together.map((other, at) => exceptionIn(other, `${where}.concurrentExceptions[${at}]`));
      return [exceptionIn(entry, where), ...others];
    })
    .sort((a, b) => a.time - b.time);
}

function exceptionIn(value: unknown, where: string): FlinkException {
  const json = record(value, where);
  const name = text(json.exceptionName, `${where}.exceptionName`);
  const trace = typeof json.stacktrace === 'string' ? json.stacktrace : name;
  return {
    name,
    time: number(json.timestamp, `${where}.timestamp`),
    task: typeof json.taskName === 'string' ? json.taskName : null,
    message: decidingText(trace),
    refuses: stateRefusedBy(causesIn(trace)),
  };
}

/** The text that decides: the last `Caused by`, else the first line; without stack, at most 500 characters. */
export function decidingText(trace: string): string {
  return (causesIn(trace).at(-1) ?? '').slice(0, 500);
}

/**
 * The chain of a Java stack trace, outermost first, each with its class. Hadoop puts the stack of the NameNode into
 * the message of an exception: frames end a message there too.
 */
export function causesIn(trace: string): readonly string[] {
  return trace
    .split(/^\s*Caused by: /m)
    .map((part) => (part.split(/\n\s*at |\n\s*\.\.\. \d+ more/, 1)[0] ?? '').replace(/\s+/g, ' ').trim());
}

export const metricNamesIn = (body: unknown): readonly string[] =>
  list(body, 'metrics').map((each, index) =>
    text(record(each, `metrics[${index}]`).id, `metrics[${index}].id`),
  );

/** Metrics of a vertex, aggregated over its subtasks, by name. */
export function metricsIn(
  body: unknown,
): ReadonlyMap<string, { readonly sum: number; readonly max: number }> {
  return new Map(
    list(body, 'metrics').map((each, index) => {
      const where = `metrics[${index}]`;
      const metric = record(each, where);
      const value = (name: string) => number(metric[name], `${where}.${name}`);
      return [text(metric.id, `${where}.id`), { sum: value('sum'), max: value('max') }];
    }),
  );
}

export interface UploadedJar {
  readonly id: string;
  readonly name: string;
}

export function jarsIn(body: unknown): readonly UploadedJar[] {
  return list(record(body, 'jars').files, 'files').map((each, index) => {
    const file = record(each, `files[${index}]`);
    return { id: text(file.id, `files[${index}].id`), name: text(file.name, `files[${index}].name`) };
  });
}

/** The run id of an accepted submission. */
export const acceptedRunIn = (body: unknown): RunId => run(record(body, 'answer').jobid, 'jobid');

export type SavepointStatus =
  | { readonly is: 'in-progress' }
  | { readonly is: 'done'; readonly location: string }
  | { readonly is: 'failed'; readonly trace: string };

export function savepointStatusIn(body: unknown): SavepointStatus {
  const json = record(body, 'answer');
  const status = text(record(json.status, 'status').id, 'status.id');
  if (status === 'IN_PROGRESS') return { is: 'in-progress' };
  if (status !== 'COMPLETED') throw new UnusableAnswer('status.id', 'IN_PROGRESS or COMPLETED');
  const operation = record(json.operation, 'operation');
  if (typeof operation.location === 'string') return { is: 'done', location: operation.location };
  const cause = record(operation['failure-cause'], 'operation.failure-cause');
  return { is: 'failed', trace: text(cause['stack-trace'], 'operation.failure-cause.stack-trace') };
}

/** The answers that Flink kept in the archive of an ended job, by path, each as its JSON text. */
export function archivedAnswersIn(body: unknown): ReadonlyMap<string, string> {
  return new Map(
    list(record(body, 'archive file').archive, 'archive').map((each, index) => {
      const entry = record(each, `archive[${index}]`);
      return [text(entry.path, `archive[${index}].path`), text(entry.json, `archive[${index}].json`)];
    }),
  );
}

/** The texts of Flink's error answer; null when the body is none. */
export function errorsIn(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('errors' in body) || !Array.isArray(body.errors))
    return null;
  const texts = (body.errors as readonly unknown[]).filter((each) => typeof each === 'string');
  return texts.length > 0 ? texts.join('\n') : null;
}
