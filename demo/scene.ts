import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  createTopics,
  flinkRest,
  jobJar,
  startEvents,
  startStack,
  type EventStream,
  type FlinkRest,
  type FlinkVersion,
  type Stack,
  type StackOptions,
} from '../stack/index.js';

export const JOB = 'window-counts';
export const CLUSTER = 'demo';
/** The name by which Flink shows the job that Holdfast looks after, and its unprotected twin. */
export const FLINK_NAME = 'window counts';
export const BLANK_NAME = 'window counts, without Holdfast';
export const TOPICS = { in: 'events', out: 'counts', blankOut: 'counts-blank' } as const;
const GROUP = 'window-counts';

/** Everything that is there before the incident. */
export interface Scene {
  /** Of an exactly-once sink, milliseconds; undefined: at least once. */
  readonly transactionTimeout?: number | undefined;
  readonly stack: Stack;
  readonly flink: FlinkRest;
  readonly events: EventStream;
  /** The job's jar and arguments, as `holdfast.yaml` has them. */
  readonly jar: string;
  readonly run: string;
}

/** With the unprotected twin of the job, for the contrast. */
export interface TwinScene extends Scene {
  readonly blankRun: string;
  /** Submits the unprotected twin; `savepointPath` is never given: that is the point of it. */
  submitBlank(): Promise<string>;
}

export interface SceneOptions {
  readonly flink: FlinkVersion;
  readonly onEvent?: NonNullable<StackOptions['onEvent']>;
  readonly temporal?: NonNullable<StackOptions['temporal']>;
  /** Milliseconds: the job's sink is exactly-once, with this transaction timeout. Default: at least once. */
  readonly transactionTimeout?: number;
}

const jobArgs = (
  broker: string,
  name: string,
  group: string,
  out: string,
  transactionTimeout?: number,
): Record<string, string> => ({
  brokers: broker,
  in: TOPICS.in,
  out,
  group,
  name,
  ...(transactionTimeout === undefined
    ? {}
    : { guarantee: 'exactly-once', 'tx-timeout-ms': String(transactionTimeout) }),
});

const defined = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`the stack has no ${what}`);
  return value;
};

const stackOptions = ({ flink, onEvent, temporal }: SceneOptions): StackOptions => ({
  flink,
  label: 'demo',
  ...(onEvent === undefined ? {} : { onEvent }),
  ...(temporal === undefined ? {} : { temporal }),
});

/**
 * The other set-up: HA data and job results on the same HDFS as the checkpoints, the JobManager under a supervisor. When
 * HDFS fails, the HA data outlives it, and Flink comes back by itself, or is stuck. One restart is all it has, so that
 * it gives up soon.
 */
export async function openHeldScene(options: SceneOptions): Promise<Scene> {
  const stack = await startStack({
    ...stackOptions(options),
    supervisor: true,
    flinkSettings: {
      haStorage: 'hdfs',
      checkpointInterval: '2s',
      restart: { type: 'fixed-delay', attempts: 1, delay: '1s' },
    },
  });
  try {
    const broker = defined(stack.endpoints.kafka, 'Kafka');
    const flink = flinkRest(defined(stack.endpoints.flinkRest, 'Flink'));
    await createTopics(broker, [{ topic: TOPICS.in }, { topic: TOPICS.out }]);
    const jar = jobJar(options.flink);
    const events = await startEvents({ broker, topics: [TOPICS.in], rate: 200 });
    const run = await flink.submit({ jar, args: jobArgs(broker, FLINK_NAME, GROUP, TOPICS.out) });
    return { stack, flink, events, jar, run };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/**
 * The set-up of the incident: HA data and job results not on the HDFS that fails, so that Flink gives up and deletes
 * its HA data; checkpoints on HDFS; three restarts and no failed checkpoint tolerated, as Flink's defaults were.
 */
export async function openScene(options: SceneOptions): Promise<TwinScene> {
  const stack = await startStack({
    ...stackOptions(options),
    flinkSettings: { haStorage: 'file', checkpointInterval: '2s' },
  });
  try {
    const broker = defined(stack.endpoints.kafka, 'Kafka');
    const flink = flinkRest(defined(stack.endpoints.flinkRest, 'Flink'));
    await createTopics(broker, [{ topic: TOPICS.in }, { topic: TOPICS.out }, { topic: TOPICS.blankOut }]);
    const jar = jobJar(options.flink);
    const submitBlank = () =>
      flink.submit({ jar, args: jobArgs(broker, BLANK_NAME, `${GROUP}-blank`, TOPICS.blankOut) });
    const events = await startEvents({ broker, topics: [TOPICS.in], rate: 200 });
    const { transactionTimeout } = options;
    const run = await flink.submit({
      jar,
      args: jobArgs(broker, FLINK_NAME, GROUP, TOPICS.out, transactionTimeout),
    });
    const blankRun = await submitBlank();
    return { stack, flink, events, jar, run, blankRun, submitBlank, transactionTimeout };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

export interface ConfigOptions {
  readonly temporal: { readonly address: string; readonly ui?: string };
  readonly intakePort: number;
  /** Over the defaults of the demo. */
  readonly policy?: Readonly<Record<string, unknown>>;
}

/** Writes the `holdfast.yaml` of this scene and returns its path. */
export async function writeConfig(scene: Scene, options: ConfigOptions): Promise<string> {
  const { stack, jar, transactionTimeout } = scene;
  const { places } = stack.flink;
  const broker = defined(stack.endpoints.kafka, 'Kafka');
  const args = Object.entries(jobArgs(broker, FLINK_NAME, GROUP, TOPICS.out, transactionTimeout)).flatMap(
    ([name, value]) => [`--${name}`, value],
  );
  const sink =
    transactionTimeout === undefined
      ? {}
      : { sink: { guarantee: 'exactly-once', transactionTimeout: `${transactionTimeout}ms` } };
  const apart = places.haStorage.startsWith('file:')
    ? new URL(places.haStorage).pathname.replace(/\/ha$/, '')
    : null;
  const config = {
    temporal: {
      address: options.temporal.address,
      ...(options.temporal.ui === undefined ? {} : { ui: options.temporal.ui }),
    },
    storage: {
      hdfs: {
        webhdfs: stack.endpoints.webhdfs,
        authorities: [new URL(defined(stack.endpoints.hdfsUri, 'HDFS').replace('hdfs:', 'http:')).host],
        user: 'flink',
        allow: ['/flink'],
        scratch: stack.scratch,
      },
      ...(apart === null ? {} : { ha: { kind: 'file', allow: [apart], scratch: join(apart, 'holdfast') } }),
    },
    zookeeper: { main: { servers: [defined(stack.endpoints.zookeeper, 'ZooKeeper')] } },
    kafka: { main: { brokers: [broker] } },
    clusters: {
      [CLUSTER]: {
        flink: { rest: [scene.flink.base] },
        ha: {
          zookeeper: 'main',
          root: places.haRoot,
          clusterId: places.clusterId,
          storageDir: places.haStorage,
        },
        checkpoints: places.checkpoints,
        savepoints: places.savepoints,
      },
    },
    jobs: {
      [JOB]: {
        cluster: CLUSTER,
        match: { name: FLINK_NAME },
        launch: { jar, args },
        kafka: { cluster: 'main', group: GROUP, ...sink },
        policy: { preset: 'strict', backoff: { initial: '2s' }, stableFor: '1s', ...options.policy },
      },
    },
    intake: { port: options.intakePort },
  };
  const folder = join(stack.folder, 'holdfast');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'holdfast.yaml');
  await writeFile(file, stringify(config));
  return file;
}

/** What Alertmanager sends when the job is down. */
export const alertmanagerBody = (at: Date): object => ({
  version: '4',
  groupKey: randomUUID(),
  status: 'firing',
  receiver: 'holdfast',
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager.example',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'FlinkJobDown', cluster: CLUSTER, job_name: FLINK_NAME, severity: 'page' },
      annotations: { summary: `${FLINK_NAME} is down` },
      startsAt: at.toISOString(),
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus.example/graph',
      fingerprint: 'b0b0cafe00000001',
    },
  ],
});
