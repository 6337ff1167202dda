/** Reads the configuration: the only place that looks at the environment. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { clusterName, jobName } from '../domain/ids.js';
import { PRESETS, type Policy } from '../domain/policy.js';
import { secret } from '../domain/secret.js';
import type {
  ClusterConfig,
  Config,
  JobConfig,
  KafkaConfig,
  LaunchConfig,
  NoticeConfig,
  StorageConfig,
  TlsConfig,
} from './config.js';
import {
  ConfigError,
  exampleAt,
  findingsOf,
  keysAt,
  showFound,
  valueAt,
  type Finding,
  type Problem,
} from './problems.js';
import { checkReferences, defaultAuthorities, isLoopback } from './references.js';
import { fileSchema, jsonSchema, type ConfigFile, type SecretReader } from './schema.js';

export { ConfigError } from './problems.js';

export interface LoadOptions {
  /** The value of `--config`. Default: `HOLDFAST_CONFIG`, then `./holdfast.yaml`. */
  readonly file?: string | undefined;
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the working directory of this process. */
  readonly cwd?: string;
}

/**
 * The checked configuration.
 * @throws ConfigError with every problem of the file, or when there is no file.
 */
export function loadConfig({ file, env = process.env, cwd = process.cwd() }: LoadOptions = {}): Config {
  const path = locate(file, env, cwd);
  return parseConfig(readText(path), { file: path, env });
}

function locate(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string {
  const named = file ?? (env['HOLDFAST_CONFIG'] || undefined);
  const path = resolve(cwd, named ?? 'holdfast.yaml');
  if (existsSync(path)) return path;
  const how =
    file !== undefined
      ? '--config names it'
      : named !== undefined
        ? 'HOLDFAST_CONFIG names it'
        : 'it is the default';
  throw new ConfigError(null, [
    problem(
      `expected a configuration at ${path} (${how}), found no file there: write one, or name it with --config`,
    ),
  ]);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(path, [problem(`the file cannot be read: ${reason(error)}`)]);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const problem = (message: string): Problem => ({ path: [], message, found: null, example: null, at: null });

/** @throws ConfigError with every problem of the text. */
export function parseConfig(
  text: string,
  { file, env }: { readonly file: string; readonly env: Readonly<Record<string, string | undefined>> },
): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return { ...problem(`not YAML: ${error.message}`), at: { line, column: col } };
      }),
    );
  }
  const root: unknown = document.toJS();
  const base = dirname(file);
  const checked = fileSchema(secretReader(env, base)).safeParse(root);
  const schema = jsonSchema();
  const findings = [
    ...(checked.success ? [] : findingsOf(checked.error.issues, root, (path) => keysAt(schema, path))),
    ...checkReferences(root),
  ];
  if (checked.success && findings.length === 0) return build(checked.data, file, base);

  const placeOf = (path: readonly (string | number)[]): Problem['at'] => {
    const node: unknown = document.getIn(path, true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : null;
    if (!Array.isArray(range)) return path.length === 0 ? null : placeOf(path.slice(0, -1));
    const { line, col } = lines.linePos(Number(range[0]));
    return { line, column: col };
  };
  const toProblem = (finding: Finding): Problem => {
    const value = valueAt(root, finding.path);
    const missing = value === undefined && finding.showValue !== false;
    return {
      path: finding.path,
      message: missing ? `missing: ${finding.message}` : finding.message,
      found: finding.showValue === false || missing ? null : showFound(value, finding.path),
      example: finding.example ?? exampleAt(schema, finding.path),
      at: placeOf(finding.path),
    };
  };
  const problems = findings.map(toProblem);
  throw new ConfigError(
    file,
    problems.toSorted(
      (a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0),
    ),
  );
}

function secretReader(env: Readonly<Record<string, string | undefined>>, base: string): SecretReader {
  return (ref) => {
    if ('env' in ref) {
      const value = env[ref.env];
      if (value !== undefined && value !== '') return { is: 'found', value };
      return { is: 'missing', why: `the secret is not there: the environment has no ${ref.env}` };
    }
    const path = resolve(base, ref.file);
    try {
      const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      return value === ''
        ? { is: 'missing', why: `the secret is not there: ${path} is empty` }
        : { is: 'found', value };
    } catch (error) {
      return { is: 'missing', why: `the secret is not there: ${path} cannot be read (${reason(error)})` };
    }
  };
}

/** Leaves out what is undefined: an optional field is there with a value, or not there. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  f: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));
}

type TlsFile = NonNullable<ConfigFile['temporal']['tls']>;

function build(file: ConfigFile, path: string, base: string): Config {
  const tlsOf = (tls: TlsFile): TlsConfig =>
    given({
      ...tls,
      ca: tls.ca === undefined ? undefined : resolve(base, tls.ca),
      cert: tls.cert === undefined ? undefined : resolve(base, tls.cert),
    });
  const withTls = <T extends { tls?: TlsFile | undefined }>(part: T) =>
    given({ ...part, tls: part.tls === undefined ? undefined : tlsOf(part.tls) });

  return {
    file: path,
    digest: createHash('sha256').update(canonical(file)).digest('hex'),
    temporal: {
      ...(withTls(file.temporal) as Omit<Config['temporal'], 'ui'>),
      ui: file.temporal.ui ?? devUi(file.temporal.address),
    },
    storage: mapValues(file.storage, (s): StorageConfig => {
      if (s.kind === 'file') return s;
      return {
        ...(withTls(s) as Omit<
          Extract<StorageConfig, { kind: 'webhdfs' }>,
          'nameservice' | 'user' | 'authorities'
        >),
        nameservice: s.nameservice ?? null,
        user: s.user ?? null,
        authorities: s.authorities ?? defaultAuthorities(s.webhdfs),
      };
    }),
    zookeeper: mapValues(file.zookeeper, (z) => given(z) as Config['zookeeper'][string]),
    kafka: mapValues(
      file.kafka,
      (k) =>
        given({
          ...k,
          tls: k.tls === undefined || k.tls === true ? k.tls : tlsOf(k.tls),
        }) as KafkaConfig,
    ),
    clusters: Object.fromEntries(
      Object.entries(file.clusters).map(([name, c]): [string, ClusterConfig] => [
        clusterName(name),
        {
          flink: withTls(c.flink),
          ha: c.ha ?? null,
          checkpoints: c.checkpoints,
          savepoints: c.savepoints ?? null,
          archive: c.archive ?? null,
          heartbeatTimeout: c.heartbeatTimeout,
          sessionTimeout: c.sessionTimeout,
          startCluster: c.startCluster ?? null,
        },
      ]),
    ),
    jobs: Object.fromEntries(
      Object.entries(file.jobs).map(([name, j]): [string, JobConfig] => [
        jobName(name),
        {
          cluster: clusterName(j.cluster),
          match: { name: j.match?.name ?? name, labels: j.match?.labels ?? {} },
          launch: launchOf(j.launch, base),
          kafka:
            j.kafka === undefined
              ? null
              : {
                  cluster: j.kafka.cluster,
                  group: j.kafka.group ?? null,
                  sink: j.kafka.sink ?? null,
                  topics: j.kafka.topics,
                },
          policy: policyOf(j.policy),
        },
      ]),
    ),
    intake: given(file.intake),
    limits: file.limits,
    notices: file.notices.map(noticeOf),
    stateDir: resolve(base, file.stateDir),
  };
}

const PAGERDUTY = secret('https://events.pagerduty.com/v2/enqueue');

const noticeOf = (notice: ConfigFile['notices'][number]): NoticeConfig =>
  given({ ...notice, url: notice.url ?? PAGERDUTY });

/** The dev server of Temporal serves its UI 1000 ports above the frontend. */
function devUi(address: string): string | null {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  return isLoopback(host) ? `http://${host}:${Number(address.slice(colon + 1)) + 1000}` : null;
}

function launchOf(launch: ConfigFile['jobs'][string]['launch'], base: string): LaunchConfig {
  if ('command' in launch) return { kind: 'command', command: launch.command, lookup: launch.lookup ?? null };
  return {
    kind: 'jar',
    jar: resolve(base, launch.jar),
    entryClass: launch.entryClass ?? null,
    args: launch.args,
    parallelism: launch.parallelism ?? null,
    flinkConfiguration: launch.flinkConfiguration,
  };
}

function policyOf(overrides: ConfigFile['jobs'][string]['policy']): Policy {
  const { preset, attempts, backoff, maxStateAge, confirm, ...rest } = overrides;
  const start: Policy = PRESETS[preset];
  return {
    ...start,
    ...(given(rest) as Partial<Policy>),
    attempts: attempts === undefined ? start.attempts : attempts === 'unlimited' ? null : attempts,
    backoff: { ...start.backoff, ...(given(backoff ?? {}) as Partial<Policy['backoff']>) },
    maxStateAge: maxStateAge === undefined ? start.maxStateAge : maxStateAge === 'none' ? null : maxStateAge,
    confirm: {
      checkpointWithin: confirm?.checkpointWithin ?? start.confirm.checkpointWithin,
      check: confirm?.check ?? start.confirm.check,
    },
  };
}

/** JSON with sorted keys; secrets print as `***`. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, node: unknown) =>
    typeof node === 'object' && node !== null && !Array.isArray(node) && !('reveal' in node)
      ? Object.fromEntries(Object.entries(node).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : node,
  );
}
