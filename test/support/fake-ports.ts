/** One small world behind the ports: files in memory, runs in a list, a clock that moves when somebody sleeps. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type {
  FileStatus,
  FlinkCheckpoint,
  FlinkCheckpoints,
  FlinkException,
  FlinkJobDetail,
  FlinkOverview,
  FlinkSourceCount,
  GroupOffset,
  HaCluster,
  Ports,
  Receiver,
  Ran,
  Storage,
  Submission,
  TopicSettings,
} from '../../adapters/ports.js';
import type { Deps } from '../../activities/deps.js';
import { positionsIn } from '../../activities/read-state.js';
import { parseConfig } from '../../config/load.js';
import type { Alert } from '../../domain/alert.js';
import { failure, fault, type Fault } from '../../domain/failure.js';
import { runId, type RunId } from '../../domain/ids.js';
import type { JobLedger } from '../../domain/ledger.js';
import { absent, present, unknown, type Reading } from '../../domain/reading.js';
import { root } from '../../stack/root.js';
import type { StandingHold } from '../../domain/standing-hold.js';
import { metadataBytes } from '../simulation/metadata-bytes.js';

/** The run that wrote the checkpoints of `fixtures/snapshots/1.20-kafka-files`. */
export const WRITER = runId('d2823c38b4fe5b0d4aad46b16633c563');
const CHECKPOINTS = 'hdfs://nn:8020/flink/checkpoints';
export const chk = (id: number, run: string = WRITER): string => `${CHECKPOINTS}/${run}/chk-${id}`;

const CONFIG = `
storage: { hdfs: { webhdfs: ['http://nn:9870'], authorities: ['nn:8020'], user: flink, allow: [/flink], scratch: /flink/holdfast } }
zookeeper: { main: { servers: ['zk:2181'] } }
kafka: { main: { brokers: ['k:9092'] } }
clusters:
  counts:
    flink: { rest: ['http://jm:8081'] }
    ha: { zookeeper: main, root: /flink, clusterId: /default, storageDir: 'hdfs://nn:8020/flink/ha' }
    checkpoints: ${CHECKPOINTS}
    savepoints: hdfs://nn:8020/flink/savepoints
jobs:
  window-counts:
    cluster: counts
    match: { name: window counts }
    launch: { jar: ${join(root, 'test', 'support', 'fake-ports.ts')}, args: ['--window', '15m'] }
    kafka: { cluster: main, group: window-counts }
`;

export interface FakeRun extends FlinkJobDetail {
  readonly checkpoints: FlinkCheckpoints;
}

export interface World {
  /** Epoch milliseconds. Sleeping moves it. */
  now: number;
  /** By URI. */
  readonly files: Map<string, Uint8Array>;
  /** What every storage call says while it is set. */
  storageDown: Fault | null;
  /** Who is the active NameNode. */
  identity: string;
  /** Called at each proof of the storage: where a test changes the world between two looks. */
  onProof: (count: number) => void;
  flinkDown: Fault | null;
  runs: FakeRun[];
  ha: Reading<HaCluster>;
  settings: Record<string, string>;
  ledger: Reading<JobLedger>;
  kafkaDown: Fault | null;
  /** Log ranges by topic. */
  log: Map<string, { partition: number; start: bigint; end: bigint }[]>;
  topicSettings: TopicSettings;
  /** Epoch milliseconds of the record at an offset; null: there is none. */
  timeAt: (at: GroupOffset) => number | null;
  /** Whether the records were written in transactions. */
  transactional: boolean;
  /** What the sources of every run have counted. */
  sourceCount: Reading<FlinkSourceCount>;
  members: number;
  committed: GroupOffset[];
  /** After each commit: where a test changes the world, or has it refused. */
  onCommit: () => Fault | void;
  /** Everything that anybody did to the world, in order: looks are not acts. */
  readonly acts: string[];
  readonly submissions: Submission[];
  onSubmit: (submission: Submission) => 'accepted' | 'duplicate';
  readonly alerts: Alert[];
  /** The standing hold on the job. */
  hold: StandingHold | null;
  receivers: readonly Receiver[];
  /** Of every run, oldest first. */
  exceptions: FlinkException[];
  taskManagers: number;
  retained: boolean;
  onCancel: (run: RunId) => void;
  /** The path of the savepoint. */
  onSavepoint: (run: RunId, directory: string) => string;
  /** The operator's programs: what each call does and says. */
  onCommand: (command: readonly string[]) => Ran;
}

export const noCheckpoints: FlinkCheckpoints = {
  counts: { completed: 0, failed: 0, restored: 0, inProgress: 0 },
  latestCompleted: null,
  latestSavepoint: null,
  restored: null,
  history: [],
};

export const completed = (id: number, run: string = WRITER): FlinkCheckpoint => ({
  id: String(id),
  status: 'COMPLETED',
  savepoint: false,
  terminating: false,
  path: chk(id, run),
  discarded: false,
  triggered: 1_000,
  stateSize: 1,
  failure: null,
});

export const fakeRun = (change: Partial<FakeRun> = {}): FakeRun => ({
  run: WRITER,
  name: 'window counts',
  state: 'FAILED',
  startTime: 1_000,
  endTime: 2_000,
  tasks: { FAILED: 4 },
  timestamps: {},
  vertices: [],
  checkpoints: {
    ...noCheckpoints,
    counts: { ...noCheckpoints.counts, completed: 8 },
    latestCompleted: completed(8),
    history: [completed(8), completed(7), completed(6)],
  },
  ...change,
});

/** The incident: the run is FAILED, its HA data is gone, three checkpoints lie on a storage that works. */
export function incident(): World {
  const files = new Map<string, Uint8Array>();
  const folder = join(root, 'test', 'fixtures', 'snapshots', '1.20-kafka-files');
  const read = (path: string) => {
    for (const name of readdirSync(join(folder, path))) {
      if (statSync(join(folder, path, name)).isDirectory()) read(join(path, name));
      else files.set(`hdfs://nn:8020/${join(path, name)}`, readFileSync(join(folder, path, name)));
    }
  };
  read('');
  files.set('hdfs://nn:8020/flink/savepoints/.keep', new Uint8Array());
  files.set('hdfs://nn:8020/flink/ha/.keep', new Uint8Array());
  const world: World = {
    now: 100_000,
    files,
    storageDown: null,
    identity: 'nn1 started at 1',
    onProof: () => undefined,
    flinkDown: null,
    runs: [fakeRun()],
    ha: present({ jobs: [], leader: 'http://jm:8081' }),
    settings: { 'high-availability.type': 'zookeeper', 'high-availability.cluster-id': '/default' },
    ledger: absent,
    kafkaDown: null,
    log: new Map(),
    topicSettings: { retentionMs: 60_000, retentionBytes: null, compacted: false },
    timeAt: () => world.now - 20_000,
    transactional: false,
    sourceCount: absent,
    members: 0,
    committed: [],
    onCommit: () => undefined,
    acts: [],
    submissions: [],
    onSubmit: () => 'accepted',
    alerts: [],
    hold: null,
    receivers: [],
    exceptions: [],
    taskManagers: 1,
    retained: true,
    onCancel: () => undefined,
    onSavepoint: () => {
      throw failure('FlinkUnavailable', 'nobody takes a savepoint in this world');
    },
    onCommand: ([program]) => {
      throw failure('ConfigInvalid', 'there is no such program', program);
    },
  };
  return world;
}

/** @param edit changes the configuration's text */
export function depsOf(world: World, edit: (config: string) => string = (config) => config): Deps {
  const config = parseConfig(edit(CONFIG), { file: '/nowhere/holdfast.yaml', env: {} });
  return {
    config,
    ports: portsOf(world),
    readLedger: () => Promise.resolve(world.ledger),
    raiseAlert: (alert) => {
      world.alerts.push(alert);
      return Promise.resolve();
    },
    requestRepair: () => Promise.reject(new Error('nothing is repaired in this world')),
    registeredSearchAttributes: () => Promise.resolve([]),
    standingHold: () => Promise.resolve(world.hold),
  };
}

function portsOf(world: World): Ports {
  const storage = storageOf(world);
  const down = <T>(why: Fault | null, value: () => Reading<T>): Promise<Reading<T>> =>
    Promise.resolve(why === null ? value() : unknown(why));
  const runOf = (run: RunId) => world.runs.find((r) => r.run === run);
  return {
    clock: {
      now: () => world.now,
      sleep: (ms, signal) => {
        signal.throwIfAborted();
        world.now += ms;
        return Promise.resolve();
      },
    },
    storageOf: (uri) =>
      storage.owns(uri) ? { name: 'hdfs', storage } : fault('StateForeign', 'not ours', uri),
    storage: () => storage,
    haStore: () => ({ cluster: () => Promise.resolve(world.ha) }),
    flink: () => ({
      overview: () =>
        down(world.flinkDown, () =>
          present({
            version: '1.20.5',
            slotsTotal: 4,
            slotsAvailable: 4,
            taskManagers: world.taskManagers,
            endpoint: 'http://jm:8081',
          } satisfies FlinkOverview),
        ),
      configuration: () => down(world.flinkDown, () => present(world.settings)),
      jobs: () => down(world.flinkDown, () => present(world.runs)),
      job: (run) => down(world.flinkDown, () => orAbsent(runOf(run))),
      checkpoints: (run) => down(world.flinkDown, () => orAbsent(runOf(run)?.checkpoints)),
      checkpointConfig: () =>
        down(world.flinkDown, () =>
          present({
            interval: 1_000,
            timeout: 8_000,
            retainedOnCancellation: world.retained,
            tolerableFailed: 0,
            mode: 'exactly_once',
          }),
        ),
      exceptions: () => down(world.flinkDown, () => present(world.exceptions)),
      sourceCount: () => down(world.flinkDown, () => world.sourceCount),
      submit: (submission) => {
        world.acts.push(`submit ${submission.run}`);
        world.submissions.push(submission);
        return Promise.resolve().then(() => world.onSubmit(submission));
      },
      cancel: (run) => {
        world.acts.push(`cancel ${run}`);
        return Promise.resolve().then(() => world.onCancel(run));
      },
      savepoint: (run, to) => {
        world.acts.push(`savepoint ${run}`);
        return Promise.resolve().then(() => world.onSavepoint(run, to.directory));
      },
    }),
    kafka: () => ({
      ranges: (topic) =>
        down(world.kafkaDown, () => orAbsent(world.log.get(topic)?.map((r) => ({ topic, ...r })))),
      offsetsAt: (topic) =>
        down(world.kafkaDown, () =>
          orAbsent(world.log.get(topic)?.map((r) => ({ topic, partition: r.partition, offset: r.end - 1n }))),
        ),
      settings: () => down(world.kafkaDown, () => present(world.topicSettings)),
      timestamps: (at) =>
        down(world.kafkaDown, () =>
          present(
            at.map((o) => ({
              topic: o.topic,
              partition: o.partition,
              time: world.timeAt(o),
              transactional: world.transactional,
            })),
          ),
        ),
      group: () =>
        down(world.kafkaDown, () =>
          present({
            state: world.members > 0 ? 'Stable' : 'Empty',
            members: world.members,
            offsets: world.committed,
          }),
        ),
      commitGroup: (group, offsets) => {
        if (world.kafkaDown !== null)
          return Promise.reject(failure(world.kafkaDown.code, world.kafkaDown.message));
        world.acts.push(`commit ${group}`);
        world.committed = [...offsets];
        const refused = world.onCommit();
        return refused ? Promise.reject(failure(refused.code, refused.message)) : Promise.resolve();
      },
    }),
    receivers: world.receivers,
    close: () => Promise.resolve(),
    commands: {
      run: (command) =>
        Promise.resolve().then(() => {
          world.acts.push(`run ${command.join(' ')}`);
          return world.onCommand(command);
        }),
    },
  };
}

const orAbsent = <T>(value: T | undefined): Reading<T> => (value === undefined ? absent : present(value));

function storageOf(world: World): Storage {
  let proofs = 0;
  const look = <T>(value: () => Reading<T>): Promise<Reading<T>> =>
    Promise.resolve(world.storageDown === null ? value() : unknown(world.storageDown));
  const isDirectory = (uri: string) => [...world.files.keys()].some((f) => f.startsWith(`${uri}/`));
  const status = (uri: string): Reading<FileStatus> => {
    const bytes = world.files.get(uri);
    if (bytes !== undefined)
      return present({ path: uri, kind: 'file', length: bytes.length, modified: 1_000 });
    return isDirectory(uri) ? present({ path: uri, kind: 'directory', length: 0, modified: 1_000 }) : absent;
  };
  return {
    owns: (uri) => uri.startsWith('hdfs://nn:8020/flink'),
    proveUsable: () => {
      world.onProof(++proofs);
      const why = world.storageDown;
      return why === null
        ? Promise.resolve({ identity: world.identity, endpoint: 'nn:9870' })
        : Promise.reject(failure(why.code, why.message));
    },
    stat: (uri) => look(() => status(uri)),
    list: (uri, take) =>
      look(() => {
        if (!isDirectory(uri)) return absent;
        const names = [...world.files.keys()]
          .filter((f) => f.startsWith(`${uri}/`))
          .map((f) => f.slice(uri.length + 1).split('/')[0] ?? '');
        const page = [...new Set(names)].sort().flatMap((name) => {
          const s = status(`${uri}/${name}`);
          return s.is === 'present' ? [s.value] : [];
        });
        take(page);
        return present({ entries: page.length });
      }),
    read: (uri, range) =>
      look(() => orAbsent(world.files.get(uri)?.subarray(range.offset, range.offset + range.length))),
    blocks: () => look(() => present({ healthy: true, missingFiles: [], corruptFiles: [] })),
    setAside: (uri, to) => Promise.resolve(void world.acts.push(`rename ${uri} to ${to}`)),
  };
}

/**
 * Writes a checkpoint that holds nothing but a position for each partition of the topic `events`; returns its path.
 * @param positions next offsets by partition
 */
export function writePoint(world: World, id: number, run: string, positions: readonly number[]): string {
  const path = chk(id, run);
  const files = ['state', 'shared'].map((name) => ({ path: `${path}/${name}`, length: 1 }));
  for (const file of files) world.files.set(file.path, new Uint8Array(1));
  const [state, shared] = files;
  if (state === undefined || shared === undefined) throw new Error('two files are written');
  world.files.set(
    `${path}/_metadata`,
    metadataBytes({ checkpointId: id, topic: 'events', positions, files: [state, shared] }),
  );
  return path;
}

/**
 * A Kafka that still holds everything after the newest checkpoint.
 * @param ahead records after it
 */
export async function fillLog(world: World, ahead = 5n): Promise<void> {
  const { signal } = new AbortController();
  for (const id of [6, 7, 8]) {
    const read = await positionsIn(depsOf(world), chk(id), { signal });
    if (read.is !== 'present') throw new Error(`the fixture chk-${id} has no positions`);
    for (const { topic, partition, next } of read.value) {
      const others = (world.log.get(topic) ?? []).filter((r) => r.partition !== partition);
      const end = (/^\d+$/.test(next) ? BigInt(next) : 0n) + ahead;
      world.log.set(topic, [...others, { partition, start: 0n, end }]);
    }
  }
}
