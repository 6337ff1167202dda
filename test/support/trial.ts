/**
 * One real stack for a whole test file, and in each test a job, topics, consumer group, Temporal namespace and Holdfast
 * of its own: a start costs ten seconds, a job one. Before each test everything that a fault has left behind is mended.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { stringify } from 'yaml';
import { ClientError, connectTemporal, holdfastClient, type HoldfastClient } from '../../client/index.js';
import { loadConfig } from '../../config/load.js';
import type { CaseEnd, CaseStatus } from '../../domain/case.js';
import { clusterName, jobName, recoverId } from '../../domain/ids.js';
import {
  checkWindows,
  createTopics,
  flinkRest,
  jobJar,
  startEvents,
  startStack,
  until,
  type EventStream,
  type FlinkRest,
  type FlinkSettings,
  type Server,
  type Stack,
  type StackOptions,
} from '../../stack/index.js';
import { root } from '../../stack/root.js';
import { faultyProxy, type FaultyProxy } from './faulty-proxy.js';

export const JOB = 'window-counts';
const CLUSTER = 'trial';
const cli = join(root, 'dist', 'cli', 'main.js');
const dyingWorker = join(root, 'test', 'support', 'dying-worker.mjs');

/** Namespaces that the server of one file has: one for each test. */
const MOST_TRIALS = 24;

export interface TrialOptions {
  /** Over the policy of the trials: strict, and short waits. */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Flink's own settings of this job, also when Holdfast submits it. */
  readonly flinkConfiguration?: Readonly<Record<string, string>>;
  /** More arguments of the job when Holdfast submits it; see WindowCounts.java. */
  readonly launchArgs?: Readonly<Record<string, string>>;
  /** Holdfast reaches Flink, or the first NameNode's WebHDFS, only through a proxy. */
  readonly through?: readonly ('flink' | 'webhdfs')[];
  /** Changes the configuration before it is written. */
  readonly configure?: (config: TrialConfig) => void;
  /** Default: the job's own, 2. */
  readonly parallelism?: number;
  /** Completed checkpoints before the test begins. Default 2. */
  readonly checkpoints?: number;
  /**
   * Workers of which each dies by SIGKILL at the named steps, once at each moment, whichever of them comes first; they
   * are restarted one second later. Default: one worker that does not.
   */
  readonly dying?: { readonly step: string; readonly moments: readonly Moment[]; readonly workers: number };
}

/** `before`: nothing of the step was done. `during`: some of it. `after`: all of it, and its result is lost. */
export type Moment = 'before' | 'during' | 'after';

/** The part of `holdfast.yaml` that tests bend. */
export interface TrialConfig {
  readonly clusters: Record<string, { ha: Record<string, string> }>;
  [section: string]: unknown;
}

export interface Trial {
  readonly stack: Stack;
  readonly flink: FlinkRest;
  /** The run that is lost in most tests. */
  readonly run: string;
  /** Flink's name of the job. */
  readonly name: string;
  readonly group: string;
  readonly topics: { readonly in: string; readonly out: string };
  readonly events: EventStream;
  readonly config: string;
  readonly client: HoldfastClient;
  readonly temporal: Client;
  readonly workers: readonly Server[];
  readonly worker: Server;
  readonly proxy: { readonly flink: FaultyProxy; readonly webhdfs: FaultyProxy };
  /** Submits the job by hand, as a person does. */
  readonly submit: (more?: { readonly savepointPath?: string; readonly jobId?: string }) => Promise<string>;
  /**
   * A task of the job fails; the default restart strategy of the trials gives up at once. The watch sees that too: what
   * it opens is held until `alert`, so that a test can prepare its fault in between, unless `held` is false.
   */
  readonly lose: (options?: { readonly held?: boolean }) => Promise<void>;
  /** The first alert after `lose` also ends its hold. */
  readonly alert: () => Promise<void>;
  readonly status: () => Promise<CaseStatus>;
  readonly phaseIs: (phase: string, within?: number) => Promise<CaseStatus>;
  /** Waits until an attempt has failed with one of these codes, whatever came before. */
  readonly failedWith: (...codes: readonly string[]) => Promise<CaseStatus>;
  readonly ended: (within?: number) => Promise<CaseEnd>;
  /** `state` of every run of this job, in alphabetical order. */
  readonly states: () => Promise<readonly string[]>;
  /** Every step in the history of the case, in order, with the number of times that it was begun. */
  readonly steps: () => Promise<readonly { readonly step: string; readonly tries: number }[]>;
  /** Resumed; one run of the job lives, restored from `point`; then the counts. */
  readonly resumedFrom: (
    point: string,
    options?: { readonly runs?: number; readonly within?: number },
  ) => Promise<CaseStatus>;
  /** Ends the stream and compares the sink with the truth. */
  readonly countsAreRight: () => Promise<void>;
  /** The one case of this job, ever. */
  readonly oneCase: () => Promise<void>;
}

export interface Trials {
  readonly stack: () => Stack;
  readonly flink: () => FlinkRest;
  readonly trial: (options?: TrialOptions) => Promise<Trial>;
}

/** Settings of the shared cluster: it gives a job up at its first fault and forgets it, and everything is quick. */
const QUICK: FlinkSettings = {
  haStorage: 'file',
  checkpointInterval: '1s',
  restart: { type: 'none' },
  sessionTimeout: 5_000,
  heartbeatTimeout: 6_000,
  slots: 8,
};

const defined = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`the stack has no ${what}`);
  return value;
};

/** Registers the hooks of a file (or of a `describe`): one stack for all of its tests. */
export function trials(
  options: Omit<StackOptions, 'temporal' | 'flinkSettings'> & {
    readonly flinkSettings?: FlinkSettings;
    /** Temporal keeps its data in a file and survives its death. */
    readonly durable?: boolean;
  } = {},
): Trials {
  let stack: Stack;
  let flink: FlinkRest;
  let database: string | undefined;
  let opened = 0;
  const closing: (() => Promise<unknown>)[] = [];
  const telling: (() => Promise<string>)[] = [];

  beforeAll(async () => {
    const { durable, flinkSettings, ...more } = options;
    const namespaces = Array.from({ length: MOST_TRIALS }, (_, n) => `trial-${n + 1}`);
    if (durable === true) database = await mkdtemp(join(tmpdir(), 'holdfast-trial-'));
    stack = await startStack({
      label: 'trial',
      ...more,
      flinkSettings: { ...QUICK, ...flinkSettings },
      temporal: { ui: false, namespaces, ...(database && { database: join(database, 'temporal.db') }) },
    });
    flink = flinkRest(defined(stack.endpoints.flinkRest, 'Flink'));
  });
  beforeEach(async () => {
    await mend(stack);
    await cancelAll(flink);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const said = await Promise.all(telling.splice(0).map((tell) => tell().catch(String)));
      console.error([...said, `logs: ${await stack.keepLogs().catch(String)}`].join('\n'));
    }
    telling.length = 0;
    for (const close of closing.splice(0).reverse()) await close().catch(() => undefined);
  });
  afterAll(async () => {
    await stack?.stop();
    if (database !== undefined) await rm(database, { recursive: true, force: true });
  });

  async function trial(wanted: TrialOptions = {}): Promise<Trial> {
    const n = ++opened;
    if (n > MOST_TRIALS) throw new Error(`at most ${MOST_TRIALS} trials in one file`);
    const name = `window counts ${n}`;
    const group = `window-counts-${n}`;
    const topics = { in: `events-${n}`, out: `counts-${n}` };
    const namespace = `trial-${n}`;
    const broker = defined(stack.endpoints.kafka, 'Kafka');
    const folder = join(stack.folder, 'holdfast', String(n));
    const failFile = join(folder, 'fail');
    const jar = jobJar(stack.flink.version);
    const args: Record<string, string> = {
      ...{ brokers: broker, in: topics.in, out: topics.out, group, name, 'fail-file': failFile },
      ...(wanted.parallelism === undefined ? {} : { parallelism: String(wanted.parallelism) }),
    };
    await mkdir(folder, { recursive: true });
    await createTopics(broker, [{ topic: topics.in }, { topic: topics.out }]);
    const events = await startEvents({ broker, topics: [topics.in], rate: 200 });
    closing.push(() => events.stop());
    const submit: Trial['submit'] = (more = {}) =>
      flink.submit({
        jar,
        args,
        ...(wanted.flinkConfiguration === undefined ? {} : { flinkConfiguration: wanted.flinkConfiguration }),
        ...more,
      });
    const [run, proxy] = await Promise.all([submit(), openProxies(stack)]);
    closing.push(() => Promise.all([proxy.flink.close(), proxy.webhdfs.close()]));
    await flink.checkpointed(run, wanted.checkpoints ?? 2);

    const config = join(folder, 'holdfast.yaml');
    const written = configOf(stack, {
      namespace,
      group,
      name,
      launch: {
        jar,
        args: Object.entries({ ...args, ...wanted.launchArgs }).flatMap(([key, value]) => [
          `--${key}`,
          value,
        ]),
        ...(wanted.flinkConfiguration === undefined ? {} : { flinkConfiguration: wanted.flinkConfiguration }),
      },
      rest: wanted.through?.includes('flink') === true ? `http://${proxy.flink.address}` : flink.base,
      webhdfs: stack.endpoints.webhdfs.map((base, at) =>
        at === 0 && wanted.through?.includes('webhdfs') === true ? `http://${proxy.webhdfs.address}` : base,
      ),
      policy: wanted.policy ?? {},
    });
    wanted.configure?.(written);
    await writeFile(config, stringify(written));

    const loaded = loadConfig({ file: config });
    const temporal = connectTemporal(loaded.temporal, 'cli');
    const client = holdfastClient({ client: temporal, config: loaded });
    closing.push(() => client.close());
    await client.startWatch(CLUSTER);
    const workers = workersOf(stack, n, { config, folder, dying: wanted.dying }, async () => {
      const ledger = (await client.ledger(CLUSTER))?.[JOB];
      return (ledger?.points.length ?? 0) > 0;
    });
    closing.push(() => Promise.all(workers.map((worker) => worker.stop(0))));
    await Promise.all(workers.map((worker) => worker.start()));
    for (const worker of workers) worker.supervise(wanted.dying !== undefined);

    const id = recoverId(clusterName(CLUSTER), jobName(JOB));
    const status = () => client.status(JOB);
    const steps: Trial['steps'] = async () => stepsOf(await temporal.workflow.getHandle(id).fetchHistory());
    telling.push(async () => `${name}: ${JSON.stringify(await status(), null, 1)}`);
    telling.push(async () => `${name}: ${(await steps()).map((s) => `${s.step} ${s.tries}`).join(', ')}`);
    telling.push(async () => (await Promise.all(workers.map((worker) => worker.logs(30)))).join('\n'));

    const byTest = { by: 'test', reason: 'the fault is not there yet' };
    let held = false;
    const ours = async () => (await flink.jobs()).filter((job) => job.name === name);
    const phaseIs = (phase: string, within = 120_000) =>
      until(
        `the case is ${phase}`,
        async () => {
          const now = await status();
          if (now.phase === phase) return now;
          throw new Error(`${now.phase}, ${now.because?.code ?? ''} ${now.because?.message ?? ''}`);
        },
        { within, every: 150 },
      );
    const countsAreRight = async () => {
      const counts = await checkWindows({ broker, topic: topics.out, events: await events.finish() });
      expect(counts).toMatchObject({
        ...{ complete: true, missing: 0, wrongCounts: 0, wrongTotals: 0, unexpected: 0 },
      });
    };

    return {
      ...{ stack, flink, run, name, group, topics, events, config, client, temporal, proxy, submit },
      ...{ status, steps, phaseIs, countsAreRight, workers },
      worker: defined(workers[0], 'worker'),
      async lose(options = {}) {
        held = options.held ?? true;
        if (held) await client.placeHold(JOB, { ...byTest, forMs: 600_000 });
        await writeFile(failFile, '');
        await flink.reaches(run, 'FAILED');
      },
      async alert() {
        await client.raiseAlert({
          ...{ fingerprint: randomUUID(), source: 'alertmanager', cluster: CLUSTER, job: JOB, run: null },
          ...{ summary: `${name} is down`, startedAt: Date.now(), labels: {}, link: null },
        });
        if (!held) return;
        held = false;
        await client.endHold(JOB, byTest);
        // A case that the watch has opened already goes on at once; one that was opened just now was never held. One
        // whose worker is dying hears it later, or finds that the hold is over.
        await client.release(JOB, byTest).catch((error: unknown) => {
          if (!(error instanceof ClientError && ['Refused', 'InDoubt', 'NoWorker'].includes(error.code)))
            throw error;
        });
      },
      failedWith: (...codes) =>
        until(
          `an attempt fails with ${codes.join(' or ')}`,
          async () => {
            const now = await status();
            if (now.failures.some(({ fault }) => codes.includes(fault.code))) return now;
            throw new Error(`${now.phase}: ${now.failures.map(({ fault }) => fault.code).join(', ')}`);
          },
          { within: 90_000 },
        ),
      ended: (within = 120_000) =>
        until('the case is over', async () => (await client.caseOf(JOB)).end ?? undefined, { within }),
      states: async () => (await ours()).map(({ state }) => state).sort(),
      async resumedFrom(point, { runs = 2, within } = {}) {
        const resumed = await phaseIs('resumed', within);
        const known = await ours();
        expect(known.map((job) => job.state).filter((state) => state === 'RUNNING')).toHaveLength(1);
        expect(known.length, 'runs of this job').toBe(runs);
        expect(resumed.restored).toMatchObject({
          point,
          run: known.find((job) => job.state === 'RUNNING')?.jid,
        });
        expect((await flink.checkpoints(resumed.restored?.run ?? '')).restored).toMatchObject({
          path: point,
          isSavepoint: true,
        });
        await countsAreRight();
        return resumed;
      },
      async oneCase() {
        expect(await client.cases({ job: JOB })).toHaveLength(1);
      },
    };
  }

  return { stack: () => stack, flink: () => flink, trial };
}

/** Everything runs, HDFS can be used. What does not is started again. */
async function mend(stack: Stack): Promise<void> {
  for (const server of stack.servers) if (server.state === 'paused') server.resume();
  await Promise.all(stack.servers.filter(({ state }) => state === 'stopped').map((server) => server.start()));
  await stack.nameNodeUsable();
  const jobManager = stack.server('jobmanager');
  const leads = () => fetch(`${stack.flink.rest}/jobs/overview`).then(({ ok }) => ok);
  await until('the JobManager leads', leads, { within: 15_000 }).catch(async () => {
    // After a short loss of the quorum Flink 1.20 may wait for its own leadership for ever.
    await jobManager.kill();
    await jobManager.start();
  });
}

/** No run lives on from an earlier test. */
async function cancelAll(flink: FlinkRest): Promise<void> {
  const over = new Set(['FAILED', 'CANCELED', 'FINISHED']);
  await until('every run of an earlier test is over', async () => {
    const alive = (await flink.jobs()).filter(({ state }) => !over.has(state));
    await Promise.all(alive.map(({ jid }) => flink.cancel(jid)));
    return alive.length === 0;
  });
}

async function openProxies(stack: Stack): Promise<Trial['proxy']> {
  const portOf = (url: string | undefined) => Number(new URL(defined(url, 'server')).port);
  const [flink, webhdfs] = await Promise.all([
    faultyProxy(portOf(stack.endpoints.flinkRest)),
    faultyProxy(portOf(stack.endpoints.webhdfs[0])),
  ]);
  return { flink, webhdfs };
}

function workersOf(
  stack: Stack,
  n: number,
  {
    config,
    folder,
    dying,
  }: { readonly config: string; readonly folder: string; readonly dying: TrialOptions['dying'] },
  ready: () => Promise<boolean>,
): readonly Server[] {
  const env = { PATH: process.env['PATH'] ?? '', HOME: stack.folder };
  return Array.from({ length: dying?.workers ?? 1 }, (_, at) =>
    stack.addServer({
      name: `worker-${n}-${at + 1}`,
      command: process.execPath,
      args: () =>
        dying === undefined
          ? [cli, 'worker', '--config', config]
          : [dyingWorker, config, folder, dying.step, ...dying.moments],
      env,
      ready,
    }),
  );
}

interface ConfigParts {
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
  readonly launch: object;
  readonly rest: string;
  readonly webhdfs: readonly string[];
  readonly policy: Readonly<Record<string, unknown>>;
}

function configOf(stack: Stack, parts: ConfigParts): TrialConfig {
  const { places } = stack.flink;
  const hdfsUri = defined(stack.endpoints.hdfsUri, 'HDFS');
  const logical = parts.webhdfs.length > 1;
  const authority = hdfsUri.slice('hdfs://'.length);
  const apart = places.haStorage.startsWith('file:')
    ? new URL(places.haStorage).pathname.replace(/\/ha$/, '')
    : null;
  return {
    temporal: { address: defined(stack.endpoints.temporal, 'Temporal'), namespace: parts.namespace },
    storage: {
      hdfs: {
        webhdfs: parts.webhdfs,
        ...(logical ? { nameservice: authority } : { authorities: [authority] }),
        ...{ user: 'flink', allow: ['/flink'], scratch: stack.scratch },
      },
      ...(apart === null ? {} : { ha: { kind: 'file', allow: [apart], scratch: join(apart, 'holdfast') } }),
    },
    zookeeper: { main: { servers: defined(stack.endpoints.zookeeper, 'ZooKeeper').split(',') } },
    kafka: { main: { brokers: [defined(stack.endpoints.kafka, 'Kafka')] } },
    clusters: {
      [CLUSTER]: {
        flink: { rest: [parts.rest] },
        ha: {
          ...{ zookeeper: 'main', root: places.haRoot, clusterId: places.clusterId },
          storageDir: places.haStorage,
        },
        checkpoints: places.checkpoints,
        savepoints: places.savepoints,
        heartbeatTimeout: '6s',
        sessionTimeout: '5s',
      } as unknown as TrialConfig['clusters'][string],
    },
    jobs: {
      [JOB]: {
        cluster: CLUSTER,
        match: { name: parts.name },
        launch: parts.launch,
        kafka: { cluster: 'main', group: parts.group },
        policy: {
          ...{ preset: 'strict', attempts: 100, backoff: { initial: '1s', factor: 1 }, stableFor: '500ms' },
          ...{ confirmAfter: '1s', ...parts.policy },
        },
      },
    },
  };
}

/** Every step of a case with the number of times that Temporal gave it to a worker. */
function stepsOf(history: Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>) {
  const steps = new Map<string, { step: string; tries: number }>();
  for (const event of history.events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    if (scheduled) steps.set(String(event.eventId), { step: scheduled.activityType?.name ?? '', tries: 0 });
    const step = steps.get(String(started?.scheduledEventId));
    if (started && step !== undefined) step.tries = started.attempt ?? 0;
  }
  return [...steps.values()];
}
